//! Folding the events of an entity into the values of windows.
//!
//! Time is walked from the end of the windows back. Where a tile has a whole unit that ends there and lies in all
//! windows that are still open, it is merged; else events are read, up to where a tile has one.

use std::ops::ControlFlow;

use asofdb_storage::tile::{slot_of, unit_end};
use asofdb_storage::{Cursor, Error, ErrorKind, Found, Result, Status, Timestamp};

use crate::read::record::Records;
use crate::windows::fold_memory::{FoldMemory, Folded};
use crate::windows::gathered::Gathered;
use crate::windows::plan::FoldPlan;
use crate::windows::tiles::{Tiles, Wanted};
use crate::windows::tiling::Tiling;
use crate::windows::walk::Walk;

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

/// Folds events of one plan, in memory that is kept from entity to entity, and from read to read.
pub(crate) struct Folder<'p> {
    plan: &'p FoldPlan,
    pass: Pass<'p>,
    events: &'p mut Gathered,
    folded: &'p mut Folded,
    /// The events that may still be read.
    events_left: u64,
}

/// The partial results that are folded in one pass. What tiles do not have is folded by itself, of events alone.
#[derive(Debug, Clone, Copy)]
enum Pass<'p> {
    All,
    Tiled(&'p Tiling),
    Untiled(&'p Tiling),
}

impl Pass<'_> {
    fn has(self, partial: usize) -> bool {
        match self {
            Pass::All => true,
            Pass::Tiled(tiling) => tiling.has(partial),
            Pass::Untiled(tiling) => !tiling.has(partial),
        }
    }
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

impl Open<'_> {
    /// The time before the next window that has events up to `end`.
    fn start(&self, end: i64) -> Option<i64> {
        self.starts.iter().flatten().map(|start| start.as_micros()).find(|start| *start < end)
    }

    /// Returns whether the next window has no events up to `end`.
    fn is_next_behind(&self, end: i64) -> bool {
        self.starts.get(self.next).is_some_and(|start| start.is_none_or(|start| start.as_micros() >= end))
    }
}

impl<'p> Folder<'p> {
    /// A folder for a plan, which reads at most `events_max` events in all, with memory that was made for the plan.
    pub(crate) fn new(plan: &'p FoldPlan, memory: &'p mut FoldMemory, events_max: u64) -> Self {
        let FoldMemory { events, folded } = memory;
        Folder { plan, pass: Pass::All, events, folded, events_left: events_max }
    }

    /// Writes the values of all windows of an entity into row `row` of their records, one list a window, which say
    /// `missing` so far. Returns whether so many events were read that tiles of them would pay.
    ///
    /// # Errors
    /// `Corrupt` when stored bytes cannot be read; `Unavailable` when there is no room for the values; `Invalid` when
    /// more events would be read than may be.
    pub(crate) fn fold(
        &mut self,
        cursor: &mut dyn Cursor,
        tiles: Option<&mut Tiles<'p>>,
        question: FoldQuestion<'_>,
        records: &mut [Records],
        row: usize,
    ) -> Result<bool> {
        let tiling = tiles.as_ref().map(|tiles| tiles.tiling());
        self.pass = tiling.map_or(Pass::All, Pass::Tiled);
        let is_worth_tiles = match self.walk(cursor, tiles, question, records, row) {
            // A tile that cannot be read is passed over like one that is not there; events that cannot be are met again.
            Err(error) if tiling.is_some() && error.kind() == ErrorKind::Corrupt => {
                self.pass = Pass::All;
                return self.walk(cursor, None, question, records, row);
            }
            walked => walked?,
        };
        if let Some(tiling) = tiling.filter(|tiling| !tiling.has_all(self.plan.partials.len())) {
            self.pass = Pass::Untiled(tiling);
            self.walk(cursor, None, question, records, row)?;
        }
        Ok(is_worth_tiles)
    }

