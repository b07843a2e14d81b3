//! A watch over feeds: those with a schedule are loaded when it is time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use asofdb::{Error, Feed, FeedRun, Result, Schedule, Stop, Timestamp};
use tracing::{info, warn};

use crate::admission::Turn;
use crate::line::give_way;
use crate::service::Service;

/// The time between two looks at what is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The wait after the first of several failures; each further one doubles it, up to the time between two runs.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// Loads what is new in the sources of views with a schedule, until it is dropped: what is under way then is stopped,
/// and goes on with the next run.
#[derive(Debug)]
pub struct FeedWatch {
    stop: Stop,
    stopped: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FeedWatch {
    /// Begins to feed the views of a service's store, from the files that the service was given.
    ///
    /// # Errors
    /// `Unavailable` when no thread can be started.
    pub fn start(service: Arc<Service>) -> Result<Self> {
        let (stopped, is_stopped) = channel();
        let stop = service.bulk_stop();
        let stopping = stop.clone();
        let thread = thread::Builder::new()
            .name("feeds".into())
            .spawn(move || {
                give_way();
                watch(&service, &stopping, &is_stopped);
            })
            .map_err(|error| Error::unavailable("cannot start a thread that feeds views").with_source(error))?;
        Ok(FeedWatch { stop, stopped: Some(stopped), thread: Some(thread) })
    }
}

impl Drop for FeedWatch {
    fn drop(&mut self) {
        self.stop.stop();
        self.stopped = None;
        if let Some(thread) = self.thread.take() {
            // It panicked only where a bug made it, and the next start feeds again.
            let _ = thread.join();
        }
    }
}

fn watch(service: &Service, stop: &Stop, stopped: &Receiver<()>) {
    let mut plan = FeedPlan::default();
    loop {
        #[allow(clippy::disallowed_methods, reason = "a schedule goes by time that nobody sets")]
        let now = Instant::now();
        match service.store.feeds(&[]) {
            Ok(feeds) => plan.due(&feeds, now).into_iter().for_each(|view| run(service, stop, &mut plan, &view)),
            Err(error) => warn!("cannot tell which feeds are due: {error:#}"),
        }
        if stopped.recv_timeout(LOOK_EVERY) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

fn run(service: &Service, stop: &Stop, plan: &mut FeedPlan, view: &str) {
    // Where the line is too long it is due still, and tried again at the next look.
    let Ok(_turn) = Turn::wait(service, stop) else { return };
    let mut is_loaded = false;
    match service.materialize(&[view], stop) {
        Ok(runs) => {
            runs.iter().for_each(|one| log(view, &one.run));
            is_loaded = runs.iter().all(|one| one.run.error.is_none());
        }
        Err(_) if stop.check().is_err() => {}
        Err(error) => warn!(view, "a feed cannot be loaded: {error:#}"),
    }
    #[allow(clippy::disallowed_methods, reason = "a schedule goes by time that nobody sets")]
    let now = Instant::now();
    if let Ok(feeds) = service.store.feeds(&[view]) {
        feeds.iter().for_each(|feed| plan.has_run(feed, is_loaded, now));
    }
}

pub(crate) fn log(view: &str, run: &FeedRun) {
    let FeedRun { files, rows_read, rows_written, rows_rejected, error, .. } = run;
    match error {
        Some(error) => warn!(view, "a feed has failed: {error}"),
        None if *files == 0 => {}
        None => info!(view, files, rows_read, rows_written, rows_rejected, "a feed was loaded"),
    }
}

/// The times at which feeds run next.
#[derive(Debug, Default)]
struct FeedPlan {
    next: BTreeMap<String, Next>,
}

#[derive(Debug, Clone, Copy)]
struct Next {
    at: Instant,
    /// The schedule that it follows from.
    schedule: Schedule,
}

impl FeedPlan {
    /// The views that are due. Those that are not known yet, or have another schedule now, are planned.
    fn due(&mut self, feeds: &[Feed], now: Instant) -> Vec<String> {
        self.next.retain(|view, _| feeds.iter().any(|feed| feed.view == *view));
        let mut due = Vec::new();
        for feed in feeds {
            let Some(schedule) = feed.source.schedule else {
                self.next.remove(&feed.view);
                continue;
            };
            let known = self.next.get(&feed.view).filter(|next| next.schedule == schedule).copied();
            let next = known.unwrap_or_else(|| Next { at: now + left(feed, schedule), schedule });
            self.next.insert(feed.view.clone(), next);
            if next.at <= now {
                due.push(feed.view.clone());
            }
        }
        due
    }

    /// Plans the run after the one that has just ended. One that was not loaded, also where that could not be kept
    /// because the store takes no writes, is not tried again at once.
    fn has_run(&mut self, feed: &Feed, is_loaded: bool, now: Instant) {
        let Some(schedule) = feed.source.schedule else { return };
        let wait = match feed.failures {
            0 if is_loaded => left(feed, schedule),
            0 => left(feed, schedule).max(RETRY_AFTER),
            failures => {
                RETRY_AFTER.saturating_mul(1 << (failures - 1).min(16)).min(duration(schedule.every.as_micros()))
            }
        };
        self.next.insert(feed.view.clone(), Next { at: now + wait, schedule });
    }
}

/// The time from now to the next run of a feed that has not failed. What the clock says of the last run is not believed
/// beyond the time between two runs.
fn left(feed: &Feed, schedule: Schedule) -> Duration {
    let every = duration(schedule.every.as_micros());
    let began = feed.runs.last().filter(|run| run.error.is_none()).map(|run| run.began);
    let since = |began: Timestamp| duration(feed.now.as_micros().saturating_sub(began.as_micros()));
    began.map_or(Duration::ZERO, |began| every.saturating_sub(since(began)))
}

fn duration(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::slice;

    use asofdb::{FeedFiles, FeedSource, ManualClock, Span, Store, parse_definitions};

    use super::*;
    use crate::consumers::Limits;
    use crate::line::BulkBounds;

    const HOUR: i64 = 3_600_000_000;

    /// A feed of every hour, at 100 h, whose last run began at `began`, and so many that failed last.
    fn feed(began: Option<i64>, failures: u64) -> Feed {
        let error = (failures > 0).then(|| "no".to_owned());
        let runs = began.map(|began| FeedRun { began: Timestamp::from_micros(began), error, ..FeedRun::default() });
        let schedule = Some(Schedule { every: Span::from_micros(HOUR) });
        Feed {
            view: "v".to_owned(),
            source: FeedSource { path: "p".to_owned(), schedule },
            now: Timestamp::from_micros(100 * HOUR),
            succeeded: None,
            failures,
            runs: runs.into_iter().collect(),
        }
    }

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(60 * minutes)
    }

    #[test]
    fn a_feed_is_due_an_hour_after_its_last_run_also_over_a_restart() {
        #[allow(clippy::disallowed_methods, reason = "only the distance counts")]
        let start = Instant::now();
        let due = |feed: &Feed, at: Duration| FeedPlan::default().due(slice::from_ref(feed), start + at);
        assert_eq!(due(&feed(None, 0), Duration::ZERO), ["v"]);
        assert_eq!(due(&feed(Some(98 * HOUR), 0), Duration::ZERO), ["v"]);
        assert_eq!(due(&feed(Some(99 * HOUR + HOUR / 2), 0), Duration::ZERO), Vec::<String>::new());
        assert_eq!(due(&feed(Some(99 * HOUR + HOUR / 2), 1), Duration::ZERO), ["v"], "it failed");
        let mut plan = FeedPlan::default();
        let half = feed(Some(99 * HOUR + HOUR / 2), 0);
        assert_eq!(plan.due(slice::from_ref(&half), start), Vec::<String>::new());
        assert_eq!(plan.due(slice::from_ref(&half), start + minutes(29)), Vec::<String>::new());
        assert_eq!(plan.due(&[half], start + minutes(30)), ["v"]);
    }

    #[test]
    fn a_run_that_the_clock_puts_into_the_future_is_waited_for_no_longer_than_an_hour() {
        #[allow(clippy::disallowed_methods, reason = "only the distance counts")]
        let start = Instant::now();
        let mut plan = FeedPlan::default();
        let ahead = feed(Some(9_000 * HOUR), 0);
        assert_eq!(plan.due(slice::from_ref(&ahead), start), Vec::<String>::new());
        assert_eq!(plan.due(&[ahead], start + minutes(60)), ["v"]);
    }

    #[test]
    fn a_feed_that_fails_is_tried_again_ever_later_up_to_its_own_time() {
        #[allow(clippy::disallowed_methods, reason = "only the distance counts")]
        let start = Instant::now();
        let mut plan = FeedPlan::default();
        let mut wait = |failures| {
            plan.has_run(&feed(Some(100 * HOUR), failures), failures == 0, start);
            plan.next["v"].at - start
        };
        assert_eq!(
            [1, 2, 3, 7, 8, 1_000].map(&mut wait).map(|wait| wait.as_secs()),
            [30, 60, 120, 1_920, 3_600, 3_600]
        );
        assert_eq!(wait(0), minutes(60));
    }

    #[test]
    fn a_run_that_could_not_be_kept_is_not_tried_again_at_once() {
        #[allow(clippy::disallowed_methods, reason = "only the distance counts")]
        let start = Instant::now();
        let mut plan = FeedPlan::default();
        plan.has_run(&feed(None, 0), false, start);
        assert_eq!(plan.next["v"].at - start, RETRY_AFTER);
    }

    #[test]
    fn what_has_no_schedule_is_never_due() {
        #[allow(clippy::disallowed_methods, reason = "only the distance counts")]
        let start = Instant::now();
        let mut once = feed(None, 0);
        once.source.schedule = None;
        assert_eq!(FeedPlan::default().due(&[once], start), Vec::<String>::new());
    }

    const FED: &str = r#"
        [[entity]]
        name = "user"
        join_keys = [{ name = "user_id", type = "int64" }]
        [[feature_view]]
        name = "v"
        entities = ["user"]
        source = { path = "v.csv", schedule = "every 1h" }
        feature = [{ name = "f", type = "int64" }]
    "#;

    /// Looks again and again, for a minute or so, whether something has happened.
    #[track_caller]
    fn eventually(mut has_happened: impl FnMut() -> bool) {
        let happened = (0..60_000).any(|_| {
            thread::sleep(Duration::from_millis(1));
            has_happened()
        });
        assert!(happened);
    }

    #[test]
    fn a_feed_waits_in_the_line_of_bulk_requests_and_is_loaded_in_its_turn() {
        let directory = tempfile::tempdir().unwrap();
        let rows = "user_id,event_timestamp,f\n1,2024-05-31T00:00:00Z,5\n";
        std::fs::write(directory.path().join("v.csv"), rows).unwrap();
        let store = Store::in_memory(ManualClock::new(Timestamp::from_micros(1_717_200_000_000_000)));
        store.confirm_clock().unwrap();
        store.apply(&parse_definitions(FED, "d").unwrap(), false).unwrap();
        let files = FeedFiles { root: directory.path().to_owned(), is_confined: true, rejects: None };
        let bounds = BulkBounds { working_max: 1, ..BulkBounds::default() };
        let service = Arc::new(Service::new(store, Limits::default()).with_bulk(bounds).with_feeds(files));
        service.bulk.enter(&Stop::NEVER).unwrap();
        let _watch = FeedWatch::start(service.clone()).unwrap();
        eventually(|| service.bulk.lengths() == (1, 1));
        let succeeded = || service.store.feeds(&[]).unwrap()[0].succeeded.is_some();
        assert!(!succeeded());
        service.bulk.leave();
        eventually(succeeded);
    }
}
