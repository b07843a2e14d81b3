//! RocksDB's errors in the engine's terms; no type of the dependency leaves this folder.

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
        return Error::unavailable(format!("the store is already open in this process: {store}"));
    }
    if text.contains("While lock file") && text.contains("Resource temporarily unavailable") {
        return Error::unavailable(format!("the store is open in another process; close it first: {store}"));
    }
    if ["Permission denied", "Read-only file system"].iter().any(|denied| text.contains(denied)) {
        return Error::unavailable(format!("the store cannot be written, and reading needs that too: {store}"))
            .with_source(error.into_string());
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

/// Translates an error of the file system.
pub(super) fn from_io(doing: &str, error: std::io::Error) -> Error {
    let message = match error.kind() {
        std::io::ErrorKind::StorageFull => format!("{doing}: the disk is full; free some space and try again"),
        _ => doing.to_owned(),
    };
    Error::unavailable(message).with_source(error)
}
