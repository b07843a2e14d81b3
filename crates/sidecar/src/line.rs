//! The line of bulk requests, which both doors share: so many are worked on at a time, some others wait.

use std::collections::BTreeSet;
use std::time::Duration;

use asofdb::{Error, Result, Stop};

use crate::sync::{Condvar, Mutex, MutexGuard};

/// The nice value of bulk work: lower than all other work but idle.
const BULK_NICENESS: i32 = 10;

/// Limits of bulk work (scans, joins, loads, maintenance), at both doors together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkBounds {
    /// Most bulk requests that are worked on at a time; the next ones wait in line.
    pub working_max: usize,
    /// Most bulk requests that wait in line, each with a thread; the next ones are refused at once.
    pub waiting_max: usize,
    /// The longest time that a bulk request waits in line.
    pub patience: Duration,
    /// The least share of its time that a thread of bulk work gets while point requests come, from 1 to 100 percent:
    /// it pauses for the rest.
    pub share_percent: u8,
}

impl Default for BulkBounds {
    fn default() -> Self {
        BulkBounds { working_max: 2, waiting_max: 64, patience: Duration::from_secs(30), share_percent: 50 }
    }
}

/// The line.
#[derive(Debug)]
pub(crate) struct Line {
    bounds: BulkBounds,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    working: usize,
    /// The numbers of those who wait, in the order in which they came.
    waiting: BTreeSet<u64>,
    /// The number of the next one.
    next: u64,
}

impl Line {
    pub(crate) fn new(bounds: BulkBounds) -> Self {
        Line { bounds, state: Mutex::default(), freed: Condvar::new() }
    }

    /// The numbers of bulk requests that are worked on, and that wait.
    #[cfg_attr(not(feature = "http"), allow(dead_code, reason = "only metrics ask"))]
    pub(crate) fn lengths(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.working, state.waiting.len())
    }

    /// Waits for a turn, or until it is told to stop; whoever has had a turn leaves. First come, first served.
    ///
    /// # Errors
    /// `Unavailable` when too many wait already, it is not its turn in time, or it was stopped.
    pub(crate) fn enter(&self, stop: &Stop) -> Result<()> {
        let mut state = self.state.lock();
        if state.working >= self.bounds.working_max || !state.waiting.is_empty() {
            self.wait(&mut state, stop)?;
        }
        state.working += 1;
        Ok(())
    }

    fn wait(&self, state: &mut MutexGuard<'_, State>, stop: &Stop) -> Result<()> {
        if state.waiting.len() >= self.bounds.waiting_max {
            return Err(full(self.bounds.waiting_max, "wait in line"));
        }
        let number = state.next;
        state.next += 1;
        state.waiting.insert(number);
        let working_max = self.bounds.working_max;
        let is_turn = |state: &State| state.working < working_max && state.waiting.first() == Some(&number);
        let waits = |state: &mut State| !is_turn(state) && !stop.is_stopped();
        self.freed.wait_while_for(state, waits, self.bounds.patience);
        let is_turn = is_turn(state);
        state.waiting.remove(&number);
        // The next one may have its turn now: there may be more than one place, or this one may not take it.
        self.freed.notify_all();
        stop.check()?;
        if is_turn { Ok(()) } else { Err(full(working_max, "are being answered")) }
    }

    /// Tells work to stop for which nobody waits any more, whether it has its turn or waits for it.
    pub(crate) fn abandon(&self, work: &Stop) {
        work.stop();
        // Whoever is about to wait has the lock, and would not hear of it.
        drop(self.state.lock());
        self.freed.notify_all();
    }

    /// Ends a turn.
    pub(crate) fn leave(&self) {
        self.state.lock().working -= 1;
        self.freed.notify_all();
    }
}

/// Lowers the priority of this thread and of those that it starts from now on.
pub(crate) fn give_way() {
    // A thread that may not is as quick as the others.
    let _ = rustix::process::setpriority_process(None, BULK_NICENESS);
}

