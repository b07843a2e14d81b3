//! The header of a table that other processes read: who keeps it, how it is laid out, and what must hold for an answer.

#![cfg_attr(loom, allow(dead_code, reason = "loom has no memory that could be shared"))]

use std::sync::atomic::Ordering;

use crate::layout::Layout;
use crate::sync::{AtomicU64, fence};

/// The first word: the format of tables. Another one means another layout of header, buckets or records.
const FORMAT: u64 = u64::from_le_bytes(*b"asofhot1");

/// Places of the words.
const FORMAT_AT: usize = 0;
const LAYOUT_AT: usize = 1;
/// Of the thread that lives as long as the table is kept; see [`crate::keeper`].
pub(crate) const KEEPER_AT: usize = 8;
const GATE_AT: usize = 16;
const REVISION_AT: usize = 17;
const GRANTS_AT: usize = 21;
const FROM_AT: usize = 18;
const UNTIL_AT: usize = 19;
const FLOOR_AT: usize = 20;

/// Set in the word of the keeper by the kernel when its thread has died.
const OWNER_DIED: u64 = 0x4000_0000;

/// The clock of a store, for others on the same machine: the present is what the system's clock shows, but not before the
/// floor, as long as that shows a time of the window. Otherwise only the store knows. In microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// The beginning of the window, inclusive.
    pub from: i64,
    /// The end of the window, inclusive.
    pub until: i64,
    /// The present is not before this time.
    pub floor: i64,
}

impl Times {
    /// The times of which only the store knows the present.
    pub const NONE: Times = Times { from: i64::MAX, until: i64::MIN, floor: i64::MIN };

    /// The present by what the system's clock shows; `None` where only the store knows it.
    #[inline]
    pub fn present(&self, system: i64) -> Option<i64> {
        (self.from <= system && system <= self.until).then_some(system.max(self.floor))
    }
}

/// Conditions that hold for all rows of a table at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conditions {
    /// The revision of the catalog that the rows are written by.
    pub revision: u64,
    /// The clock of the store.
    pub times: Times,
    /// The number of times that all others lost the right to read it.
    pub grants: u64,
    /// The number of times that the table was closed or opened.
    gate: u64,
}

/// A header.
#[derive(Clone, Copy)]
pub(crate) struct Header<'t>(pub(crate) &'t [AtomicU64]);

impl Header<'_> {
    fn load(self, at: usize) -> u64 {
        self.0[at].load(Ordering::Relaxed)
    }

    /// Writes what never changes.
    pub(crate) fn begin(self, layout: &Layout) {
        for (word, value) in self.0[LAYOUT_AT..].iter().zip(layout.parts()) {
            word.store(value as u64, Ordering::Relaxed);
        }
        self.set_times(Times::NONE);
        self.0[FORMAT_AT].store(FORMAT, Ordering::Release);
    }

    /// The layout of a table of so many words; `None` where it is of another format, or says what cannot be.
    pub(crate) fn layout(self, words: usize) -> Option<Layout> {
        let parts = std::array::from_fn(|part| self.load(LAYOUT_AT + part));
        let layout = Layout::from_parts(parts, words)?;
        (self.load(FORMAT_AT) == FORMAT).then_some(layout)
    }

    /// Returns whether somebody keeps the table.
    #[inline]
    pub(crate) fn is_kept(self) -> bool {
        let keeper = self.load(KEEPER_AT);
        keeper != 0 && keeper & OWNER_DIED == 0
    }

    /// Counts one more change of the gate; an odd number is a closed one. By one thread at a time.
    pub(crate) fn change_gate(self, is_closed: bool) {
        let before = self.load(GATE_AT);
        let step = if before.is_multiple_of(2) == is_closed { 1 } else { 2 };
        self.0[GATE_AT].store(before + step, Ordering::Release);
    }

    /// Takes the right to read it from all others.
    pub(crate) fn withdraw(self) {
        self.0[GRANTS_AT].fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn grants(self) -> u64 {
        self.0[GRANTS_AT].load(Ordering::Acquire)
    }

    pub(crate) fn set_revision(self, revision: u64) {
        self.0[REVISION_AT].store(revision, Ordering::Release);
    }

    /// Says what the clock of the store is. A reader that finds parts of two of these has a window or a floor that held a
    /// moment ago.
    pub(crate) fn set_times(self, times: Times) {
        // The floor moves with every read, and readers have this line in their caches.
        if (self.load(FROM_AT), self.load(UNTIL_AT)) != (times.from as u64, times.until as u64) {
            for (at, time) in [(FLOOR_AT, times.floor), (FROM_AT, times.from), (UNTIL_AT, times.until)] {
                self.0[at].store(time as u64, Ordering::Release);
            }
        }
    }

    /// The conditions before a look; `None` while the table is closed or nobody keeps it.
    #[inline]
    pub(crate) fn conditions(self) -> Option<Conditions> {
        let conditions = Conditions {
            revision: self.load(REVISION_AT),
            times: Times {
                from: self.load(FROM_AT) as i64,
                until: self.load(UNTIL_AT) as i64,
                floor: self.load(FLOOR_AT) as i64,
            },
            grants: self.load(GRANTS_AT),
            gate: self.load(GATE_AT),
        };
        // What is read of the table comes after.
        fence(Ordering::Acquire);
        (conditions.gate.is_multiple_of(2) && self.is_kept()).then_some(conditions)
    }

    /// Returns whether the conditions that matter for rows still hold; after a fence.
    #[inline]
    pub(crate) fn holds(self, conditions: &Conditions) -> bool {
        self.load(GATE_AT) == conditions.gate
            && self.load(REVISION_AT) == conditions.revision
            && self.load(GRANTS_AT) == conditions.grants
            && self.is_kept()
    }
}
