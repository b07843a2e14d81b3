//! Places for stores.

use std::io;

use tempfile::TempDir;

/// A directory in memory where there is such a place, for parts that do not try how a disk syncs. It is removed when it
/// is dropped.
///
/// # Errors
/// When there is no room for one.
pub(crate) fn in_memory() -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("torture-");
    builder.tempdir_in("/dev/shm").or_else(|_| builder.tempdir())
}
