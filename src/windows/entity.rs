//! The events of one entity, read once for many questions about it.
//!
//! A join asks about the same entity again and again. Its events are read once, and folded once into the slots, hours and
//! days of the tree; an answer merges those that are whole and folds the few events at the ends. The tree is the same
//! as that of a [`Folder`](crate::windows::folder::Folder), and so are the bits.

use std::ops::{ControlFlow, Range, RangeInclusive};

use asofdb_aggregate::Partial;
use asofdb_expression::Column;
use asofdb_storage::row::{self, RowKind};
use asofdb_storage::tile::{LEVELS as UNIT_LEVELS, unit_of};
use asofdb_storage::{Cursor, EventVersion, Result, Timestamp};

use crate::rows::columns::RowColumns;
use crate::windows::conditions::Filters;
use crate::windows::plan::FoldPlan;

/// Bytes of a version beside its row: its times, marks and places in columns.
const VERSION_BYTES: usize = 64;

/// Bytes of a partial result of a unit, beside the values that it keeps.
const PARTIAL_BYTES: usize = 64;

/// Times that the bytes of a row are held at most: in a column, and in the partial results of a slot, an hour and a day.
const ROW_COPIES: usize = 1 + UNIT_LEVELS;

/// Versions whose conditions are tried at once.
const TRIED_AT_A_TIME: usize = 1_024;

/// The events of one entity, newest first.
pub(crate) struct EntityEvents<'p> {
    plan: &'p FoldPlan,
    /// The columns that aggregates are of.
    columns: RowColumns,
    /// By column of the plan: its place among `columns`.
    places: Vec<Option<usize>>,
    /// The columns that conditions are over, of the versions that were not tried yet.
    untried: RowColumns,
    filters: Filters,
    pub(super) versions: Versions,
    /// Slots, hours, days.
    levels: [Vec<Unit>; UNIT_LEVELS],
    /// By level: the partial results of each unit, one after the other.
    partials: [Vec<Partial>; UNIT_LEVELS],
    /// Bytes that the events become, about; of more than `bytes_max`, each question reads what it needs.
    bytes: usize,
    bytes_max: usize,
}

/// The versions of events, by row.
#[derive(Default)]
pub(super) struct Versions {
    /// The time of the event, descending.
    pub(super) times: Vec<i64>,
    pub(super) created: Vec<i64>,
    /// True for the greatest version of its event.
    pub(super) greatest: Vec<bool>,
    pub(super) deleted: Vec<bool>,
    /// By filter: true where its conditions hold.
    pub(super) kept: Vec<Vec<bool>>,
    /// True for versions that count when all are known; `None` when all do.
    counts: Option<Vec<bool>>,
    /// By filter: true for versions that count and are kept.
    counts_kept: Vec<Vec<bool>>,
}

/// Neighbouring events: those of a slot, an hour or a day.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub(super) rows: Range<usize>,
    /// The newest created timestamp among its versions. Who knows that one knows all of it.
    pub(super) newest_created: i64,
}

impl<'p> EntityEvents<'p> {
    /// No events, of a plan, and room for what becomes about `bytes_max` bytes.
    ///
    /// # Errors
    /// `NotFound` when the event view lacks a column of the plan.
    pub(crate) fn new(plan: &'p FoldPlan, bytes_max: usize) -> Result<Self> {
        let names = |is_wanted: &dyn Fn(usize) -> bool| {
            let wanted = plan.columns.iter().enumerate().filter(|(column, _)| is_wanted(*column));
            wanted.map(|(_, name)| name.as_str()).collect::<Vec<_>>()
        };
        let is_of = |column: usize| plan.partials.iter().any(|partial| partial.of == Some(column));
        let is_input = |column: usize| plan.conditions.iter().any(|condition| condition.inputs.contains(&column));
        let mut next = 0;
        let place = |column: usize| {
            is_of(column).then(|| {
                next += 1;
                next - 1
            })
        };
        Ok(EntityEvents {
            plan,
            columns: RowColumns::new(&plan.from, names(&is_of).into_iter())?,
            places: (0..plan.columns.len()).map(place).collect(),
            untried: RowColumns::new(&plan.from, names(&is_input).into_iter())?,
            filters: Filters::over_inputs(plan, &is_input),
            versions: Versions { kept: vec![Vec::new(); plan.filters.len()], ..Versions::default() },
            levels: Default::default(),
            partials: Default::default(),
            bytes: 0,
            bytes_max,
        })
    }

