//! The provenance of values: the worst status and the oldest event of what was read, row by row.

use asofdb_storage::Status;

use crate::column::{Column, NO_EVENT};

/// The reads of all rows of a batch. Reading more takes the greater rank and the lesser time.
#[derive(Debug, Default)]
pub(crate) struct ReadsLane {
    /// The rank of the worst status, see [`rank`].
    pub ranks: Vec<u8>,
    /// The oldest event in microseconds, [`NO_EVENT`] where there is none.
    pub events: Vec<i64>,
}

impl ReadsLane {
    pub(crate) fn grow(&mut self, rows: usize) {
        self.ranks.resize(rows, 0);
        self.events.resize(rows, NO_EVENT);
    }

    /// Sets the lane to what reading nothing is.
    pub(crate) fn clear(&mut self, rows: usize) {
        self.ranks[..rows].fill(0);
        self.events[..rows].fill(NO_EVENT);
    }

    /// Adds the reading of an input. The time of values that come with the question is that of the row.
    pub(crate) fn add(&mut self, column: &Column<'_>, now: &[i64]) {
        let rows = now.len();
        for (rank, status) in self.ranks[..rows].iter_mut().zip(column.statuses.unwrap_or_default()) {
            *rank = (*rank).max(rank_of(*status));
        }
        if let (None, Some(valid)) = (column.statuses, column.valid) {
            let ranks = self.ranks[..rows].iter_mut().enumerate();
            ranks.for_each(|(row, rank)| *rank = (*rank).max(u8::from(!valid.get(row))));
        }
        for (oldest, event) in self.events[..rows].iter_mut().zip(column.events.unwrap_or(now)) {
            *oldest = (*oldest).min(*event);
        }
    }

    pub(crate) fn both(&mut self, one: &ReadsLane, other: &ReadsLane, rows: usize) {
        for row in 0..rows {
            self.ranks[row] = one.ranks[row].max(other.ranks[row]);
            self.events[row] = one.events[row].min(other.events[row]);
        }
    }

    pub(crate) fn select(&mut self, choice: &[bool], then: &ReadsLane, otherwise: &ReadsLane) {
        for (row, chosen) in choice.iter().enumerate() {
            self.ranks[row] = if *chosen { then.ranks[row] } else { otherwise.ranks[row] };
            self.events[row] = if *chosen { then.events[row] } else { otherwise.events[row] };
        }
    }
}

/// The statuses from the best to the worst.
const RANKED: [Status; 4] = [Status::Present, Status::Null, Status::Expired, Status::Missing];

/// The place of a status among [`RANKED`].
#[inline]
const fn rank_of(status: Status) -> u8 {
    match status {
        Status::Present => 0,
        Status::Null => 1,
        Status::Expired => 2,
        Status::Missing => 3,
    }
}

/// The status of a computed value: present where it is one, else the worst of what was read, and null at least.
#[inline]
pub(crate) fn status(valid: bool, rank: u8) -> Status {
    if valid { Status::Present } else { RANKED[usize::from(rank).clamp(1, 3)] }
}

/// The status of an input in a row.
#[inline]
pub(crate) fn status_of_input(column: &Column<'_>, row: usize) -> Status {
    match (column.statuses, column.valid) {
        (Some(statuses), _) => statuses[row],
        (None, Some(valid)) if !valid.get(row) => Status::Null,
        (None, _) => Status::Present,
    }
}
