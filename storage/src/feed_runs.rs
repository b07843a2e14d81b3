//! Runs of feeds: what was loaded into a view from its source, and when.

use crate::error::Result;
use crate::records;
use crate::time::Timestamp;

/// One run of a view's feed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedRun {
    /// The time when it began, by the store's clock.
    pub began: Timestamp,
    /// The time when it ended.
    pub ended: Timestamp,
    /// Files that were new or had changed.
    pub files: u64,
    /// Rows read, good and bad.
    pub rows_read: u64,
    /// Rows written.
    pub rows_written: u64,
    /// Bad rows set aside.
    pub rows_rejected: u64,
    /// The reason why it failed; `None`: it did not.
    pub error: Option<String>,
}

/// A file of a source that was loaded, by what tells without reading it whether it is still the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedFile {
    /// The path, below the directory of sources where it is relative.
    pub path: String,
    /// The size in bytes.
    pub bytes: u64,
    /// The time of its last change, in nanoseconds since 1970.
    pub modified: i64,
}

/// All that is known of a view's feed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedRuns {
    /// The version of the view's schema that the files were loaded with.
    pub schema_version: u16,
    /// The files that need not be read again, by path.
    pub files: Vec<FeedFile>,
    /// The last runs, the oldest first.
    pub runs: Vec<FeedRun>,
    /// The time when the last run began that did not fail; `None`: there was none.
    pub succeeded: Option<Timestamp>,
    /// The number of runs that have failed since.
    pub failures: u64,
}

impl FeedRuns {
    /// Runs that are kept.
    pub const RUNS_MAX: usize = 100;

    /// Adds a run. Of runs in a row that found nothing new the last one is kept.
    pub fn add(&mut self, run: FeedRun) {
        match run.error {
            None => (self.succeeded, self.failures) = (Some(run.began), 0),
            Some(_) => self.failures += 1,
        }
        let is_idle = |run: &FeedRun| run.error.is_none() && run.files == 0;
        if is_idle(&run) && self.runs.last().is_some_and(is_idle) {
            self.runs.pop();
        }
        self.runs.push(run);
        let over = self.runs.len().saturating_sub(Self::RUNS_MAX);
        self.runs.drain(..over);
    }

    /// The record.
    ///
    /// # Errors
    /// `Invalid` when it is longer than 16 MiB.
    pub fn encode(&self) -> Result<Vec<u8>> {
        records::encode(self)
    }

    /// Reads a record.
    ///
    /// # Errors
    /// `Corrupt` when it is none; `Conflict` for one that only a newer asofdb reads.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        records::decode(&[], bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(began: i64, files: u64, error: Option<&str>) -> FeedRun {
        let began = Timestamp::from_micros(began);
        FeedRun { began, ended: began, files, error: error.map(str::to_owned), ..FeedRun::default() }
    }

    #[test]
    fn of_runs_that_found_nothing_new_the_last_one_is_kept() {
        let mut runs = FeedRuns::default();
        [run(1, 2, None), run(2, 0, None), run(3, 0, None), run(4, 0, Some("no")), run(5, 0, None)]
            .into_iter()
            .for_each(|run| runs.add(run));
        assert_eq!(runs.runs.iter().map(|run| run.began.as_micros()).collect::<Vec<_>>(), [1, 3, 4, 5]);
    }

    #[test]
    fn failures_are_counted_until_a_run_succeeds_and_the_last_hundred_runs_are_kept() {
        let mut runs = FeedRuns::default();
        runs.add(run(1, 1, None));
        (2..=150).for_each(|began| runs.add(run(began, 1, Some("no"))));
        assert_eq!((runs.failures, runs.succeeded), (149, Some(Timestamp::from_micros(1))));
        assert_eq!((runs.runs.len(), runs.runs[0].began.as_micros()), (100, 51));
        runs.add(run(151, 1, None));
        assert_eq!((runs.failures, runs.succeeded), (0, Some(Timestamp::from_micros(151))));
    }
}
