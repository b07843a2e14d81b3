//! The rows of a view that a scan gives.

use asofdb_storage::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};

use crate::json::rfc3339;

/// The rows of a view that are exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportRows {
    /// Every version with an event from `from`, inclusive, to `to`, exclusive, so that consecutive exports share
    /// none. Deletions are among them.
    Versions {
        /// First event; `None`: from the beginning.
        #[serde(with = "rfc3339::option")]
        from: Option<Timestamp>,
        /// First event after them; `None`: to the end, also what is dated in the future.
        #[serde(with = "rfc3339::option")]
        to: Option<Timestamp>,
    },
    /// The version of each entity that a read as of this time finds. Deleted entities are left out.
    AsOf(#[serde(with = "rfc3339")] Timestamp),
    /// The newest version of each entity, as of now.
    Latest,
}

impl ExportRows {
    /// Returns whether every version is among them.
    pub fn is_everything(&self) -> bool {
        matches!(self, ExportRows::Versions { from: None, to: None })
    }

    /// Refuses a window that ends before it begins.
    ///
    /// # Errors
    /// `Invalid`, naming both ends.
    pub fn check(&self) -> Result<()> {
        match self {
            ExportRows::Versions { from: Some(from), to: Some(to) } if from >= to => {
                Err(Error::invalid(format!("an export is from a time to a later one (exclusive): {from} to {to}")))
            }
            _ => Ok(()),
        }
    }
}
