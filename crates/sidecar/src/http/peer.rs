//! The peer at the other end of a connection.

use asofdb_protocol::Role;

use crate::access::{Access, Peer as Process};

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// A process of this host, over the Unix socket; `None`: its user may not connect.
    Local { uid: u32, role: Option<Role> },
    /// Somebody over TCP.
    Remote,
}

/// Marks the requests of a connection that came when all places were taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spare;

impl Peer {
    /// Reads what the kernel says of the other end of a Unix socket.
    pub(super) fn of(stream: &tokio::net::UnixStream, access: &Access) -> std::io::Result<Self> {
        let credentials = stream.peer_cred()?;
        let process = Process { uid: credentials.uid(), gid: credentials.gid() };
        Ok(Peer::Local { uid: process.uid, role: access.role(process) })
    }

    pub(super) fn uid(self) -> Option<u32> {
        match self {
            Peer::Local { uid, .. } => Some(uid),
            Peer::Remote => None,
        }
    }
}
