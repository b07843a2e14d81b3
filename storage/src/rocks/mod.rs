//! The backend on disk, over RocksDB.
//!
//! Reads run in the caller's thread: `latest` in [`latest`] and [`online`], point-in-time in [`as_of`] and [`walk`],
//! long ones in [`snapshot`]. Writes go through one thread, [`commit`]. What is on disk is described in
//! `docs/design.md`.

mod as_of;
mod bulk;
mod catalog;
mod commit;
mod directory;
mod erase;
mod error;
mod families;
mod fate;
mod gate;
mod latch;
mod latest;
mod maintain;
mod newest;
mod observe;
mod online;
mod options;
mod order;
mod patience;
mod pool;
mod present;
mod process;
mod rebuild;
mod records;
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

use self::commit::Committer;
use self::directory::Contents;
use self::error::from_rocks;
use self::families::Database;
pub use self::online::RocksOnline;
use self::options::Tuning;
pub use self::options::{
    BACKGROUND_JOBS_DEFAULT, MEMORY_BUDGET_BYTES_DEFAULT, MEMORY_BUDGET_BYTES_MIN, Options, STALL_PATIENCE_DEFAULT,
};
use self::pool::Pool;
use self::present::Present;
pub use self::records::STORE_FORMAT;
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
    store: Arc<Store>,
}

impl RocksBackend {
    /// Opens the store at `path`, or creates it where the options say so, and finishes what a crash interrupted.
    ///
    /// # Errors
    /// `NotFound` when there is no store; `Invalid` for an option; `Conflict` for what is not a store or was
    /// written by a newer asofdb; `Unavailable` when another process has it open, or it cannot be written;
    /// `Corrupt` when it is damaged.
    pub fn open(path: impl AsRef<Path>, options: Options, clock: Arc<dyn Clock>) -> Result<Self> {
        let store = Arc::new(open(path.as_ref(), options, clock)?);
        Ok(RocksBackend { committer: Committer::start(store.clone())?, store })
    }
}

fn open(path: &Path, options: Options, clock: Arc<dyn Clock>) -> Result<Store> {
    options.check()?;
    let contents = directory::prepare(path, options.create)?;
    let path = &directory::real_path(path)?;
    let present = Arc::new(Present::new(clock));
    // Compaction starts while the store opens, and an erasure may have been interrupted.
    present.set_erasing(true);
    process::prepare(&options)?;
    let tuning = Tuning::new(&options, &present)?;
    let database = Arc::new(Database::open(path, &tuning, contents == Contents::Fresh)?);
    records::check_format(&database)?;
    if let Some(reached) = records::reached(&database)? {
        present.resume(reached);
    }
    let catalog = Catalog::from_records(records::all(&database)?);
    present
        .set_catalog(catalog.map_err(|error| error.context(format!("cannot open the store at {}", path.display())))?);
    let pool = Arc::new(Pool::new(database.clone()));
    let store = Store {
        online: RocksOnline::over(database.clone(), pool.clone(), present.clone(), options.stall_patience),
        options,
        tuning,
        present,
        pool,
        loads: directory::empty_loads(path)?,
        database,
        observers: Default::default(),
        writes: Default::default(),
        erasing: Default::default(),
        counters: Default::default(),
    };
    bulk::recover(&store)?;
    if let Err(error) = erase::finish(&store) {
        // The rows are gone for every reader; only their bytes wait for the next time.
        store.failed(error);
    }
    Ok(store)
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

    fn read_only(&self) -> Option<String> {
        self.store.database.latch.reason().map(str::to_owned)
    }

    fn verify(&self) -> Result<Verified> {
        verify::verify(&self.store)
    }
}
