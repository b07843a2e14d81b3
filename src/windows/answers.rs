//! Answers from the events of one entity that were read once.

use std::ops::Range;

use asofdb_expression::Column;
use asofdb_storage::tile::{LEVELS as UNIT_LEVELS, slot_of};
use asofdb_storage::{Result, Status, Timestamp};

use crate::read::record::Records;
use crate::windows::entity::EntityEvents;
use crate::windows::folder::FoldQuestion;
use crate::windows::plan::FoldPlan;
use crate::windows::tree::Tree;

/// Answers questions about one entity.
pub(crate) struct Answers<'e, 'p> {
    plan: &'p FoldPlan,
    events: &'e EntityEvents<'p>,
    columns: Vec<Option<Column<'e>>>,
    cutoff: Timestamp,
    tree: Tree,
    /// The versions that a question knows, and by filter those that pass it too, where that was worked out.
    known: Vec<bool>,
    known_kept: Vec<Vec<bool>>,
    value: Vec<u8>,
}

/// One question under way.
struct Asked<'r> {
    /// The newest event up to the end of the windows.
    newest: Timestamp,
    /// The time up to which what was created is known.
    known: i64,
    /// By window: the time before it; `None` where the retention may have reclaimed a part of it.
    starts: Vec<Option<Timestamp>>,
    /// The first window that is not finished.
    next: usize,
    records: &'r mut [Records],
    row: usize,
}

impl<'e, 'p> Answers<'e, 'p> {
    /// Answers from `events`, where none before `cutoff` is kept.
    pub(crate) fn new(plan: &'p FoldPlan, events: &'e EntityEvents<'p>, cutoff: Timestamp) -> Self {
        let rows = events.versions.times.len();
        Answers {
            plan,
            events,
            columns: events.columns(),
            cutoff,
            tree: Tree::new(plan.partials.iter().map(|partial| &partial.empty)),
            known: vec![false; rows],
            known_kept: vec![vec![false; rows]; plan.filters.len()],
            value: Vec::new(),
        }
    }

    /// Writes the values of all windows into row `row` of their records, as a
    /// [`Folder`](crate::windows::folder::Folder) does. False when no event that was read counts, so that an older one
    /// must be looked for.
    ///
    /// # Errors
    /// `Unavailable` when there is no room for the values.
    pub(crate) fn answer(&mut self, question: FoldQuestion<'_>, records: &mut [Records], row: usize) -> Result<bool> {
        let end = self.plan.end(question.at);
        let starts = self.plan.starts(end, self.cutoff);
        if starts.iter().all(Option::is_none) {
            return Ok(true);
        }
        let versions = &self.events.versions;
        let head = versions.times.partition_point(|time| *time > end.as_micros());
        let known = question.known_at.map_or(i64::MAX, Timestamp::as_micros);
        let Some(newest) = versions.newest(head..versions.times.len(), known) else { return Ok(false) };
        let newest = Timestamp::from_micros(newest);
        let mut asked = Asked { newest, known, starts, next: 0, records, row };
        self.tree.clear();
        self.fold_from(head, &mut asked)?;
        while asked.next < self.plan.windows.len() {
            self.finish_window(&mut asked)?;
        }
        Ok(true)
    }

    /// Folds the events from row `from` on, until every window is finished.
    fn fold_from(&mut self, from: usize, asked: &mut Asked<'_>) -> Result<()> {
        let times = &self.events.versions.times;
        let mut places: [usize; UNIT_LEVELS] =
            std::array::from_fn(|level| self.events.units(level).partition_point(|unit| unit.rows.end <= from));
        let mut row = from;
        while row < times.len() && asked.next < asked.starts.len() {
            let start = asked.starts[asked.next];
            let Some(start) = start.filter(|start| times[row] > start.as_micros()) else {
                self.finish_window(asked)?;
                continue;
            };
            row = self.fold_part(row, start.as_micros(), asked.known, &mut places);
        }
        Ok(())
    }

    /// Folds the greatest part that begins at `row` and lies in a window that begins after `start`: a day, an hour, a
    /// slot, or events of one slot. Returns the row behind it.
    fn fold_part(&mut self, row: usize, start: i64, known: i64, places: &mut [usize; UNIT_LEVELS]) -> usize {
        let events = self.events;
        for (level, place) in places.iter_mut().enumerate() {
            while events.units(level)[*place].rows.end <= row {
                *place += 1;
            }
        }
        for level in (0..UNIT_LEVELS).rev() {
            let (place, unit) = (places[level], &events.units(level)[places[level]]);
            let is_whole = unit.rows.start == row && events.versions.times[unit.rows.end - 1] > start;
            if is_whole && unit.newest_created <= known {
                let slots = [row, unit.rows.end - 1].map(|row| slot_of(events.versions.times[row]));
                let parts = self.tree.unit(level, slots);
                let partials = events.partials(level, place);
                parts.iter_mut().zip(partials).for_each(|(sum, partial)| sum.merge(partial));
                return unit.rows.end;
            }
        }
        let slot = &events.units(0)[places[0]];
        let is_inside = |time: &i64| *time > start;
        let until = row + events.versions.times[row..slot.rows.end].iter().take_while(|time| is_inside(time)).count();
        self.fold_events(row..until, slot.newest_created > known, known);
        until
    }

    /// Folds events of one slot, one by one; `is_partly_known` where some versions may not be known.
    fn fold_events(&mut self, rows: Range<usize>, is_partly_known: bool, known: i64) {
        let versions = &self.events.versions;
        if is_partly_known {
            versions.mark_known(rows.clone(), known, &mut self.known);
            for (kept, known_kept) in versions.kept.iter().zip(&mut self.known_kept) {
                rows.clone().for_each(|row| known_kept[row] = kept[row] && self.known[row]);
            }
        }
        let slot = slot_of(versions.times[rows.start]);
        for (partial, planned) in self.tree.slot(slot).iter_mut().zip(&self.plan.partials) {
            let of = planned.of.and_then(|column| self.columns[column].as_ref());
            let keep = match (is_partly_known, planned.filter) {
                (false, filter) => versions.counting(filter),
                (true, None) => Some(self.known.as_slice()),
                (true, Some(filter)) => Some(self.known_kept[filter].as_slice()),
            };
            partial.fold(of, rows.clone(), keep);
        }
    }

    /// Writes the values of the next window, all of whose events were folded.
    fn finish_window(&mut self, asked: &mut Asked<'_>) -> Result<()> {
        let window = asked.next;
        asked.next += 1;
        if asked.starts[window].is_none() {
            return Ok(());
        }
        let mut record = asked.records[window].get_mut(asked.row);
        record.begin(asked.newest, Status::Present);
        self.plan.windows[window].write(&mut self.tree, |_| true, &mut record, &mut self.value)
    }
}
