//! The work of a process's clients in a second, as a line of text.

use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::histogram::Histogram;

/// Kinds of work, in the order of their counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Did {
    Read,
    AsOf,
    Http,
    Write,
    Export,
    Join,
    Ingest,
    Checkpoint,
    Backup,
    Compact,
    /// An answer that there is no sidecar now, or that it has no room: the client tries again.
    ToldToComeAgain,
}

impl Did {
    pub(super) const NAMES: [&str; 11] = [
        "reads",
        "as-of reads",
        "reads over HTTP",
        "writes",
        "exports",
        "joins",
        "ingests",
        "checkpoints opened",
        "backups restored",
        "compactions",
        "answers to come again",
    ];
}

/// The work since the last look.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Tally {
    /// Durations of reads.
    pub(super) reads: Histogram,
    /// Durations of writes.
    pub(super) writes: Histogram,
    /// The number of times that each kind of work was done, by [`Did::NAMES`].
    pub(super) counts: [u64; Did::NAMES.len()],
}

impl Tally {
    /// Adds another one.
    pub(super) fn merge(&mut self, other: &Tally) {
        self.reads.merge(&other.reads);
        self.writes.merge(&other.writes);
        self.counts.iter_mut().zip(other.counts).for_each(|(count, more)| *count += more);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};{}", self.reads, self.writes)?;
        self.counts.iter().try_for_each(|count| write!(f, ";{count}"))
    }
}

impl FromStr for Tally {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split(';');
        let reads = parts.next().ok_or(())?.parse()?;
        let writes = parts.next().ok_or(())?.parse()?;
        let mut tally = Tally { reads, writes, ..Tally::default() };
        for count in &mut tally.counts {
            *count = parts.next().and_then(|count| count.parse().ok()).ok_or(())?;
        }
        Ok(tally)
    }
}

/// A tally that the threads of a process share.
#[derive(Debug, Default)]
pub(super) struct SharedTally(Mutex<Tally>);

impl SharedTally {
    /// Counts some work, with the time that a read or a write took.
    pub(super) fn did(&self, what: Did, took: Duration) {
        let mut tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tally.counts[what as usize] += 1;
        match what {
            Did::Read => tally.reads.record(took),
            Did::Write => tally.writes.record(took),
            _ => {}
        }
    }

    /// Takes what was done since the last time.
    pub(super) fn take(&self) -> Tally {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_reads_back_from_its_line() {
        let shared = SharedTally::default();
        shared.did(Did::Read, Duration::from_millis(3));
        shared.did(Did::Write, Duration::from_micros(30));
        shared.did(Did::ToldToComeAgain, Duration::ZERO);
        let tally = shared.take();
        assert_eq!(tally.to_string().parse(), Ok(tally.clone()));
        assert_eq!((tally.counts[Did::ToldToComeAgain as usize], tally.reads.total()), (1, 1));
        let mut twice = tally.clone();
        twice.merge(&tally);
        assert_eq!(twice.counts[Did::Read as usize], 2);
        assert_eq!(shared.take(), Tally::default());
    }
}
