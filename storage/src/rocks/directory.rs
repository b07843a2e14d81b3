//! The store's directory: what may be opened, and the marker that says it is a store.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::error::{from_access, from_io};
use super::lock::{DirectoryLock, LOCK};
use super::manifest::MANIFEST;
use super::modes::Modes;
use super::options::Options;
use super::records::{STORE_FORMAT, check_supported};
use crate::error::{Error, Result};
use crate::fail_point;

/// Says that a directory is a store, and of which format; read before RocksDB touches anything.
const MARKER: &str = "ASOFDB";
const MARKER_TEXT: &str = "asofdb store, format ";

/// The marker of a store that is being made. It gets its name when the store is complete, so that a store which lost
/// its data is never taken for one that has none yet.
const NEW_MARKER: &str = "ASOFDB.new";

/// Files of bulk loads before they are ingested; on the store's own file system, so that they are moved.
const LOADS: &str = "loads";

/// The contents of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contents {
    /// A store with data.
    Store,
    /// A store that is being made and holds no data yet.
    Fresh,
}

/// A store's directory, locked.
#[derive(Debug)]
pub(super) struct StoreDirectory {
    /// The one name of the directory: RocksDB knows by its name that a process has a database open, and would open it
    /// again by another.
    pub(super) path: PathBuf,
    pub(super) contents: Contents,
    pub(super) lock: DirectoryLock,
    modes: Modes,
}

impl StoreDirectory {
    /// Locks the store at `path` or, if the options say so, begins to make one there. Nothing is looked at or changed
    /// before the lock is held, but for the names that say whether there is anything to lock.
    ///
    /// # Errors
    /// `NotFound` when there is nothing and none shall be made; `Conflict` for what is not a store or a newer one;
    /// `Corrupt` for a store that lost its parts; `Invalid` for one that others may change; `Unavailable` when it is
    /// open already, or cannot be read or written.
    pub(super) fn open(path: &Path, options: &Options) -> Result<Self> {
        let modes = Modes::of(options.shared);
        if !is_ours(path)? {
            if !options.create {
                return Err(nothing_here(path));
            }
            let failed = |error| from_io(&format!("cannot create {}", path.display()), error);
            modes.make_directory(path).map_err(failed)?;
        }
        let real = path.canonicalize();
        let path = real.map_err(|error| from_io(&format!("cannot read the store at {}", path.display()), error))?;
        let lock = DirectoryLock::take(&path, modes)?;
        let contents = examine(&path)?;
        if contents == Contents::Fresh && !options.create {
            return Err(nothing_here(&path));
        }
        modes.settle_directory(&path)?;
        let directory = StoreDirectory { path, contents, lock, modes };
        directory.begin()?;
        Ok(directory)
    }

    /// Locks the store at `path`, whatever state its files are in.
    ///
    /// # Errors
    /// As [`StoreDirectory::open`], but for the parts that it may have lost.
    pub(super) fn open_damaged(path: &Path, shared: bool) -> Result<Self> {
        check_is_store(path)?;
        let modes = Modes::of(shared);
        let real = path.canonicalize();
        let path = real.map_err(|error| from_io(&format!("cannot read the store at {}", path.display()), error))?;
        let lock = DirectoryLock::take(&path, modes)?;
        Ok(StoreDirectory { path, contents: Contents::Store, lock, modes })
    }

    /// Before RocksDB writes: says of a fresh directory that what comes is ours, and of a checkpoint that it is none
    /// any more.
    fn begin(&self) -> Result<()> {
        let begun = match self.contents {
            Contents::Fresh => write_marker(&self.path, NEW_MARKER),
            Contents::Store => remove_if_there(&self.path.join(MANIFEST)),
        };
        fail_point("opening begun");
        begun.map_err(|error| from_access(&self.path, error))
    }

    /// Says that the store is open, and so complete: a fresh one gets its marker.
    ///
    /// # Errors
    /// `Unavailable` when that cannot be written.
    pub(super) fn complete(&self) -> Result<()> {
        self.modes.settle_files(&self.path);
        if self.contents == Contents::Fresh {
            fail_point("store made");
            let renamed = fs::rename(self.path.join(NEW_MARKER), self.path.join(MARKER));
            fail_point("store marked");
            let durable = renamed.and_then(|()| sync_directory(&self.path));
            durable.map_err(|error| from_access(&self.path, error))?;
        }
        Ok(())
    }
}