    /// Folds the partial results of a pass, and writes the values that are of them.
    fn walk(
        &mut self,
        cursor: &mut dyn Cursor,
        mut tiles: Option<&mut Tiles<'_>>,
        question: FoldQuestion<'_>,
        records: &mut [Records],
        row: usize,
    ) -> Result<bool> {
        let end = self.plan.end(question.at);
        let starts = self.plan.starts(end, cursor.cutoff());
        let Some(longest) = starts.iter().flatten().min().copied() else { return Ok(false) };
        let mut open = Open { newest: None, starts, next: 0, records, row };
        self.folded.tree.clear();
        self.events.begin();
        tiles.iter_mut().for_each(|tiles| tiles.begin());
        let mut walk = Walk::new(end, longest);
        while let Some(start) = open.start(walk.end) {
            let wanted = question.wanted(walk.end, start);
            if !self.fold_tile(tiles.as_deref_mut(), wanted, &mut walk, &mut open)? {
                self.fold_read(cursor, tiles.as_deref_mut(), question, &mut walk, &mut open)?;
            }
        }
        if open.newest.is_none() && !walk.is_read_out {
            open.newest = newest(cursor, question, walk.end)?;
        }
        while open.next < self.plan.windows.len() {
            self.folded.finish_window(self.plan, self.pass, &mut open)?;
        }
        Ok(walk.is_worth_tiles)
    }

    /// Merges the unit that ends where the walk is, if a tile has one.
    fn fold_tile(
        &mut self,
        tiles: Option<&mut Tiles<'_>>,
        wanted: Wanted<'_>,
        walk: &mut Walk,
        open: &mut Open<'_>,
    ) -> Result<bool> {
        let Some(tiles) = tiles else { return Ok(false) };
        let Some(stored) = tiles.find(wanted)? else { return Ok(false) };
        if let Some(newest) = stored.newest {
            open.newest.get_or_insert(Timestamp::from_micros(newest));
            self.finish_behind(open, walk.end)?;
            tiles.merge(&stored, &mut self.folded.tree)?;
        }
        walk.end = stored.start;
        Ok(true)
    }

    /// Reads and folds events from where the walk is, up to where a tile has a unit, or all that there are.
    fn fold_read(
        &mut self,
        cursor: &mut dyn Cursor,
        mut tiles: Option<&mut Tiles<'_>>,
        question: FoldQuestion<'_>,
        walk: &mut Walk,
        open: &mut Open<'_>,
    ) -> Result<()> {
        let key = question.key;
        walk.begin_reading();
        cursor.each_event(key, Timestamp::MIN..=walk.end(), question.known_at, &mut |found: Found<'_>| {
            let event = found.version.event;
            if event > walk.longest
                && walk.enters(slot_of(event.as_micros()))
                && has_tile(tiles.as_deref_mut(), question, walk, open)?
            {
                return Ok(ControlFlow::Break(()));
            }
            open.newest.get_or_insert(event);
            if event <= walk.longest {
                // It says that the entity is known; none of the windows has it.
                return Ok(ControlFlow::Break(()));
            }
            walk.read();
            self.events_left = self.events_left.checked_sub(1).ok_or_else(too_many_events)?;
            self.events.push(key, event, found.row)?;
            if self.events.is_full() {
                self.fold_events(open)?;
                if self.is_settled() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        walk.end_reading();
        self.fold_events(open)
    }

    /// Returns whether older events can change no value of this pass.
    fn is_settled(&self) -> bool {
        let mut partials = (0..self.plan.partials.len()).filter(|partial| self.pass.has(*partial));
        partials.all(|partial| self.folded.tree.is_settled(partial))
    }

    /// Finishes the windows that have no events up to `end`.
    fn finish_behind(&mut self, open: &mut Open<'_>, end: i64) -> Result<()> {
        while open.is_next_behind(end) {
            self.folded.finish_window(self.plan, self.pass, open)?;
        }
        Ok(())
    }

    /// Folds the events that were gathered, and finishes the windows that end before the last of them.
    fn fold_events(&mut self, open: &mut Open<'_>) -> Result<()> {
        if self.events.is_empty() {
            return Ok(());
        }
        self.events.try_filters(self.plan)?;
        let (times, columns) = (self.events.times(), self.events.columns());
        let mut from = 0;
        while from < times.len() {
            if open.is_next_behind(times[from]) {
                self.folded.finish_window(self.plan, self.pass, open)?;
                continue;
            }
            let slot = slot_of(times[from]);
            let start = open.starts.get(open.next).copied().flatten();
            let least = start.map_or(i64::MIN, Timestamp::as_micros);
            let is_beside = |time: &i64| slot_of(*time) == slot && *time > least;
            let until = from + times[from..].iter().take_while(|time| is_beside(time)).count();
            let (plan, pass) = (self.plan, self.pass);
            let partials = self.folded.tree.slot(slot).iter_mut().zip(&plan.partials).enumerate();
            for (_, (partial, planned)) in partials.filter(|(partial, _)| pass.has(*partial)) {
                let of = planned.of.map(|column| &columns[column]);
                partial.fold(of, from..until, self.events.kept(planned.filter));
            }
            from = until;
        }
        self.events.clear();
        Ok(())
    }
}

impl FoldQuestion<'_> {
    fn wanted(&self, end: i64, start: i64) -> Wanted<'_> {
        Wanted { key: self.key, end, start, known: self.known_at.map_or(i64::MAX, Timestamp::as_micros) }
    }
}

