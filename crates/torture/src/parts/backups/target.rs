//! A directory of backups, and what each of them must have.

use std::collections::BTreeMap;
use std::path::PathBuf;

use asofdb_storage::BackupKey;

use super::writers::Places;

/// Backups that are kept: those before expire.
pub(super) const KEPT: usize = 6;

/// The bounds of what a backup has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Everything before these was acknowledged before the backup began.
    pub(super) done: Places,
    /// Everything from these on was begun after it was there.
    pub(super) begun: Places,
}

/// A directory of backups.
pub(super) struct Target {
    pub(super) path: PathBuf,
    pub(super) is_sealed: bool,
    /// The bounds of each backup, by its name.
    pub(super) taken: BTreeMap<String, Bounds>,
}

impl Target {
    pub(super) fn key(&self) -> Option<BackupKey> {
        key(self.is_sealed)
    }
}

/// The key of sealed backups.
pub(super) fn key(is_sealed: bool) -> Option<BackupKey> {
    is_sealed.then(|| BackupKey::new([7; 32]))
}
