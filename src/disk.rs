//! Opening a store on disk.

use std::path::Path;
use std::sync::Arc;

use asofdb_storage::{Clock, Durability, Options, Result, RocksBackend, SystemClock};

use crate::store::Store;

impl Store {
    /// Opens the store in the directory `path`, creating it where there is none, with the default options.
    ///
    /// # Errors
    /// `Unavailable` when another process has it open, it is read-only or the disk is full; `Invalid` when the
    /// directory is something else; `Conflict` when a newer asofdb wrote it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Store::open_with(path, Options::default(), Arc::new(SystemClock), Durability::default())
    }

    /// [`Store::open`] with options, a clock and the durability of writes that do not name one.
    ///
    /// # Errors
    /// As [`Store::open`]; `Invalid` also for options out of range.
    pub fn open_with(
        path: impl AsRef<Path>,
        options: Options,
        clock: Arc<dyn Clock>,
        durability: Durability,
    ) -> Result<Self> {
        let backend = RocksBackend::open(path, options, clock)?;
        Ok(Store::with_backend(Arc::new(backend), durability))
    }
}