/// Checks that a directory that nobody writes to is a whole store: a checkpoint.
///
/// # Errors
/// `NotFound` when it has no marker; `Conflict` for a newer format; `Corrupt` when parts are missing.
pub(super) fn check_store(path: &Path) -> Result<()> {
    match path.join(MARKER).exists() {
        true => examine(path).map(drop),
        false => Err(Error::not_found(format!("there is no store here: {}", path.display()))),
    }
}

/// Returns whether a store was opened from this directory, which a checkpoint never was.
pub(super) fn was_open(path: &Path) -> bool {
    ["LOCK", LOCK].iter().any(|name| path.join(name).exists())
}

fn nothing_here(path: &Path) -> Error {
    Error::not_found(format!("there is no store here; `asof apply FILE.toml` creates one: {}", path.display()))
}

/// Returns whether a directory has a store or the beginning of one; false for a directory that is empty or not there.
///
/// # Errors
/// `Conflict` for anything else; `Unavailable` when it cannot be read.
fn is_ours(path: &Path) -> Result<bool> {
    let names = match list(path) {
        Ok(names) => names,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            return Err(Error::conflict(format!("a store is a directory, and this is a file: {}", path.display())));
        }
        Err(error) => return Err(from_io(&format!("cannot read the store at {}", path.display()), error)),
    };
    let ours = [MARKER, NEW_MARKER, LOCK];
    if names.iter().any(|name| ours.contains(&name.as_str())) {
        return Ok(true);
    }
    let is_empty = names.iter().all(|name| name == "lost+found");
    // The list of a directory that somebody is filling may have a file and not one that was made before it.
    match is_empty || ours.iter().any(|name| path.join(name).exists()) {
        true => Ok(!is_empty),
        false => Err(Error::conflict(format!("not an asofdb store, and not empty: {}", path.display()))),
    }
}

/// Looks at a directory that nobody else writes to.
fn examine(path: &Path) -> Result<Contents> {
    let failed = |error| from_io(&format!("cannot read the store at {}", path.display()), error);
    let names = list(path).map_err(failed)?;
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    if has(MARKER) {
        check_marker(path)?;
        // RocksDB would quietly start anew where its `CURRENT` is gone.
        return if has("CURRENT") { Ok(Contents::Store) } else { Err(without_data(path, &names)) };
    }
    // Making it was interrupted, or has only begun.
    match has(NEW_MARKER) || names.iter().all(|name| name == LOCK || name == "lost+found") {
        true => Ok(Contents::Fresh),
        false => Err(Error::conflict(format!("not an asofdb store, and not empty: {}", path.display()))),
    }
}

