//! The native door: blocking threads over a Unix socket.
//!
//! One thread accepts, each connection has a thread, and bulk requests have one of their own that gives way to the
//! others. Threads beat an event loop here: a read of the store may wait for a disk, and must not hold up others.

mod budget;
mod bulk;
mod connection;
mod control;
mod gate;
mod handle;
mod reads;
mod registry;
mod replies;
mod session;

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use asofdb_storage::{Error, Result};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use tracing::{info, warn};

use self::budget::Budget;
use self::gate::{Gate, Place};
use self::registry::{Admitted, Registry};
use self::replies::Replies;
use super::access::{Access, Peer, Role};
use super::bounds::Bounds;
use super::consumers::{Consumer, Operation, Stopwatch};
use super::gauges::{Gauge, Refusal};
use super::service::Service;
use super::socket::Socket;

/// How much bulk work gives way: the least but for idle.
const BULK_NICENESS: i32 = 10;

/// How long connections that were cut off may take to notice.
const CUT_PATIENCE: Duration = Duration::from_secs(1);

/// What all connections share.
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
    stop: Arc<OwnedFd>,
    acceptor: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts to serve on a socket.
    ///
    /// # Errors
    /// `Unavailable` when no thread can be started.
    pub fn start(service: Arc<Service>, socket: Socket, access: Access, bounds: Bounds) -> Result<Self> {
        let failed = |error: std::io::Error| Error::unavailable("cannot start the server").with_source(error);
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC).map_err(|error| failed(error.into()))?);
        socket.listener().set_nonblocking(true).map_err(failed)?;
        let shared = Arc::new(Shared {
            service,
            access,
            registry: Registry::default(),
            budget: Budget::new(bounds.memory_bytes_max),
            bulk: Gate::new(bounds.bulk_max),
            bounds,
        });
        let acceptor = {
            let (shared, stop) = (shared.clone(), stop.clone());
            let accept = move || accept(&shared, &socket, &stop);
            thread::Builder::new().name("accept".into()).spawn(accept).map_err(failed)?
        };
        Ok(Server { shared, stop, acceptor: Some(acceptor) })
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
        let Some(acceptor) = self.acceptor.take() else { return };
        // Eight bytes into a counter that is zero never block.
        let _ = rustix::io::write(&*self.stop, &1u64.to_ne_bytes());
        if acceptor.join().is_err() {
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

/// Accepts until `stop` says so.
fn accept(shared: &Arc<Shared>, socket: &Socket, stop: &OwnedFd) {
    loop {
        let listener = socket.listener();
        let mut ready = [PollFd::new(listener, PollFlags::IN), PollFd::new(stop, PollFlags::IN)];
        match poll(&mut ready, None) {
            Err(Errno::INTR) => continue,
            Err(error) => {
                warn!(%error, "cannot wait for connections");
                thread::sleep(CUT_PATIENCE);
                continue;
            }
            Ok(_) if !ready[1].revents().is_empty() => return,
            Ok(_) => {}
        }
        match listener.accept() {
            Ok((stream, _)) => welcome(shared, stream),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => {
                // No descriptors are left, most likely; connections that end give some back.
                warn!(%error, "cannot accept a connection");
                thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

/// Takes a connection, or says why not.
fn welcome(shared: &Arc<Shared>, stream: UnixStream) {
    let stream = Arc::new(stream);
    if let Err((refusal, error)) = admit(shared, &stream) {
        shared.service.native.refuse(refusal);
        // In one small write, which a new socket has room for, or not at all.
        let _ = stream.set_nonblocking(true);
        let mut replies = Replies::new(&*stream);
        let _ = replies.error(0, &error).and_then(|()| replies.flush());
    }
}

fn admit(shared: &Arc<Shared>, stream: &Arc<UnixStream>) -> Result<(), (Refusal, Error)> {
    let peer = Peer::of(stream).map_err(|error| (Refusal::Access, error))?;
    let Some(role) = shared.access.role(peer) else {
        info!(uid = peer.uid, gid = peer.gid, "a user who may not connect was refused");
        let message = format!("user {} may not use this sidecar (--allow-uid, --allow-gid)", peer.uid);
        return Err((Refusal::Access, Error::invalid(message)));
    };
    match shared.registry.add(stream, shared.bounds.connections_max, shared.bounds.handshakes_max()) {
        Admitted::Yes(number) => {
            spawn(shared, number, stream.clone(), peer, role);
            Ok(())
        }
        Admitted::Full => Err((Refusal::Connections, shared.full())),
        Admitted::Draining => Err((Refusal::Draining, Error::unavailable("the sidecar is stopping"))),
    }
}

fn spawn(shared: &Arc<Shared>, number: u64, stream: Arc<UnixStream>, peer: Peer, role: Role) {
    let serving = {
        let shared = shared.clone();
        move || {
            let _open = Counted::new(&shared.service.native.connections);
            let _registered = Registered { registry: &shared.registry, number };
            connection::serve(&shared, number, &stream, peer, role);
        }
    };
    if let Err(error) = thread::Builder::new().name(format!("client-{number}")).spawn(serving) {
        warn!(%error, "cannot start a thread for a connection");
        shared.registry.remove(number);
    }
}

/// Removes a connection when its thread ends, however it does.
struct Registered<'r> {
    registry: &'r Registry,
    number: u64,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.registry.remove(self.number);
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
        Error::unavailable(format!("the sidecar has {max} connections already (--connections-max); try again"))
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
            Error::unavailable(format!("{max} bulk requests are being answered (--bulk-max); try again later"))
        })
    }
}

/// From now on this thread, and those that it starts, give way to others.
fn give_way() {
    // A thread that may not is as quick as the others.
    let _ = rustix::process::setpriority_process(None, BULK_NICENESS);
}
