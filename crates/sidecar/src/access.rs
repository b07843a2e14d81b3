//! Access: who may connect and do what, by the user and group that the kernel says are at the other end.

use std::os::unix::net::UnixStream;

use asofdb::{Error, Result};
use asofdb_protocol::Role;
use rustix::net::sockopt::socket_peercred;
use rustix::process::geteuid;

/// The user and the groups at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The user.
    pub uid: u32,
    /// The effective group.
    pub gid: u32,
}

impl Peer {
    /// Asks the kernel, which noted it when the peer connected.
    ///
    /// # Errors
    /// `Unavailable` when it does not say.
    pub fn of(stream: &UnixStream) -> Result<Self> {
        let peer = socket_peercred(stream)
            .map_err(|error| Error::unavailable("the kernel does not say who has connected").with_source(error))?;
        Ok(Peer { uid: peer.uid.as_raw(), gid: peer.gid.as_raw() })
    }
}

/// Lists of users and groups with their roles. Without any list: the user that runs the sidecar, and root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Users who may read and write.
    pub allow_uids: Vec<u32>,
    /// Groups whose members may read and write; the group counts that a process runs with.
    pub allow_gids: Vec<u32>,
    /// Users who may read.
    pub read_only_uids: Vec<u32>,
    /// Groups whose members may read.
    pub read_only_gids: Vec<u32>,
    /// Nobody may do more than read.
    pub read_only: bool,
}

impl Access {
    /// Returns the role of a peer; `None`: it may do nothing.
    pub fn role(&self, peer: Peer) -> Option<Role> {
        let listed = |uids: &[u32], gids: &[u32]| uids.contains(&peer.uid) || gids.contains(&peer.gid);
        let role = if peer.uid == 0 || peer.uid == geteuid().as_raw() {
            Role::Operator
        } else if listed(&self.allow_uids, &self.allow_gids) {
            Role::Writer
        } else if listed(&self.read_only_uids, &self.read_only_gids) {
            Role::Reader
        } else {
            return None;
        };
        Some(if self.read_only { Role::Reader } else { role })
    }

    /// The role of a caller over TCP, whose user is not known: at most that of a writer.
    pub(crate) fn remote_role(&self) -> Role {
        if self.read_only { Role::Reader } else { Role::Writer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_role_counts_and_strangers_have_none() {
        let me = geteuid().as_raw();
        let stranger = Peer { uid: me + 1_000, gid: 5_000 };
        let access = Access { allow_uids: vec![me + 1], read_only_gids: vec![77], ..Access::default() };
        assert_eq!(access.role(Peer { uid: me, gid: 1 }), Some(Role::Operator));
        assert_eq!(access.role(Peer { uid: 0, gid: 1 }), Some(Role::Operator));
        assert_eq!(access.role(Peer { uid: me + 1, gid: 77 }), Some(Role::Writer));
        assert_eq!(access.role(Peer { uid: me + 2, gid: 77 }), Some(Role::Reader));
        assert_eq!(access.role(stranger), None);
        let read_only = Access { read_only: true, ..access };
        assert_eq!(read_only.role(Peer { uid: me, gid: 1 }), Some(Role::Reader));
        assert_eq!(read_only.role(stranger), None);
    }

    #[test]
    fn the_kernel_says_who_is_there() {
        let (here, _there) = UnixStream::pair().unwrap();
        assert_eq!(Peer::of(&here).unwrap().uid, geteuid().as_raw());
    }
}
