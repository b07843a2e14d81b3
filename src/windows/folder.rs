//! Folding the events of an entity into the values of windows.

use std::ops::ControlFlow;

use asofdb_storage::{Cursor, Found, Result, Status, Timestamp};

use crate::read::record::Records;
use crate::rows::columns::RowColumns;
use crate::windows::conditions::Filters;
use crate::windows::plan::FoldPlan;
use crate::windows::tree::{Tree, slot_of};

/// Events that are folded at once: few enough to stay in the cache.
const EVENTS_AT_A_TIME: usize = 1_024;

/// The question of one fold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FoldQuestion<'q> {
    /// The entity.
    pub(crate) key: &'q [u8],
    /// The time asked about.
    pub(crate) at: Timestamp,
    /// Only what was known by then; `None`: all.
    pub(crate) known_at: Option<Timestamp>,
}

/// Folds events of one plan; keeps its memory from entity to entity.
pub(crate) struct Folder<'p> {
    plan: &'p FoldPlan,
    events: Events,
    folded: Folded,
}

/// Events that were gathered to be folded together.
struct Events {
    columns: RowColumns,
    times: Vec<i64>,
    filters: Filters,
}

/// The partial results so far.
struct Folded {
    tree: Tree,
    value: Vec<u8>,
}

/// The windows of one question that are still open.
struct Open<'r> {
    /// The newest event up to the end of the windows, in one of them or not.
    newest: Option<Timestamp>,
    /// By window: the time before it, which is not in it; `None` where the retention may have reclaimed a part of it.
    starts: Vec<Option<Timestamp>>,
    /// The first window that is not finished.
    next: usize,
    records: &'r mut [Records],
    row: usize,
}

impl<'p> Folder<'p> {
    /// A folder for a plan.
    ///
    /// # Errors
    /// `NotFound` when the event view lacks a column of the plan.
    pub(crate) fn new(plan: &'p FoldPlan) -> Result<Self> {
        let events = Events {
            columns: RowColumns::new(&plan.from, plan.columns.iter().map(String::as_str))?,
            times: Vec::new(),
            filters: Filters::new(plan),
        };
        let tree = Tree::new(plan.partials.iter().map(|partial| &partial.empty));
        Ok(Folder { plan, events, folded: Folded { tree, value: Vec::new() } })
    }

    /// Writes the values of all windows of an entity into row `row` of their records, one list a window, which say
    /// `missing` so far.
    ///
    /// # Errors
    /// `Corrupt` when stored bytes cannot be read; `Unavailable` when there is no room for the values.
    pub(crate) fn fold(
        &mut self,
        cursor: &mut dyn Cursor,
        question: FoldQuestion<'_>,
        records: &mut [Records],
        row: usize,
    ) -> Result<()> {
        let end = self.plan.end(question.at);
        let starts = self.plan.starts(end, cursor.cutoff());
        let Some(longest) = starts.iter().flatten().min().copied() else { return Ok(()) };
        let mut open = Open { newest: None, starts, next: 0, records, row };
        self.folded.tree.clear();
        self.events.clear();
        let key = question.key;
        cursor.each_event(key, Timestamp::MIN..=end, question.known_at, &mut |found: Found<'_>| {
            let event = found.version.event;
            open.newest.get_or_insert(event);
            if event <= longest {
                // It says that the entity is known; none of the windows has it.
                return Ok(ControlFlow::Break(()));
            }
            self.events.push(key, event, found.row)?;
            if self.events.times.len() == EVENTS_AT_A_TIME {
                self.fold_events(&mut open)?;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        self.fold_events(&mut open)?;
        while open.next < self.plan.windows.len() {
            self.folded.finish_window(self.plan, &mut open)?;
        }
        Ok(())
    }

    /// Folds the events that were gathered, and finishes the windows that end before the last of them.
    fn fold_events(&mut self, open: &mut Open<'_>) -> Result<()> {
        if self.events.times.is_empty() {
            return Ok(());
        }
        self.events.try_filters(self.plan)?;
        let (times, columns) = (self.events.times.as_slice(), self.events.columns.columns());
        let mut from = 0;
        while from < times.len() {
            let start = open.starts.get(open.next).copied();
            if start.is_some_and(|start| start.is_none_or(|start| times[from] <= start.as_micros())) {
                self.folded.finish_window(self.plan, open)?;
                continue;
            }
            let slot = slot_of(times[from]);
            let least = start.flatten().map_or(i64::MIN, Timestamp::as_micros);
            let is_beside = |time: &i64| slot_of(*time) == slot && *time > least;
            let until = from + times[from..].iter().take_while(|time| is_beside(time)).count();
            for (partial, planned) in self.folded.tree.slot(slot).iter_mut().zip(&self.plan.partials) {
                let of = planned.of.map(|column| &columns[column]);
                partial.fold(of, from..until, self.events.filters.kept(planned.filter));
            }
            from = until;
        }
        self.events.clear();
        Ok(())
    }
}

impl Events {
    fn push(&mut self, key: &[u8], event: Timestamp, row: &[u8]) -> Result<()> {
        if self.columns.push(key, event, row)? {
            self.times.push(event.as_micros());
        }
        Ok(())
    }

    fn try_filters(&mut self, plan: &FoldPlan) -> Result<()> {
        self.filters.try_events(plan, &self.times, &self.columns.columns())
    }

    fn clear(&mut self) {
        self.columns.clear();
        self.times.clear();
    }
}

impl Folded {
    /// Writes the values of the next window, all of whose events were folded.
    fn finish_window(&mut self, plan: &FoldPlan, open: &mut Open<'_>) -> Result<()> {
        let window = open.next;
        open.next += 1;
        let (Some(event), Some(_)) = (open.newest, open.starts[window]) else { return Ok(()) };
        let mut record = open.records[window].get_mut(open.row);
        record.begin(event, Status::Present);
        plan.windows[window].write(&mut self.tree, &mut record, &mut self.value)
    }
}
