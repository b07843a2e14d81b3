//! The backend on disk, over RocksDB.
//!
//! Reads run in the caller's thread: `latest` in [`latest`] and [`online`], point-in-time in [`as_of`] and [`walk`],
//! long ones in [`snapshot`]. Writes go through one thread, [`commit`]. What is on disk is described in
//! `docs/design.md`.

mod ages;
mod as_of;
mod backups;
mod bulk;
mod catalog;
mod changes;
mod checkpoint;
mod closing;
mod commit;
mod cursor;
mod directory;
mod erase;
mod erase_copies;
mod error;
mod event_walk;
mod families;
mod fate;
mod floor;
mod gate;
mod hot;
mod kept;
mod latch;
mod latest;
mod load_files;
mod load_write;
mod lock;
mod maintain;
mod making;
mod manifest;
#[cfg(test)]
mod mishaps;
mod modes;
mod newer;
mod newest;
mod observe;
mod online;
mod open;
mod options;
mod order;
mod partition;
mod patience;
mod point;
mod pool;
mod present;
mod process;
mod reached;
mod rebuild;
mod rebuild_indexes;
mod records;
mod recount;
mod repair;
mod restamp;
mod restore;
mod retention;
mod returning;
mod scan;
mod snapshot;
mod sorted_run;
mod split;
mod spoiled;
mod staging;
mod state;
mod store;
mod stored;
mod sums;
#[cfg(test)]
mod testing;
mod tiles;
mod unsettled;
mod verify;
mod verify_ages;
mod verify_indexes;
mod version;
mod views;
mod walk;
mod work;

use std::path::Path;
use std::sync::Arc;

pub use self::backups::{BackedUp, Backup, BackupKey, Backups, KeepPolicy};
use self::closing::Closing;
use self::commit::Committer;
use self::error::from_rocks;
pub use self::online::RocksOnline;
pub use self::options::{
    BACKGROUND_JOBS_DEFAULT, MEMORY_BUDGET_BYTES_DEFAULT, MEMORY_BUDGET_BYTES_MIN, Options, STALL_PATIENCE_DEFAULT,
};
pub use self::records::STORE_FORMAT;
use self::recount::Recounting;
pub use self::repair::{Repaired, examine, repair};
pub use self::restore::Restored;
use self::returning::Returning;
use self::snapshot::RocksSnapshot;
use self::staging::Gathering;
use self::state::RocksState;
use self::store::Store;
pub use self::version::ROCKSDB_VERSION;
use crate::ages::Ages;
use crate::backend::{
    AsOfLookup, Catalogs, CheckpointFiles, Committed, Erased, History, Lookup, Observer, SharedMemory, Snapshot,
    Staging, StampedState, State, Stats, TileMaking, Tiles, Timekeeping, Upkeep, Verified, Visit, VisitTile, Warming,
};
use crate::batch::{Durability, WriteBatch};
use crate::catalog::{Catalog, FeatureView};
use crate::catalog_change::{CatalogChange, ChangeCause};
use crate::clock::{ClockRepair, ClockStatus};
use crate::closed::{Closed, SignsClosed};
use crate::error::{Error, Result};
use crate::stop::Stop;
use crate::time::{Clock, ManualClock, Timestamp};

/// A store on disk. One process opens it at a time; any number of threads share it.
///
/// Dropping it finishes the writes that are under way.
pub struct RocksBackend {
    /// Declared before the committer, which it asks to pause.
    _recounting: Recounting,
    _returning: Returning,
    /// Declared before the store, so that it finishes first.
    committer: Committer,
    _closing: Closing,
    store: Arc<Store>,
    /// Declared last, when all else is gone.
    closed: SignsClosed,
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
        let (committer, closing) = (Committer::start(store.clone())?, Closing(store.clone()));
        let recounting = Recounting::start(&store, committer.pausing()?)?;
        let (returning, closed) = (Returning::start(&store)?, SignsClosed::default());
        Ok(RocksBackend { _recounting: recounting, _returning: returning, committer, _closing: closing, store, closed })
    }
}

/// Makes the store `store` from a checkpoint, which stays as it is. The store appears when it is complete: copied, each
/// file found to be as the checkpoint's list has it, and opened once. It shares no file with the checkpoint.
///
/// A checkpoint that was made before checkpoints had lists is copied, opened and read to its end.
///
/// # Errors
/// `NotFound` when there is no checkpoint; `Conflict` when it is a store that has been opened, is of a newer format, or
/// `store` exists; `Corrupt`, with the name of the file, when the checkpoint is not what it was; `Unavailable` when it
/// cannot be read or the copy not written.
pub fn restore(checkpoint: impl AsRef<Path>, store: impl AsRef<Path>) -> Result<Restored> {
    restore::restore(checkpoint.as_ref(), store.as_ref(), prove)
}

