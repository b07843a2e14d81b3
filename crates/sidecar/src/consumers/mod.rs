//! Consumers: their names, their limits, and the counts of what they did.

mod allowance;
mod bucket;
mod consumer;
mod latency;
mod limits;
mod meter;
mod name;
#[cfg_attr(not(feature = "alerts"), allow(dead_code, reason = "only alerts ask"))]
mod objectives;
mod pace;
mod series;
mod stopwatch;
mod terms;

use std::collections::HashMap;
use std::sync::Arc;

use asofdb::{Error, Result, check_consumer_name};
use asofdb_protocol::ConsumerReport;
use parking_lot::RwLock;

pub(crate) use self::allowance::Underway;
pub(crate) use self::consumer::Consumer;
pub(crate) use self::latency::LatencySnapshot;
pub use self::limits::Limits;
pub(crate) use self::meter::Meter;
pub(crate) use self::objectives::{Kept, OVER, Objectives, Subject};
pub(crate) use self::pace::wait_while_owed;
pub(crate) use self::series::{ObjectiveOf, Series};
pub(crate) use self::stopwatch::{Moment, Stopwatch};
pub(crate) use self::terms::Terms;

use self::consumer::Shared;
use self::name::{is_of_another_uid, uid_name};

/// Most names that are told apart, those of the configuration included: each costs memory for as long as the
/// sidecar runs, and names are the clients' to choose.
const CONSUMERS_MAX: usize = 256;

/// Most names with those of limits that came later: whoever changes them does it by hand.
const KNOWN_MAX: usize = 4_096;

/// The consumer that all names after [`CONSUMERS_MAX`] share, with the limits of the default.
const OTHER: &str = "other";

/// The consumer of a caller that the kernel does not identify and that gives no name.
const ANONYMOUS: &str = "anonymous";

/// Every consumer that was seen or is configured.
#[derive(Debug)]
pub(crate) struct Consumers {
    shared: Arc<Shared>,
    known: RwLock<Known>,
    other: Arc<Consumer>,
}

/// The consumers by name, and the limits that they have.
#[derive(Debug)]
struct Known {
    limits: Arc<Limits>,
    by_name: HashMap<String, Arc<Consumer>>,
}

impl Consumers {
    pub(crate) fn new(limits: Limits) -> Self {
        let shared = Arc::new(Shared::new(&limits.views));
        let other = Arc::new(Consumer::new(OTHER, &limits.default, shared.clone()));
        let mut known = Known { limits: Arc::new(limits), by_name: HashMap::new() };
        known.add_listed(&shared);
        Consumers { shared, known: RwLock::new(known), other }
    }

    /// The limits in force.
    pub(crate) fn limits(&self) -> Arc<Limits> {
        self.known.read().limits.clone()
    }

    /// Makes these the limits from now on, also of those who are here already. A rate that stays as it is goes on where
    /// it is; one that changes begins full. To whom a name is reserved counts when somebody comes.
    ///
    /// # Errors
    /// `Invalid` when so many names came and went that those of the limits cannot be told apart any more.
    pub(crate) fn set_limits(&self, limits: Limits) -> Result<()> {
        let mut known = self.known.write();
        known.forget_unlisted(&limits);
        let unknown = limits.consumers.keys().filter(|name| !known.by_name.contains_key(*name)).count();
        if known.by_name.len() + unknown > KNOWN_MAX {
            let message = "too many names of consumers came and went to list others; restart the sidecar";
            return Err(Error::invalid(format!("{message}: {}", known.by_name.len())));
        }
        known.limits = Arc::new(limits);
        known.add_listed(&self.shared);
        for (name, consumer) in &known.by_name {
            consumer.allowance().set(known.limits.terms_of(name));
        }
        self.other.allowance().set(&known.limits.default);
        self.shared.set(&known.limits.views);
        Ok(())
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
        let limits = self.limits();
        let uids = limits.consumers.get(name).map(|listed| listed.uids.as_slice()).unwrap_or_default();
        let reserved = !uids.is_empty() && uid.is_none_or(|uid| !uids.contains(&uid));
        match reserved || is_of_another_uid(name, uid) {
            true => {
                Err(Error::invalid(format!("the consumer name is reserved to other users; choose another: {name:?}")))
            }
            false => Ok(()),
        }
    }

    fn named(&self, name: &str) -> Arc<Consumer> {
        if let Some(consumer) = self.known.read().by_name.get(name) {
            return consumer.clone();
        }
        let mut known = self.known.write();
        match known.by_name.get(name) {
            Some(consumer) => consumer.clone(),
            None if known.by_name.len() >= CONSUMERS_MAX || name == OTHER => self.other.clone(),
            None => {
                let consumer = Arc::new(Consumer::new(name, &known.limits.default, self.shared.clone()));
                known.by_name.insert(name.to_owned(), consumer.clone());
                consumer
            }
        }
    }

    /// The terms of each consumer that is listed, by name, and last, without a name, those of each other.
    pub(crate) fn terms(&self) -> Vec<(Option<String>, Terms)> {
        let limits = self.limits();
        let listed = limits.consumers.iter().map(|(name, listed)| (Some(name.clone()), listed.terms));
        listed.chain([(None, limits.default)]).collect()
    }

    /// Every consumer, by name.
    fn all(&self) -> Vec<Arc<Consumer>> {
        let mut all: Vec<_> = self.known.read().by_name.values().cloned().chain([self.other.clone()]).collect();
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

impl Known {
    /// Adds the consumers that are listed and not here.
    fn add_listed(&mut self, shared: &Arc<Shared>) {
        for (name, listed) in &self.limits.consumers {
            if !self.by_name.contains_key(name) {
                let consumer = Consumer::new(name, &listed.terms, shared.clone());
                self.by_name.insert(name.clone(), Arc::new(consumer));
            }
        }
    }

    /// Forgets consumers that have done nothing and are not listed any more.
    fn forget_unlisted(&mut self, limits: &Limits) {
        self.by_name.retain(|name, consumer| {
            limits.consumers.contains_key(name) || Arc::strong_count(consumer) > 1 || !consumer.is_unused()
        });
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
        p999: latencies.quantile(0.999),
        over_consumer: series.missed(ObjectiveOf::Consumer),
        over_view: series.missed(ObjectiveOf::View),
        answered_bytes: series.answered_bytes(),
        written_bytes: series.written_bytes(),
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
