//! Making the tiles of an entity's events.

use std::ops::{ControlFlow, RangeInclusive};

use asofdb_aggregate::Partial;
use asofdb_storage::tile::{TILE_BYTES_MAX, TileKey, UNITS, place_of, unit_end, unit_of, unit_start};
use asofdb_storage::{Cursor, Result, State, Tile, Timestamp};

use crate::windows::entity::EntityEvents;
use crate::windows::plan::FoldPlan;
use crate::windows::tile::{TileHead, TileUnit, UnitHead, encode};
use crate::windows::tiling::Tiling;

/// Versions of a tile: fewer are read faster than a tile of them.
const VERSIONS_MIN: u32 = 32;

/// Bytes that the events become which are folded at once.
pub(super) const EVENTS_BYTES_MAX: usize = 64 << 20;

/// The partial results of a window view, and their places in tiles.
pub(super) struct Kind<'p> {
    pub(super) plan: &'p FoldPlan,
    pub(super) tiling: &'p Tiling,
}

/// Tiles of one entity, in the making.
pub(super) struct Seal<'s> {
    state: &'s dyn State,
    kind: &'s Kind<'s>,
    key: &'s [u8],
    cursor: Box<dyn Cursor + 's>,
    events: EntityEvents<'s>,
    empty: Vec<Partial>,
    /// The first hour that is wanted, and all of which the retention keeps.
    first_hour: i64,
    /// The last time of units that are wanted and finished.
    last: i64,
    made: Vec<Tile>,
}

/// A tile with its units by place, the oldest first.
struct OpenTile {
    level: usize,
    number: i64,
    units: Vec<Option<TileUnit>>,
    is_changed: bool,
}

impl<'s> Seal<'s> {
    /// Tiles of the entity `key` for the events in `span`, as far as they are up to `until`.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read; `NotFound` when the event view lacks a column.
    pub(super) fn new(
        state: &'s dyn State,
        kind: &'s Kind<'s>,
        key: &'s [u8],
        span: &RangeInclusive<Timestamp>,
        until: Timestamp,
    ) -> Result<Self> {
        let mut cursor = state.events(&kind.plan.from)?;
        let whole = unit_of(1, cursor.cutoff().as_micros().saturating_sub(1)).saturating_add(1);
        let first_hour = unit_of(1, span.start().as_micros().saturating_add(1)).max(whole);
        let last = unit_end(1, unit_of(1, newest_version(&mut *cursor, key, *span.end())?)).min(until.as_micros());
        let events = EntityEvents::new(kind.plan, EVENTS_BYTES_MAX)?;
        let empty = kind.plan.partials.iter().map(|partial| partial.empty.clone()).collect();
        Ok(Seal { state, kind, key, cursor, events, empty, first_hour, last, made: Vec::new() })
    }

    /// Makes the tiles that are not there.
    ///
    /// # Errors
    /// `Corrupt` when stored bytes cannot be read.
    pub(super) fn make(mut self) -> Result<Vec<Tile>> {
        let days = unit_of(2, unit_end(1, self.first_hour))..=unit_of(2, self.last);
        let mut open: Option<OpenTile> = None;
        for day in days.rev() {
            let (number, place) = place_of(2, day);
            if open.as_ref().is_none_or(|open| open.number != number) {
                let next = self.open(2, number)?;
                open.replace(next).into_iter().for_each(|done| self.close(done));
            }
            let Some(open) = open.as_mut().filter(|open| open.units[place as usize].is_none()) else { continue };
            if let Some(unit) = self.day(day)? {
                open.put(place, unit);
            }
        }
        open.into_iter().for_each(|done| self.close(done));
        Ok(self.made)
    }

    /// Makes the tiles of a day's hours and their slots; gives the day if it is complete.
    fn day(&mut self, day: i64) -> Result<Option<TileUnit>> {
        let mut hours = self.open(1, day)?;
        let (oldest, newest) = (day * UNITS[1], (day + 1) * UNITS[1] - 1);
        let wanted = oldest.max(self.first_hour)..=newest.min(unit_of(1, self.last));
        let mut missing = Vec::new();
        for hour in wanted.rev() {
            let place = place_of(1, hour).1;
            if hours.units[place as usize].is_some() {
                continue;
            }
            let slots = self.open(0, hour)?;
            match self.slots(hour).all(|slot| slots.units[place_of(0, slot).1 as usize].is_some()) {
                true if self.is_finished(1, hour) => hours.put(place, self.merged(&slots.units)),
                true => {}
                false => missing.push(hour),
            }
        }
        for run in missing.chunk_by(|newer, older| newer - 1 == *older) {
            self.read(run, &mut hours)?;
        }
        let day = hours.units.iter().all(Option::is_some).then(|| self.merged(&hours.units));
        self.close(hours);
        Ok(day)
    }

    /// The finished slots of an hour.
    fn slots(&self, hour: i64) -> impl Iterator<Item = i64> + use<> {
        let last = self.last;
        (hour * UNITS[0]..(hour + 1) * UNITS[0]).filter(move |slot| unit_end(0, *slot) <= last)
    }

    fn is_finished(&self, level: usize, unit: i64) -> bool {
        unit_end(level, unit) <= self.last
    }

