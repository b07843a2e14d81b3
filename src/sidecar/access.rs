//! Who may do what.

/// What a caller may do; each role may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Read features and the catalog.
    Reader,
    /// Write and delete rows.
    Writer,
    /// Change definitions and erase.
    Operator,
}

/// Who may connect to the Unix sockets, by what the kernel says of the peer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Users who may read and write, beside the one who runs the sidecar and root.
    pub allow_uids: Vec<u32>,
    /// Groups whose members may read and write.
    pub allow_gids: Vec<u32>,
    /// Nobody may write.
    pub read_only: bool,
}

impl Access {
    /// The role of a peer; `None` when it may not connect.
    pub(crate) fn role(&self, uid: u32, gid: u32, _pid: Option<i32>) -> Option<Role> {
        let role = match uid {
            uid if uid == 0 || uid == rustix::process::geteuid().as_raw() => Role::Operator,
            uid if self.allow_uids.contains(&uid) || self.allow_gids.contains(&gid) => Role::Writer,
            _ => return None,
        };
        Some(if self.read_only { Role::Reader } else { role })
    }

    /// The role of a caller over TCP, whose user is not known: at most that of a writer.
    pub(crate) fn remote_role(&self) -> Role {
        if self.read_only { Role::Reader } else { Role::Writer }
    }
}
