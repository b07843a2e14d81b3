//! The open store that all parts share, and the one way to write to it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use rocksdb::WriteBatch as RocksBatch;

use super::ages::{self, AgeCounts};
use super::families::Database;
use super::floor::Keeper;
use super::hot::HotRows;
use super::kept::{Kept, MarkKind, Marks};
use super::lock::DirectoryLock;
use super::online::RocksOnline;
use super::options::{Options, Tuning};
use super::pool::Pool;
use super::present::Present;
use super::sums::Sums;
use super::tiles::Tiles;
use super::views::ViewWrites;
use super::{patience, reached};
use crate::backend::{Newest, Observers, Online};
use crate::batch::WriteBatch;
use crate::error::{Error, Result};

/// An open store.
pub(super) struct Store {
    pub(super) options: Options,
    pub(super) tuning: Tuning,
    pub(super) present: Arc<Present>,
    pub(super) pool: Arc<Pool>,
    pub(super) database: Arc<Database>,
    /// The floor: what is known to be on disk.
    pub(super) floor: Keeper,
    /// The logs that are kept, where they are.
    pub(super) kept: Option<Kept>,
    /// The findings of opening the store.
    pub(super) notices: Vec<String>,
    /// The directory in which bulk loads write their files.
    pub(super) loads: PathBuf,
    /// The number of their directories so far.
    pub(super) loads_before: AtomicU64,
    /// Held while a large load is written and taken over: one at a time, for its memory and its time of the processors.
    pub(super) loading: Mutex<()>,
    pub(super) online: RocksOnline,
    /// The rows in front of it.
    pub(super) hot: HotRows,
    /// RocksDB's number of the last write of all; 0 before it was made.
    pub(super) last: AtomicU64,
    pub(super) observers: Observers,
    pub(super) writes: ViewWrites,
    pub(super) tiles: Tiles,
    /// The ages of the entities of each view.
    pub(super) ages: AgeCounts,
    /// Held by whoever erases: one at a time.
    pub(super) erasing: Mutex<()>,
    /// Held for reading while a bulk load is taken over, and for writing while the files of the store are copied.
    /// RocksDB takes what the list of files says at one moment and the log at a later one: a load whose end is in that
    /// log, but whose files are not in that list, would be lost in the copy.
    pub(super) taking_over: RwLock<()>,
    pub(super) counters: Counters,
    /// The sums of data files, which never change, as checkpoints have found them.
    pub(super) sums: Mutex<Sums>,
    /// Declared last, so that it goes after the database.
    pub(super) _lock: DirectoryLock,
}

/// Counts of what has happened since the store was opened.
#[derive(Default)]
pub(super) struct Counters {
    pub(super) batches: AtomicU64,
    pub(super) rows: AtomicU64,
    pub(super) stalls: AtomicU64,
    /// The reason why the last write failed; none once one has succeeded again.
    pub(super) failure: Mutex<Option<String>>,
}

impl Store {
    /// Writes the batch that `build` makes, and how far time has come, waiting where RocksDB would stall; `build` is
    /// called again for every try.
    pub(super) fn write(&self, sync: bool, build: impl FnMut() -> Result<RocksBatch>) -> Result<()> {
        self.write_as(MarkKind::Work, sync, build)
    }

    /// [`Store::write`] of what kept logs have to tell from other work.
    pub(super) fn write_as(
        &self,
        kind: MarkKind,
        sync: bool,
        mut build: impl FnMut() -> Result<RocksBatch>,
    ) -> Result<()> {
        // Where logs are kept, such work has its place among the commits.
        let time = self.kept.as_ref().map(|_| self.present.stamp());
        self.write_commits(sync, |marks| {
            let mut batch = build()?;
            match time {
                Some(time) => marks.put(&self.database, time, kind, &mut batch).map(|()| batch),
                None => Ok(batch),
            }
        })
    }

