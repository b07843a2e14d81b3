//! A walk over time from the end of windows back, partly by tiles and partly by reading events.

use asofdb_storage::Timestamp;
use asofdb_storage::tile::slot_of;

/// Events that are read before tiles are looked for among them: as many cost what it costs to find none.
const EVENTS_BEFORE_TILES: usize = 8;

/// Events of whole slots, read one after the other, that are worth a tile.
const EVENTS_FOR_A_TILE: usize = 128;

/// The place of a walk, and what was read on it.
pub(super) struct Walk {
    /// The time before the longest window.
    pub(super) longest: Timestamp,
    /// The time up to which events are still to be folded.
    pub(super) end: i64,
    /// True when there is nothing to be read any more.
    pub(super) is_read_out: bool,
    /// True if whole slots of many events were read.
    pub(super) is_worth_tiles: bool,
    /// The slot that is read.
    pub(super) slot: i64,
    /// Events that were read, all in all.
    read: usize,
    /// Those of this slot.
    in_slot: usize,
    /// Those of the slots before it which were read whole, one after the other.
    in_whole_slots: usize,
    /// True in the slot in which reading began: a part of it may have been left out.
    is_first: bool,
}

impl Walk {
    pub(super) fn new(end: Timestamp, longest: Timestamp) -> Self {
        Walk {
            longest,
            end: end.as_micros(),
            is_read_out: false,
            is_worth_tiles: false,
            slot: 0,
            read: 0,
            in_slot: 0,
            in_whole_slots: 0,
            is_first: true,
        }
    }

    pub(super) fn end(&self) -> Timestamp {
        Timestamp::from_micros(self.end)
    }

    /// Events are read from here on.
    pub(super) fn begin_reading(&mut self) {
        self.slot = slot_of(self.end);
        (self.in_slot, self.in_whole_slots, self.is_first) = (0, 0, true);
        self.is_read_out = true;
    }

    /// Says that the next event is in `slot`. Returns whether tiles are to be looked for at its end.
    pub(super) fn enters(&mut self, slot: i64) -> bool {
        if slot == self.slot {
            return false;
        }
        if !self.is_first {
            self.in_whole_slots += self.in_slot;
            self.is_worth_tiles |= self.in_whole_slots >= EVENTS_FOR_A_TILE;
        }
        (self.slot, self.in_slot, self.is_first) = (slot, 0, false);
        self.read >= EVENTS_BEFORE_TILES
    }

    /// Counts an event that was read.
    pub(super) fn read(&mut self) {
        self.read += 1;
        self.in_slot += 1;
    }

    /// Reading ends where a tile goes on.
    pub(super) fn reach(&mut self, end: i64) {
        self.end = end;
        self.is_read_out = false;
    }

    /// Reading has ended; if no tile goes on, with the last event.
    pub(super) fn end_reading(&mut self) {
        if self.is_read_out {
            self.end = i64::MIN;
        }
    }
}
