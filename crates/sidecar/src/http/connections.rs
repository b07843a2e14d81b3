//! Connections: taken, bounded, served, and ended.

use std::io;
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
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::ServiceExt;

use super::door::Door;
use super::peer::Peer;
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
    pub(super) room: Arc<Semaphore>,
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
                    self.take(Peer::Remote, stream);
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
                Ok((peer, stream)) => self.take(peer, stream),
                Err(error) => pause(&error).await,
            }
        }
    }

    fn take(&self, peer: Peer, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        match self.room.clone().try_acquire_owned() {
            Ok(permit) => {
                let connection = Connection { door: self.door.clone(), _room: permit };
                let (router, watcher) = (self.router.clone(), self.graceful.watcher());
                self.door.service.http.connections.add(1);
                tokio::spawn(connection.serve(peer, stream, router, watcher));
            }
            // Dropping the stream closes it: there is no memory to be polite with.
            Err(_) => self.door.service.http.refuse(Refusal::Connections),
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
    _room: OwnedSemaphorePermit,
}

impl Connection {
    async fn serve(
        self,
        peer: Peer,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        router: Router,
        watcher: Watcher,
    ) {
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let mut request: Request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            router.clone().oneshot(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.door.options.header_timeout)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.door.service.http.connections.subtract(1);
    }
}
