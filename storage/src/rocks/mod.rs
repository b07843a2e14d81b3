//! The backend on disk, over RocksDB.
//!
//! Reads run in the caller's thread: `latest` in [`latest`] and [`online`], point-in-time in [`as_of`] and [`walk`],
//! long ones in [`snapshot`]. Writes go through one thread, [`commit`]. What is on disk is described in
//! `docs/design.md`.

mod as_of;
mod bulk;
mod catalog;
mod closing;
mod commit;
mod directory;
mod erase;
mod error;
mod families;
mod floor;
mod gate;
mod latest;
mod maintain;
mod newest;
mod observe;
mod online;
mod open;
mod options;
mod order;
mod patience;
mod pool;
mod present;
mod rebuild;
mod records;
mod repair;
mod restore;
mod retention;
mod scan;
mod snapshot;
mod split;
mod store;
mod stored;
#[cfg(test)]
mod testing;
mod verify;
mod version;
mod views;
mod walk;
mod work;

use std::path::Path;
use std::sync::Arc;

use self::closing::Closing;
use self::commit::Committer;
use self::error::from_rocks;
pub use self::online::RocksOnline;
pub use self::options::{
    BACKGROUND_JOBS_DEFAULT, MEMORY_BUDGET_BYTES_DEFAULT, MEMORY_BUDGET_BYTES_MIN, Options, STALL_PATIENCE_DEFAULT,
};
pub use self::records::STORE_FORMAT;
pub use self::repair::{Repaired, examine, repair};
pub use self::restore::restore;
use self::snapshot::RocksSnapshot;
use self::store::Store;
pub use self::version::ROCKSDB_VERSION;
use crate::backend::{
    AsOfLookup, Catalogs, Committed, Erased, History, Lookup, Observer, Snapshot, Stats, Upkeep, Verified, Visit,
};
use crate::batch::{Durability, WriteBatch};
use crate::catalog::Catalog;
use crate::error::Result;
use crate::time::{Clock, Timestamp};

/// A store on disk. One process opens it at a time; any number of threads share it.
///
/// Dropping it finishes the writes that are under way.
pub struct RocksBackend {
    /// Declared before the store, so that it finishes first.
    committer: Committer,
    _closing: Closing,
    store: Arc<Store>,
}

impl RocksBackend {
    /// Opens the store at `path`, or creates it where the options say so, and finishes what a crash interrupted.
    ///
    /// Before that its files are compared with what is known to be on disk, and a store that has lost any of it is not
    /// opened and not changed. [`Upkeep::notices`] has what else was found.
    ///
    /// # Errors
    /// `NotFound` when there is no store; `Invalid` for an option; `Conflict` for what is not a store or was
    /// written by a newer asofdb; `Unavailable` when another process has it open, or it cannot be written;
    /// `Corrupt` when it is damaged.
    pub fn open(path: impl AsRef<Path>, options: Options, clock: Arc<dyn Clock>) -> Result<Self> {
        let store = Arc::new(open::open(path.as_ref(), options, clock)?);
        Ok(RocksBackend { committer: Committer::start(store.clone())?, _closing: Closing(store.clone()), store })
    }
}

impl Catalogs for RocksBackend {
    fn catalog(&self) -> Arc<Catalog> {
        self.store.present.known().catalog.clone()
    }

    fn set_catalog(&self, next: Catalog) -> Result<()> {
        self.committer.exclusively(move |store| catalog::set_catalog(store, next))
    }

    fn now(&self) -> Timestamp {
        self.store.present.now()
    }
}

impl History for RocksBackend {
    fn commit(&self, batch: WriteBatch, durability: Durability) -> Result<Committed> {
        self.committer.commit(batch, durability)
    }

    fn bulk_load(&self, batch: WriteBatch) -> Result<Committed> {
        bulk::load(&self.store, &self.committer, batch)
    }

    fn erase(&self, lookups: &[Lookup<'_>]) -> Result<Vec<Erased>> {
        erase::erase(&self.store, &self.committer, lookups)
    }

    fn note(&self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        let database = &self.store.database;
        let note = database.rocks.get_cf(database.catalog(), records::note_key(name));
        note.map_err(|error| from_rocks("cannot read a note", error))
    }

    fn latest(&self, lookups: &[Lookup<'_>], at: Timestamp, visit: &mut Visit<'_>) -> Result<()> {
        latest::latest(&self.store, lookups, at, visit)
    }

    fn as_of(&self, lookups: &[AsOfLookup<'_>], known_at: Option<Timestamp>, visit: &mut Visit<'_>) -> Result<()> {
        as_of::as_of(&self.store, lookups, known_at, self.store.present.now(), visit)
    }

    fn snapshot(&self) -> Box<dyn Snapshot + '_> {
        Box::new(RocksSnapshot::new(&self.store))
    }

    fn observe(&self, observer: Arc<dyn Observer>) -> Result<()> {
        self.committer.exclusively(move |store| observe::observe(store, observer))
    }
}

impl Upkeep for RocksBackend {
    fn flush(&self) -> Result<()> {
        maintain::flush(&self.store)
    }

    fn compact(&self) -> Result<()> {
        // Retention goes by a time on record.
        self.committer.exclusively(|store| store.write(false, || Ok(rocksdb::WriteBatch::default())))?;
        maintain::compact(&self.store)?;
        erase::finish(&self.store)
    }

    fn checkpoint(&self, directory: &Path) -> Result<()> {
        maintain::checkpoint(&self.store, directory)
    }

    fn stats(&self) -> Result<Stats> {
        maintain::stats(&self.store)
    }

    fn verify(&self) -> Result<Verified> {
        verify::verify(&self.store)
    }

    fn notices(&self) -> Vec<String> {
        self.store.notices.clone()
    }
}
