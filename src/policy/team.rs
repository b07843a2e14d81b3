//! Those who change definitions, and the teams that they are in.

use asofdb_storage::{Error, Result};

use super::pattern::Pattern;

/// Somebody who changes or approves definitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The name, such as `uid:1000`.
    pub name: String,
    /// True if all definitions may be changed; otherwise only those of the teams that the policy gives.
    pub is_operator: bool,
}

impl Actor {
    /// The user of this process, who has the store's files and may change all.
    pub fn of_process() -> Self {
        Actor { name: format!("uid:{}", rustix::process::geteuid().as_raw()), is_operator: true }
    }

    /// Refuses what only operators may do.
    pub(crate) fn require_operator(&self, doing: &str) -> Result<()> {
        match self.is_operator {
            true => Ok(()),
            false => Err(Error::denied(format!("{doing} needs the role operator, which {} has not", self.name))),
        }
    }
}

/// A team, those who are in it, and how its services are told.
#[derive(Debug, Clone)]
pub(super) struct Team {
    /// The name, as views have it.
    pub(super) name: String,
    pub(super) members: Vec<String>,
    /// Patterns of owners, as services have them.
    pub(super) owners: Vec<Pattern>,
}