#[cold]
fn full(most: usize, doing: &str) -> Error {
    Error::unavailable(format!("{most} bulk requests {doing}, the most at a time; try again later"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(working_max: usize, waiting_max: usize, patience: Duration) -> Line {
        Line::new(BulkBounds { working_max, waiting_max, patience, ..BulkBounds::default() })
    }

    #[test]
    fn a_place_is_free_again_when_whoever_had_it_leaves() {
        let line = line(1, 1, Duration::from_secs(60));
        line.enter(&Stop::NEVER).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| line.enter(&Stop::NEVER));
            while line.lengths().1 == 0 {
                std::thread::yield_now();
            }
            line.leave();
            waiting.join().expect("no panic").unwrap();
        });
        assert_eq!(line.lengths(), (1, 0));
    }

    #[test]
    fn whoever_waits_too_long_or_finds_a_long_line_is_refused() {
        let late = line(1, 1, Duration::from_millis(1));
        late.enter(&Stop::NEVER).unwrap();
        let error = late.enter(&Stop::NEVER).unwrap_err();
        assert_eq!(error.message(), "1 bulk requests are being answered, the most at a time; try again later");
        let full = line(1, 0, Duration::from_secs(60));
        full.enter(&Stop::NEVER).unwrap();
        let error = full.enter(&Stop::NEVER).unwrap_err();
        assert_eq!(error.message(), "0 bulk requests wait in line, the most at a time; try again later");
        assert_eq!((late.lengths(), full.lengths()), ((1, 0), (1, 0)));
    }

    #[test]
    fn a_newcomer_does_not_overtake_whoever_waits() {
        let line = line(1, 2, Duration::from_secs(3_600));
        let order = parking_lot::Mutex::new(Vec::new());
        for _ in 0..100 {
            line.enter(&Stop::NEVER).unwrap();
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    line.enter(&Stop::NEVER).unwrap();
                    order.lock().push("waited");
                    line.leave();
                });
                while line.lengths().1 == 0 {
                    std::thread::yield_now();
                }
                line.leave();
                line.enter(&Stop::NEVER).unwrap();
                order.lock().push("came");
                line.leave();
            });
            assert_eq!(std::mem::take(&mut *order.lock()), ["waited", "came"]);
        }
    }

    #[test]
    fn whoever_is_told_to_stop_leaves_the_line_and_takes_nobodys_turn() {
        let line = line(1, 2, Duration::from_secs(3_600));
        line.enter(&Stop::NEVER).unwrap();
        let gone = Stop::new();
        std::thread::scope(|scope| {
            let stopped = scope.spawn(|| line.enter(&gone));
            let waiting = scope.spawn(|| line.enter(&Stop::NEVER));
            while line.lengths().1 < 2 {
                std::thread::yield_now();
            }
            line.abandon(&gone);
            assert_eq!(stopped.join().expect("no panic").unwrap_err().kind(), asofdb::ErrorKind::Unavailable);
            assert_eq!(line.lengths(), (1, 1));
            line.leave();
            waiting.join().expect("no panic").unwrap();
        });
    }
}

#[cfg(all(test, loom))]
mod every_order {
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicUsize, Ordering};
    use loom::thread;

    use super::*;

    #[test]
    fn everybody_gets_a_turn_and_no_two_at_a_time() {
        loom::model(|| {
            let bounds =
                BulkBounds { working_max: 1, waiting_max: 2, patience: Duration::MAX, ..BulkBounds::default() };
            let (line, working) = (Arc::new(Line::new(bounds)), Arc::new(AtomicUsize::new(0)));
            let turn = |line: &Line, working: &AtomicUsize| {
                line.enter(&Stop::NEVER).unwrap();
                assert_eq!(working.fetch_add(1, Ordering::Relaxed), 0);
                working.fetch_sub(1, Ordering::Relaxed);
                line.leave();
            };
            let others = [(); 2].map(|()| {
                let (line, working) = (line.clone(), working.clone());
                thread::spawn(move || turn(&line, &working))
            });
            turn(&line, &working);
            others.into_iter().for_each(|other| other.join().unwrap());
            assert_eq!(line.lengths(), (0, 0));
        });
    }
}
