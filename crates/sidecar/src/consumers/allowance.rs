//! The allowance of a consumer or a view: its terms in force, and what is used of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use asofdb::{Error, Result};

use super::bucket::{Bucket, Refused, refusal};
use super::stopwatch::Moment;
use super::terms::Terms;
use crate::gauges::Gauge;

/// The terms of one consumer or view in force. They change while requests go on: each is an atomic of its own, and
/// whoever holds the allowance asks the new ones from then on. No lock, and nothing that is found anew.
#[derive(Debug, Default)]
pub(crate) struct Allowance {
    /// The name of what is limited, for messages: `consumer "ranker"`.
    whose: String,
    requests: Bucket,
    rows: Bucket,
    answered: Bucket,
    written: Bucket,
    /// Most requests at a time; 0 for no limit.
    in_flight_max: AtomicU64,
    in_flight: Gauge,
    /// The latency objective in nanoseconds; 0 for none.
    latency_nanos: AtomicU64,
}

impl Allowance {
    pub(crate) fn new(whose: String, terms: &Terms) -> Self {
        let allowance = Allowance { whose, ..Allowance::default() };
        allowance.set(terms);
        allowance
    }

    /// Changes the terms. A rate that changes begins with all that it gives at once.
    pub(crate) fn set(&self, terms: &Terms) {
        self.requests.set(terms.requests);
        self.rows.set(terms.rows);
        self.answered.set(terms.answered);
        self.written.set(terms.written);
        let nanos = terms.latency_p99.map_or(0, |latency| u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
        self.latency_nanos.store(nanos, Ordering::Relaxed);
        self.in_flight_max.store(terms.in_flight.map_or(0, Into::into), Ordering::Relaxed);
    }

    /// Takes the token of a request, and refuses it while bytes are owed.
    ///
    /// # Errors
    /// `Limited`.
    #[inline]
    pub(crate) fn admit_request(&self) -> Result<()> {
        if !(self.requests.is_limited() || self.answered.is_limited() || self.written.is_limited()) {
            return Ok(());
        }
        let now = Moment::now();
        self.answered.check(now).map_err(|refused| self.refuse(&self.answered, refused, "bytes of answers", 0))?;
        self.written.check(now).map_err(|refused| self.refuse(&self.written, refused, "bytes written", 0))?;
        self.requests.take(1, now).map_err(|refused| self.refuse(&self.requests, refused, "requests", 1))
    }

    /// Takes the token of a request, whether bytes are owed or not: of one that reads and writes no values, and of bulk
    /// work, which waits until nothing is owed.
    ///
    /// # Errors
    /// `Limited`.
    pub(crate) fn admit_requests_alone(&self) -> Result<()> {
        let taken = self.requests.take(1, Moment::now());
        taken.map_err(|refused| self.refuse(&self.requests, refused, "requests", 1))
    }

    /// Takes the tokens of so many rows.
    ///
    /// # Errors
    /// `Limited` when there are fewer; `Invalid` when there are never so many.
    #[inline]
    pub(crate) fn admit_rows(&self, rows: usize) -> Result<()> {
        if !self.rows.is_limited() {
            return Ok(());
        }
        let rows = rows as u64;
        self.rows.take(rows, Moment::now()).map_err(|refused| self.refuse(&self.rows, refused, "rows", rows))
    }

    /// Takes the tokens of bytes that were answered; what there is not is owed.
    #[inline]
    pub(crate) fn charge_answered(&self, bytes: u64) {
        if self.answered.is_limited() {
            self.answered.charge(bytes, Moment::now());
        }
    }

    /// Takes the tokens of bytes that were written; what there is not is owed.
    #[inline]
    pub(crate) fn charge_written(&self, bytes: u64) {
        if self.written.is_limited() {
            self.written.charge(bytes, Moment::now());
        }
    }

    /// The time until no bytes are owed.
    pub(crate) fn owes_for(&self) -> Duration {
        let now = Moment::now();
        let time = |bucket: &Bucket| match bucket.check(now) {
            Err(Refused::For(time)) => time.max(Duration::from_nanos(1)),
            _ => Duration::ZERO,
        };
        time(&self.answered).max(time(&self.written))
    }

    /// The latency that 99 in 100 reads shall stay within.
    #[inline]
    pub(crate) fn latency(&self) -> Option<Duration> {
        match self.latency_nanos.load(Ordering::Relaxed) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    #[cold]
    fn refuse(&self, bucket: &Bucket, refused: Refused, what: &str, count: u64) -> Error {
        refusal(bucket, refused, &self.whose, what, count)
    }
}

/// A request that counts among those at a time, while it lives.
#[derive(Debug)]
pub(crate) struct Underway(Arc<Allowance>);

impl Underway {
    /// Counts a request; where nothing is limited it is not counted.
    ///
    /// # Errors
    /// `Limited` when there are as many as may be.
    #[inline]
    pub(crate) fn enter(allowance: &Arc<Allowance>) -> Result<Option<Self>> {
        match allowance.in_flight_max.load(Ordering::Relaxed) {
            0 => Ok(None),
            most => Underway::enter_within(allowance, most).map(Some),
        }
    }

    fn enter_within(allowance: &Arc<Allowance>, most: u64) -> Result<Self> {
        match allowance.in_flight.add_within(1, most) {
            Ok(()) => Ok(Underway(allowance.clone())),
            Err(_) => {
                let whose = &allowance.whose;
                Err(Error::limited(format!("{whose} may have {most} requests at a time, and has them; try again")))
            }
        }
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.in_flight.subtract(1);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use asofdb::ErrorKind;

    use super::super::bucket::rate;
    use super::*;

    fn allowance(terms: &Terms) -> Arc<Allowance> {
        Arc::new(Allowance::new("consumer \"a\"".to_owned(), terms))
    }

    #[test]
    fn requests_at_a_time_are_bounded_and_a_place_comes_back() {
        let allowance = allowance(&Terms { in_flight: 2.try_into().ok(), ..Terms::default() });
        let first = Underway::enter(&allowance).unwrap();
        let _second = Underway::enter(&allowance).unwrap();
        let error = Underway::enter(&allowance).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limited);
        assert_eq!(error.message(), "consumer \"a\" may have 2 requests at a time, and has them; try again");
        drop(first);
        assert!(Underway::enter(&allowance).unwrap().is_some());
    }

    #[test]
    fn a_place_that_was_taken_under_other_terms_is_given_back_to_nobody_else() {
        let allowance = allowance(&Terms::default());
        let uncounted = Underway::enter(&allowance).unwrap();
        allowance.set(&Terms { in_flight: 1.try_into().ok(), ..Terms::default() });
        let counted = Underway::enter(&allowance).unwrap();
        drop(uncounted);
        assert_eq!(allowance.in_flight.get(), 1);
        allowance.set(&Terms::default());
        drop(counted);
        assert_eq!(allowance.in_flight.get(), 0);
    }

    #[test]
    fn bytes_are_charged_when_they_are_known_and_owed_by_the_next_request() {
        let allowance = allowance(&Terms { answered: rate(100, 1_000), written: rate(5, 5), ..Terms::default() });
        allowance.admit_request().unwrap();
        allowance.charge_answered(1_000_000);
        let error = allowance.admit_request().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limited);
        let message = error.message();
        assert!(message.starts_with("consumer \"a\" has used up its 100 bytes of answers a second; "), "{message}");
        assert!(allowance.owes_for() > Duration::from_secs(9_000));
        allowance.set(&Terms { written: rate(5, 5), ..Terms::default() });
        allowance.admit_request().unwrap();
        allowance.charge_written(1_000_000);
        let error = allowance.admit_request().unwrap_err();
        assert!(error.message().contains("has used up its 5 bytes written a second; "), "{error}");
    }

    #[test]
    fn terms_that_change_hold_at_once_for_whoever_has_the_allowance() {
        let allowance = allowance(&Terms::default());
        allowance.admit_rows(1_000_000).unwrap();
        allowance.set(&Terms { rows: rate(1, 10), latency_p99: Some(Duration::from_millis(2)), ..Terms::default() });
        assert!(allowance.admit_rows(11).is_err());
        assert_eq!(allowance.latency(), Some(Duration::from_millis(2)));
        allowance.set(&Terms::default());
        allowance.admit_rows(1_000_000).unwrap();
        assert_eq!(allowance.latency(), None);
    }
}
