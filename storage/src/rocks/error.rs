//! RocksDB's errors in the engine's terms; no type of the dependency leaves this folder.

use std::io;
use std::path::Path;

use rocksdb::ErrorKind as RocksKind;

use crate::error::{Error, ErrorKind};

/// The words of RocksDB for a full disk.
const DISK_FULL: &str = "No space left on device";

/// Translates an error of RocksDB; `doing` says what was being done.
pub(super) fn from_rocks(doing: &str, error: rocksdb::Error) -> Error {
    let kind = match error.kind() {
        RocksKind::Corruption => ErrorKind::Corrupt,
        RocksKind::InvalidArgument | RocksKind::NotSupported | RocksKind::MergeInProgress => ErrorKind::Internal,
        _ => ErrorKind::Unavailable,
    };
    let message = match error.as_ref().contains(DISK_FULL) {
        true => format!("{doing}: the disk is full; free some space and try again"),
        false => doing.to_owned(),
    };
    Error::new(kind, message).with_source(error.into_string())
}

/// Translates why RocksDB could not open the store at `path`.
pub(super) fn from_open(path: &Path, error: rocksdb::Error) -> Error {
    let store = path.display();
    let text = error.as_ref();
    if text.contains("lock hold by current process") {
        return already_open(path);
    }
    if text.contains("While lock file") && text.contains("Resource temporarily unavailable") {
        return open_elsewhere(path, None);
    }
    if ["Permission denied", "Read-only file system"].iter().any(|denied| text.contains(denied)) {
        return not_writable(path).with_source(error.into_string());
    }
    let damaged = match error.kind() {
        RocksKind::Corruption => true,
        // A missing or cut-off file of the store shows as one of these.
        RocksKind::IOError | RocksKind::InvalidArgument => {
            text.contains("No such file") || text.contains("CURRENT") || text.contains("file size mismatch")
        }
        _ => false,
    };
    if damaged {
        let message = format!("the store is damaged; restore a checkpoint of it: {store}");
        return Error::corrupt(message).with_source(error.into_string());
    }
    from_rocks(&format!("cannot open the store at {store}"), error)
}

/// The error for a store that this process has open.
pub(super) fn already_open(path: &Path) -> Error {
    Error::unavailable(format!("the store is already open in this process: {}", path.display()))
}

/// The error for a store that another process has open; `holder` is its number, where that is known.
pub(super) fn open_elsewhere(path: &Path, holder: Option<u32>) -> Error {
    let which = holder.map(|process| format!(": pid {process}")).unwrap_or_default();
    let advice = "stop it, or work through its sidecar";
    Error::unavailable(format!("another process has the store open{which}; {advice}: {}", path.display()))
}

fn not_writable(path: &Path) -> Error {
    Error::unavailable(format!("the store cannot be written, and reading needs that too: {}", path.display()))
}

/// Translates why the file system does not let us at the store at `path`.
pub(super) fn from_access(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => not_writable(path).with_source(error),
        _ => from_io(&format!("cannot open the store at {}", path.display()), error),
    }
}

/// Translates an error of the file system.
pub(super) fn from_io(doing: &str, error: io::Error) -> Error {
    let message = match error.kind() {
        io::ErrorKind::StorageFull => format!("{doing}: the disk is full; free some space and try again"),
        _ => doing.to_owned(),
    };
    Error::unavailable(message).with_source(error)
}
