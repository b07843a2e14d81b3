//! Tiles: what windows make of an entity's events, in pieces of time, kept so that it is not made again.
//!
//! Time is cut into *units*: slots of five minutes, hours and days, all of UTC. They are open on the left and closed on
//! the right, as windows are: an event at a whole hour belongs to the hour that it ends. A *tile* has the units of one
//! level that lie together: the slots of an hour, the hours of a day, or the days of [`UNITS`]`[2]` days.
//!
//! A store knows which tiles an event is in, and nothing of what is in a tile.

use crate::key;
use crate::time::Timestamp;
use crate::version;

/// Microseconds of a slot.
pub const SLOT_MICROS: i64 = 300_000_000;

/// Slots, hours and days.
pub const LEVELS: usize = 3;

/// By level: the units of a tile. Of slots they make an hour, and of hours a day.
pub const UNITS: [i64; LEVELS] = [12, 24, 32];

/// By level: the slots of a unit.
const UNIT_SLOTS: [i64; LEVELS] = [1, UNITS[0], UNITS[0] * UNITS[1]];

/// Bytes of a tile at most. What would be larger is not kept.
pub const TILE_BYTES_MAX: usize = 1 << 20;

/// The slot of an event.
#[inline]
pub fn slot_of(micros: i64) -> i64 {
    // The least time has no microsecond before it, and shares the slot of the next one.
    micros.saturating_sub(1).div_euclid(SLOT_MICROS)
}

/// The unit of a level that an event is in.
#[inline]
pub fn unit_of(level: usize, micros: i64) -> i64 {
    slot_of(micros).div_euclid(UNIT_SLOTS[level])
}

/// The unit of a level that ends at a time; `None` where none does.
#[inline]
pub fn unit_that_ends(level: usize, micros: i64) -> Option<i64> {
    let length = UNIT_SLOTS[level] * SLOT_MICROS;
    (micros.rem_euclid(length) == 0).then(|| micros.div_euclid(length) - 1)
}

/// The time before a unit, which is not in it.
#[inline]
pub fn unit_start(level: usize, unit: i64) -> i64 {
    unit.saturating_mul(UNIT_SLOTS[level] * SLOT_MICROS)
}

/// The last time of a unit.
#[inline]
pub fn unit_end(level: usize, unit: i64) -> i64 {
    unit_start(level, unit + 1)
}

/// The newest and the oldest slot of a unit.
#[inline]
pub fn unit_slots(level: usize, unit: i64) -> [i64; 2] {
    let oldest = unit * UNIT_SLOTS[level];
    [oldest + UNIT_SLOTS[level] - 1, oldest]
}

/// The tile that a unit of a level is in, and its place there; 0 is the oldest.
#[inline]
pub fn place_of(level: usize, unit: i64) -> (i64, u32) {
    (unit.div_euclid(UNITS[level]), unit.rem_euclid(UNITS[level]) as u32)
}

/// The key of a tile: event view, entity, window view, level, tile descending. All tiles of an entity lie together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TileKey<'k> {
    /// The id of the event view.
    pub events: u32,
    /// The entity.
    pub entity: &'k [u8],
    /// The id of the window view.
    pub windows: u32,
    /// The level of its units.
    pub level: usize,
    /// The number of the tile, by time.
    pub tile: i64,
}

/// Bytes of a key after the entity.
const ENDING_BYTES: usize = 4 + 1 + 8;

impl<'k> TileKey<'k> {
    /// Appends the key.
    pub fn encode(&self, out: &mut Vec<u8>) {
        key::version_prefix(self.events, self.entity, out);
        out.extend_from_slice(&self.windows.to_be_bytes());
        out.push(self.level as u8);
        out.extend_from_slice(&version::descending(Timestamp::from_micros(self.tile)));
    }

    /// Reads a key; `None` when it is none.
    pub fn decode(bytes: &'k [u8]) -> Option<Self> {
        let (events, rest) = bytes.split_first_chunk::<4>()?;
        let (entity, ending) = rest.split_at_checked(rest.len().checked_sub(ENDING_BYTES)?)?;
        let (windows, rest) = ending.split_first_chunk::<4>()?;
        let (level, tile) = rest.split_first()?;
        Some(TileKey {
            events: u32::from_be_bytes(*events),
            entity,
            windows: u32::from_be_bytes(*windows),
            level: usize::from(*level).lt(&LEVELS).then_some(usize::from(*level))?,
            tile: version::ascending(*tile.first_chunk()?).as_micros(),
        })
    }

    /// The last time that is in the tile.
    pub fn end(&self) -> Timestamp {
        Timestamp::from_micros(unit_start(self.level, self.tile.saturating_add(1).saturating_mul(UNITS[self.level])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    #[test]
    fn units_are_open_on_the_left_and_closed_on_the_right() {
        assert_eq!([1, SLOT_MICROS, SLOT_MICROS + 1, 0, -1].map(slot_of), [0, 0, 1, -1, -1]);
        assert_eq!([1, HOUR, HOUR + 1].map(|micros| unit_of(1, micros)), [0, 0, 1]);
        assert_eq!([24 * HOUR, 24 * HOUR + 1].map(|micros| unit_of(2, micros)), [0, 1]);
        assert_eq!(slot_of(i64::MIN), slot_of(i64::MIN + 1));
        for (level, unit) in [(0, 5), (1, -3), (2, 0)] {
            let (start, end) = (unit_start(level, unit), unit_end(level, unit));
            assert_eq!([start, start + 1, end, end + 1].map(|at| unit_of(level, at) - unit), [-1, 0, 0, 1]);
            assert_eq!((unit_that_ends(level, end), unit_that_ends(level, end - 1)), (Some(unit), None));
            assert_eq!(unit_slots(level, unit), [slot_of(end), slot_of(start + 1)]);
        }
    }

    #[test]
    fn keys_are_read_as_they_were_written_and_the_newer_tile_is_first() {
        let key = TileKey { events: key::EVENTS_BIT | 7, entity: &[128, 0, 3], windows: 9, level: 2, tile: -4 };
        let encoded = |key: TileKey<'_>| {
            let mut bytes = Vec::new();
            key.encode(&mut bytes);
            bytes
        };
        let bytes = encoded(key);
        assert_eq!(bytes, [128, 0, 0, 7, 128, 0, 3, 0, 0, 0, 9, 2, 128, 0, 0, 0, 0, 0, 0, 3]);
        assert_eq!(TileKey::decode(&bytes), Some(key));
        assert!(encoded(TileKey { tile: -3, ..key }) < bytes);
        let mut other = bytes.clone();
        other[11] = LEVELS as u8;
        assert_eq!((TileKey::decode(&other), TileKey::decode(&bytes[..16])), (None, None));
        assert_eq!(key.end().as_micros(), -3 * 32 * 24 * HOUR);
    }
}
