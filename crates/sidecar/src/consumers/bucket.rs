//! Token buckets: how many requests or rows a second.

use std::num::NonZeroU32;
use std::time::Duration;

use asofdb::{Error, Result};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

/// A rate: so many a second, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The number a second, over time.
    pub per_second: NonZeroU32,
    /// The number at once, after a pause that is long enough.
    pub burst: NonZeroU32,
}

/// A token bucket. Asking takes no lock.
#[derive(Debug)]
pub(crate) struct Bucket {
    limiter: RateLimiter<NotKeyed, InMemoryState, DefaultClock, NoOpMiddleware>,
    clock: DefaultClock,
    rate: Rate,
    /// The name of what is limited, for messages: `consumer "ranker"`.
    whose: String,
    /// The name of what is counted: `rows` or `requests`.
    what: &'static str,
}

impl Bucket {
    pub(crate) fn new(rate: Rate, whose: String, what: &'static str) -> Self {
        let clock = DefaultClock::default();
        let quota = Quota::per_second(rate.per_second).allow_burst(rate.burst);
        let limiter = RateLimiter::direct_with_clock(quota, clock.clone());
        Bucket { limiter, clock, rate, whose, what }
    }

    /// Takes `count` tokens, or none.
    #[inline]
    pub(crate) fn take(&self, count: usize) -> Result<()> {
        let Ok(Some(tokens)) = u32::try_from(count).map(NonZeroU32::new) else {
            return if count == 0 { Ok(()) } else { Err(self.over_burst(count)) };
        };
        match self.limiter.check_n(tokens) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(not_until)) => Err(self.refusal(not_until.wait_time_from(self.clock.now()))),
            Err(_) => Err(self.over_burst(count)),
        }
    }

    #[cold]
    fn over_burst(&self, count: usize) -> Error {
        let Bucket { whose, what, rate, .. } = self;
        Error::invalid(format!("{whose} may ask for {} {what} at once; split the request: {count}", rate.burst))
    }

    #[cold]
    fn refusal(&self, wait: Duration) -> Error {
        let Bucket { whose, what, rate, .. } = self;
        let wait = wait.as_millis() + 1;
        Error::limited(format!("{whose} has used up its {} {what} a second; try again in {wait} ms", rate.per_second))
    }
}

#[cfg(test)]
mod tests {
    use asofdb::ErrorKind;

    use super::*;

    fn bucket(per_second: u32, burst: u32) -> Bucket {
        let rate = Rate { per_second: per_second.try_into().unwrap(), burst: burst.try_into().unwrap() };
        Bucket::new(rate, "consumer \"ranker\"".to_owned(), "rows")
    }

    #[test]
    fn a_burst_passes_and_then_the_error_says_when_to_come_again() {
        let bucket = bucket(1, 100);
        bucket.take(60).unwrap();
        bucket.take(40).unwrap();
        bucket.take(0).unwrap();
        let error = bucket.take(50).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limited);
        let message = error.to_string();
        assert!(message.starts_with("consumer \"ranker\" has used up its 1 rows a second; try again in "), "{message}");
        let millis: u64 = message.rsplit(' ').nth(1).unwrap().parse().unwrap();
        assert!((45_000..=50_001).contains(&millis), "{millis}");
    }

    #[test]
    fn more_than_the_burst_never_passes_and_the_error_says_to_split() {
        let error = bucket(1, 100).take(101).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(error.to_string(), "consumer \"ranker\" may ask for 100 rows at once; split the request: 101");
        assert_eq!(bucket(1, 100).take(usize::MAX).unwrap_err().kind(), ErrorKind::Invalid);
    }

    #[test]
    fn tokens_come_back_with_time() {
        let bucket = bucket(1_000, 10);
        bucket.take(10).unwrap();
        assert!(bucket.take(10).is_err());
        std::thread::sleep(Duration::from_millis(20));
        bucket.take(10).unwrap();
    }
}
