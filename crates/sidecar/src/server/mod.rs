//! The native door: blocking threads over a Unix socket.
//!
//! One thread keeps the door, each connection that speaks has a thread, and bulk requests have one of their own that
//! gives way to the others. Threads beat an event loop here: a read of the store may wait for a disk, and must not hold
//! up others.

mod arrivals;
mod budget;
mod bulk;
mod connection;
mod control;
mod door;
mod gate;
mod handle;
mod reads;
mod registry;
mod replies;
mod session;

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use asofdb::{Error, Result};
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;
use tracing::warn;

use self::budget::Budget;
use self::door::Door;
use self::gate::{Gate, Place};
use self::registry::Registry;
use crate::access::Access;
use crate::bounds::Bounds;
use crate::consumers::{Consumer, Operation, Stopwatch};
use crate::gauges::{Gauge, Refusal};
use crate::service::Service;
use crate::socket::Socket;

/// The nice value of bulk work: lower than all other work but idle.
const BULK_NICENESS: i32 = 10;

/// The longest time that connections which were cut off may take to notice.
const CUT_PATIENCE: Duration = Duration::from_secs(1);

/// State that all connections share.
pub(crate) struct Shared {
    pub(crate) service: Arc<Service>,
    access: Access,
    pub(crate) bounds: Bounds,
    registry: Registry,
    budget: Budget,
    bulk: Gate,
}

/// A server of the native protocol.
pub struct Server {
    shared: Arc<Shared>,
    stop: OwnedFd,
    keeper: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts to serve on a socket.
    ///
    /// # Errors
    /// `Unavailable` when no thread can be started.
    pub fn start(service: Arc<Service>, socket: Socket, access: Access, bounds: Bounds) -> Result<Self> {
        let failed = |error: std::io::Error| Error::unavailable("cannot start the server").with_source(error);
        let stop = eventfd(0, EventfdFlags::CLOEXEC).map_err(|error| failed(error.into()))?;
        socket.listener().set_nonblocking(true).map_err(failed)?;
        let shared = Arc::new(Shared {
            service,
            access,
            registry: Registry::default(),
            budget: Budget::new(bounds.memory_bytes_max),
            bulk: Gate::new(bounds.bulk_max),
            bounds,
        });
        let epoll = door::watch(&socket, &stop)?;
        let keeper = {
            let shared = shared.clone();
            let keep = move || Door::new(&shared, &socket, epoll).keep();
            thread::Builder::new().name("door".into()).spawn(keep).map_err(failed)?
        };
        Ok(Server { shared, stop, keeper: Some(keeper) })
    }

    /// Stops: takes no new connections and no new requests, finishes what has arrived, and ends every connection. What
    /// is not finished by then is cut off. Tells whether everything was finished.
    pub fn drain(mut self, patience: Duration) -> bool {
        self.shared.service.start_draining();
        self.stop_accepting();
        self.shared.registry.stop_reading();
        let finished = self.shared.registry.wait(patience);
        if !finished {
            self.shared.registry.cut();
            self.shared.registry.wait(CUT_PATIENCE);
        }
        finished
    }

    fn stop_accepting(&mut self) {
        let Some(keeper) = self.keeper.take() else { return };
        // Eight bytes into a counter that is zero never block.
        let _ = rustix::io::write(&self.stop, &1u64.to_ne_bytes());
        if keeper.join().is_err() {
            warn!("the thread that accepts connections has panicked, which is a bug");
        }
    }
}

impl Drop for Server {
    /// Cuts every connection off.
    fn drop(&mut self) {
        self.stop_accepting();
        self.shared.registry.cut();
        self.shared.registry.wait(CUT_PATIENCE);
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("bounds", &self.shared.bounds).finish_non_exhaustive()
    }
}

/// Adds one to a gauge for as long as it lives.
pub(crate) struct Counted<'g>(&'g Gauge);

impl<'g> Counted<'g> {
    fn new(gauge: &'g Gauge) -> Self {
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
    /// Begins to work on a request, unless as many are being worked on as may be.
    #[inline]
    fn enter(&self) -> Option<Counted<'_>> {
        let working = Counted::new(&self.service.native.requests_in_flight);
        (working.0.get() <= self.bounds.requests_in_flight_max as u64).then_some(working)
    }

    #[cold]
    fn overloaded(&self) -> Error {
        self.service.native.refuse(Refusal::InFlight);
        let max = self.bounds.requests_in_flight_max;
        Error::unavailable(format!("the sidecar works on {max} requests already; try again"))
    }

    #[cold]
    fn full(&self) -> Error {
        let max = self.bounds.connections_max;
        Error::unavailable(format!("the sidecar has {max} connections already, the most that it takes; try again"))
    }

    /// Does something that counts on a consumer and views, and is asked for so many rows; `work` says how many there
    /// were.
    fn metered<T>(
        &self,
        consumer: &Arc<Consumer>,
        operation: Operation,
        views: &[&str],
        asked: usize,
        work: impl FnOnce() -> Result<(usize, T)>,
    ) -> Result<T> {
        let _working = self.enter().ok_or_else(|| self.overloaded())?;
        let meter = consumer.meter(operation, views);
        meter.admit(asked)?;
        let started = Stopwatch::start();
        let done = work();
        let rows = done.as_ref().map_or(0, |(rows, _)| *rows);
        meter.record(rows, done.as_ref().map(drop).map_err(Error::kind), started.elapsed());
        done.map(|(_, done)| done)
    }

    /// Counts a panic; the request that it was in fails.
    #[cold]
    fn panicked(&self) -> Error {
        self.service.native.count_panic();
        Error::internal("the request ran into a bug of asofdb; the log of the sidecar says where")
    }

    /// Waits for a place among the bulk requests.
    fn enter_bulk(&self) -> Result<Place<'_>> {
        self.bulk.enter(self.bounds.bulk_patience).ok_or_else(|| {
            let max = self.bounds.bulk_max;
            Error::unavailable(format!("{max} bulk requests are being answered, the most at a time; try again later"))
        })
    }
}

/// Lowers the priority of this thread and of those that it starts from now on.
fn give_way() {
    // A thread that may not is as quick as the others.
    let _ = rustix::process::setpriority_process(None, BULK_NICENESS);
}