/// Makes the store `store` from a backup, as [`restore`] does from a checkpoint.
///
/// # Errors
/// `Conflict` when `store` exists; `Corrupt`, with the name of the file, when the backup is not what it was;
/// `Unavailable` when it cannot be read or the copy not written.
pub fn restore_backup(backups: &Backups, backup: &Backup, store: impl AsRef<Path>) -> Result<Restored> {
    let made = restore::make(store.as_ref(), |to| backups.copy(backup, to), |copied| prove(copied, false));
    made.map_err(|error| {
        error.context(format!("cannot restore the backup {} to {}", backup.name(), store.as_ref().display()))
    })
}

/// Makes the store `store` of exactly the commits with a stamp up to `at`, whatever was written later: from the last
/// backup before it, and the logs that later backups have of a store that keeps them. Changes of the definitions,
/// erasures and repairs are in it as far as they were made up to that time. A commit whose stamp was ahead, by a clock
/// that came back, counts as of the time at which it came back.
///
/// # Errors
/// `NotFound` when `at` is before the first backup or the logs do not reach it, with what there is; otherwise as
/// [`restore_backup`].
pub fn restore_point(backups: &Backups, at: Timestamp, store: impl AsRef<Path>) -> Result<Restored> {
    backups::restore_point(backups, at, store.as_ref(), |copied| prove(copied, false))
}

/// Makes the store `store` from the backup of the name `at`, or, where `at` is another time, as [`restore_point`] does;
/// from the last backup without either.
///
/// # Errors
/// As [`restore_backup`] and [`restore_point`]; `Invalid` when `at` is no time.
pub fn restore_at(backups: &Backups, at: Option<&str>, store: impl AsRef<Path>) -> Result<Restored> {
    let Some(at) = at else { return restore_backup(backups, &backups.find(None)?, store) };
    let time: Timestamp = at.parse()?;
    match backups.list()?.into_iter().find(|backup| backup.taken == time) {
        Some(backup) => restore_backup(backups, &backup, store),
        None => restore_point(backups, time, store),
    }
}

/// Turns the keeping of logs on, with the bytes of them to keep at most, or off, for a store that nobody has open. They
/// lead from each backup to any commit before the next one: [`restore_point`]. It holds for every later opening.
///
/// # Errors
/// `NotFound` when there is no store; `Unavailable` when it is open or cannot be written.
pub fn keep_logs(store: impl AsRef<Path>, bytes_max: Option<u64>) -> Result<()> {
    let directory = directory::StoreDirectory::open_damaged(store.as_ref(), true)?;
    kept::set(&directory.path, bytes_max)
}

/// Opens a copy of a store, and reads all of it if `reads` says so; the versions read.
///
/// Nothing is reclaimed that was not reclaimed before: the store's time stands where it was.
fn prove(copy: &Path, reads: bool) -> Result<Option<u64>> {
    let options = Options { memory_budget_bytes: MEMORY_BUDGET_BYTES_MIN, create: false, ..Options::default() };
    let store = Closing(Arc::new(open::open(copy, options, ManualClock::new(Timestamp::MIN))?));
    if !reads {
        return Ok(None);
    }
    let verified = verify::verify(&store.0, &Stop::NEVER)?;
    match verified.problems.into_iter().next() {
        Some(problem) => Err(Error::corrupt(problem)),
        None => Ok(Some(verified.versions)),
    }
}

impl Catalogs for RocksBackend {
    fn catalog(&self) -> Arc<Catalog> {
        self.store.present.known().catalog.clone()
    }

    fn revision(&self) -> u64 {
        self.store.present.revision()
    }

    fn change_catalog(&self, next: Catalog, cause: ChangeCause) -> Result<()> {
        self.committer.exclusively(move |store| catalog::change_catalog(store, next, cause))
    }

    fn catalog_changes(&self, before: u64, limit: usize) -> Result<Vec<CatalogChange>> {
        changes::read(&self.store.database, before, limit)
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

    fn stage<'s>(&'s self, view: &FeatureView) -> Option<Box<dyn Staging + 's>> {
        Some(Box::new(Gathering::new(&self.store, &self.committer, view)))
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

