//! The server as those see it who know nothing of its runtime.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::Duration;

use asofdb::{Error, Result};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::connections::Connections;
use super::door::Door;
use super::options::HttpOptions;
use super::places::Places;
use super::router::router;
use crate::service::Service;

/// Threads that read and write sockets. What takes time is done by others, of which there are as many as requests
/// may be in flight.
const SOCKET_THREADS: usize = 2;

/// Threads beyond those, for work that needs no place: metrics are answered when all places are taken.
const FREE_THREADS: usize = 4;

/// The sockets on which HTTP is served: any number of them, all with the same routes.
#[derive(Debug, Default)]
pub struct HttpListeners {
    /// Over TCP; loopback addresses, unless the options have a token.
    pub tcp: Vec<TcpListener>,
    /// Over Unix sockets, whose peers the kernel identifies.
    pub unix: Vec<UnixListener>,
}

/// HTTP being served on threads of its own, until it is drained or dropped.
#[derive(Debug)]
pub struct HttpServer {
    service: Arc<Service>,
    runtime: Runtime,
    stop: watch::Sender<bool>,
    /// The loops that take connections.
    accepting: Vec<JoinHandle<()>>,
    graceful: Arc<GracefulShutdown>,
}

impl HttpServer {
    /// Begins to serve.
    ///
    /// # Errors
    /// `Invalid` for options out of range, and for a TCP address that is not loopback where there is no token;
    /// `Unavailable` when threads or sockets are not to be had.
    pub fn start(service: Arc<Service>, listeners: HttpListeners, options: HttpOptions) -> Result<Self> {
        options.check()?;
        check_addresses(&listeners, &options)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(SOCKET_THREADS)
            .max_blocking_threads(options.requests_in_flight_max + FREE_THREADS)
            .thread_name("asof-http")
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| Error::unavailable("cannot start the threads of the HTTP server").with_source(error))?;
        let (stop, stopped) = watch::channel(false);
        let graceful = Arc::new(GracefulShutdown::new());
        let places = || Arc::new(Places::new(options.connections_max));
        let (tcp, unix) = (places(), places());
        let door = Arc::new(Door::new(service.clone(), options));
        let warmed = door.clone();
        // Nobody waits for it: whoever searches first makes the index otherwise.
        drop(runtime.spawn_blocking(move || warmed.searcher.warm_up(&warmed.service.store.catalog())));
        let connections = Connections { router: router(door.clone()), door, graceful: graceful.clone(), tcp, unix };
        let accepting = accept(&runtime, listeners, &connections, &stopped)
            .map_err(|error| Error::unavailable("cannot serve a socket").with_source(error))?;
        Ok(HttpServer { service, runtime, stop, accepting, graceful })
    }

    /// Takes nothing new, finishes what is in flight, and ends. Says whether all was finished within `patience`;
    /// what was not is cut off.
    pub fn drain(self, patience: Duration) -> bool {
        self.service.start_draining();
        // Nobody listens where there is no socket: then there is nothing to stop.
        let _ = self.stop.send(true);
        let HttpServer { runtime, accepting, graceful, .. } = self;
        let finished = runtime.block_on(async {
            for accepting in accepting {
                // A loop that panicked takes nothing new either.
                let _ = accepting.await;
            }
            // With the loops their hold on it has ended.
            match Arc::try_unwrap(graceful) {
                Ok(graceful) => tokio::time::timeout(patience, graceful.shutdown()).await.is_ok(),
                Err(_) => false,
            }
        });
        runtime.shutdown_background();
        finished
    }
}

fn check_addresses(listeners: &HttpListeners, options: &HttpOptions) -> Result<()> {
    for listener in &listeners.tcp {
        let address = listener
            .local_addr()
            .map_err(|error| Error::unavailable("a TCP socket has no address").with_source(error))?;
        if options.token.is_none() && !address.ip().is_loopback() {
            let message = "without a token HTTP is served on loopback addresses only";
            return Err(Error::invalid(format!("{message}: {address}")).with_hint(asofdb::Hint::HttpToken));
        }
    }
    Ok(())
}

/// Gives each socket a loop that takes its connections.
fn accept(
    runtime: &Runtime,
    listeners: HttpListeners,
    connections: &Connections,
    stopped: &watch::Receiver<bool>,
) -> std::io::Result<Vec<JoinHandle<()>>> {
    let _entered = runtime.enter();
    let mut accepting = Vec::new();
    for listener in listeners.tcp {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        accepting.push(runtime.spawn(connections.clone().accept_tcp(listener, stopped.clone())));
    }
    for listener in listeners.unix {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::UnixListener::from_std(listener)?;
        accepting.push(runtime.spawn(connections.clone().accept_unix(listener, stopped.clone())));
    }
    Ok(accepting)
}
