//! Backing up a store, wherever it is.

use std::fs;
use std::path::Path;

use asofdb_storage::{BackedUp, Backups, Error, Result, fail_point};

use crate::session::Session;

/// Adds a backup of an open store, which goes on being read and written. What is backed up is the store at one moment.
///
/// A checkpoint is made first and removed in the end: in the directory of the backups or, if given, at `checkpoint`,
/// where nothing is. On the file system of the store it takes next to no room.
///
/// # Errors
/// `Unavailable` when it cannot be written; `Corrupt` when a file is not what it was; `Conflict` when `checkpoint`
/// exists.
pub fn back_up(store: &impl Session, backups: &Backups, checkpoint: Option<&Path>) -> Result<BackedUp> {
    let Some(checkpoint) = checkpoint else {
        let place = backups.place_for_checkpoint()?;
        store.checkpoint(&place)?;
        fail_point("backup checkpointed");
        let added = backups.add(&place, store.now()?)?;
        backups.clear_checkpoint()?;
        return Ok(added);
    };
    store.checkpoint(checkpoint)?;
    let added = store.now().and_then(|now| backups.add(checkpoint, now));
    fail_point("backup added");
    let removed = fs::remove_dir_all(checkpoint).map_err(|error| {
        Error::unavailable(format!("cannot remove the checkpoint {}", checkpoint.display())).with_source(error)
    });
    let added = added?;
    removed.map(|()| added)
}
