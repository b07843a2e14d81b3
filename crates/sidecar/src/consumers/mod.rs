//! Consumers: their names, their limits, and the counts of what they did.

mod bucket;
mod consumer;
mod latency;
mod limits;
mod meter;
mod name;
mod series;
mod stopwatch;

use std::collections::HashMap;
use std::sync::Arc;

use asofdb::{Error, Result, check_consumer_name};
use asofdb_protocol::ConsumerReport;
use parking_lot::RwLock;

pub(crate) use self::consumer::Consumer;
pub(crate) use self::latency::LatencySnapshot;
pub use self::limits::Limits;
pub(crate) use self::limits::Rates;
pub(crate) use self::meter::Meter;
pub(crate) use self::series::Series;
pub(crate) use self::stopwatch::Stopwatch;

use self::bucket::Bucket;
use self::consumer::Shared;
use self::name::{is_of_another_uid, uid_name};

/// Most names that are told apart, those of the configuration included: each costs memory for as long as the
/// sidecar runs, and names are the clients' to choose.
const CONSUMERS_MAX: usize = 256;

/// The consumer that all names after [`CONSUMERS_MAX`] share, with the limits of the default.
const OTHER: &str = "other";

/// The consumer of a caller that the kernel does not identify and that gives no name.
const ANONYMOUS: &str = "anonymous";

/// Every consumer that was seen or is configured.
#[derive(Debug)]
pub(crate) struct Consumers {
    limits: Limits,
    shared: Arc<Shared>,
    known: RwLock<HashMap<String, Arc<Consumer>>>,
    other: Arc<Consumer>,
}

impl Consumers {
    pub(crate) fn new(limits: Limits) -> Self {
        let bucket = |view: &String, rate| Arc::new(Bucket::new(rate, format!("view {view:?}"), "rows"));
        let views = limits.views.iter().map(|(view, rate)| (view.clone(), bucket(view, *rate))).collect();
        let shared = Arc::new(Shared::new(views));
        let other = Arc::new(Consumer::new(OTHER, limits.default, shared.clone()));
        let listed = limits
            .consumers
            .iter()
            .map(|(name, listed)| (name.clone(), Arc::new(Consumer::new(name, listed.rates, shared.clone()))));
        let known = RwLock::new(listed.collect());
        Consumers { limits, shared, known, other }
    }

    /// The consumer of a caller that names itself or not, and whose user the kernel tells or not.
    ///
    /// # Errors
    /// `Invalid` for a name that no consumer can have, or one that is reserved to other users.
    pub(crate) fn get(&self, name: Option<&str>, uid: Option<u32>) -> Result<Arc<Consumer>> {
        match (name, uid) {
            (Some(name), uid) => {
                check_consumer_name(name)?;
                self.check_reserved(name, uid)?;
                Ok(self.named(name))
            }
            (None, Some(uid)) => Ok(self.named(&uid_name(uid))),
            (None, None) => Ok(self.named(ANONYMOUS)),
        }
    }

    fn check_reserved(&self, name: &str, uid: Option<u32>) -> Result<()> {
        let uids = self.limits.consumers.get(name).map(|listed| listed.uids.as_slice()).unwrap_or_default();
        let reserved = !uids.is_empty() && uid.is_none_or(|uid| !uids.contains(&uid));
        match reserved || is_of_another_uid(name, uid) {
            true => {
                Err(Error::invalid(format!("the consumer name is reserved to other users; choose another: {name:?}")))
            }
            false => Ok(()),
        }
    }

    fn named(&self, name: &str) -> Arc<Consumer> {
        if let Some(consumer) = self.known.read().get(name) {
            return consumer.clone();
        }
        let mut known = self.known.write();
        match known.get(name) {
            Some(consumer) => consumer.clone(),
            None if known.len() >= CONSUMERS_MAX || name == OTHER => self.other.clone(),
            None => {
                let consumer = Arc::new(Consumer::new(name, self.limits.default, self.shared.clone()));
                known.insert(name.to_owned(), consumer.clone());
                consumer
            }
        }
    }

    /// The limits of each consumer that is listed, by name, and last, without a name, those of each other.
    pub(crate) fn rates(&self) -> Vec<(Option<String>, Rates)> {
        let listed = self.limits.consumers.iter().map(|(name, listed)| (Some(name.clone()), listed.rates));
        let mut rates: Vec<_> = listed.collect();
        rates.sort_by(|(one, _), (other, _)| one.cmp(other));
        rates.push((None, self.limits.default));
        rates
    }

    /// Every consumer, by name.
    fn all(&self) -> Vec<Arc<Consumer>> {
        let mut all: Vec<_> = self.known.read().values().cloned().chain([self.other.clone()]).collect();
        all.sort_by(|a, b| a.name().cmp(b.name()));
        all
    }

    /// Every series, by consumer, operation and view.
    pub(crate) fn series(&self) -> Vec<(Arc<Consumer>, Arc<Series>)> {
        let of =
            |consumer: Arc<Consumer>| consumer.all_series().into_iter().map(move |series| (consumer.clone(), series));
        self.all().into_iter().flat_map(of).collect()
    }

    /// Reports what every consumer did, by consumer, operation and view.
    pub(crate) fn report(&self) -> Vec<ConsumerReport> {
        self.series().iter().map(|(consumer, series)| report_of(consumer, series)).collect()
    }
}

