//! Token buckets: how many requests, rows or bytes a second.

use std::num::NonZeroU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use asofdb::{Error, Result};

use super::stopwatch::Moment;
use crate::sync::AtomicU64;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Most tokens that are taken in one step, so that their time fits into 64 bits; more cost no more than these.
const STEP_MAX: u64 = 1 << 34;

/// The longest time that a burst may last, and so the most that a bucket can owe: 73 years.
const TIME_MAX: u64 = 1 << 61;

/// A rate: so many a second, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The number a second, over time.
    pub per_second: NonZeroU64,
    /// The number at once, after a pause that is long enough.
    pub burst: NonZeroU64,
}

/// A token bucket whose rate may change, or be none. Asking takes no lock.
///
/// It keeps one number: the moment at which it will be full again. Tokens that are taken move it into the future, by the
/// time in which they come back; the burst is how far it may be there.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    /// 0: there is no limit.
    per_second: AtomicU64,
    burst: AtomicU64,
    /// The moment at which it is full again, in nanoseconds.
    full_at: AtomicU64,
}

/// A refusal of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The tokens are there after this time.
    For(Duration),
    /// There are never so many.
    Always,
}

impl Bucket {
    /// Changes the rate. A bucket whose rate changes is full.
    pub(crate) fn set(&self, rate: Option<Rate>) {
        let (per_second, burst) = rate.map_or((0, 0), |rate| (rate.per_second.get(), rate.burst.get()));
        let before = (self.per_second.swap(per_second, Ordering::Relaxed), self.burst.swap(burst, Ordering::Relaxed));
        if before != (per_second, burst) {
            self.full_at.store(0, Ordering::Relaxed);
        }
    }

    /// Returns whether there is a limit.
    #[inline]
    pub(crate) fn is_limited(&self) -> bool {
        self.per_second.load(Ordering::Relaxed) > 0
    }

    /// The number a second, over time.
    pub(crate) fn per_second(&self) -> u64 {
        self.per_second.load(Ordering::Relaxed)
    }

    /// The number at once.
    pub(crate) fn burst(&self) -> u64 {
        self.burst.load(Ordering::Relaxed)
    }

    /// Takes `count` tokens, or none.
    #[inline]
    pub(crate) fn take(&self, count: u64, now: Moment) -> Result<(), Refused> {
        match (self.per_second(), count) {
            (0, _) | (_, 0) => Ok(()),
            (per_second, count) => self.take_limited(count, per_second, now),
        }
    }

    fn take_limited(&self, count: u64, per_second: u64, now: Moment) -> Result<(), Refused> {
        let burst = self.burst();
        if count > burst {
            return Err(Refused::Always);
        }
        let (cost, most) = (time_of(count, per_second), burst_time(burst, per_second));
        let later = |full_at: u64| full_at.max(now.0).saturating_add(cost);
        let within = |full_at: u64| Some(later(full_at)).filter(|later| later - now.0 <= most);
        let taken = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within);
        taken.map(drop).map_err(|full_at| wait(later(full_at) - now.0, most))
    }

    /// Refuses while more has been charged than there was.
    #[inline]
    pub(crate) fn check(&self, now: Moment) -> Result<(), Refused> {
        match self.per_second() {
            0 => Ok(()),
            per_second => {
                let ahead = self.full_at.load(Ordering::Relaxed).saturating_sub(now.0);
                let most = burst_time(self.burst(), per_second);
                if ahead < most { Ok(()) } else { Err(wait(ahead, most)) }
            }
        }
    }

    /// Takes what was used, whether it is there or not: what is not is owed.
    #[inline]
    pub(crate) fn charge(&self, count: u64, now: Moment) {
        match (self.per_second(), count) {
            (0, _) | (_, 0) => {}
            (per_second, count) => {
                let cost = time_of(count, per_second);
                let later = |full_at: u64| Some(full_at.max(now.0).saturating_add(cost).min(now.0 + TIME_MAX));
                let _ = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
            }
        }
    }
}

/// The time in which so many tokens come back, rounded up to a nanosecond.
fn time_of(count: u64, per_second: u64) -> u64 {
    (count.min(STEP_MAX) * NANOS_PER_SECOND).div_ceil(per_second)
}

/// The time in which an empty bucket fills.
fn burst_time(burst: u64, per_second: u64) -> u64 {
    let time = (u128::from(burst) * u128::from(NANOS_PER_SECOND)).div_ceil(u128::from(per_second));
    u64::try_from(time).unwrap_or(TIME_MAX).min(TIME_MAX)
}

#[cold]
fn wait(ahead: u64, most: u64) -> Refused {
    Refused::For(Duration::from_nanos(ahead.saturating_sub(most)))
}

