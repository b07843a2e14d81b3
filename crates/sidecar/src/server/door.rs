//! The thread at the door: it takes connections, and gives each a thread of its own once it says something. Who
//! connects and is silent costs a descriptor, not a thread.

use std::collections::BTreeMap;
use std::io::ErrorKind as IoKind;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use asofdb::{Error, Result};
use asofdb_protocol::Role;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use tracing::{info, warn};

use super::connection;
use super::registry::{Admitted, Claim};
use super::replies::Replies;
use super::shared::{Counted, Shared};
use crate::access::Peer;
use crate::consumers::Stopwatch;
use crate::gauges::Refusal;
use crate::socket::Socket;

/// The tags of events: the listener, the end, or the connection whose number is the rest.
const LISTENER: u64 = 0;
const STOP: u64 = 1;
const FIRST_CONNECTION: u64 = 2;

/// Events that are taken at a time.
const EVENTS_MAX: usize = 128;

/// Connections that are taken before those that spoke are looked at.
const ACCEPTED_TOGETHER_MAX: usize = 64;

/// The pause when the kernel has no room.
const PAUSE: Duration = Duration::from_millis(50);

/// The door of a server.
pub(super) struct Door<'d> {
    shared: &'d Arc<Shared>,
    socket: &'d Socket,
    epoll: OwnedFd,
    /// The silent connections by number, which is the order in which they came.
    silent: BTreeMap<u64, Silent<'d>>,
}

/// A connection that has said nothing yet.
struct Silent<'d> {
    stream: Arc<UnixStream>,
    peer: Peer,
    role: Role,
    since: Stopwatch,
    _open: Counted<'d>,
}

/// Watches the socket, until somebody writes to `stop`.
///
/// # Errors
/// `Unavailable` when the kernel has no room.
pub(super) fn watch(socket: &Socket, stop: &OwnedFd) -> Result<OwnedFd> {
    let make = || {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, socket.listener(), epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
        epoll::add(&epoll, stop, epoll::EventData::new_u64(STOP), epoll::EventFlags::IN)?;
        Ok(epoll)
    };
    make().map_err(|error: Errno| Error::unavailable("cannot wait for connections").with_source(error))
}

impl<'d> Door<'d> {
    /// The door onto `socket`; `epoll` is from [`watch`].
    pub(super) fn new(shared: &'d Arc<Shared>, socket: &'d Socket, epoll: OwnedFd) -> Self {
        Door { shared, socket, epoll, silent: BTreeMap::new() }
    }

    /// Keeps the door until it is told to stop.
    pub(super) fn keep(mut self) {
        let mut events: Vec<epoll::Event> = Vec::with_capacity(EVENTS_MAX);
        loop {
            events.clear();
            match epoll::wait(&self.epoll, spare_capacity(&mut events), self.patience().as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => {
                    warn!(%error, "cannot wait for connections");
                    thread::sleep(PAUSE);
                }
            }
            for event in &events {
                match event.data.u64() {
                    STOP => return,
                    LISTENER => self.accept(),
                    number => self.heard(number - FIRST_CONNECTION),
                }
            }
            self.close_late();
        }
    }

    /// Returns the time until the oldest silent connection has been silent for too long.
    fn patience(&self) -> Option<Timespec> {
        let (_, oldest) = self.silent.first_key_value()?;
        let left = self.shared.bounds.handshake_timeout.saturating_sub(oldest.since.elapsed());
        Timespec::try_from(left).ok()
    }

    fn accept(&mut self) {
        for _ in 0..ACCEPTED_TOGETHER_MAX {
            match self.socket.listener().accept() {
                Ok((stream, _)) => self.take(Arc::new(stream)),
                Err(error) if error.kind() == IoKind::WouldBlock => return,
                Err(error) => {
                    // No descriptors are left, most likely; connections that end give some back.
                    warn!(%error, "cannot accept a connection");
                    return thread::sleep(PAUSE);
                }
            }
        }
    }

    /// Takes a connection, or says why not.
    fn take(&mut self, stream: Arc<UnixStream>) {
        if let Err((refusal, error)) = self.admit(&stream) {
            refuse(self.shared, &stream, refusal, &error);
        }
    }

