//! Connections: taken, bounded, served, and ended.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tower::ServiceExt;

use super::door::Door;
use super::paced::Paced;
use super::peer::{Peer, Spare};
use super::places::{Place, Places};
use crate::gauges::Refusal;

/// Longest head of a request in bytes, and the most that is buffered of one connection.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// The pause after a connection could not be taken, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Takes connections until it is told to stop.
#[derive(Clone)]
pub(super) struct Connections {
    pub(super) door: Arc<Door>,
    pub(super) router: Router,
    pub(super) graceful: Arc<GracefulShutdown>,
    /// The places of connections over TCP.
    pub(super) tcp: Arc<Places>,
    /// The places of connections over Unix sockets: whoever fills up the others does not shut out this host.
    pub(super) unix: Arc<Places>,
}

impl Connections {
    pub(super) async fn accept_tcp(self, listener: TcpListener, mut stop: watch::Receiver<bool>) {
        loop {
            let accepted = tokio::select! {
                _ = stop.changed() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    // Answers are written whole: waiting to fill a packet only delays them.
                    let _ = stream.set_nodelay(true);
                    tokio::select! {
                        _ = stop.changed() => return,
                        () = self.take(&self.tcp, Peer::Remote, stream) => {}
                    }
                }
                Err(error) => pause(&error).await,
            }
        }
    }

    pub(super) async fn accept_unix(self, listener: UnixListener, mut stop: watch::Receiver<bool>) {
        loop {
            let accepted = tokio::select! {
                _ = stop.changed() => return,
                accepted = listener.accept() => accepted,
            };
            let accepted = accepted.and_then(|(stream, _)| Ok((Peer::of(&stream, &self.door.options.access)?, stream)));
            match accepted {
                Ok((peer, stream)) => tokio::select! {
                    _ = stop.changed() => return,
                    () = self.take(&self.unix, peer, stream) => {}
                },
                Err(error) => pause(&error).await,
            }
        }
    }

    /// Serves a connection once it has a place.
    async fn take(
        &self,
        places: &Arc<Places>,
        peer: Peer,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) {
        let place = places.take().await;
        let has_evicted = place.has_evicted;
        self.door.service.http.connections.add(1);
        let connection = Connection { door: self.door.clone(), place: Arc::new(place) };
        tokio::spawn(connection.serve(peer, stream, self.router.clone(), self.graceful.watcher()));
        if has_evicted {
            // Those that go, and those that have just come with a request, before the next ones.
            tokio::task::yield_now().await;
        }
    }
}

async fn pause(error: &io::Error) {
    tracing::warn!(%error, "cannot take a connection");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

/// One connection, counted while it lives.
struct Connection {
    door: Arc<Door>,
    place: Arc<Place>,
}

impl Connection {
    async fn serve(
        self,
        peer: Peer,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        router: Router,
        watcher: Watcher,
    ) {
        let service = service_fn(|request| answer(router.clone(), self.place.clone(), peer, request));
        let options = &self.door.options;
        let stream = Paced::new(stream, self.place.clone(), options.stall_timeout);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(options.header_timeout)
            .keep_alive(!self.place.is_spare())
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service);
        let mut served = pin!(watcher.watch(connection));
        loop {
            tokio::select! {
                // First, so that a request that has arrived is begun and the connection is not idle.
                biased;
                done = &mut served => {
                    if let Err(error) = done {
                        tracing::debug!(%error, "a connection ended early");
                    }
                    return;
                }
                // It is closed as after a long silence, unless a request has come meanwhile.
                () = self.place.evicted() => if self.place.is_idle() {
                    return self.door.service.http.refuse(Refusal::Connections);
                },
            }
        }
    }
}

/// Answers one request. Its place is busy meanwhile.
async fn answer(
    router: Router,
    place: Arc<Place>,
    peer: Peer,
    request: hyper::Request<Incoming>,
) -> std::result::Result<axum::response::Response, std::convert::Infallible> {
    place.busy();
    let mut request: Request = request.map(Body::new);
    request.extensions_mut().insert(peer);
    if place.is_spare() {
        request.extensions_mut().insert(Spare);
    }
    let answered = router.oneshot(request).await;
    place.idle();
    answered
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.door.service.http.connections.subtract(1);
    }
}
