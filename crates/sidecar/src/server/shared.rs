//! State that all connections of the native door share.

use std::sync::Arc;

use asofdb::{Error, Result, Stop};
use asofdb_protocol::Role;

use super::registry::Registry;
use crate::access::Access;
use crate::admission::{Admission, Answer, Caller, DoorName, Request};
use crate::bounds::Bounds;
use crate::budget::Budget;
use crate::gauges::Gauge;
use crate::notices::Notices;
use crate::operation::Operation;
use crate::service::Service;

/// The name of this door.
pub(super) const NATIVE: DoorName = DoorName::Native;

/// State that all connections share.
pub(super) struct Shared {
    pub(super) service: Arc<Service>,
    pub(super) access: Access,
    pub(super) bounds: Bounds,
    pub(super) registry: Registry,
    pub(super) budget: Budget,
    /// Bytes of disk for rows that are gathered before they are loaded.
    pub(super) gathering: Budget,
    pub(super) notices: Notices,
}

/// Adds one to a gauge for as long as it lives.
pub(super) struct Counted<'g>(&'g Gauge);

impl<'g> Counted<'g> {
    pub(super) fn new(gauge: &'g Gauge) -> Self {
        gauge.add(1);
        Counted(gauge)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.subtract(1);
    }
}

impl Shared {
    #[cold]
    pub(super) fn full(&self, role: Role) -> Error {
        let max = self.bounds.connections_max(role);
        Error::unavailable(format!("the sidecar has {max} connections already, the most that it takes; try again"))
    }

    /// Does the work of a request, when it has been admitted.
    pub(super) fn perform<T: Answer>(
        &self,
        caller: &Caller,
        operation: Operation,
        work: impl FnOnce(&mut Admission<'_>) -> Result<T>,
    ) -> Result<T> {
        self.perform_until(caller, operation, &Stop::NEVER, work)
    }

    /// Does the work of a request that ends soon when it is told to, when it has been admitted.
    pub(super) fn perform_until<T: Answer>(
        &self,
        caller: &Caller,
        operation: Operation,
        stop: &Stop,
        work: impl FnOnce(&mut Admission<'_>) -> Result<T>,
    ) -> Result<T> {
        let in_flight_max = self.bounds.requests_in_flight_max;
        let (service, caller, stop) = (&*self.service, caller.clone(), stop.clone());
        Request { service, door: NATIVE, in_flight_max, caller, operation, stop }.enter()?.work(work)
    }
}
