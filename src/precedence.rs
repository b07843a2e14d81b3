//! Precedence: point requests go first, and bulk work gives way to them between its steps.
//!
//! While point requests come, a thread of bulk work pauses after each step for as long as makes its work the share of
//! the time that it is given. So it always gets that share, whatever comes, and all of the time when nothing comes.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use asofdb_storage::{GiveWay, Stop};

use crate::store::Store;

/// The longest time between two steps that counts as work: more of it was a wait, for a client or a disk.
const STEP_MAX: Duration = Duration::from_millis(10);

/// Pauses add up to this before they are made: a shorter sleep costs more than it gives.
const PAUSE_MIN: Duration = Duration::from_micros(500);

/// The longest pause: a step never waits longer, whatever it took.
const PAUSE_MAX: Duration = Duration::from_millis(50);

/// The precedence of point requests over the bulk work of the same process: see [`Store::giving_way`].
///
/// ```
/// # fn main() -> asofdb::Result<()> {
/// use std::sync::Arc;
///
/// use asofdb::{ManualClock, Precedence, Store, Timestamp};
///
/// let store = Store::in_memory(ManualClock::new(Timestamp::from_micros(0)));
/// let precedence = Arc::new(Precedence::new(25));
/// let bulk = store.giving_way(precedence.clone()); // its exports and joins get a quarter of their time at least
/// precedence.point(); // when a request begins, before `store.latest(..)`
/// # assert_eq!(bulk.catalog().revision(), store.catalog().revision());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Precedence {
    /// Bulk work that is under way; where there is none, point requests are not counted.
    bulk: AtomicU64,
    /// Point requests that have begun while there was bulk work.
    begun: AtomicU64,
    /// The time that threads of bulk work have paused, in nanoseconds.
    paused_nanos: AtomicU64,
    /// The least share of the time that a thread of bulk work gets, in percent.
    share_percent: u8,
}

/// The pace of one thread of bulk work. Times are nanoseconds since the first one of this process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Pace {
    /// The end of its last step or pause; `None` before the first.
    since: Option<u64>,
    /// The point requests that had begun by then.
    begun: u64,
    /// The pause that is due, and not made yet.
    due: Duration,
}

thread_local! {
    static PACE: Cell<Pace> = const { Cell::new(Pace { since: None, begun: 0, due: Duration::ZERO }) };
}

/// Nanoseconds since this was first asked. Nothing that is answered depends on it.
#[allow(clippy::disallowed_methods, reason = "for measuring only")]
fn nanos() -> u64 {
    static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGINNING.elapsed().as_nanos() as u64
}

impl Precedence {
    /// Bulk work gets at least this share of its time, from 1 to 100 percent (other numbers count as the nearest); with
    /// 100 it never pauses.
    pub fn new(share_percent: u8) -> Self {
        let (bulk, begun, paused_nanos) = <_>::default();
        Precedence { bulk, begun, paused_nanos, share_percent: share_percent.clamp(1, 100) }
    }

