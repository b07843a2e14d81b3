//! Sources: logs that are read.

use std::ops::ControlFlow;
use std::time::Duration;

use asofdb::Result;

use crate::options::Begin;
use crate::position::Position;

/// A log of records in partitions. Within a partition they have an order that stays, and can be read again from any
/// [`Position`] for as long as the log keeps them.
pub trait Source: Send {
    /// What it reads, as names of streams and messages have it: an address without secrets.
    fn address(&self) -> &str;

    /// Returns whether it can be read again from a position; a pipe cannot.
    fn resumes(&self) -> bool {
        true
    }

    /// Returns the names of the partitions that there are now.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be reached.
    fn partitions(&mut self) -> Result<Vec<String>>;

    /// Returns where to begin in a partition of which nothing was read; `None` where there is nothing yet.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be reached.
    fn begin(&mut self, partition: &str, begin: Begin) -> Result<Option<Position>>;

    /// Hands records to `take`, those behind `from` in their order, until it wants no more or none is there; returns the
    /// position behind the last one that was taken. Does not wait.
    ///
    /// # Errors
    /// `Conflict`, saying what was lost, when the log does not have the record at `from` any more; `Unavailable` when it
    /// cannot be read.
    fn read(&mut self, partition: &str, from: &Position, take: &mut Take<'_>) -> Result<Position>;

    /// Waits until there may be more, and no longer than `patience`.
    fn wait(&mut self, patience: Duration) -> Waited;

    /// Returns how much of a partition lies behind a position, in what its offsets count; `None` where that is not known.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be reached.
    fn behind(&mut self, partition: &str, at: &Position) -> Result<Option<u64>>;

    /// Returns an offset as the users of the source know it.
    fn show(&self, offset: u128) -> String {
        offset.to_string()
    }
}

/// The taker of records. It says whether it wants more; the one that it was given is taken all the same.
pub type Take<'t> = dyn FnMut(Record<'_>) -> ControlFlow<()> + 't;

/// The outcome of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// There may be more.
    Maybe,
    /// There will be no more.
    Ended,
}

/// One record.
#[derive(Debug, Clone, Copy)]
pub struct Record<'r> {
    /// Its offset in the partition.
    pub offset: u128,
    /// What it says.
    pub content: Content<'r>,
}

/// The content of a record.
#[derive(Debug, Clone, Copy)]
pub enum Content<'r> {
    /// Its value.
    Value(&'r [u8]),
    /// It has several fields, each with its name and its value as text.
    Fields(&'r [(&'r [u8], &'r [u8])]),
    /// It cannot be a row, for this reason.
    Bad(&'r str),
}
