//! What all parts of an open store share, and the one way to write to it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rocksdb::{ErrorKind as RocksKind, WriteBatch as RocksBatch, WriteOptions};

use super::error::from_rocks;
use super::families::Database;
use super::options::{Options, Tuning};
use super::pool::Pool;
use super::present::Present;
use super::records;
use super::views::ViewWrites;
use crate::error::{Error, Result};

/// The first pause when RocksDB asks writers to slow down; each further one is twice as long.
const PAUSE_FIRST: Duration = Duration::from_millis(1);

/// The longest pause: what a waiting writer may lose when compaction has caught up meanwhile.
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// An open store.
pub(super) struct Store {
    pub(super) options: Options,
    pub(super) tuning: Tuning,
    pub(super) present: Arc<Present>,
    pub(super) pool: Pool,
    pub(super) database: Arc<Database>,
    /// Where bulk loads write their files.
    pub(super) loads: PathBuf,
    pub(super) accelerator: Accelerator,
    pub(super) writes: ViewWrites,
    /// Held by whoever erases: one at a time.
    pub(super) erasing: Mutex<()>,
    pub(super) counters: Counters,
}

/// What has happened since the store was opened.
#[derive(Default)]
pub(super) struct Counters {
    pub(super) batches: AtomicU64,
    pub(super) rows: AtomicU64,
    pub(super) stalls: AtomicU64,
    /// Why the last write failed; none once one has succeeded again.
    pub(super) failure: Mutex<Option<String>>,
}

/// Whether the family `latest` may answer. While a bulk load is in `history` but not yet in `latest`, it may not.
#[derive(Default)]
pub(super) struct Accelerator {
    suspensions: AtomicU64,
    suspended: AtomicU32,
}

impl Accelerator {
    pub(super) fn suspend(&self) {
        self.suspended.fetch_add(1, Ordering::SeqCst);
        self.suspensions.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn resume(&self) {
        self.suspended.fetch_sub(1, Ordering::SeqCst);
    }

    /// A mark to hand to [`Accelerator::held`] after reading `latest`; `None` while it may not answer.
    pub(super) fn mark(&self) -> Option<u64> {
        let mark = self.suspensions.load(Ordering::SeqCst);
        (self.suspended.load(Ordering::SeqCst) == 0).then_some(mark)
    }

    /// Whether `latest` was complete all the time since `mark`.
    pub(super) fn held(&self, mark: u64) -> bool {
        self.suspensions.load(Ordering::SeqCst) == mark
    }
}

impl Store {
    /// Writes a batch, and how far time has come, waiting where RocksDB would stall. Called by the committer and while opening only.
    ///
    /// RocksDB is told not to wait itself: it can wait for ever when the disk fills up meanwhile.
    pub(super) fn write(&self, mut batch: RocksBatch, sync: bool) -> Result<()> {
        let reached = self.present.reached();
        records::put_reached(&self.database, reached, &mut batch)?;
        let mut options = WriteOptions::default();
        options.set_sync(sync);
        options.set_no_slowdown(true);
        options.set_memtable_insert_hint_per_batch(true);
        // RocksDB takes the batch also when it refuses it.
        let copy = batch.data().to_vec();
        let mut answer = self.database.rocks.write_opt(batch, &options);
        let (mut pause, mut waited) = (PAUSE_FIRST, Duration::ZERO);
        while matches!(&answer, Err(error) if error.kind() == RocksKind::Incomplete) {
            if waited >= self.options.stall_patience {
                return Err(self.failed(stalled(waited)));
            }
            self.counters.stalls.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(pause);
            waited += pause;
            pause = (2 * pause).min(PAUSE_MAX);
            answer = self.database.rocks.write_opt(RocksBatch::from_data(&copy), &options);
        }
        match answer {
            Ok(()) => {
                *self.counters.failure.lock() = None;
                self.present.recorded(reached);
                Ok(())
            }
            Err(error) => Err(self.failed(from_rocks("nothing was written", error))),
        }
    }

    /// Remembers why a write failed.
    pub(super) fn failed(&self, error: Error) -> Error {
        *self.counters.failure.lock() = Some(format!("{error:#}"));
        error
    }
}

fn stalled(waited: Duration) -> Error {
    Error::unavailable(format!(
        "nothing was written: compaction is behind or cannot write, perhaps the disk is full; waited for {waited:?}"
    ))
}
