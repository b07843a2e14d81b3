//! A request on its way through admission.

use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};

use asofdb::{Error, ErrorKind, Result, Stop, Store};

use super::answer::Answer;
use super::caller::Caller;
use super::places::{DoorName, InFlight, Turn};
use crate::consumers::{Meter, Stopwatch, Underway, wait_while_owed};
use crate::operation::{Limit, Operation, Work};
use crate::service::Service;

/// An error of a door, which has a kind to be counted by.
pub(crate) trait DoorError: From<Error> {
    fn kind(&self) -> ErrorKind;
}

impl DoorError for Error {
    fn kind(&self) -> ErrorKind {
        Error::kind(self)
    }
}

/// A request that has arrived. `S` is a handle of the service, which travels with it to the thread that works.
#[derive(Debug)]
pub(crate) struct Request<S: Deref<Target = Service>> {
    pub(crate) service: S,
    pub(crate) door: DoorName,
    /// Most requests that the door may have in flight.
    pub(crate) in_flight_max: usize,
    pub(crate) caller: Caller,
    pub(crate) operation: Operation,
    /// The sign that nobody waits for the answer any more.
    pub(crate) stop: Stop,
}

/// A request that has its place, and keeps it until its work is done.
#[derive(Debug)]
pub(crate) struct Entered<S: Deref<Target = Service>> {
    request: Request<S>,
    _place: Place<S>,
    _underway: Option<Underway>,
}

#[derive(Debug)]
#[allow(dead_code, reason = "a place is given back when it is dropped")]
enum Place<S: Deref<Target = Service>> {
    Point(InFlight<S>),
    Bulk(Turn<S>, InFlight<S>),
    Free,
}

impl<S: Deref<Target = Service> + Clone> Request<S> {
    /// Checks the role, and takes a place: at once for point work, in line for bulk work. A consumer that has as many
    /// requests as it may does not wait in line, and one that owes bytes does not hold a bulk place meanwhile.
    ///
    /// # Errors
    /// `Denied` for a lesser role than the operation needs; `Limited` for more requests at a time than the consumer may
    /// have; `Unavailable` when there is no place.
    pub(crate) fn enter(self) -> Result<Entered<S>> {
        let started = Stopwatch::start();
        match self.place() {
            Ok((underway, place)) => Ok(Entered { request: self, _place: place, _underway: underway }),
            Err(error) => {
                let meter = self.caller.consumer.meter(self.operation, &[]);
                meter.record(0, Err(error.kind()), started.elapsed());
                Err(error)
            }
        }
    }

    fn place(&self) -> Result<(Option<Underway>, Place<S>)> {
        let rule = self.operation.rule();
        self.caller.role.require(rule.role, rule.doing)?;
        let allowance = self.caller.consumer.allowance();
        Ok(match rule.work {
            Work::Point => {
                let place = InFlight::enter(self.service.clone(), self.door, self.in_flight_max)?;
                (Underway::enter(allowance)?, Place::Point(place))
            }
            Work::Bulk => {
                let underway = Underway::enter(allowance)?;
                wait_while_owed(&self.stop, || allowance.owes_for())?;
                let turn = Turn::wait(self.service.clone(), &self.stop)?;
                (underway, Place::Bulk(turn, InFlight::counted(self.service.clone(), self.door)))
            }
            Work::Free => (None, Place::Free),
        })
    }
}

impl<S: Deref<Target = Service>> Entered<S> {
    /// Does the work of the request and counts it. A panic fails this request only.
    ///
    /// # Errors
    /// `Limited` when the consumer has used up its requests; `Internal` after a panic; else whatever the work returns.
    pub(crate) fn work<T: Answer, E: DoorError>(
        self,
        work: impl FnOnce(&mut Admission<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let started = Stopwatch::start();
        let Request { service, door, caller, operation, stop, .. } = &self.request;
        let store = &service.store;
        let mut admission =
            Admission { store, caller, operation: *operation, stop, meter: None, underway: Vec::new(), rows: 0 };
        // What a panic leaves half done belongs to this request alone; the store's own state is behind its locks.
        let done = catch_unwind(AssertUnwindSafe(|| {
            admission.admit_request()?;
            work(&mut admission)
        }));
        let done = done.unwrap_or_else(|_| {
            door.gauges(service).count_panic();
            Err(panicked().into())
        });
        admission.record(done.as_ref().map(Answer::bytes).map_err(DoorError::kind), started);
        done
    }
}

/// Returns the error of a request that ran into a panic.
#[cold]
pub(crate) fn panicked() -> Error {
    Error::internal("the request ran into a bug of asofdb; the log of the sidecar says where")
}

/// The counters of a request, and its limits once it is known which views it is about.
#[derive(Debug)]
pub(crate) struct Admission<'a> {
    store: &'a Store,
    caller: &'a Caller,
    operation: Operation,
    stop: &'a Stop,
    meter: Option<Meter>,
    underway: Vec<Underway>,
    rows: usize,
}