    /// [`Store::write`] of commits, whose marks `build` puts itself.
    pub(super) fn write_commits(
        &self,
        sync: bool,
        build: impl FnMut(&mut Marks<'_>) -> Result<RocksBatch>,
    ) -> Result<()> {
        self.write_within(self.options.stall_patience, sync, build)
    }

    /// Says in the kept logs up to which stamp every commit was written. Called by the committer.
    pub(super) fn settle(&self) -> Result<()> {
        match self.kept {
            Some(_) => self.write_as(MarkKind::Settled(self.present.settled()), false, || Ok(RocksBatch::default())),
            None => Ok(()),
        }
    }

    /// Gives up the kept logs, where there are any, and begins new ones.
    pub(super) fn begin_logs_anew(&self) -> Result<()> {
        let Some(kept) = &self.kept else { return Ok(()) };
        // Nobody writes meanwhile, so that every write is marked as one of the logs before or of the new ones.
        self.floor.write(false, || kept.begin_anew(), || 0)
    }

    /// Finds out whether RocksDB still takes writes, after background work has failed: it does not say so by itself.
    /// Called by the committer.
    pub(super) fn probe(&self) {
        // A failure closes the latch, if it is one of those, and is kept for whoever asks.
        let _ = self.write_within(Duration::ZERO, false, |_| Ok(RocksBatch::default()));
    }

    fn write_within(
        &self,
        patience: Duration,
        sync: bool,
        mut build: impl FnMut(&mut Marks<'_>) -> Result<RocksBatch>,
    ) -> Result<()> {
        let reached = self.present.reached();
        let stalled = || {
            self.counters.stalls.fetch_add(1, Ordering::Relaxed);
        };
        let write = || {
            let mut marks = Marks::new(self.kept.as_ref());
            let build = || {
                let mut batch = build(&mut marks)?;
                reached::put_reached(&self.database, &reached, &mut batch)?;
                if self.ages.is_on_record() {
                    ages::take_back(&self.database, &mut batch);
                }
                Ok(batch)
            };
            patience::write(&self.database, patience, sync, build, stalled)?;
            marks.written();
            Ok(())
        };
        match self.floor.write(sync, write, || self.database.rocks.latest_sequence_number()) {
            Ok(()) => {
                *self.counters.failure.lock() = None;
                self.present.recorded(&reached);
                self.ages.is_taken_back();
                Ok(())
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    /// [`Store::write`] of a batch that cannot be built again, which costs a copy: for work that is rare.
    pub(super) fn write_rare(&self, batch: RocksBatch, sync: bool) -> Result<()> {
        self.write(sync, || Ok(RocksBatch::from_data(batch.data())))
    }

    /// Writes how far time has come, for the next opening to compare its clock with, and the ages of entities: the last
    /// write of a store. Where that fails, the store has an older time on record, which is safe, and counts anew.
    pub(super) fn record_last(&self) {
        let reached = self.present.reached();
        let build = || {
            let mut batch = RocksBatch::default();
            reached::put_reached(&self.database, &reached, &mut batch)?;
            self.ages.put(&self.database, &mut batch)?;
            Ok(batch)
        };
        if patience::write(&self.database, Duration::ZERO, false, build, || {}).is_ok() {
            self.last.store(self.database.rocks.latest_sequence_number(), Ordering::Release);
        }
    }

    /// Returns whether nothing was written since the last record, and `latest` has all that is newest.
    pub(super) fn is_as_recorded(&self) -> bool {
        let is_last = self.last.load(Ordering::Acquire) == self.database.rocks.latest_sequence_number();
        is_last && self.online.gate().mark().is_some() && self.database.latch.reason().is_none()
    }

    /// Tells all that hangs on the newest versions what has become of them. Called between commits.
    ///
    /// The family `latest` is written in one batch with `history`, or by compaction alone, and hears only when it
    /// may not answer.
    pub(super) fn tell(&self, event: &Newest<'_>) {
        match event {
            Newest::Suspended => {
                self.online.suspend();
                self.hot.close();
            }
            Newest::Resumed => {
                // Nothing told it of the rows, and while it is closed nobody asks it.
                self.hot.clear();
                self.hot.open();
                self.online.resume();
            }
            Newest::Put(_) | Newest::Erased(_) | Newest::Dropped(_) => {}
        }
        self.observers.tell(event);
    }

    /// Tells that the events tell everything again, after a load of some views.
    pub(super) fn tell_loaded(&self, views: &[u32], batch: Option<&WriteBatch>) {
        self.hot.forget_loaded(views, batch);
        self.hot.open();
        self.online.resume();
        self.observers.tell(&Newest::Resumed);
    }

    /// Remembers why a write failed.
    pub(super) fn failed(&self, error: Error) -> Error {
        *self.counters.failure.lock() = Some(format!("{error:#}"));
        error
    }
}
