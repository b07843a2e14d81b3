//! One connection, served by one thread: blocking reads and writes have no wake-up between them and the kernel.

use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use asofdb::{Error, Result};
use asofdb_protocol::{Header, Kind, Role};
use tracing::{debug, info};

use super::registry::Activity;
use super::replies::Replies;
use super::session::Session;
use super::shared::Shared;
use super::{bulk, control, sharing};
use crate::access::Peer;
use crate::consumers::Stopwatch;
use crate::gauges::Refusal;
use crate::server::arrivals::{Arrivals, End};

/// Longest body before a client has said hello.
const HELLO_BYTES_MAX: usize = 1 << 10;

/// Serves a connection to its end.
pub(super) fn serve(shared: &Shared, number: u64, stream: &UnixStream, peer: Peer, role: Role) {
    let end = match Connection::new(shared, stream).run(number, peer, role) {
        Ok(never) => match never {},
        Err(end) => end,
    };
    tell(shared, number, peer.uid, &end);
    // The client learns it even while somebody else holds the stream.
    let _ = stream.shutdown(Shutdown::Both);
}

/// Logs the end of a connection.
fn tell(shared: &Shared, connection: u64, uid: u32, end: &End) {
    if matches!(end, End::Closed) {
        return debug!(connection, uid, "connection closed");
    }
    let Some(left_out) = shared.notices.next() else { return };
    match end {
        End::Closed => {}
        End::Refused(error) => info!(connection, uid, error = %error, left_out, "connection refused"),
        End::TimedOut(what) => info!(connection, uid, client = what, left_out, "connection timed out"),
        End::Broken(error) => info!(connection, uid, error = %error, left_out, "connection broke"),
    }
}

struct Connection<'s> {
    shared: &'s Shared,
    arrivals: Arrivals<'s>,
    replies: Replies<&'s UnixStream>,
    stream: &'s UnixStream,
    /// The part of it that others see, once it has said hello.
    activity: Option<Arc<Activity>>,
}

impl<'s> Connection<'s> {
    fn new(shared: &'s Shared, stream: &'s UnixStream) -> Self {
        Connection {
            shared,
            arrivals: Arrivals::new(shared, stream),
            replies: Replies::new(stream, shared.bounds.stall_timeout),
            stream,
            activity: None,
        }
    }

    fn run(mut self, number: u64, peer: Peer, role: Role) -> Result<std::convert::Infallible, End> {
        let greeted = self.greet(number, peer, role);
        let ended = match greeted {
            Ok(mut session) => loop {
                if let Err(end) = self.turn(&mut session) {
                    break end;
                }
            },
            Err(end) => end,
        };
        if let End::Refused(error) = &ended {
            // Whether or not it is still there to be told.
            let _ = self.replies.error(0, error).and_then(|()| self.replies.flush());
        }
        Err(ended)
    }

    /// Waits for a hello and answers it.
    fn greet(&mut self, number: u64, peer: Peer, role: Role) -> Result<Session<'s>, End> {
        let patience = self.shared.bounds.handshake_timeout;
        let started = Stopwatch::start();
        let late = "did not say hello";
        let session = loop {
            if let Some((header, body)) = self.arrivals.next(HELLO_BYTES_MAX).map_err(End::Refused)? {
                if header.kind != Kind::Hello || header.is_answer || header.more {
                    return Err(End::Refused(Error::invalid("the first frame of a connection is a hello")));
                }
                let (session, welcome) = Session::open(self.shared, peer, role, body).map_err(End::Refused)?;
                self.replies.answer(Kind::Hello, header.id, &welcome)?;
                break session;
            }
            let left = patience.checked_sub(started.elapsed()).filter(|left| !left.is_zero());
            let left = left.ok_or_else(|| self.too_late(late))?;
            self.arrivals.read(left, late).map_err(|end| match end {
                End::TimedOut(what) => self.too_late(what),
                end => end,
            })?;
        };
        let greeted = self.shared.registry.greet(number);
        self.activity = Some(greeted.ok_or_else(|| End::Refused(self.shared.full(role)))?);
        self.replies.flush()?;
        Ok(session)
    }

    fn too_late(&self, what: &'static str) -> End {
        self.shared.service.native.refuse(Refusal::Handshake);
        End::TimedOut(what)
    }

    /// Answers everything that has arrived, then waits for more.
    fn turn(&mut self, session: &mut Session<'s>) -> Result<(), End> {
        let mut taken = 0;
        while let Some(header) = self.arrivals.peek(self.shared.bounds.body_bytes_max).map_err(End::Refused)? {
            self.request(session, header)?;
            taken += 1;
            if taken >= self.shared.bounds.requests_taken_max {
                break;
            }
        }
        session.reads.answer(self.shared, &mut self.replies)?;
        self.replies.flush()?;
        if taken >= self.shared.bounds.requests_taken_max {
            return Ok(());
        }
        let (patience, late) = match self.arrivals.is_empty() {
            true => (self.shared.bounds.idle_timeout, "said nothing"),
            false => (self.shared.bounds.stall_timeout, "paused within a request"),
        };
        // A connection within a request is not idle, however slow it is.
        // One with rows that wait to be loaded must not make room for others: they would be lost.
        let is_idle = self.arrivals.is_empty() && session.gathering.is_empty();
        let idle = self.activity.as_deref().filter(|_| is_idle);
        idle.inspect(|activity| self.shared.registry.idle(activity));
        let rest = (self.replies.is_strained() && self.arrivals.is_empty()).then(Stopwatch::start);
        let arrived = self.arrivals.read(patience, late);
        rest.inspect(|rest| self.replies.rested(rest.elapsed()));
        idle.inspect(|activity| self.shared.registry.busy(activity));
        arrived
    }

    /// Answers the next request, which is there.
    fn request(&mut self, session: &mut Session<'s>, header: Header) -> Result<(), End> {
        if header.is_answer || header.kind == Kind::Chunk {
            return Err(End::Refused(Error::invalid("a client sends requests, and chunks of those that have some")));
        }
        let shared = self.shared;
        if matches!(header.kind, Kind::Latest | Kind::AsOf) {
            let next = self.arrivals.next(shared.bounds.body_bytes_max).map_err(End::Refused)?;
            let Some((header, body)) = next else { return Ok(()) };
            return Ok(session.reads.gather(shared, header, body, &mut self.replies)?);
        }
        session.reads.answer(shared, &mut self.replies)?;
        let next = self.arrivals.next(shared.bounds.body_bytes_max).map_err(End::Refused)?;
        let Some((header, body)) = next else { return Ok(()) };
        if bulk::is_bulk(header.kind) {
            let body = body.to_vec();
            self.replies.flush()?;
            return bulk::serve(shared, session, header, &body, &mut self.arrivals, &mut self.replies);
        }
        if header.kind == Kind::Share {
            return match sharing::share(shared, &session.caller, body) {
                Ok(memory) => {
                    self.replies.flush()?;
                    Ok(sharing::send(self.stream, header.id, &memory)?)
                }
                Err(error) => Ok(self.replies.error(header.id, &error)?),
            };
        }
        match control::answer(shared, session, header.kind, body) {
            Ok(body) => Ok(self.replies.frame(Header::answer(header.kind, header.id), &[&body])?),
            Err(error) => Ok(self.replies.error(header.id, &error)?),
        }
    }
}
