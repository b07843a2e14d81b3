//! Operations on a store, small enough that histories collide.

use asofdb_storage::{Span, Timestamp};

use crate::bytes::Bytes;
use crate::scale::VIEWS;

const HOUR: i64 = 3_600_000_000;

/// One operation. Views and keys are numbers into the short lists of this crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Writes rows in one batch.
    Write {
        /// The rows; of two of the same version the later counts.
        rows: Vec<OpRow>,
        /// True to load them in bulk; then only those of the first row's view.
        bulk: bool,
        /// True if the write waits for the disk.
        sync: bool,
    },
    /// Removes an entity from every view.
    Erase {
        /// The entity.
        key: u8,
    },
    /// Moves the clock.
    Advance(Step),
    /// Writes memory to disk.
    Flush,
    /// Compacts everything.
    Compact,
    /// Closes and opens the store.
    Reopen,
    /// Changes the catalog.
    Change(Change),
    /// Does the operations under a snapshot, whose answers must not change. Reopening is left out.
    Pinned(Vec<Op>),
}

/// One row of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpRow {
    /// The view.
    pub view: u8,
    /// The entity.
    pub key: u8,
    /// Event timestamp.
    pub event: Moment,
    /// Created timestamp, if the writer gives one.
    pub created: Option<Moment>,
    /// True for a deletion.
    pub tombstone: bool,
}

/// A time relative to the present: few enough of them that versions meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The position in [`Moment::HOURS`] of the time before the present.
    pub age: u8,
    /// The shift from there: a microsecond before, exactly, or a microsecond after.
    pub nudge: u8,
}

impl Moment {
    /// Ages in hours. Minus one is the default limit on events in the future; 240 is the shorter retention.
    pub const HOURS: [i64; 8] = [0, 1, 24, 48, 239, 240, 480, -1];

    /// The point in time.
    pub fn resolve(self, now: Timestamp) -> Timestamp {
        let age = Self::HOURS[usize::from(self.age) % Self::HOURS.len()];
        Timestamp::from_micros(now.as_micros() - age * HOUR + i64::from(self.nudge % 3) - 1)
    }
}

/// A step of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The least step.
    Microsecond,
    /// Half of what events may lie ahead.
    HalfHour,
    /// A day.
    Day,
    /// Past the shorter retention.
    TenDays,
}

impl Step {
    /// Every step.
    pub const ALL: [Step; 4] = [Step::Microsecond, Step::HalfHour, Step::Day, Step::TenDays];

    /// Its length.
    pub const fn span(self) -> Span {
        Span::from_micros(match self {
            Step::Microsecond => 1,
            Step::HalfHour => HOUR / 2,
            Step::Day => 24 * HOUR,
            Step::TenDays => 240 * HOUR,
        })
    }
}

/// A change of the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Adds a feature to a view.
    Grow(u8),
    /// Drops a view, or defines it anew when it was dropped.
    DropOrCreate(u8),
    /// Sets the retention of a view in days; zero keeps everything.
    Retain(u8, u8),
}

/// Most operations read from one input; longer ones only repeat what shorter ones find.
const OPS_MAX: usize = 64;
/// Most rows in one write.
const ROWS_MAX: usize = 6;

impl Op {
    /// Reads a history from bytes. Every input is one.
    pub fn history(bytes: &[u8]) -> Vec<Op> {
        let mut bytes = Bytes::new(bytes);
        let mut ops = Vec::new();
        while !bytes.is_empty() && ops.len() < OPS_MAX {
            ops.push(Op::read(&mut bytes, true));
        }
        ops
    }

    fn read(bytes: &mut Bytes<'_>, outer: bool) -> Op {
        match bytes.below(16) {
            0 => Op::Erase { key: bytes.byte() },
            1 | 2 => Op::Advance(Step::ALL[bytes.below(Step::ALL.len())]),
            3 => Op::Flush,
            4 => Op::Compact,
            5 => Op::Reopen,
            6 => Op::Change(Change::read(bytes)),
            7 if outer => Op::Pinned((0..bytes.below(4)).map(|_| Op::read(bytes, false)).collect()),
            8 => Op::Write { rows: OpRow::read_some(bytes), bulk: true, sync: true },
            kind => Op::Write { rows: OpRow::read_some(bytes), bulk: false, sync: kind == 9 },
        }
    }
}

impl Change {
    fn read(bytes: &mut Bytes<'_>) -> Change {
        let view = bytes.below(VIEWS) as u8;
        match bytes.below(3) {
            0 => Change::Grow(view),
            1 => Change::DropOrCreate(view),
            _ => Change::Retain(view, bytes.byte()),
        }
    }
}

impl OpRow {
    fn read_some(bytes: &mut Bytes<'_>) -> Vec<OpRow> {
        (0..=bytes.below(ROWS_MAX)).map(|_| OpRow::read(bytes)).collect()
    }

    fn read(bytes: &mut Bytes<'_>) -> OpRow {
        let flags = bytes.byte();
        let moment = |bytes: &mut Bytes<'_>| Moment { age: bytes.byte(), nudge: bytes.byte() };
        OpRow {
            view: bytes.byte(),
            key: bytes.byte(),
            event: moment(bytes),
            created: (flags & 1 == 1).then(|| moment(bytes)),
            tombstone: flags & 14 == 2,
        }
    }
}
