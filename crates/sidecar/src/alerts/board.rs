//! The board: what the thread that looks, the couriers and the doors share.

use std::time::Duration;

use asofdb::Timestamp;
use asofdb_protocol::{AlertReport, AlertsReport};
use parking_lot::{Condvar, Mutex};

use super::notice::Notice;
use super::outbox::Outbox;

/// The reason why the thread that looks has been woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wake {
    /// It is time for the next look.
    Time,
    /// Something was delivered, which is to be saved.
    Delivered,
    /// It is the end.
    End,
}

/// Outboxes, and what is open. Its lock is held for copies only.
#[derive(Debug)]
pub(crate) struct Board {
    state: Mutex<State>,
    /// Something has changed that the thread that looks waits for.
    looked_for: Condvar,
    /// There are notices to deliver, or it is the end.
    arrived: Condvar,
    /// It is the end.
    stopped: Condvar,
}

#[derive(Debug)]
struct State {
    alerts: Vec<AlertReport>,
    outboxes: Vec<Outbox>,
    is_changed: bool,
    is_ending: bool,
    is_stopped: bool,
}

impl Board {
    pub(super) fn new(outboxes: Vec<Outbox>) -> Self {
        let state = State { alerts: Vec::new(), outboxes, is_changed: false, is_ending: false, is_stopped: false };
        Board { state: Mutex::new(state), looked_for: Condvar::new(), arrived: Condvar::new(), stopped: Condvar::new() }
    }

    /// Reports what is open, and how delivery goes.
    pub(crate) fn report(&self) -> AlertsReport {
        let state = self.state.lock();
        let targets = state.outboxes.iter().map(Outbox::report).collect();
        AlertsReport { alerts: state.alerts.clone(), targets }
    }

    /// Gives the couriers notices to deliver, and the doors what is open.
    pub(super) fn publish(&self, alerts: Vec<AlertReport>, notices: &[Notice]) {
        let mut state = self.state.lock();
        state.alerts = alerts;
        state.outboxes.iter_mut().for_each(|outbox| outbox.push(notices));
        self.arrived.notify_all();
    }

    /// Returns what waits for each target.
    pub(super) fn waiting(&self) -> Vec<(String, Vec<Notice>)> {
        let state = self.state.lock();
        state.outboxes.iter().map(|outbox| (outbox.name().to_owned(), outbox.waiting())).collect()
    }

    /// Waits for the time of the next look, or for something else to do.
    pub(super) fn wait(&self, time: Duration) -> Wake {
        let mut state = self.state.lock();
        let woken_for = |state: &mut State| !state.is_changed && !state.is_ending;
        self.looked_for.wait_while_for(&mut state, woken_for, time);
        if state.is_ending {
            return Wake::End;
        }
        match std::mem::take(&mut state.is_changed) {
            true => Wake::Delivered,
            false => Wake::Time,
        }
    }

    /// Waits until everything was tried, for so long at most.
    pub(super) fn linger(&self, time: Duration) {
        let is_untried = |state: &mut State| !state.outboxes.iter().all(Outbox::is_tried);
        self.looked_for.wait_while_for(&mut self.state.lock(), is_untried, time);
    }

    /// Ends the looks.
    pub(super) fn end(&self) {
        self.state.lock().is_ending = true;
        self.looked_for.notify_all();
    }

    /// Ends the deliveries; one that is under way goes on by itself.
    pub(super) fn stop(&self) {
        self.state.lock().is_stopped = true;
        self.arrived.notify_all();
        self.stopped.notify_all();
    }

    /// Waits for notices to a target; `None` at the end.
    pub(super) fn batch(&self, target: usize) -> Option<Vec<Notice>> {
        let mut state = self.state.lock();
        loop {
            let batch = state.outboxes[target].batch();
            match (state.is_stopped, batch.is_empty()) {
                (true, _) => return None,
                (false, false) => return Some(batch),
                (false, true) => self.arrived.wait(&mut state),
            }
        }
    }

    /// Notes that a batch was delivered.
    pub(super) fn delivered(&self, target: usize, batch: &[Notice], now: Option<Timestamp>) {
        let mut state = self.state.lock();
        state.outboxes[target].delivered(batch, now);
        state.is_changed = true;
        self.looked_for.notify_all();
    }

    /// Notes that a delivery failed, and waits until the next is due. False at the end.
    pub(super) fn failed(&self, target: usize, error: &str, wanted: Option<Duration>, now: Option<Timestamp>) -> bool {
        let mut state = self.state.lock();
        let pause = state.outboxes[target].failed(error, wanted, now);
        self.looked_for.notify_all();
        self.stopped.wait_while_for(&mut state, |state| !state.is_stopped, pause);
        !state.is_stopped
    }
}

#[cfg(test)]
mod tests {
    use super::super::outbox::Retry;
    use super::super::outbox::tests::notice;
    use super::*;

    fn board() -> Board {
        let retry = Retry { from: Duration::ZERO, most: Duration::ZERO };
        Board::new(vec![Outbox::new("t", "json", 10, retry)])
    }

    #[test]
    fn what_is_published_is_handed_out_until_it_is_delivered() {
        let board = board();
        board.publish(Vec::new(), &[notice(1)]);
        let batch = board.batch(0).unwrap();
        assert!(board.failed(0, "no", None, None));
        assert_eq!(board.batch(0).unwrap(), batch);
        assert_eq!(board.wait(Duration::ZERO), Wake::Time);
        board.delivered(0, &batch, None);
        assert_eq!(board.wait(Duration::MAX), Wake::Delivered);
        assert_eq!(board.waiting(), [("t".to_owned(), Vec::new())]);
    }

    #[test]
    fn the_end_wakes_everybody() {
        let board = board();
        std::thread::scope(|scope| {
            let looks = scope.spawn(|| board.wait(Duration::MAX));
            board.end();
            assert_eq!(looks.join().unwrap(), Wake::End);
            let delivers = scope.spawn(|| board.batch(0));
            board.stop();
            assert_eq!(delivers.join().unwrap(), None);
        });
        board.publish(Vec::new(), &[notice(1)]);
        assert!(!board.failed(0, "no", Some(Duration::from_secs(3_600)), None));
    }
}
