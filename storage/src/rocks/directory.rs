//! The store's directory: what may be opened, and the marker that says it is a store.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::error::from_io;
use super::records::{STORE_FORMAT, check_supported};
use crate::error::{Error, Result};

/// Says that a directory is a store, and of which format; read before RocksDB touches anything.
const MARKER: &str = "ASOFDB";
const MARKER_TEXT: &str = "asofdb store, format ";

/// Files of bulk loads before they are ingested; on the store's own file system, so that they are moved.
const LOADS: &str = "loads";

/// The contents of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contents {
    /// A store with data.
    Store,
    /// A directory that is, or now is, marked as a store and holds no data yet.
    Fresh,
}

/// Checks that `path` is a store or, with `create`, makes it one.
///
/// # Errors
/// `NotFound` when there is nothing and `create` is not set; `Conflict` for what is not a store or a newer
/// one; `Corrupt` for a store that lost its parts; `Unavailable` when it cannot be read or written.
pub(super) fn prepare(path: &Path, create: bool) -> Result<Contents> {
    let names = match list(path) {
        Ok(names) => names,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            return Err(Error::conflict(format!("a store is a directory, and this is a file: {}", path.display())));
        }
        Err(error) => return Err(from_io(&format!("cannot read the store at {}", path.display()), error)),
    };
    if names.iter().any(|name| name == MARKER) {
        check_marker(path)?;
        return found(path, &names);
    }
    if !names.iter().all(|name| name == &temporary_marker() || name == "lost+found") {
        return Err(Error::conflict(format!("not an asofdb store, and not empty: {}", path.display())));
    }
    if !create {
        let message = format!("there is no store here; `asof apply FILE.toml` creates one: {}", path.display());
        return Err(Error::not_found(message));
    }
    fs::create_dir_all(path).map_err(|error| from_io(&format!("cannot create {}", path.display()), error))?;
    mark(path)?;
    Ok(Contents::Fresh)
}

/// Checks that `path` is marked as a store, whatever state its files are in.
///
/// # Errors
/// `NotFound` when there is no store; `Corrupt` and `Conflict` for its marker; `Unavailable` when it cannot be read.
pub(super) fn check_is_store(path: &Path) -> Result<()> {
    match path.join(MARKER).exists() {
        true => check_marker(path),
        false => Err(Error::not_found(format!("there is no store here: {}", path.display()))),
    }
}

/// Checks that a table by itself may be made at `path`: where there is nothing, or where one was before.
///
/// # Errors
/// `Conflict` for a store and for anything else; `Unavailable` when the directory cannot be read.
pub(super) fn check_table(path: &Path) -> Result<()> {
    let names = match list(path) {
        Ok(names) => names,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(from_io(&format!("cannot read {}", path.display()), error)),
    };
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    match !names.is_empty() && (has(MARKER) || !has("CURRENT")) {
        true => Err(Error::conflict(format!("not a table of newest versions, and not empty: {}", path.display()))),
        false => Ok(()),
    }
}

/// The one name of the store's directory: RocksDB knows by its name that a process has a database open, and would
/// open it again by another.
pub(super) fn real_path(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(|error| from_io(&format!("cannot read the store at {}", path.display()), error))
}

/// Marks a directory as a store, in one step.
pub(super) fn mark(path: &Path) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let temporary = path.join(temporary_marker());
        let mut file = fs::File::create(&temporary)?;
        writeln!(file, "{MARKER_TEXT}{STORE_FORMAT}")?;
        file.sync_all()?;
        fs::rename(&temporary, path.join(MARKER))?;
        sync_directory(path)
    };
    write().map_err(|error| from_io(&format!("the store cannot be written: {}", path.display()), error))
}

/// Makes the names in a directory durable.
pub(super) fn sync_directory(path: &Path) -> std::io::Result<()> {
    fs::File::open(path)?.sync_all()
}

/// The empty directory for files of bulk loads; whatever a crash left there is removed.
pub(super) fn empty_loads(path: &Path) -> Result<PathBuf> {
    let loads = path.join(LOADS);
    let failed = |error| from_io(&format!("the store cannot be written: {}", path.display()), error);
    match fs::remove_dir_all(&loads) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
        _ => fs::create_dir(&loads).map_err(failed)?,
    }
    Ok(loads)
}

fn temporary_marker() -> String {
    format!("{MARKER}.new")
}

fn list(path: &Path) -> std::io::Result<Vec<String>> {
    fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

fn check_marker(path: &Path) -> Result<()> {
    let text = fs::read(path.join(MARKER))
        .map_err(|error| from_io(&format!("cannot read the store at {}", path.display()), error))?;
    let text = String::from_utf8_lossy(&text);
    let format = text.trim_end().strip_prefix(MARKER_TEXT).and_then(|format| format.parse().ok());
    let damaged = || Error::corrupt(format!("the file {MARKER} of the store is damaged: {}", path.display()));
    check_supported(format.ok_or_else(damaged)?)
}

/// RocksDB would quietly start anew where its `CURRENT` is gone; only a store that never held data may.
fn found(path: &Path, names: &[String]) -> Result<Contents> {
    if names.iter().any(|name| name == "CURRENT") {
        return Ok(Contents::Store);
    }
    let is_data = |name: &String| [".sst", ".log"].iter().any(|ending| name.ends_with(ending));
    match names.iter().any(is_data) {
        true => {
            let message = format!("the store lost its file CURRENT; restore a checkpoint of it: {}", path.display());
            Err(Error::corrupt(message))
        }
        false => Ok(Contents::Fresh),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind as Kind;

    fn kind_of(path: &Path, create: bool) -> Kind {
        prepare(path, create).unwrap_err().kind()
    }

    #[test]
    fn a_missing_or_empty_directory_becomes_a_store_only_when_asked() {
        let temporary = tempfile::tempdir().unwrap();
        let error = prepare(&temporary.path().join("a/b"), false).unwrap_err();
        assert_eq!(error.kind(), Kind::NotFound);
        assert!(error.to_string().contains("`asof apply FILE.toml` creates one"), "{error}");
        assert_eq!(kind_of(temporary.path(), false), Kind::NotFound);
        assert_eq!(prepare(&temporary.path().join("a/b"), true).unwrap(), Contents::Fresh);
        assert_eq!(prepare(&temporary.path().join("a/b"), false).unwrap(), Contents::Fresh);
    }

    #[test]
    fn a_directory_or_file_that_is_not_a_store_is_left_alone() {
        let temporary = tempfile::tempdir().unwrap();
        let file = temporary.path().join("notes.txt");
        fs::write(&file, "mine").unwrap();
        assert_eq!(kind_of(temporary.path(), true), Kind::Conflict);
        assert_eq!(kind_of(&file, true), Kind::Conflict);
        assert_eq!(list(temporary.path()).unwrap(), ["notes.txt"]);
    }

    #[test]
    fn newer_formats_damaged_markers_and_lost_files_are_told_apart() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path();
        fs::write(path.join(MARKER), "asofdb store, format 2\n").unwrap();
        let error = prepare(path, true).unwrap_err();
        assert_eq!(error.kind(), Kind::Conflict);
        assert!(error.to_string().contains("format is 2"), "{error}");
        fs::write(path.join(MARKER), "something else").unwrap();
        assert_eq!(kind_of(path, true), Kind::Corrupt);
        mark(path).unwrap();
        fs::write(path.join("000007.sst"), "").unwrap();
        assert_eq!(kind_of(path, true), Kind::Corrupt);
        fs::write(path.join("CURRENT"), "").unwrap();
        assert_eq!(prepare(path, true).unwrap(), Contents::Store);
    }
}
