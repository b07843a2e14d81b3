//! Changes of the catalog that were made: who made each, when and why, and what was there before.

use std::collections::BTreeMap;

use crate::catalog::Catalog;
use crate::change::Change;
use crate::error::{Error, Result};
use crate::records;
use crate::time::Timestamp;

/// Most lines that the record of a change has; of more it has the number.
pub const LOGGED_CHANGES_MAX: usize = 4_096;

/// Longest details of one line in bytes.
pub(crate) const LOGGED_DETAILS_BYTES_MAX: usize = 512;

/// Bytes after which no further change is read at once.
pub const CHANGES_BYTES_MAX: usize = 16 << 20;

/// The approval of a change by somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The one who has approved.
    pub who: String,
    /// The time of it, by the store's clock.
    pub at: Timestamp,
}

/// The cause of a change of the catalog: who makes it, and why. The default names nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeCause {
    /// The one who makes it, such as `uid:1000`.
    pub who: String,
    /// The reason that was given.
    pub message: String,
    /// Those who have approved it.
    pub approved_by: Vec<Approval>,
    /// The lines of its plan.
    pub changes: Vec<Change>,
    /// The number of lines that are left out because there are more than [`LOGGED_CHANGES_MAX`].
    pub left_out: u64,
}

impl ChangeCause {
    /// The cause with no more lines than are kept, and no longer ones.
    pub(crate) fn shortened(mut self) -> Self {
        self.left_out += self.changes.len().saturating_sub(LOGGED_CHANGES_MAX) as u64;
        self.changes.truncate(LOGGED_CHANGES_MAX);
        self.changes.iter_mut().for_each(|change| change.shorten(LOGGED_DETAILS_BYTES_MAX));
        self
    }
}

/// A record that a change has replaced: its key, and its value before; `None` where there was none.
pub type Undo = (Vec<u8>, Option<Vec<u8>>);

/// A change of the catalog that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogChange {
    /// The revision that it led to.
    pub revision: u64,
    /// The time of it, by the store's clock.
    pub at: Timestamp,
    /// The one who made it, and why.
    pub cause: ChangeCause,
    /// The records that it has replaced, as they were before.
    pub before: Vec<Undo>,
}

impl CatalogChange {
    /// The change from some records to others.
    pub(crate) fn new(
        (revision, at): (u64, Timestamp),
        cause: ChangeCause,
        old: &BTreeMap<Vec<u8>, Vec<u8>>,
        new: &BTreeMap<Vec<u8>, Vec<u8>>,
    ) -> Self {
        let changed = new.iter().filter(|(key, value)| old.get(*key) != Some(*value)).map(|(key, _)| key);
        let gone = old.keys().filter(|key| !new.contains_key(*key));
        let mut before: Vec<Undo> = changed.chain(gone).map(|key| (key.clone(), old.get(key).cloned())).collect();
        before.sort_unstable();
        CatalogChange { revision, at, cause: cause.shortened(), before }
    }

    /// Its bytes, about.
    pub fn bytes(&self) -> usize {
        let lines = self.cause.changes.iter().flat_map(|change| change.details.iter().chain([&change.name]));
        let undo = |(key, value): &Undo| key.len() + value.as_ref().map_or(0, Vec::len);
        lines.map(String::len).sum::<usize>() + self.before.iter().map(undo).sum::<usize>()
    }
}

impl Catalog {
    /// The catalog as it was before the newest changes, which are given newest first and without a gap.
    ///
    /// # Errors
    /// `Conflict` when they are no changes that led to this catalog; `Corrupt` when a record cannot be read.
    pub fn before(&self, changes: &[CatalogChange]) -> Result<Catalog> {
        let mut records = self.to_records()?;
        let mut revision = self.revision();
        for change in changes {
            if change.revision != revision {
                let message = "the changes of the catalog do not follow each other";
                return Err(Error::conflict(format!("{message}: {} after {revision}", change.revision)));
            }
            for (key, value) in &change.before {
                match value {
                    Some(value) => drop(records.insert(key.clone(), value.clone())),
                    None => drop(records.remove(key)),
                }
            }
            revision -= 1;
        }
        Catalog::from_records(records)
    }
}

/// Approvals of changes that were not made yet, all for the catalog of one revision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Approvals {
    /// The revision of the catalog that they are about.
    pub revision: u64,
    /// Hashes of plans, each with an approval.
    pub given: Vec<(String, Approval)>,
}

impl Approvals {
    /// Most approvals that wait.
    pub const MAX: usize = 1_024;

    /// The name of the note in which a store keeps them.
    pub const NOTE: &'static [u8] = b"approvals";

    /// The approvals of a plan.
    pub fn of(&self, plan: &str) -> impl Iterator<Item = &Approval> {
        self.given.iter().filter(move |(hash, _)| hash == plan).map(|(_, approval)| approval)
    }

    /// The record of them.
    ///
    /// # Errors
    /// `Invalid` when it is longer than 16 MiB.
    pub fn encode(&self) -> Result<Vec<u8>> {
        records::encode(self)
    }

    /// Reads the record of approvals.
    ///
    /// # Errors
    /// `Corrupt` when it is none; `Conflict` for one that only a newer asofdb reads.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        records::decode(&[], bytes)
    }
}
