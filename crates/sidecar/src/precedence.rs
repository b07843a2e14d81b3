//! Precedence: point requests go first, and bulk work gives way to them between its steps.
//!
//! While point requests come, a thread of bulk work pauses after each step for as long as makes its work the share of
//! the time that it is given. So it always gets that share, whatever comes, and all of the time when nothing comes.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use asofdb::GiveWay;

use crate::consumers::Moment;

/// The longest time between two steps that counts as work: more of it was a wait, for a client or a disk.
const STEP_MAX: Duration = Duration::from_millis(10);

/// Pauses add up to this before they are made: a shorter sleep costs more than it gives.
const PAUSE_MIN: Duration = Duration::from_micros(500);

/// The longest pause: a step never waits longer, whatever it took.
const PAUSE_MAX: Duration = Duration::from_millis(50);

/// The precedence of point requests over bulk work.
#[derive(Debug)]
pub(crate) struct Precedence {
    /// Bulk requests that work; where there are none, point requests are not counted.
    bulk: AtomicU64,
    /// Point requests that have begun while there was bulk work.
    begun: AtomicU64,
    /// The time that threads of bulk work have paused, in nanoseconds.
    paused_nanos: AtomicU64,
    /// The least share of the time that a thread of bulk work gets, in percent.
    share_percent: u8,
}

/// The pace of one thread of bulk work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Pace {
    /// The end of its last step or pause; `None` before the first.
    since: Option<Moment>,
    /// The point requests that had begun by then.
    begun: u64,
    /// The pause that is due, and not made yet.
    due: Duration,
}

thread_local! {
    static PACE: Cell<Pace> = const { Cell::new(Pace { since: None, begun: 0, due: Duration::ZERO }) };
}

impl Precedence {
    /// Bulk work gets at least this share of its time, from 1 to 100 percent; with 100 it never pauses.
    pub(crate) fn new(share_percent: u8) -> Self {
        let (bulk, begun, paused_nanos) = <_>::default();
        Precedence { bulk, begun, paused_nanos, share_percent: share_percent.clamp(1, 100) }
    }

    /// A point request begins.
    #[inline]
    pub(crate) fn point(&self) {
        // Without bulk work nobody writes here, and the threads of point requests are not in each other's way.
        if self.bulk.load(Ordering::Relaxed) > 0 {
            self.begun.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The time that threads of bulk work have paused since the start, all together.
    #[cfg_attr(not(feature = "http"), allow(dead_code, reason = "only metrics ask"))]
    pub(crate) fn paused(&self) -> Duration {
        Duration::from_nanos(self.paused_nanos.load(Ordering::Relaxed))
    }

    /// A bulk request has its turn.
    pub(crate) fn bulk_begins(&self) {
        self.bulk.fetch_add(1, Ordering::Relaxed);
    }

    /// Its turn is over.
    pub(crate) fn bulk_ends(&self) {
        self.bulk.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pace {
    /// A step has ended; returns the pause to make now.
    fn step(&mut self, now: Moment, begun: u64, share_percent: u8) -> Duration {
        let Some(since) = self.since else {
            *self = Pace { since: Some(now), begun, due: Duration::ZERO };
            return Duration::ZERO;
        };
        let worked = Duration::from_nanos(now.0.saturating_sub(since.0)).min(STEP_MAX);
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
        let pause = pace.step(Moment::now(), self.begun.load(Ordering::Relaxed), self.share_percent);
        if !pause.is_zero() {
            std::thread::sleep(pause);
            self.paused_nanos.fetch_add(pause.as_nanos() as u64, Ordering::Relaxed);
            pace.since = Some(Moment::now());
        }
        PACE.set(pace);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// The pauses of steps of so many microseconds, during each of which so many point requests begin.
    fn pauses(share_percent: u8, steps: &[(u64, u64)]) -> Vec<u128> {
        let (mut pace, mut now, mut begun) = (Pace::default(), 0, 0);
        assert_eq!(pace.step(Moment(now), begun, share_percent), Duration::ZERO);
        let mut step = |(micros, requests): &(u64, u64)| {
            now += micros * 1_000;
            begun += requests;
            let pause = pace.step(Moment(now), begun, share_percent);
            now += pause.as_nanos() as u64;
            if !pause.is_zero() {
                pace.since = Some(Moment(now));
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
        precedence.bulk_begins();
        (0..3).for_each(|_| precedence.point());
        precedence.bulk_ends();
        precedence.point();
        assert_eq!(precedence.begun.load(Ordering::Relaxed), 3);
    }
}