    fn admit(&mut self, stream: &Arc<UnixStream>) -> Result<(), (Refusal, Error)> {
        let shared = self.shared;
        let peer = Peer::of(stream).map_err(|error| (Refusal::Access, error))?;
        let Some(role) = shared.access.role(peer) else {
            if let Some(left_out) = shared.notices.next() {
                info!(uid = peer.uid, gid = peer.gid, left_out, "a user who may not connect was refused");
            }
            let message = format!("user {} may not use this sidecar", peer.uid);
            return Err((Refusal::Access, Error::denied(message)));
        };
        let most = shared.bounds.connections_max(role);
        let claim = Claim { uid: peer.uid, is_operator: role == Role::Operator, most };
        let number = match shared.registry.add(stream, claim, shared.bounds.handshakes_max()) {
            Admitted::Yes(number) => number,
            Admitted::Full => return Err((Refusal::Connections, shared.full(role))),
            Admitted::Draining => {
                return Err((Refusal::Draining, Error::unavailable("the sidecar is stopping")));
            }
        };
        let data = epoll::EventData::new_u64(FIRST_CONNECTION + number);
        if let Err(error) = epoll::add(&self.epoll, stream, data, epoll::EventFlags::IN) {
            shared.registry.remove(number);
            let error = Error::unavailable("the sidecar has no room for a connection").with_source(error);
            return Err((Refusal::Connections, error));
        }
        let open = Counted::new(&shared.service.native.connections);
        let silent = Silent { stream: stream.clone(), peer, role, since: Stopwatch::start(), _open: open };
        self.silent.insert(number, silent);
        Ok(())
    }

    /// A silent connection has said something, or has ended.
    fn heard(&mut self, number: u64) {
        let Some(Silent { stream, peer, role, .. }) = self.silent.remove(&number) else { return };
        // A descriptor that cannot be taken out would be heard of again, and not be found.
        let _ = epoll::delete(&self.epoll, &stream);
        let mut byte = [0];
        match recv(&stream, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((1.., _)) => spawn(self.shared, number, stream, peer, role),
            _ => self.shared.registry.remove(number),
        }
    }

    /// Closes what has been silent for too long.
    fn close_late(&mut self) {
        let patience = self.shared.bounds.handshake_timeout;
        while let Some(oldest) = self.silent.first_entry() {
            if oldest.get().since.elapsed() < patience {
                return;
            }
            let (number, Silent { peer, .. }) = oldest.remove_entry();
            self.shared.service.native.refuse(Refusal::Handshake);
            self.shared.registry.remove(number);
            if let Some(left_out) = self.shared.notices.next() {
                let client = "did not say hello";
                info!(connection = number, uid = peer.uid, client, left_out, "connection timed out");
            }
        }
    }
}

impl Drop for Door<'_> {
    fn drop(&mut self) {
        self.silent.keys().for_each(|number| self.shared.registry.remove(*number));
    }
}

/// Says to a client why it is not served.
fn refuse(shared: &Shared, stream: &UnixStream, refusal: Refusal, error: &Error) {
    shared.service.native.refuse(refusal);
    // In one small write, which a new socket has room for, or not at all: nobody is waited for here.
    let mut replies = Replies::new(stream, Duration::ZERO);
    let _ = replies.error(0, error).and_then(|()| replies.flush());
}

/// Gives a connection a thread, or says why not.
fn spawn(shared: &Arc<Shared>, number: u64, stream: Arc<UnixStream>, peer: Peer, role: Role) {
    let serving = {
        let (shared, stream) = (shared.clone(), stream.clone());
        move || {
            let _open = Counted::new(&shared.service.native.connections);
            let _registered = Registered { shared: &shared, number };
            connection::serve(&shared, number, &stream, peer, role);
        }
    };
    if let Err(error) = thread::Builder::new().name(format!("client-{number}")).spawn(serving) {
        if let Some(left_out) = shared.notices.next() {
            warn!(%error, left_out, "cannot start a thread for a connection");
        }
        refuse(shared, &stream, Refusal::Connections, &no_thread().with_source(error));
        shared.registry.remove(number);
    }
}

#[cold]
fn no_thread() -> Error {
    Error::unavailable(
        "the sidecar gets no thread for a connection; its process may map too few addresses (ulimit -v), or its user may \
         have too few threads (ulimit -u)",
    )
}

/// Removes a connection when its thread ends, however it does.
struct Registered<'r> {
    shared: &'r Shared,
    number: u64,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.shared.registry.remove(self.number);
    }
}
