//! Slack: how long a client may keep the sidecar waiting while a request or an answer is under way.

use std::time::Duration;

/// The bytes a second at which a client must send a request, or read an answer, to keep its slack.
pub(crate) const RATE_MIN: u64 = 256 << 10;

/// The time that a client may still take. It is used up by waiting and given back by bytes that move, so that a client
/// that moves a byte now and then is cut off as one that stands still.
#[derive(Debug, Clone)]
pub(crate) struct Slack {
    most: Duration,
    left: Duration,
}

impl Slack {
    /// Slack of at most `most`, all of it there.
    pub(crate) fn new(most: Duration) -> Self {
        Slack { most, left: most }
    }

    /// The time that may be waited now.
    pub(crate) fn left(&self) -> Duration {
        self.left
    }

    /// Takes that so many bytes have moved after a wait. False when the wait has used up the slack.
    pub(crate) fn moved(&mut self, bytes: usize, waited: Duration) -> bool {
        let earned = Duration::from_micros((bytes as u64).saturating_mul(1_000_000) / RATE_MIN);
        self.left = self.left.saturating_add(earned).min(self.most.saturating_add(waited)).saturating_sub(waited);
        self.left = self.left.min(self.most);
        !self.left.is_zero() || waited.is_zero()
    }

    /// Returns whether some of it is used up.
    pub(crate) fn is_strained(&self) -> bool {
        self.left < self.most
    }

    /// Gives as much back as the time took in which the client owed nothing.
    pub(crate) fn rested(&mut self, rest: Duration) {
        self.left = self.left.saturating_add(rest).min(self.most);
    }

    /// Begins anew, with another request.
    pub(crate) fn renew(&mut self) {
        self.left = self.most;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_drips_is_cut_off_and_one_that_is_steady_is_not() {
        let mut drip = Slack::new(Duration::from_secs(10));
        let bytes = (1..).find(|_| !drip.moved(1, Duration::from_secs(2))).unwrap();
        assert!((5..=6).contains(&bytes), "{bytes}");
        let mut steady = Slack::new(Duration::from_secs(10));
        assert!((0..10_000).all(|_| steady.moved(300 << 10, Duration::from_secs(1))));
    }

    #[test]
    fn a_rest_gives_back_what_it_took_and_no_more() {
        let mut slack = Slack::new(Duration::from_secs(10));
        assert!(slack.moved(0, Duration::from_secs(8)) && slack.is_strained());
        slack.rested(Duration::from_secs(3));
        assert_eq!(slack.left(), Duration::from_secs(5));
        slack.rested(Duration::from_secs(3_600));
        assert!(!slack.is_strained());
        assert_eq!(slack.left(), Duration::from_secs(10));
    }

    #[test]
    fn what_was_quick_does_not_pay_for_a_long_wait() {
        let mut slack = Slack::new(Duration::from_secs(10));
        assert!(slack.moved(1 << 30, Duration::from_millis(1)));
        assert_eq!(slack.left(), Duration::from_secs(10));
        assert!(!slack.moved(1, Duration::from_secs(11)));
        slack.renew();
        assert_eq!(slack.left(), Duration::from_secs(10));
    }
}