    /// Says that a point request begins. It costs the look at a number where there is no bulk work, and counts it where
    /// there is.
    #[inline]
    pub fn point(&self) {
        // Without bulk work nobody writes here, and the threads of point requests are not in each other's way.
        if self.bulk.load(Ordering::Relaxed) > 0 {
            self.begun.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The time that threads of bulk work have paused since the start, all together.
    pub fn paused(&self) -> Duration {
        Duration::from_nanos(self.paused_nanos.load(Ordering::Relaxed))
    }
}

impl Pace {
    /// A step has ended; returns the pause to make now.
    fn step(&mut self, now: u64, begun: u64, share_percent: u8) -> Duration {
        let Some(since) = self.since else {
            *self = Pace { since: Some(now), begun, due: Duration::ZERO };
            return Duration::ZERO;
        };
        let worked = Duration::from_nanos(now.saturating_sub(since)).min(STEP_MAX);
        self.since = Some(now);
        match begun == self.begun {
            // Nobody came: what was due is due to nobody.
            true => self.due = Duration::ZERO,
            false => self.due += worked * u32::from(100 - share_percent) / u32::from(share_percent),
        }
        self.begun = begun;
        match self.due >= PAUSE_MIN {
            true => std::mem::take(&mut self.due).min(PAUSE_MAX),
            false => Duration::ZERO,
        }
    }
}

impl GiveWay for Precedence {
    fn give_way(&self) {
        if self.share_percent == 100 {
            return;
        }
        let mut pace = PACE.get();
        let pause = pace.step(nanos(), self.begun.load(Ordering::Relaxed), self.share_percent);
        if !pause.is_zero() {
            std::thread::sleep(pause);
            self.paused_nanos.fetch_add(pause.as_nanos() as u64, Ordering::Relaxed);
            pace.since = Some(nanos());
        }
        PACE.set(pace);
    }

    fn work_begins(&self) {
        self.bulk.fetch_add(1, Ordering::Relaxed);
    }

    fn work_ends(&self) {
        self.bulk.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whoever the bulk work of clones of a store gives way to, from the first of them to the last.
pub(crate) struct GivenWay(Arc<dyn GiveWay>);

impl fmt::Debug for GivenWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GivenWay")
    }
}

impl GivenWay {
    fn new(to: Arc<dyn GiveWay>) -> Self {
        to.work_begins();
        GivenWay(to)
    }
}

impl Drop for GivenWay {
    fn drop(&mut self) {
        self.0.work_ends();
    }
}

impl Store {
    /// A clone of the store whose bulk work gives way between its steps: exports, joins and training sets, scans,
    /// feeds, statistics, samples, exact freshness, compaction, checkpoints and `verify`. Reads and writes of it are as
    /// those of any other. With a [`Precedence`] it pauses while point requests come, which whoever serves them says by
    /// [`Precedence::point`]; they are counted as long as such a clone lives, so drop it when the work is done.
    pub fn giving_way(&self, to: Arc<dyn GiveWay>) -> Store {
        let mut clone = self.clone();
        clone.giving = Some(Arc::new(GivenWay::new(to)));
        clone
    }

    /// The sign of bulk work that nobody stops.
    pub(crate) fn bulk_stop(&self) -> Stop {
        self.giving.as_ref().map_or(Stop::NEVER, |given| Stop::giving_way(given.0.clone()))
    }

    /// The sign of bulk work that stops itself.
    #[cfg(feature = "files")]
    pub(crate) fn own_stop(&self) -> Stop {
        self.giving.as_ref().map_or_else(Stop::new, |given| Stop::giving_way(given.0.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pauses of steps of so many microseconds, during each of which so many point requests begin.
    fn pauses(share_percent: u8, steps: &[(u64, u64)]) -> Vec<u128> {
        let (mut pace, mut now, mut begun) = (Pace::default(), 0, 0);
        assert_eq!(pace.step(now, begun, share_percent), Duration::ZERO);
        let mut step = |(micros, requests): &(u64, u64)| {
            now += micros * 1_000;
            begun += requests;
            let pause = pace.step(now, begun, share_percent);
            now += pause.as_nanos() as u64;
            if !pause.is_zero() {
                pace.since = Some(now);
            }
            pause.as_micros()
        };
        steps.iter().map(&mut step).collect()
    }

    #[test]
    fn a_thread_pauses_for_as_long_as_leaves_it_its_share_while_point_requests_come() {
        assert_eq!(pauses(25, &[(1_000, 1), (1_000, 50), (2_000, 1)]), [3_000, 3_000, 6_000]);
        assert_eq!(pauses(50, &[(1_000, 1), (4_000, 9)]), [1_000, 4_000]);
        assert_eq!(pauses(100, &[(1_000, 1), (4_000, 9)]), [0, 0]);
    }

    #[test]
    fn nobody_is_given_way_to_when_nobody_comes() {
        assert_eq!(pauses(25, &[(1_000, 0), (9_000, 0)]), [0, 0]);
        assert_eq!(
            pauses(50, &[(400, 1), (400, 0), (400, 1), (400, 1)]),
            [0, 0, 0, 800],
            "nothing is saved up for later"
        );
    }

    #[test]
    fn a_wait_is_no_work_and_no_pause_is_long() {
        assert_eq!(pauses(50, &[(5_000_000, 1)]), [10_000]);
        assert_eq!(pauses(1, &[(10_000, 1)]), [50_000]);
    }

    #[test]
    fn point_requests_are_counted_while_there_is_bulk_work() {
        let precedence = Precedence::new(25);
        precedence.point();
        precedence.work_begins();
        (0..3).for_each(|_| precedence.point());
        precedence.work_ends();
        precedence.point();
        assert_eq!(precedence.begun.load(Ordering::Relaxed), 3);
    }
}