    fn state(&self, now: Timestamp, known_at: Option<Timestamp>) -> Box<dyn State + '_> {
        Box::new(RocksState::new(&self.store, now, known_at))
    }

    fn stamped_state(&self, now: Timestamp, known_at: Option<Timestamp>) -> Option<StampedState<'_>> {
        if let Some(known_at) = known_at {
            // Not between two commits: a bulk load that is waited for needs the committer.
            self.store.present.wait_settled(known_at);
        }
        let stamp_and_state = || (self.store.present.stamp(), self.state(now, None));
        let (stamp, state) = self.store.present.between_commits(stamp_and_state)?;
        Some((state, stamp))
    }

    fn snapshot(&self) -> Box<dyn Snapshot + '_> {
        Box::new(RocksSnapshot::new(&self.store))
    }

    fn observe(&self, observer: Arc<dyn Observer>) -> Result<()> {
        self.committer.exclusively(move |store| observe::observe(store, observer))
    }
}

impl Tiles for RocksBackend {
    fn keeps_tiles(&self) -> bool {
        true
    }

    fn make_tiles(&self, until: Timestamp) -> Result<Option<Box<dyn TileMaking + '_>>> {
        Ok(Some(Box::new(making::Making::begin(&self.store, &self.committer, until)?)))
    }

    fn each_tile(&self, visit: &mut VisitTile<'_>) -> Result<()> {
        making::each(&self.store, visit)
    }
}

impl Upkeep for RocksBackend {
    fn flush(&self) -> Result<()> {
        maintain::flush(&self.store)?;
        self.store.hot.sample();
        Ok(())
    }

    fn compact_until(&self, stop: &Stop) -> Result<()> {
        // Retention goes by a time on record.
        self.committer.exclusively(|store| store.write(false, || Ok(rocksdb::WriteBatch::default())))?;
        maintain::compact(&self.store, stop)?;
        erase::finish(&self.store)
    }

    fn checkpoint_until(&self, directory: &Path, files: CheckpointFiles, stop: &Stop) -> Result<()> {
        if self.store.kept.is_some() {
            // Where nothing can be written any more a copy is wanted all the same; its logs say then what they cover.
            let _ = self.committer.exclusively(Store::settle);
        }
        checkpoint::checkpoint(&self.store, directory, files, stop)
    }

    fn ages(&self, view: &FeatureView) -> Result<Option<Ages>> {
        let now = self.store.present.now();
        Ok(self.store.ages.ages(view, now, self.store.present.no_earlier(now)))
    }

    fn stats(&self) -> Result<Stats> {
        maintain::stats(&self.store)
    }

    fn read_only(&self) -> Option<String> {
        self.store.database.latch.reason().map(str::to_owned)
    }

    fn verify_until(&self, stop: &Stop) -> Result<Verified> {
        let mut verified = verify::verify(&self.store, stop)?;
        verified.problems.extend(verify_ages::verify_ages(&self.store, &self.committer.pausing()?, stop)?);
        Ok(verified)
    }

    fn closed(&self) -> Closed {
        self.closed.sign()
    }

    fn shares_memory(&self) -> bool {
        self.store.hot.is_shared()
    }

    fn share_hot(&self, revision: u64, but: Vec<u32>) {
        // Between two commits, so that each goes by what holds from its beginning to its end. A store that cannot write any
        // more has a table that nothing is shared of.
        let _ = self.committer.exclusively(move |store| {
            store.hot.share(revision, &but);
            Ok(())
        });
    }

    fn shared_memory(&self) -> Result<Option<SharedMemory>> {
        self.store.hot.shared_memory()
    }

    fn withdraw_memory(&self) {
        self.store.hot.withdraw();
    }

    fn count_hot_uses(&self, hashes: &[u64]) {
        self.store.hot.count_uses(hashes);
    }

    fn warming(&self) -> Warming {
        self.store.hot.warming()
    }

    fn notices(&self) -> Vec<String> {
        self.store.notices.clone()
    }
}

impl Timekeeping for RocksBackend {
    fn believed(&self) -> Timestamp {
        self.store.present.believed()
    }

    fn clock(&self) -> ClockStatus {
        self.store.present.clock()
    }

    fn confirm_clock(&self) -> Result<()> {
        self.committer.exclusively(|store| {
            store.present.believe();
            store.hot.tell_times(&store.present);
            store.write(true, || Ok(rocksdb::WriteBatch::default()))
        })
    }

    fn repair_clock_until(&self, stop: &Stop) -> Result<ClockRepair> {
        let repaired = restamp::repair(&self.store, &self.committer, stop);
        // Others, whose clock is within the window that they know, would stay at the time of before.
        self.store.hot.tell_times(&self.store.present);
        repaired
    }
}