    /// Reads the events of an entity with a time in `events`. False when there is no room for them.
    ///
    /// # Errors
    /// `Corrupt` when stored bytes cannot be read.
    pub(crate) fn load(
        &mut self,
        cursor: &mut dyn Cursor,
        key: &[u8],
        events: RangeInclusive<Timestamp>,
    ) -> Result<bool> {
        self.columns.clear();
        self.untried.clear();
        self.versions.clear();
        self.bytes = 0;
        cursor.each_event_version(key, events, &mut |found: EventVersion<'_>| {
            self.push(key, &found)?;
            let is_full = self.bytes > self.bytes_max;
            Ok(if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        if self.bytes > self.bytes_max {
            return Ok(false);
        }
        self.try_filters()?;
        self.versions.finish();
        self.fold_units();
        Ok(true)
    }

    fn push(&mut self, key: &[u8], found: &EventVersion<'_>) -> Result<()> {
        let EventVersion { version, row, is_greatest } = *found;
        let is_deleted = row::kind(row)? == RowKind::Tombstone;
        for columns in [&mut self.columns, &mut self.untried] {
            match is_deleted {
                true => columns.push_absent()?,
                false => drop(columns.push(key, version.event, row)?),
            }
        }
        self.bytes += self.bytes_of(version.event.as_micros(), row.len());
        let versions = &mut self.versions;
        versions.times.push(version.event.as_micros());
        versions.created.push(version.created.as_micros());
        versions.greatest.push(is_greatest);
        versions.deleted.push(is_deleted);
        if self.untried.rows() == TRIED_AT_A_TIME { self.try_filters() } else { Ok(()) }
    }

    /// Bytes that one more version becomes, with the units that begin with it.
    fn bytes_of(&self, event: i64, row_bytes: usize) -> usize {
        let last = self.versions.times.last();
        let begins = |level: &usize| last.is_none_or(|last| unit_of(*level, *last) != unit_of(*level, event));
        let units = (0..UNIT_LEVELS).filter(begins).count();
        VERSION_BYTES + ROW_COPIES * row_bytes + units * self.plan.partials.len() * PARTIAL_BYTES
    }

    fn try_filters(&mut self) -> Result<()> {
        if self.plan.filters.is_empty() {
            return Ok(());
        }
        let from = self.versions.kept[0].len();
        self.filters.try_events(self.plan, &self.versions.times[from..], &self.untried.columns())?;
        for (filter, kept) in self.versions.kept.iter_mut().enumerate() {
            kept.extend_from_slice(self.filters.kept(Some(filter)).unwrap_or_default());
        }
        self.untried.clear();
        Ok(())
    }

    /// The columns of aggregates, by column of the plan.
    pub(super) fn columns(&self) -> Vec<Option<Column<'_>>> {
        let columns = self.columns.columns();
        self.places.iter().map(|place| place.map(|place| columns[place])).collect()
    }

    pub(super) fn units(&self, level: usize) -> &[Unit] {
        &self.levels[level]
    }

    /// The position of a unit of a level among those that have events.
    pub(super) fn unit(&self, level: usize, unit: i64) -> Option<usize> {
        let of = |found: &Unit| unit_of(level, self.versions.times[found.rows.start]);
        let index = self.units(level).partition_point(|found| of(found) > unit);
        self.units(level).get(index).filter(|found| of(found) == unit).map(|_| index)
    }

    /// The partial results of a unit.
    pub(super) fn partials(&self, level: usize, unit: usize) -> &[Partial] {
        let count = self.plan.partials.len();
        &self.partials[level][unit * count..(unit + 1) * count]
    }

    /// Folds all events into slots, and these into hours and days.
    fn fold_units(&mut self) {
        self.levels = std::array::from_fn(|level| self.versions.units(level));
        let empty = || self.plan.partials.iter().map(|partial| partial.empty.clone());
        let [mut slots, mut hours, mut days] =
            std::array::from_fn(|level| self.levels[level].iter().flat_map(|_| empty()).collect::<Vec<_>>());
        self.fold_slots(&mut slots);
        self.merge_units(1, &slots, &mut hours);
        self.merge_units(2, &hours, &mut days);
        self.partials = [slots, hours, days];
    }

    fn fold_slots(&self, partials: &mut [Partial]) {
        let columns = self.columns();
        for (unit, partials) in self.levels[0].iter().zip(partials.chunks_exact_mut(self.plan.partials.len().max(1))) {
            for (partial, planned) in partials.iter_mut().zip(&self.plan.partials) {
                let of = planned.of.and_then(|column| columns[column].as_ref());
                partial.fold(of, unit.rows.clone(), self.versions.counting(planned.filter));
            }
        }
    }

    /// Merges the units of the level below into those of a level.
    fn merge_units(&self, level: usize, below: &[Partial], partials: &mut [Partial]) {
        let count = self.plan.partials.len().max(1);
        let mut parts = self.levels[level - 1].iter().zip(below.chunks_exact(count)).peekable();
        for (unit, whole) in self.levels[level].iter().zip(partials.chunks_exact_mut(count)) {
            while let Some((_, part)) = parts.next_if(|(part, _)| part.rows.start < unit.rows.end) {
                whole.iter_mut().zip(part).for_each(|(whole, part)| whole.merge(part));
            }
        }
    }
}

impl Versions {
    fn clear(&mut self) {
        self.times.clear();
        self.created.clear();
        self.greatest.clear();
        self.deleted.clear();
        self.kept.iter_mut().for_each(Vec::clear);
    }