fn without_data(path: &Path, names: &[String]) -> Error {
    let is_data = |name: &String| [".sst", ".log"].iter().any(|ending| name.ends_with(ending));
    let path = path.display();
    match names.iter().any(is_data) {
        true => Error::corrupt(format!("the store lost its file CURRENT; restore a checkpoint of it: {path}")),
        false => Error::corrupt(format!(
            "the store lost its data, only its marker is there; restore a checkpoint of it, or remove the directory to \
             begin anew: {path}"
        )),
    }
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

/// Marks a directory as a store, in one step.
pub(super) fn mark(path: &Path) -> Result<()> {
    write_marker(path, NEW_MARKER)
        .and_then(|()| fs::rename(path.join(NEW_MARKER), path.join(MARKER)))
        .and_then(|()| sync_directory(path))
        .map_err(|error| from_io(&format!("the store cannot be written: {}", path.display()), error))
}

fn write_marker(path: &Path, name: &str) -> std::io::Result<()> {
    let mut file = fs::File::create(path.join(name))?;
    writeln!(file, "{MARKER_TEXT}{STORE_FORMAT}")?;
    file.sync_all()?;
    sync_directory(path)
}

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
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

fn list(path: &Path) -> std::io::Result<Vec<String>> {
    fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

fn check_marker(path: &Path) -> Result<()> {
    let text = fs::read(path.join(MARKER));
    let text = text.map_err(|error| from_io(&format!("cannot read the store at {}", path.display()), error))?;
    let text = String::from_utf8_lossy(&text);
    let format = text.trim_end().strip_prefix(MARKER_TEXT).and_then(|format| format.parse().ok());
    let damaged = || Error::corrupt(format!("the file {MARKER} of the store is damaged: {}", path.display()));
    check_supported(format.ok_or_else(damaged)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;
    use crate::error::ErrorKind as Kind;

    fn open(path: &Path, create: bool) -> Result<StoreDirectory> {
        StoreDirectory::open(path, &Options { create, ..Options::default() })
    }

    fn kind_of(path: &Path, create: bool) -> Kind {
        open(path, create).unwrap_err().kind()
    }

    #[test]
    fn a_missing_or_empty_directory_becomes_a_store_only_when_asked() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("a/b");
        let error = open(&path, false).unwrap_err();
        assert_eq!(error.kind(), Kind::NotFound);
        assert!(error.to_string().contains("`asof apply FILE.toml` creates one"), "{error}");
        assert_eq!(kind_of(temporary.path(), false), Kind::NotFound);
        assert_eq!(list(temporary.path()).unwrap().len(), 0, "nothing was left where nothing was made");
        assert_eq!(open(&path, true).unwrap().contents, Contents::Fresh);
        assert_eq!(kind_of(&path, false), Kind::NotFound, "making it was interrupted");
        let directory = open(&path, true).unwrap();
        fs::write(path.join("CURRENT"), "").unwrap();
        directory.complete().unwrap();
        drop(directory);
        assert_eq!(open(&path, false).unwrap().contents, Contents::Store);
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
    fn a_store_that_lost_its_data_is_never_taken_for_a_fresh_one() {
        let temporary = tempfile::tempdir().unwrap();
        mark(temporary.path()).unwrap();
        for create in [false, true] {
            let error = open(temporary.path(), create).unwrap_err();
            assert_eq!(error.kind(), Kind::Corrupt);
            assert!(error.to_string().contains("only its marker is there"), "{error}");
        }
    }

    #[test]
    fn newer_formats_damaged_markers_and_lost_files_are_told_apart() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path();
        fs::write(path.join(MARKER), "asofdb store, format 2\n").unwrap();
        let error = open(path, true).unwrap_err();
        assert_eq!(error.kind(), Kind::Conflict);
        assert!(error.to_string().contains("format is 2"), "{error}");
        fs::write(path.join(MARKER), "something else").unwrap();
        assert_eq!(kind_of(path, true), Kind::Corrupt);
        mark(path).unwrap();
        fs::write(path.join("000007.sst"), "").unwrap();
        assert_eq!(kind_of(path, true), Kind::Corrupt);
        fs::write(path.join("CURRENT"), "").unwrap();
        assert_eq!(open(path, true).unwrap().contents, Contents::Store);
    }

    #[test]
    fn a_store_is_its_owner_s_alone_unless_it_shall_be_shared() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("store");
        let mode = |name: &str| fs::metadata(path.join(name)).unwrap().mode() & 0o777;
        open(&path, true).unwrap().complete().unwrap();
        assert_eq!((mode(""), mode(MARKER), mode(LOCK)), (0o700, 0o600, 0o600));
        fs::write(path.join("CURRENT"), "").unwrap();
        let loosen = |name: &str, mode| fs::set_permissions(path.join(name), fs::Permissions::from_mode(mode)).unwrap();
        loosen("", 0o755);
        loosen("CURRENT", 0o644);
        let shared = Options { shared: true, ..Options::default() };
        StoreDirectory::open(&path, &shared).unwrap().complete().unwrap();
        assert_eq!((mode(""), mode("CURRENT")), (0o755, 0o644));
        open(&path, false).unwrap().complete().unwrap();
        assert_eq!((mode(""), mode("CURRENT")), (0o700, 0o600), "stores of before are tightened");
    }

    #[test]
    fn the_lock_is_held_by_one_and_says_whose_it_is() {
        let temporary = tempfile::tempdir().unwrap();
        let held = open(temporary.path(), true).unwrap();
        assert_eq!(fs::read_to_string(held.path.join(LOCK)).unwrap().trim(), std::process::id().to_string());
        let error = open(temporary.path(), true).unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
        assert!(error.to_string().starts_with("the store is already open in this process"), "{error}");
        drop(held);
        drop(open(temporary.path(), true).unwrap());
        // Another file, whose lock this process does not know it has: as another process would have it.
        let file = fs::File::options().read(true).write(true).open(temporary.path().join(LOCK)).unwrap();
        file.lock().unwrap();
        let error = open(temporary.path(), true).unwrap_err();
        assert!(error.to_string().starts_with("another process has the store open; stop it"), "{error}");
        fs::write(temporary.path().join(LOCK), format!("{:<10}\n", std::process::id())).unwrap();
        let (error, me) = (open(temporary.path(), true).unwrap_err(), std::process::id());
        assert!(error.to_string().starts_with(&format!("another process has the store open: pid {me};")), "{error}");
    }
}
