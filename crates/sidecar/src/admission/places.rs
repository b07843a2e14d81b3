//! Places: how many requests a door may have in flight, and the turns of bulk requests.

use std::ops::Deref;

use asofdb::{Error, GiveWay, Result, Stop};

use crate::gauges::{Gauges, Refusal};
use crate::service::Service;

/// The name of a door of the sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DoorName {
    Native,
    Http,
}

impl DoorName {
    /// The door's gauges.
    pub(crate) fn gauges(self, service: &Service) -> &Gauges {
        match self {
            DoorName::Native => &service.native,
            DoorName::Http => &service.http,
        }
    }
}

/// A request in flight, counted while it lives. `S` is a handle of the service that lives as long.
#[derive(Debug)]
pub(crate) struct InFlight<S: Deref<Target = Service>> {
    service: S,
    door: DoorName,
}

impl<S: Deref<Target = Service>> InFlight<S> {
    /// Takes a place.
    ///
    /// # Errors
    /// `Unavailable` when `most` requests are in flight at this door: it is the sidecar that has too much to do, not
    /// this caller who has asked too often.
    #[inline]
    pub(crate) fn enter(service: S, door: DoorName, most: usize) -> Result<Self> {
        match door.gauges(&service).requests_in_flight.add_within(1, most as u64) {
            Ok(()) => {
                service.precedence.point();
                Ok(InFlight { service, door })
            }
            Err(_) => Err(refuse(&service, door, most)),
        }
    }

    /// Counts a request that has a place of another kind.
    pub(crate) fn counted(service: S, door: DoorName) -> Self {
        door.gauges(&service).requests_in_flight.add(1);
        InFlight { service, door }
    }
}

#[cold]
fn refuse(service: &Service, door: DoorName, most: usize) -> Error {
    door.gauges(service).refuse(Refusal::InFlight);
    Error::unavailable(format!("the sidecar works on {most} requests already; try again"))
}

impl<S: Deref<Target = Service>> Drop for InFlight<S> {
    #[inline]
    fn drop(&mut self) {
        self.door.gauges(&self.service).requests_in_flight.subtract(1);
    }
}

/// The turn of a bulk request, which ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<S: Deref<Target = Service>>(S);

impl<S: Deref<Target = Service>> Turn<S> {
    /// Waits until it is this request's turn.
    ///
    /// # Errors
    /// `Unavailable` when too many wait already, it is not its turn in time, or it was told to stop.
    pub(crate) fn wait(service: S, stop: &Stop) -> Result<Self> {
        service.bulk.enter(stop)?;
        service.precedence.work_begins();
        Ok(Turn(service))
    }
}

impl<S: Deref<Target = Service>> Drop for Turn<S> {
    fn drop(&mut self) {
        self.0.precedence.work_ends();
        self.0.bulk.leave();
    }
}