impl<'a> Admission<'a> {
    /// The sign that nobody waits for the answer any more, which long work looks at between steps.
    pub(crate) fn stop(&self) -> &'a Stop {
        self.stop
    }

    /// The store as it reads for the caller, so that what is read is counted.
    ///
    /// # Errors
    /// `Invalid` for a caller whose name no consumer can have; there is none.
    pub(crate) fn store(&self) -> Result<Store> {
        self.caller.store(self.store)
    }

    /// Says which views the request is about and how many rows it asks for, before they are read or written.
    ///
    /// # Errors
    /// `Limited` when the consumer or a view has used up its rows; `Invalid` for more than it may ask for at once.
    pub(crate) fn admit<'v>(&mut self, views: impl IntoIterator<Item = &'v str>, rows: usize) -> Result<()> {
        let mut names: Vec<&str> = views.into_iter().collect();
        names.sort_unstable();
        names.dedup();
        // A name that somebody makes up must not become a series.
        let catalog = self.store.catalog();
        names.retain(|name| catalog.view(name).is_some());
        self.rows = rows;
        let meter = self.meter.insert(self.caller.consumer.meter(self.operation, &names));
        let rule = self.operation.rule();
        if rule.work != Work::Free {
            self.underway = meter.enter_views()?;
        }
        match (rule.work, rule.limit) {
            (Work::Point, Limit::Rows) => meter.admit_views()?,
            (Work::Point, _) => meter.admit_views_alone()?,
            (Work::Bulk, _) => meter.admit_bulk_views(self.stop)?,
            (Work::Free, _) => {}
        }
        match rule.limit {
            Limit::Rows => meter.admit_rows(rows),
            Limit::Requests | Limit::Nothing => Ok(()),
        }
    }

    /// Counts bytes of rows that are about to be written, which the next requests may owe.
    pub(crate) fn charge_written(&self, bytes: usize) {
        if let Some(meter) = &self.meter {
            meter.charge_written(bytes as u64);
        }
    }

    /// The meter of the request, for what is answered as a stream: it counts apart from the answer that ends it.
    pub(crate) fn meter(&self) -> Meter {
        self.meter.clone().unwrap_or_else(|| self.caller.consumer.meter(self.operation, &[]))
    }

    /// Says how many rows there were, where that is known only at the end.
    pub(crate) fn count(&mut self, rows: u64) {
        self.rows = rows as usize;
    }

    fn admit_request(&self) -> Result<()> {
        let (rule, allowance) = (self.operation.rule(), self.caller.consumer.allowance());
        match (rule.limit, rule.work) {
            (Limit::Nothing, _) => Ok(()),
            // A client asks such things between the steps of bulk work, which would end with their refusal.
            (Limit::Requests, _) | (_, Work::Bulk) => allowance.admit_requests_alone(),
            (Limit::Rows, _) => allowance.admit_request(),
        }
    }

    fn record(self, outcome: Result<usize, ErrorKind>, started: Stopwatch) {
        let meter = self.meter.unwrap_or_else(|| self.caller.consumer.meter(self.operation, &[]));
        if let (Ok(bytes), true) = (&outcome, self.operation.rule().limit != Limit::Nothing) {
            meter.charge_answered(*bytes as u64);
        }
        meter.record(self.rows, outcome.map(drop), started.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use asofdb::{ManualClock, Timestamp};
    use asofdb_protocol::Role;

    use super::*;
    use crate::consumers::Limits;

    fn service(limits: &str) -> Service {
        let now = Timestamp::from_micros(1_717_200_000_000_000);
        Service::new(Store::in_memory(ManualClock::new(now)), Limits::parse(limits, "limits.toml").unwrap())
    }

    fn perform(
        service: &Service,
        role: Role,
        operation: Operation,
        work: fn(&mut Admission<'_>) -> Result<()>,
    ) -> Result<()> {
        let caller = Caller { consumer: service.consumers.get(Some("me"), None)?, model: None, role, uid: None };
        Request { service, door: DoorName::Native, in_flight_max: 1, caller, operation, stop: Stop::NEVER }
            .enter()?
            .work(work)
    }

    /// Operation, view, requests and errors of each series.
    fn counted(service: &Service) -> Vec<String> {
        let report = service.report().into_iter();
        report.map(|one| format!("{} {:?} {} {:?}", one.operation, one.view, one.requests, one.errors)).collect()
    }

    #[test]
    fn refused_requests_count_and_do_not_reach_their_work() {
        let service = service("[default]\nrequests_per_second = 1");
        let never = |_: &mut Admission<'_>| unreachable!("it was refused");
        let denied = perform(&service, Role::Writer, Operation::Compact, never).unwrap_err();
        assert_eq!(denied.kind(), ErrorKind::Denied);
        perform(&service, Role::Reader, Operation::Catalog, |_| Ok(())).unwrap();
        let limited = perform(&service, Role::Reader, Operation::Catalog, never).unwrap_err();
        assert_eq!(limited.kind(), ErrorKind::Limited);
        let expected = ["catalog \"\" 2 [(Limited, 1)]", "compact \"\" 1 [(Denied, 1)]"];
        assert_eq!(counted(&service), expected);
    }

    #[test]
    fn a_panic_fails_its_request_and_gives_its_place_back() {
        let service = service("");
        for _ in 0..2 {
            let error = perform(&service, Role::Reader, Operation::Latest, |_| panic!("on purpose")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Internal);
        }
        assert_eq!((service.native.panics(), service.native.requests_in_flight.get()), (2, 0));
        assert_eq!(service.bulk.lengths(), (0, 0));
    }

    #[test]
    fn names_of_no_view_are_no_series() {
        let service = service("");
        for _ in 0..3 {
            let work = |admission: &mut Admission<'_>| {
                admission.admit(["made", "up"], 7)?;
                Err(Error::not_found("no view is named made"))
            };
            perform(&service, Role::Reader, Operation::Freshness, work).unwrap_err();
        }
        assert_eq!(counted(&service), ["freshness \"\" 3 [(NotFound, 3)]"]);
    }
}
