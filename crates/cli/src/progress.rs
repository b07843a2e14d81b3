//! Progress of long work, on a terminal only.

use std::time::{Duration, Instant};

use asofdb::Progress;
use asofdb_streams::StreamFigures;
use indicatif::{ProgressBar, ProgressStyle};

use super::text::count;

/// The time between two moves of a bar or a spinner.
const TICK: Duration = Duration::from_millis(100);

/// A stopwatch, for the duration of work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[allow(clippy::disallowed_methods, reason = "measures work, tells no time")]
    pub(crate) fn start() -> Self {
        Stopwatch(Instant::now())
    }

    pub(crate) fn seconds(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }

    /// `in 1.23 s (1,234,567 rows/s)`.
    pub(crate) fn summary(self, rows: u64) -> String {
        format!("in {:.2} s ({})", self.seconds(), self.rate(rows))
    }

    /// `1,234,567 rows/s`.
    pub(crate) fn rate(self, rows: u64) -> String {
        format!("{} rows/s", count((rows as f64 / self.seconds().max(1e-6)) as u64))
    }
}

/// A spinner for work that cannot say how far it has come.
pub(crate) struct Waiting;

impl Waiting {
    /// Does the work while a spinner turns.
    pub(crate) fn on<T>(what: &'static str, work: impl FnOnce() -> T) -> T {
        let spinner = ProgressBar::new_spinner().with_message(what).with_style(style("{spinner} {msg} {elapsed}"));
        spinner.enable_steady_tick(TICK);
        let done = work();
        spinner.finish_and_clear();
        done
    }
}

/// A bar for work that reports its progress.
pub(crate) struct Bar {
    bar: ProgressBar,
    started: Stopwatch,
}

impl Bar {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        let bar = ProgressBar::new_spinner().with_message("").with_prefix(what.into());
        bar.set_style(style("{spinner} {prefix} {msg}"));
        bar.enable_steady_tick(TICK);
        Bar { bar, started: Stopwatch::start() }
    }

    pub(crate) fn show(&self, progress: Progress) {
        if let Some(total) = progress.total.filter(|total| self.bar.length() != Some(*total)) {
            self.bar.set_length(total);
            self.bar.set_style(style("{prefix} {bar:30} {percent:>3}%  {msg}, {eta} left").progress_chars("━━─"));
        }
        self.bar.set_message(format!("{} rows, {}", count(progress.rows), self.started.rate(progress.rows)));
        self.bar.set_position(progress.done);
    }

    /// Shows what a stream has done, and how much of its source is left.
    pub(crate) fn show_stream(&self, done: &StreamFigures) {
        let records = done.rows + done.rejected;
        let behind = done.behind.filter(|behind| *behind > 0).map(|behind| format!(", {} behind", count(behind)));
        let (rate, behind) = (self.started.rate(records), behind.unwrap_or_default());
        self.bar.set_message(format!("{} records, {} rejected, {rate}{behind}", count(records), count(done.rejected)));
    }

    /// Takes the bar away and tells how long the work took.
    pub(crate) fn finish(self) -> Stopwatch {
        self.bar.finish_and_clear();
        self.started
    }
}

/// The templates here are constant; a wrong one shows as a plain bar.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