/// Looks for a tile that goes on at the end of the slot that a walk has entered, and takes the walk there.
fn has_tile(
    tiles: Option<&mut Tiles<'_>>,
    question: FoldQuestion<'_>,
    walk: &mut Walk,
    open: &Open<'_>,
) -> Result<bool> {
    let Some(tiles) = tiles else { return Ok(false) };
    let end = unit_end(0, walk.slot);
    let start = open.start(end).unwrap_or(end);
    let is_there = tiles.find(question.wanted(end, start))?.is_some();
    if is_there {
        walk.reach(end);
    }
    Ok(is_there)
}

/// The newest event up to `end` that counts.
fn newest(cursor: &mut dyn Cursor, question: FoldQuestion<'_>, end: i64) -> Result<Option<Timestamp>> {
    let (mut newest, until) = (None, Timestamp::from_micros(end));
    cursor.each_event(question.key, Timestamp::MIN..=until, question.known_at, &mut |found: Found<'_>| {
        newest = Some(found.version.event);
        Ok(ControlFlow::Break(()))
    })?;
    Ok(newest)
}

impl Folded {
    /// Writes the values of the next window, all of whose events were folded.
    fn finish_window(&mut self, plan: &FoldPlan, pass: Pass<'_>, open: &mut Open<'_>) -> Result<()> {
        let window = open.next;
        open.next += 1;
        let (Some(event), Some(_)) = (open.newest, open.starts[window]) else { return Ok(()) };
        let mut record = open.records[window].get_mut(open.row);
        record.begin(event, Status::Present);
        plan.windows[window].write(&mut self.tree, |partial| pass.has(partial), &mut record, &mut self.value)
    }
}

#[cold]
fn too_many_events() -> Error {
    Error::invalid(
        "the windows of a read have too many events: ask for fewer entities at a time, or for shorter windows",
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, RecordBatch, TimestampMicrosecondArray};
    use asofdb_storage::{Durability, ManualClock, Options, Span, Value, key};

    use super::*;
    use crate::definitions::parse_definitions;
    use crate::read::plan::ReadPlan;
    use crate::store::Store;
    use crate::windows::tiles::TileMemory;

    const NOW: Timestamp = Timestamp::from_micros(1_717_200_000_000_000);

    const DEFINITIONS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[event_view]]
name = "clicks"
entities = ["user"]
columns = [{ name = "page", type = "int64" }]