/// Makes the error of a refusal: `whose` is what is limited (`consumer "ranker"`), `what` is what is counted (`rows`).
#[cold]
pub(crate) fn refusal(bucket: &Bucket, refused: Refused, whose: &str, what: &str, count: u64) -> Error {
    match refused {
        Refused::Always => {
            let burst = bucket.burst();
            Error::invalid(format!("{whose} may ask for {burst} {what} at once; split the request: {count}"))
        }
        Refused::For(time) => {
            let (per_second, millis) = (bucket.per_second(), time.as_millis() + 1);
            Error::limited(format!("{whose} has used up its {per_second} {what} a second; try again in {millis} ms"))
        }
    }
}

#[cfg(test)]
pub(super) fn rate(per_second: u64, burst: u64) -> Option<Rate> {
    Some(Rate { per_second: per_second.try_into().unwrap(), burst: burst.try_into().unwrap() })
}

#[cfg(all(test, not(loom)))]
mod tests {
    use asofdb::ErrorKind;

    use super::*;

    const SECOND: u64 = NANOS_PER_SECOND;

    fn bucket(per_second: u64, burst: u64) -> Bucket {
        let bucket = Bucket::default();
        bucket.set(rate(per_second, burst));
        bucket
    }

    #[test]
    fn a_burst_passes_and_then_the_error_says_when_to_come_again() {
        let bucket = bucket(1, 100);
        bucket.take(60, Moment(5)).unwrap();
        bucket.take(40, Moment(5)).unwrap();
        bucket.take(0, Moment(5)).unwrap();
        let refused = bucket.take(50, Moment(5)).unwrap_err();
        assert_eq!(refused, Refused::For(Duration::from_secs(50)));
        let error = refusal(&bucket, refused, "consumer \"ranker\"", "rows", 50);
        assert_eq!(error.kind(), ErrorKind::Limited);
        assert_eq!(error.to_string(), "consumer \"ranker\" has used up its 1 rows a second; try again in 50001 ms");
    }

    #[test]
    fn more_than_the_burst_never_passes_and_the_error_says_to_split() {
        let bucket = bucket(1, 100);
        let refused = bucket.take(101, Moment(0)).unwrap_err();
        let error = refusal(&bucket, refused, "consumer \"ranker\"", "rows", 101);
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(error.to_string(), "consumer \"ranker\" may ask for 100 rows at once; split the request: 101");
        assert_eq!(bucket.take(u64::MAX, Moment(0)), Err(Refused::Always));
    }

    #[test]
    fn tokens_come_back_with_time_and_no_more_than_the_burst() {
        let bucket = bucket(1_000, 10);
        bucket.take(10, Moment(0)).unwrap();
        assert_eq!(bucket.take(10, Moment(SECOND / 100 - 1)), Err(Refused::For(Duration::from_nanos(1))));
        bucket.take(10, Moment(SECOND / 100)).unwrap();
        bucket.take(10, Moment(SECOND * 100)).unwrap();
        assert!(bucket.take(1, Moment(SECOND * 100)).is_err());
    }

    #[test]
    fn what_is_charged_beyond_the_burst_is_owed() {
        let bucket = bucket(100, 100);
        bucket.check(Moment(0)).unwrap();
        bucket.charge(1_000, Moment(0));
        assert_eq!(bucket.check(Moment(0)), Err(Refused::For(Duration::from_secs(9))));
        assert!(bucket.check(Moment(9 * SECOND)).is_err());
        bucket.check(Moment(9 * SECOND + 1)).unwrap();
    }

    #[test]
    fn a_rate_that_changes_begins_full_and_one_that_stays_goes_on() {
        let bucket = bucket(1, 10);
        bucket.take(10, Moment(0)).unwrap();
        bucket.set(rate(1, 10));
        assert!(bucket.take(1, Moment(0)).is_err());
        bucket.set(rate(2, 10));
        bucket.take(10, Moment(0)).unwrap();
        bucket.set(None);
        bucket.take(u64::MAX, Moment(0)).unwrap();
        assert!(!bucket.is_limited());
    }

    #[test]
    fn the_greatest_rates_and_counts_do_not_overflow() {
        let bucket = bucket(1, u64::MAX);
        bucket.charge(u64::MAX, Moment(u64::MAX >> 2));
        bucket.charge(u64::MAX, Moment(u64::MAX >> 2));
        let _ = bucket.take(u64::MAX, Moment(u64::MAX >> 2));
        let fast = Bucket::default();
        fast.set(rate(u64::MAX, u64::MAX));
        fast.take(u64::MAX, Moment(0)).unwrap();
        assert!(fast.check(Moment(1)).is_ok());
    }
}

#[cfg(all(test, loom))]
mod every_order {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    #[test]
    fn of_two_that_want_the_last_token_exactly_one_gets_it() {
        loom::model(|| {
            let bucket = Arc::new(Bucket::default());
            bucket.set(rate(1, 1));
            let other = bucket.clone();
            let other = thread::spawn(move || other.take(1, Moment(0)).is_ok());
            let here = bucket.take(1, Moment(0)).is_ok();
            assert_ne!(here, other.join().unwrap());
        });
    }
}
