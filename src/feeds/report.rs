//! Feeds as they are told: runs of views.

use asofdb_storage::{FeedRun, FeedRuns, FeedSource, Span, Timestamp};

/// One run of the feed of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewRun {
    /// The view.
    pub view: String,
    /// The run.
    pub run: FeedRun,
}

/// The feed of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// The view.
    pub view: String,
    /// The files that it is fed from, by its definition.
    pub source: FeedSource,
    /// The present by the store's clock.
    pub now: Timestamp,
    /// The time when the last run began that did not fail; `None`: there was none.
    pub succeeded: Option<Timestamp>,
    /// The number of runs that have failed since.
    pub failures: u64,
    /// The last runs, at most [`FeedRuns::RUNS_MAX`], the oldest first. Of runs in a row that found nothing new it is
    /// the last one.
    pub runs: Vec<FeedRun>,
}

/// Runs that may be left out before a feed is late.
const RUNS_UNTIL_LATE: i64 = 2;

impl Feed {
    pub(crate) fn new(view: String, source: FeedSource, now: Timestamp, runs: FeedRuns) -> Self {
        let FeedRuns { runs, succeeded, failures, .. } = runs;
        Feed { view, source, now, succeeded, failures, runs }
    }

    /// Returns whether the last run failed.
    pub fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// The time by which it is late, where it has a schedule and no run has succeeded within twice its time; a feed that
    /// has never succeeded is late from its first run on.
    pub fn is_late(&self) -> bool {
        let Some(schedule) = self.source.schedule else { return false };
        let since = self.succeeded.or(self.runs.first().map(|run| run.began));
        let patience = Span::from_micros(schedule.every.as_micros().saturating_mul(RUNS_UNTIL_LATE));
        since.is_some_and(|since| self.now > since.plus(patience))
    }

    /// The word for its state: `ok`, `late`, `failing` or `never_ran`.
    pub fn status(&self) -> &'static str {
        match () {
            () if self.is_failing() => "failing",
            () if self.is_late() => "late",
            () if self.runs.is_empty() => "never_ran",
            () => "ok",
        }
    }
}