[[window_view]]
name = "w"
from = "clicks"
windows = ["1h"]
feature = [{ name = "n", aggregate = "count" }]
"#;

    #[test]
    fn a_fold_reads_no_more_events_than_it_may() {
        let store = Store::in_memory(ManualClock::new(NOW));
        store.apply(&parse_definitions(DEFINITIONS, "w.toml").unwrap(), false).unwrap();
        let times: TimestampMicrosecondArray = (0..3).map(|n| Some(NOW.as_micros() - n)).collect();
        let columns: [(&str, ArrayRef); 3] = [
            ("user_id", Arc::new(Int64Array::from(vec![1, 1, 1]))),
            ("event_timestamp", Arc::new(times.with_timezone("UTC"))),
            ("page", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        ];
        store.write("clicks", &RecordBatch::try_from_iter(columns).unwrap()).unwrap();
        let plan = ReadPlan::new(&store.catalog(), &["w:n_1h"]).unwrap();
        let (fold, source) = (&plan.sources.folds[0], &plan.sources.list[0]);
        let mut user = Vec::new();
        key::encode_value(&Value::Int64(1), &mut user).unwrap();
        let question = FoldQuestion { key: &user, at: NOW, known_at: None };
        let snapshot = store.backend().snapshot();
        let mut cursor = snapshot.cursor(&fold.from).unwrap();
        let mut records = [Records::new(source.layout(), 1)];
        let mut memory = FoldMemory::new(fold).unwrap();
        let mut read =
            |events_max| Folder::new(fold, &mut memory, events_max).fold(&mut *cursor, None, question, &mut records, 0);
        read(3).unwrap();
        let error = read(2).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().starts_with("the windows of a read have too many events"), "{error}");
    }

    #[cfg(feature = "rocksdb")]
    #[test]
    fn tiles_spare_reading_the_events_of_whole_units() {
        let directory = tempfile::tempdir().unwrap();
        let store =
            Store::open_with(directory.path(), Options::default(), ManualClock::new(NOW), Durability::Os).unwrap();
        store.apply(&parse_definitions(&DEFINITIONS.replace("1h", "24h"), "w.toml").unwrap(), false).unwrap();
        // One each ten seconds, the last one five minutes ago.
        let times: TimestampMicrosecondArray = (30..8_640).map(|n| Some(NOW.as_micros() - n * 10_000_000)).collect();
        let columns: [(&str, ArrayRef); 3] = [
            ("user_id", Arc::new(Int64Array::from(vec![1; 8_610]))),
            ("event_timestamp", Arc::new(times.with_timezone("UTC"))),
            ("page", Arc::new(Int64Array::from_iter_values(0..8_610))),
        ];
        store.write("clicks", &RecordBatch::try_from_iter(columns).unwrap()).unwrap();
        let request = store.prepare(&["w:n_24h"]).unwrap();
        let mut rows = request.entity_rows();
        rows.push(&[Some(Value::Int64(1))]).unwrap();
        assert_eq!(store.latest(&request, &rows).unwrap().value(0, 0).unwrap(), Some(Value::Int64(8_610)));
        store.compact().unwrap();
        let plan = ReadPlan::new(&store.catalog(), &["w:n_24h"]).unwrap();
        let (fold, source) = (&plan.sources.folds[0], &plan.sources.list[0]);
        let mut user = Vec::new();
        key::encode_value(&Value::Int64(1), &mut user).unwrap();
        let state = store.backend().state(NOW, None);
        let read = |at: Timestamp, events_max, uses_tiles: bool| {
            let mut records = [Records::new(source.layout(), 1)];
            let tiling = plan.sources.tilings[0].as_ref().unwrap();
            let mut spare = TileMemory::new(fold, tiling);
            let mut tiles = uses_tiles.then(|| Tiles::new(&*state, fold, tiling, &mut spare));
            let mut memory = FoldMemory::new(fold)?;
            let question = FoldQuestion { key: &user, at, known_at: None };
            let mut cursor = state.events(&fold.from)?;
            Folder::new(fold, &mut memory, events_max).fold(&mut *cursor, tiles.as_mut(), question, &mut records, 0)
        };
        assert!(read(NOW, 1_000, false).is_err());
        // The events of one slot, before tiles are looked for, or of the part of one.
        read(NOW, 30, true).unwrap();
        read(NOW.minus(Span::from_secs(7_201)), 29, true).unwrap();
    }
}
