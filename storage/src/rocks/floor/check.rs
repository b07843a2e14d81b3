//! The check of a store before it is opened.

use std::fs::OpenOptions;
use std::path::Path;

use super::look::look;
use super::statement::LogFloor;
use crate::error::{Error, Result};
use crate::rocks::error::from_io;

/// The findings of a store's check that keep nothing from opening it.
#[derive(Debug)]
pub(in crate::rocks) struct Checked {
    /// Lines that the store's operator should hear.
    pub(in crate::rocks) notices: Vec<String>,
    /// True if the whole store must be read before it can have a floor, because it has none.
    pub(in crate::rocks) needs_reading: bool,
    pub(super) logs: LogFloor,
    /// The turn in which the floor is written next.
    pub(super) turn: usize,
}

/// Checks the store at `directory` against its floor. Call it with the directory locked, before RocksDB sees it.
///
/// # Errors
/// `Corrupt` when something is missing of what was on disk: then no file was changed. `Unavailable` when the files
/// cannot be read; `Conflict` for a floor that a newer asofdb wrote.
pub(in crate::rocks) fn check(directory: &Path) -> Result<Checked> {
    let found = look(directory)?;
    if let Some(damage) = found.summary() {
        return Err(Error::corrupt(format!(
            "the store is damaged, and nothing was changed: {damage}; restore a checkpoint of it, or let `asof repair` \
             open it with what is left: {}",
            directory.display()
        )));
    }
    for (path, length) in &found.cuts {
        let cut = OpenOptions::new().write(true).open(path).and_then(|file| {
            file.set_len(*length)?;
            file.sync_all()
        });
        cut.map_err(|error| from_io(&format!("cannot write {}", path.display()), error))?;
    }
    let needs_reading = found.is_store && !found.has_floor;
    Ok(Checked { notices: found.notices, needs_reading, logs: found.logs, turn: found.turn })
}