    /// Reads the events of neighbouring hours, the newest first, and makes their slots and hours of them. Where an hour
    /// is too much, it stays without.
    fn read(&mut self, hours: &[i64], of_day: &mut OpenTile) -> Result<()> {
        let (Some(newest), Some(oldest)) = (hours.first(), hours.last()) else { return Ok(()) };
        let until = unit_end(1, *newest).min(self.last);
        let span = Timestamp::from_micros(unit_start(1, *oldest) + 1)..=Timestamp::from_micros(until);
        if !self.events.load(&mut *self.cursor, self.key, span)? {
            return match hours.len() {
                1 => Ok(()),
                _ => hours.chunks(1).try_for_each(|hour| self.read(hour, of_day)),
            };
        }
        for hour in hours {
            let mut slots =
                OpenTile { level: 0, number: *hour, units: vec![None; UNITS[0] as usize], is_changed: false };
            for slot in self.slots(*hour) {
                slots.put(place_of(0, slot).1, self.unit(0, slot));
            }
            self.close(slots);
            if self.is_finished(1, *hour) {
                of_day.put(place_of(1, *hour).1, self.unit(1, *hour));
            }
        }
        Ok(())
    }

    /// A unit of the events that were read.
    fn unit(&self, level: usize, unit: i64) -> TileUnit {
        unit_of_events(&self.events, level, unit, &self.empty)
    }

    /// The unit that has all of `units`, the oldest first.
    fn merged(&self, units: &[Option<TileUnit>]) -> TileUnit {
        let head = UnitHead { created: i64::MIN, newest: None, versions: 0 };
        let mut whole = TileUnit { head, partials: self.empty.clone() };
        for unit in units.iter().rev().flatten() {
            let head = &mut whole.head;
            head.created = head.created.max(unit.head.created);
            head.newest = head.newest.or(unit.head.newest);
            head.versions = head.versions.saturating_add(unit.head.versions);
            whole.partials.iter_mut().zip(&unit.partials).for_each(|(sum, part)| sum.merge(part));
        }
        whole
    }

    /// The tile that there is, or one without units.
    fn open(&self, level: usize, number: i64) -> Result<OpenTile> {
        let Tiling { windows, print, count, places, .. } = self.kind.tiling;
        let key = TileKey { events: self.kind.plan.from.id, entity: self.key, windows: *windows, level, tile: number };
        let (mut content, mut head) = (Vec::new(), TileHead::default());
        let is_there = self.state.tile(&key, &mut content)?;
        // One that cannot be read is made anew.
        let units = match is_there && head.read(&content, *print, *count, places).unwrap_or(false) {
            true => head.units(&content, UNITS[level], &self.empty).unwrap_or_default(),
            false => Vec::new(),
        };
        let units = if units.is_empty() { vec![None; UNITS[level] as usize] } else { units };
        Ok(OpenTile { level, number, units, is_changed: false })
    }

    /// Adds a tile to those that were made, if there is something new in it and it is worth its place.
    fn close(&mut self, tile: OpenTile) {
        let OpenTile { level, number, units, is_changed } = tile;
        let versions = units.iter().flatten().map(|unit| u64::from(unit.head.versions)).sum::<u64>();
        if !is_changed || versions < u64::from(VERSIONS_MIN) {
            return;
        }
        let content = encode(self.kind.tiling.print, &units);
        if content.len() <= TILE_BYTES_MAX {
            let (events, windows) = (self.kind.plan.from.id, self.kind.tiling.windows);
            let mut key = Vec::new();
            TileKey { events, entity: self.key, windows, level, tile: number }.encode(&mut key);
            self.made.push(Tile { key, content });
        }
    }
}

/// The time of the newest version up to the hour of `end`, or the least time without one. Hours after it get no tiles, so
/// that a clock that is ahead does not make tiles reach ahead of the events.
fn newest_version(cursor: &mut dyn Cursor, key: &[u8], end: Timestamp) -> Result<i64> {
    let (mut newest, end) = (i64::MIN, Timestamp::from_micros(unit_end(1, unit_of(1, end.as_micros()))));
    cursor.each_event_version(key, Timestamp::MIN..=end, &mut |found| {
        newest = found.version.event.as_micros();
        Ok(ControlFlow::Break(()))
    })?;
    Ok(newest)
}

impl OpenTile {
    fn put(&mut self, place: u32, unit: TileUnit) {
        self.units[place as usize] = Some(unit);
        self.is_changed = true;
    }
}

/// A unit of events that were read whole, with partial results that are `empty` where it has none.
pub(super) fn unit_of_events(events: &EntityEvents<'_>, level: usize, unit: i64, empty: &[Partial]) -> TileUnit {
    let Some(index) = events.unit(level, unit) else {
        let head = UnitHead { created: i64::MIN, newest: None, versions: 0 };
        return TileUnit { head, partials: empty.to_vec() };
    };
    let found = &events.units(level)[index];
    let head = UnitHead {
        created: found.newest_created,
        newest: events.versions.newest(found.rows.clone(), i64::MAX),
        versions: u32::try_from(found.rows.len()).unwrap_or(u32::MAX),
    };
    TileUnit { head, partials: events.partials(level, index).to_vec() }
}
