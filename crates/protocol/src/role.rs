//! The role of a caller.

use asofdb::{Error, Result};

/// The role of a caller. Each role may do what the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Read.
    Reader,
    /// Write and delete rows.
    Writer,
    /// Change definitions, erase, compact, copy the store.
    Operator,
}

impl Role {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Reader => "reader",
            Role::Writer => "writer",
            Role::Operator => "operator",
        }
    }

    /// Returns who has a role that nobody can be given, for messages.
    const fn holder(self) -> &'static str {
        match self {
            Role::Reader | Role::Writer => "",
            Role::Operator => ", which the user who runs the sidecar has on its Unix sockets",
        }
    }

    /// Refuses what needs a greater role.
    ///
    /// # Errors
    /// `Denied`, naming both roles.
    pub fn require(self, needed: Role, what: &str) -> Result<()> {
        match self >= needed {
            true => Ok(()),
            false => Err(Error::denied(format!(
                "{what} needs the role {}{}; this caller has the role {}",
                needed.as_str(),
                needed.holder(),
                self.as_str()
            ))),
        }
    }
}