fn report_of(consumer: &Consumer, series: &Series) -> ConsumerReport {
    let latencies = series.latencies();
    ConsumerReport {
        consumer: consumer.name().to_owned(),
        operation: series.operation.as_str().to_owned(),
        view: series.view.clone(),
        requests: latencies.count(),
        rows: series.rows(),
        errors: series.errors(),
        p50: latencies.quantile(0.50),
        p99: latencies.quantile(0.99),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use asofdb::ErrorKind;

    use super::*;
    use crate::operation::Operation;

    fn consumers(limits: &str) -> Consumers {
        Consumers::new(Limits::parse(limits, "limits.toml").unwrap())
    }

    #[test]
    fn a_consumer_is_called_as_it_says_or_else_by_its_user() {
        let consumers = consumers("");
        assert_eq!(consumers.get(Some("ranker"), Some(7)).unwrap().name(), "ranker");
        assert_eq!(consumers.get(None, Some(7)).unwrap().name(), "uid:7");
        assert_eq!(consumers.get(None, None).unwrap().name(), "anonymous");
        assert!(Arc::ptr_eq(&consumers.get(None, Some(7)).unwrap(), &consumers.get(Some("uid:7"), Some(7)).unwrap()));
        assert_eq!(consumers.get(Some("a b"), Some(7)).unwrap_err().kind(), ErrorKind::Invalid);
    }

    #[test]
    fn reserved_names_are_refused_to_other_users() {
        let consumers = consumers("[[consumer]]\nname = \"ranker\"\nuids = [7, 8]");
        assert_eq!(consumers.get(Some("ranker"), Some(8)).unwrap().name(), "ranker");
        for (name, uid) in [("ranker", Some(9)), ("ranker", None), ("uid:7", Some(8)), ("uid:7", None)] {
            let error = consumers.get(Some(name), uid).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("the consumer name is reserved to other users; choose another: {name:?}")
            );
        }
    }

    #[test]
    fn names_beyond_the_most_share_one_consumer() {
        let consumers = consumers("");
        for index in 0..CONSUMERS_MAX {
            assert_eq!(consumers.get(Some(&format!("c{index}")), None).unwrap().name(), format!("c{index}"));
        }
        assert_eq!(consumers.get(Some("late"), None).unwrap().name(), "other");
        assert_eq!(consumers.get(None, Some(1)).unwrap().name(), "other");
        assert_eq!(consumers.get(Some("c255"), None).unwrap().name(), "c255");
    }

    #[test]
    fn the_report_counts_requests_rows_errors_and_times_by_view() {
        let consumers = consumers("");
        let ranker = consumers.get(Some("ranker"), None).unwrap();
        let meter = ranker.meter(Operation::Latest, &["a", "b"]);
        meter.record(100, Ok(()), Duration::from_micros(100));
        meter.record(50, Err(ErrorKind::Unavailable), Duration::from_micros(100));
        ranker.meter(Operation::Latest, &["a"]).record(1, Ok(()), Duration::from_micros(100));
        ranker.meter(Operation::Catalog, &[]).record(0, Ok(()), Duration::from_micros(1));
        let report = consumers.report();
        let found: Vec<_> = report
            .iter()
            .map(|one| (one.operation.as_str(), one.view.as_str(), one.requests, one.rows, one.errors.as_slice()))
            .collect();
        let unavailable = [(ErrorKind::Unavailable, 1)];
        assert_eq!(
            found,
            [
                ("latest", "a", 3, 101, &unavailable[..]),
                ("latest", "b", 2, 100, &unavailable),
                ("catalog", "", 1, 0, &[])
            ]
        );
        assert!(report.iter().all(|one| one.consumer == "ranker"));
        let p50 = report[0].p50.as_micros();
        assert!((100..=125).contains(&p50), "{p50}");
    }

    #[test]
    fn limits_of_a_consumer_are_its_own_and_those_of_a_view_are_shared() {
        let text = r#"
            [default]
            requests_per_second = 1
            requests_burst = 2
            [[consumer]]
            name = "bulk"
            rows_per_second = 1
            rows_burst = 10
            [[view]]
            name = "v"
            rows_per_second = 1
            rows_burst = 25
        "#;
        let consumers = consumers(text);
        let meter = |name| consumers.get(Some(name), None).unwrap().meter(Operation::Latest, &["v"]);
        meter("a").admit(10).unwrap();
        meter("a").admit(0).unwrap();
        let error = meter("a").admit(0).unwrap_err();
        assert!(error.message().starts_with("consumer \"a\" has used up its 1 requests a second; "), "{error}");
        meter("b").admit(10).unwrap();
        let error = meter("b").admit(10).unwrap_err();
        assert!(error.message().starts_with("view \"v\" has used up its 1 rows a second; "), "{error}");
        let error = meter("bulk").admit(11).unwrap_err();
        assert_eq!(error.message(), "consumer \"bulk\" may ask for 10 rows at once; split the request: 11");
        consumers.get(Some("bulk"), None).unwrap().meter(Operation::Latest, &["w"]).admit(10).unwrap();
    }

    #[test]
    fn series_are_bounded_and_the_rest_counts_together() {
        let consumers = consumers("");
        let consumer = consumers.get(Some("ranker"), None).unwrap();
        for index in 0..5_000 {
            consumer.meter(Operation::Latest, &[&format!("v{index}")]).record(1, Ok(()), Duration::ZERO);
        }
        let report = consumers.report();
        assert_eq!(report.len(), 2_049);
        let other = report.iter().find(|one| one.view == "other").unwrap();
        assert_eq!((other.requests, other.rows), (2_952, 2_952));
    }
}
