//! Restoring to a point between backups: which writes lead there from the backup before it, and applying them.
//!
//! See "Kept logs" in `docs/design.md`.

mod operations;
mod replay;
mod trail;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::replay::Replay;
use self::trail::{Trail, not_covered};
use super::error::from_io;
use super::families::Database;
use super::floor;
use super::kept::{KeptFile, KeptName, Mark};
use super::options::{MEMORY_BUDGET_BYTES_MIN, Options, Tuning};
use super::present::Present;
use super::{process, spoiled};
use crate::error::Result;
use crate::time::{ManualClock, Timestamp};

/// The point that a copy of a store stands at before anything is applied to it: its newest mark, if its logs were kept.
///
/// # Errors
/// `Unavailable` or `Corrupt` when the copy cannot be opened.
pub(super) fn position(copy: &Path) -> Result<Option<Mark>> {
    Mark::newest(&open(copy)?)
}

/// Brings the copy of a store, which nobody has open, on from its position to the time `at`, by the kept logs and files
/// of bulk loads in the directory `files`.
///
/// # Errors
/// `NotFound` when they do not lead there; `Corrupt` when they cannot be understood; `Unavailable` when something
/// cannot be read or written.
pub(super) fn bring_on(copy: &Path, files: &Path, from: &Mark, at: Timestamp) -> Result<()> {
    let logs = logs(files, from.id)?;
    let trail = Trail::read(&logs, from)?;
    if trail.settled.is_none_or(|settled| settled < at) {
        return Err(not_covered(at, trail.settled));
    }
    let database = open(copy)?;
    Replay { database: &database, files, id: from.id, at }.run(&logs, &trail)?;
    // Logs that are cut may have a write to events and not what it did to tiles.
    spoiled::delete_all(&database)?;
    drop(database);
    // The old floor says of files that are gone that they are there.
    floor::remove(copy)?;
    floor::establish(copy)
}

/// The logs in a directory, in the order in which they were written.
fn logs(files: &Path, id: u128) -> Result<Vec<PathBuf>> {
    let failed = |error| from_io(&format!("cannot read {}", files.display()), error);
    let mut logs = BTreeMap::new();
    for entry in fs::read_dir(files).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        match KeptName::of(&entry.file_name().to_string_lossy()) {
            Some(KeptName { id: of, file: KeptFile::Log(number) }) if of == id => {
                logs.insert(number, entry.path());
            }
            _ => {}
        }
    }
    Ok(logs.into_values().collect())
}

/// Opens the files of a copy as they are: nothing that was interrupted is finished, and nothing is reclaimed.
fn open(copy: &Path) -> Result<Database> {
    let options = Options { memory_budget_bytes: MEMORY_BUDGET_BYTES_MIN, create: false, ..Options::default() };
    let present = Arc::new(Present::new(ManualClock::new(Timestamp::MIN)));
    present.set_erasing(true);
    process::prepare(&options)?;
    let tuning = Tuning::new(&options, &present)?;
    Database::open(copy, &tuning, false)
}
