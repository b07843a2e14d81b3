//! The outbox of a target: notices that wait for delivery, and when it is tried again.

use std::collections::VecDeque;
use std::time::Duration;

use asofdb::Timestamp;
use asofdb_protocol::AlertTargetReport;

use super::notice::{Notice, bounded};

/// Most notices of one delivery.
pub(super) const BATCH_MAX: usize = 20;

/// The pauses between deliveries that fail: each is twice the one before, within these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Retry {
    pub(super) from: Duration,
    pub(super) most: Duration,
}

/// Notices in the order in which they are delivered.
#[derive(Debug)]
pub(super) struct Outbox {
    waiting: VecDeque<Notice>,
    waiting_max: usize,
    retry: Retry,
    /// The pause after the next failure.
    pause: Duration,
    /// True if the notices of the front were tried.
    is_tried: bool,
    report: AlertTargetReport,
}

impl Outbox {
    pub(super) fn new(target: &str, kind: &'static str, waiting_max: usize, retry: Retry) -> Self {
        let report = AlertTargetReport { target: target.into(), kind: kind.into(), ..AlertTargetReport::default() };
        let pause = retry.from;
        Outbox { waiting: VecDeque::new(), waiting_max, retry, pause, is_tried: false, report }
    }

    /// Returns it with notices that waited before.
    pub(super) fn with(mut self, waiting: Vec<Notice>) -> Self {
        self.push(&waiting);
        self
    }

    /// Adds notices; the oldest are given up where there would be too many.
    pub(super) fn push(&mut self, notices: &[Notice]) {
        self.waiting.extend(notices.iter().cloned());
        let over = self.waiting.len().saturating_sub(self.waiting_max);
        self.waiting.drain(..over);
        self.report.dropped += over as u64;
    }

    /// Returns the notices that are to be delivered next.
    pub(super) fn batch(&self) -> Vec<Notice> {
        self.waiting.iter().take(BATCH_MAX).cloned().collect()
    }

    /// Returns all that wait.
    pub(super) fn waiting(&self) -> Vec<Notice> {
        self.waiting.iter().cloned().collect()
    }

    /// Returns whether all that waits was tried without success.
    pub(super) fn is_tried(&self) -> bool {
        self.waiting.is_empty() || self.is_tried
    }

    /// Notes that a batch was delivered. Some of it may have been given up meanwhile.
    pub(super) fn delivered(&mut self, batch: &[Notice], now: Option<Timestamp>) {
        while self.waiting.front().is_some_and(|front| batch.iter().any(|notice| notice.id == front.id)) {
            self.waiting.pop_front();
        }
        self.report.delivered += batch.len() as u64;
        self.report.last_delivered = now.or(self.report.last_delivered);
        (self.pause, self.is_tried) = (self.retry.from, false);
    }

    /// Notes that a delivery failed; returns the time to wait until the next.
    pub(super) fn failed(&mut self, error: &str, wanted: Option<Duration>, now: Option<Timestamp>) -> Duration {
        self.report.failures += 1;
        self.report.last_failed = now.or(self.report.last_failed);
        self.report.last_error = Some(bounded(error));
        self.is_tried = true;
        let pause = self.pause;
        self.pause = (pause * 2).min(self.retry.most);
        pause.max(wanted.unwrap_or_default())
    }

    pub(super) fn name(&self) -> &str {
        &self.report.target
    }

    pub(super) fn report(&self) -> AlertTargetReport {
        AlertTargetReport { waiting: self.waiting.len() as u64, ..self.report.clone() }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::notice::Event;
    use super::super::sighting::Severity;
    use super::*;

    pub(in super::super) fn notice(number: u64) -> Notice {
        Notice {
            id: number.to_string(),
            event: Event::Opened,
            kind: "freshness".into(),
            subject: "v".into(),
            state: "stale".into(),
            severity: Severity::Critical,
            message: "it <is> stale & old".into(),
            since: Timestamp::EPOCH,
            at: Timestamp::EPOCH,
        }
    }

    fn outbox(waiting_max: usize) -> Outbox {
        let retry = Retry { from: Duration::from_secs(1), most: Duration::from_secs(5) };
        Outbox::new("t", "json", waiting_max, retry)
    }

    fn ids(notices: &[Notice]) -> Vec<&str> {
        notices.iter().map(|notice| notice.id.as_str()).collect()
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_anew_after_a_delivery() {
        let mut outbox = outbox(10).with(vec![notice(1)]);
        let pauses: Vec<_> = (0..4).map(|_| outbox.failed("no", None, None).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 5]);
        assert_eq!(outbox.failed("no", Some(Duration::from_secs(60)), None).as_secs(), 60);
        outbox.delivered(&outbox.batch(), Some(Timestamp::EPOCH));
        outbox.push(&[notice(2)]);
        assert_eq!(outbox.failed("again", None, None).as_secs(), 1);
        let report = outbox.report();
        assert_eq!((report.waiting, report.delivered, report.failures), (1, 1, 6));
        assert_eq!((report.last_delivered, report.last_error.as_deref()), (Some(Timestamp::EPOCH), Some("again")));
    }

    #[test]
    fn the_oldest_are_given_up_where_too_many_wait_and_what_is_under_way_is_not_taken_for_others() {
        let mut outbox = outbox(3).with((1..=3).map(notice).collect());
        let under_way = outbox.batch();
        outbox.push(&[notice(4), notice(5)]);
        assert_eq!(ids(&outbox.waiting()), ["3", "4", "5"]);
        outbox.delivered(&under_way, None);
        assert_eq!(ids(&outbox.waiting()), ["4", "5"]);
        assert_eq!(outbox.report().dropped, 2);
    }

    #[test]
    fn a_batch_has_so_many_notices_at_most_the_oldest_first() {
        let outbox = outbox(100).with((0..50).map(notice).collect());
        let batch = outbox.batch();
        assert_eq!((batch.len(), ids(&batch)[0]), (BATCH_MAX, "0"));
    }
}
