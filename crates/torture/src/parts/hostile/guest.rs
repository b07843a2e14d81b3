//! One client of a crowd.

use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv, send, socket_with,
};

use super::manner::{Manner, Reads};

/// Sends in a turn, so that one client does not keep the others waiting.
const SENDS_TOGETHER: usize = 4;

/// One client of a crowd: at the door, or resting.
#[derive(Debug)]
pub(super) struct Guest {
    manner: Rc<Manner>,
    /// The address over TCP; none for the crowd's Unix socket.
    over_tcp: Option<SocketAddr>,
    stream: Option<OwnedFd>,
    /// The time, of the crowd's life, since which it is to be cut off: it came then, or, if it reads nothing, the
    /// sidecar took something of it for the last time.
    since: Duration,
    rests_until: Duration,
    /// Bytes that it has sent of what it sends first, and of what it sends over and over.
    sent: usize,
    dripped: usize,
    /// True while it waits for room to send.
    wants_to_send: bool,
}

/// The end of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It stays, and has sent so many bytes.
    Stays(usize),
    /// It goes by itself.
    Leaves,
    /// The sidecar has ended the connection.
    Cut,
}

impl Guest {
    pub(super) fn new(manner: Rc<Manner>, over_tcp: Option<SocketAddr>) -> Self {
        let never = Duration::ZERO;
        Guest {
            manner,
            over_tcp,
            stream: None,
            since: never,
            rests_until: never,
            sent: 0,
            dripped: 0,
            wants_to_send: false,
        }
    }

    pub(super) fn is_present(&self) -> bool {
        self.stream.is_some()
    }

    pub(super) fn is_over_tcp(&self) -> bool {
        self.over_tcp.is_some()
    }

    pub(super) fn since(&self) -> Duration {
        self.since
    }

    /// The sidecar has taken something of it.
    pub(super) fn was_taken(&mut self, now: Duration) {
        if self.manner.reads == Reads::Nothing {
            self.since = now;
        }
    }

    pub(super) fn rests_until(&self) -> Duration {
        self.rests_until
    }

    pub(super) fn rest_until(&mut self, time: Duration) {
        self.rests_until = time;
    }

    /// Connects, without waiting.
    ///
    /// # Errors
    /// Those of the kernel: `AGAIN` when too many wait to be accepted.
    pub(super) fn come(&mut self, socket: &Path, epoll: &OwnedFd, number: u64, now: Duration) -> Result<(), Errno> {
        let family = if self.over_tcp.is_some() { AddressFamily::INET } else { AddressFamily::UNIX };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let stream = socket_with(family, SocketType::STREAM, flags, None)?;
        match self.over_tcp {
            Some(address) => match connect(&stream, &address) {
                Ok(()) | Err(Errno::INPROGRESS) => {}
                Err(error) => return Err(error),
            },
            None => connect(&stream, &SocketAddrUnix::new(socket)?)?,
        }
        (self.since, self.sent, self.dripped) = (now, 0, 0);
        self.wants_to_send = self.has_to_send() || self.manner.leaves;
        epoll::add(epoll, &stream, EventData::new_u64(number), self.interest())?;
        self.stream = Some(stream);
        Ok(())
    }

    /// Closes the connection.
    pub(super) fn go(&mut self, rests_until: Duration) {
        self.stream = None;
        self.rests_until = rests_until;
    }

    fn has_to_send(&self) -> bool {
        self.sent < self.manner.first.len() || !self.manner.again.is_empty()
    }

    fn interest(&self) -> EventFlags {
        let mut interest = EventFlags::RDHUP;
        interest.set(EventFlags::IN, self.manner.reads == Reads::All);
        interest.set(EventFlags::OUT, self.wants_to_send);
        interest
    }

    /// Does what an event asks for.
    pub(super) fn turn(&mut self, flags: EventFlags, epoll: &OwnedFd, number: u64, scratch: &mut [u8]) -> Turn {
        if flags.intersects(EventFlags::HUP | EventFlags::ERR | EventFlags::RDHUP) {
            return if self.is_present() { Turn::Cut } else { Turn::Stays(0) };
        }
        if flags.contains(EventFlags::IN) && self.read(scratch) == Turn::Cut {
            return Turn::Cut;
        }
        let before = self.sent;
        if flags.contains(EventFlags::OUT) && self.send() == Turn::Cut {
            return Turn::Cut;
        }
        if self.manner.leaves && !self.has_to_send() {
            return Turn::Leaves;
        }
        if self.wants_to_send != self.has_to_send() {
            self.wants_to_send = self.has_to_send();
            if let Some(stream) = &self.stream {
                // It is there: the kernel needs nothing new for it.
                let _ = epoll::modify(epoll, stream, EventData::new_u64(number), self.interest());
            }
        }
        Turn::Stays(self.sent - before)
    }

    /// Does what is to be done every second.
    pub(super) fn tick(&mut self, scratch: &mut [u8]) -> Turn {
        if let Reads::Slowly(bytes) = self.manner.reads {
            let most = bytes.min(scratch.len());
            return self.read(&mut scratch[..most]);
        }
        let Some(stream) = &self.stream else { return Turn::Stays(0) };
        if self.manner.drip.is_empty() || self.sent < self.manner.first.len() {
            return Turn::Stays(0);
        }
        let byte = self.manner.drip[self.dripped % self.manner.drip.len()];
        self.dripped += 1;
        sent(send(stream, &[byte], SendFlags::DONTWAIT | SendFlags::NOSIGNAL)).map_or(Turn::Cut, Turn::Stays)
    }

    /// Reads once.
    fn read(&mut self, scratch: &mut [u8]) -> Turn {
        let Some(stream) = &self.stream else { return Turn::Stays(0) };
        match recv(stream, scratch, RecvFlags::DONTWAIT) {
            Ok((0, _)) => Turn::Cut,
            Ok(_) | Err(Errno::AGAIN | Errno::INTR) => Turn::Stays(0),
            Err(_) => Turn::Cut,
        }
    }

    /// Sends what comes next.
    fn send(&mut self) -> Turn {
        let Some(stream) = &self.stream else { return Turn::Stays(0) };
        let (first, again) = (&self.manner.first, &self.manner.again);
        for _ in 0..SENDS_TOGETHER {
            let rest = match first.get(self.sent..) {
                Some(rest) if !rest.is_empty() => rest,
                _ if again.is_empty() => break,
                _ => &again[(self.sent - first.len()) % again.len()..],
            };
            match sent(send(stream, rest, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)) {
                Some(0) => break,
                Some(bytes) => self.sent += bytes,
                None => return Turn::Cut,
            }
        }
        Turn::Stays(0)
    }
}

/// The bytes that were sent; `None` when the connection is gone.
fn sent(result: Result<usize, Errno>) -> Option<usize> {
    match result {
        Ok(bytes) => Some(bytes),
        Err(Errno::AGAIN | Errno::INTR) => Some(0),
        Err(_) => None,
    }
}