    /// Says which versions count when all are known.
    fn finish(&mut self) {
        let counts: Vec<bool> =
            self.greatest.iter().zip(&self.deleted).map(|(greatest, gone)| *greatest && !gone).collect();
        let with = |kept: &Vec<bool>| kept.iter().zip(&counts).map(|(kept, counts)| *kept && *counts).collect();
        self.counts_kept = self.kept.iter().map(with).collect();
        self.counts = Some(counts).filter(|counts| counts.contains(&false));
    }

    /// The versions that count when all are known, and pass a filter; `None`: all of them.
    pub(super) fn counting(&self, filter: Option<usize>) -> Option<&[bool]> {
        match filter {
            Some(filter) => Some(&self.counts_kept[filter]),
            None => self.counts.as_deref(),
        }
    }

    /// The units of a level, newest first.
    fn units(&self, level: usize) -> Vec<Unit> {
        let mut units: Vec<Unit> = Vec::new();
        let mut last = None;
        for (row, (time, created)) in self.times.iter().zip(&self.created).enumerate() {
            let of = unit_of(level, *time);
            match units.last_mut().filter(|_| last == Some(of)) {
                Some(unit) => {
                    unit.rows.end = row + 1;
                    unit.newest_created = unit.newest_created.max(*created);
                }
                None => units.push(Unit { rows: row..row + 1, newest_created: *created }),
            }
            last = Some(of);
        }
        units
    }

    /// Marks the versions among `rows`, which are of whole events, that count for who knows what was created up to
    /// `known`.
    pub(super) fn mark_known(&self, rows: Range<usize>, known: i64, marks: &mut [bool]) {
        let mut is_done = false;
        for row in rows {
            is_done &= !self.greatest[row];
            marks[row] = !is_done && self.created[row] <= known && !self.deleted[row];
            is_done |= self.created[row] <= known;
        }
    }

    /// The time of the newest event among `rows` that counts for who knows what was created up to `known`.
    pub(super) fn newest(&self, rows: Range<usize>, known: i64) -> Option<i64> {
        let mut is_done = false;
        for row in rows {
            is_done &= !self.greatest[row];
            if !is_done && self.created[row] <= known {
                if !self.deleted[row] {
                    return Some(self.times[row]);
                }
                is_done = true;
            }
        }
        None
    }
}
