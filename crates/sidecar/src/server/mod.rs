//! The native door: blocking threads over a Unix socket.
//!
//! One thread keeps the door, each connection that speaks has a thread, and bulk requests have one of their own that
//! gives way to the others. Threads beat an event loop here: a read of the store may wait for a disk, and must not hold
//! up others.

mod arrivals;
mod audits;
mod bulk;
mod connection;
mod control;
mod door;
mod handle;
mod reads;
mod registry;
mod replies;
mod session;
mod shared;
mod sharing;

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use asofdb::{Error, Result};
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;
use tracing::warn;

use self::door::Door;
use self::registry::Registry;
use self::shared::Shared;
use crate::access::Access;
use crate::bounds::Bounds;
use crate::budget::Budget;
use crate::notices::Notices;
use crate::service::Service;
use crate::socket::Socket;

/// The longest time that connections which were cut off may take to notice.
const CUT_PATIENCE: Duration = Duration::from_secs(1);

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
        let budget = Budget::new(bounds.memory_bytes_max, service.native.large_frame_bytes.clone());
        let gather_bytes_max = usize::try_from(bounds.gather_bytes_max).unwrap_or(usize::MAX);
        let gathering = Budget::new(gather_bytes_max, Default::default());
        let shared = Arc::new(Shared {
            service,
            access,
            registry: Registry::default(),
            budget,
            gathering,
            bounds,
            notices: Notices::default(),
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
