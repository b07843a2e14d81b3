//! The hot rows of a store: newest rows in memory, in front of the family `latest`.

mod kept_file;
mod keys_file;
mod patience;
mod policies;
mod progress;
mod reading;
mod rows_file;
mod words;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use asofdb_hot::{Changing, HotCounts, Looked, Table, Times};
use parking_lot::Mutex;

use self::kept_file::{Belonging, Outcome};
use self::keys_file::KEYS;
pub(super) use self::keys_file::RowName;
pub(super) use self::patience::Patience;
use self::policies::{Now, Policies};
use self::progress::Progress;
use self::reading::Reading;
use self::rows_file::ROWS;
use self::words::of_version;
use super::directory::sync_directory;
use super::error::from_io;
use super::families::Database;
use super::modes::Modes;
use super::online::RocksOnline;
use super::options::Options;
use super::present::Present;
use crate::backend::{HotStats, LookedUp, Lookup, NewestRow, RowKey, SharedMemory, Visit, Warming};
use crate::batch::WriteBatch;
use crate::catalog::Catalog;
use crate::error::{Error, Result};
use crate::fail_point;
use crate::hot_policy::HotPolicy;
use crate::time::Timestamp;

thread_local! {
    /// Memory for what was found.
    static LOOKED: RefCell<Looked> = const { RefCell::new(Looked::new()) };
}

/// The most rows of a load that are forgotten one by one; commits wait meanwhile.
const FORGOTTEN_MAX: usize = 100_000;

/// The hot table of a store, if it has one.
pub(super) struct HotRows {
    table: Option<Table>,
    policies: Policies,
    /// True once somebody has said what may be shared.
    is_told: AtomicBool,
    directory: PathBuf,
    modes: Modes,
    /// Fills and rows at the last sample; held by whoever writes or removes one.
    sampled: Mutex<Option<[u64; 2]>>,
    pub(super) progress: Progress,
}

impl HotRows {
    /// The table of the bytes that the options say, for the store in a directory and the views of its catalog.
    ///
    /// # Errors
    /// `Unavailable` where the kernel has no memory that can be shared, if it is to be.
    pub(super) fn within(directory: &Path, options: &Options, catalog: &Catalog) -> Result<Self> {
        let table = match (options.hot_bytes(), options.hot_shared) {
            (0, _) => None,
            (bytes, false) => Some(Table::new(bytes)),
            (bytes, true) => Some(shared(bytes)?),
        };
        table.iter().for_each(|table| table.set_revision(catalog.revision()));
        let rows = HotRows {
            table,
            policies: Policies::default(),
            is_told: AtomicBool::new(false),
            directory: directory.to_owned(),
            modes: Modes::of(options.shared),
            sampled: Mutex::default(),
            progress: Progress::default(),
        };
        rows.policies.follow(catalog);
        Ok(rows)
    }

    /// The table's memory, which another process may map and read; `None` where it is not shared, or nobody has said yet what
    /// may be.
    ///
    /// # Errors
    /// `Unavailable` where this process has no room for a descriptor.
    pub(super) fn shared_memory(&self) -> Result<Option<SharedMemory>> {
        let Some(table) = self.table.as_ref().filter(|_| self.is_told.load(Ordering::Acquire)) else { return Ok(None) };
        // Before the descriptor is made, and before anybody decides who gets it.
        let grants = table.grants();
        let descriptor = table.descriptor();
        let descriptor =
            descriptor.map_err(|error| Error::unavailable("cannot share the hot table").with_source(error))?;
        Ok(descriptor.map(|descriptor| SharedMemory { descriptor, grants }))
    }

    /// Returns whether the table lies in memory that can be shared.
    pub(super) fn is_shared(&self) -> bool {
        self.table.as_ref().is_some_and(Table::is_shared)
    }

    /// Takes the right to read the table from all other processes that have it.
    pub(super) fn withdraw(&self) {
        self.table.iter().for_each(Table::withdraw);
    }

    /// Lets rows be shared that are written by this revision of the catalog, but those of some views; nothing happens where
    /// there is another by now. On the committer, so that no commit is under way.
    pub(super) fn share(&self, revision: u64, but: &[u32]) {
        let Some(table) = self.table.as_ref().filter(|table| table.is_shared()) else { return };
        if self.policies.share(revision, but) {
            // Also where there are none: what a reader has looked for before is not filled in by what holds now.
            table.forget_views(but);
            self.is_told.store(true, Ordering::Release);
        }
    }

    /// Counts uses of rows by other processes.
    pub(super) fn count_uses(&self, hashes: &[u64]) {
        self.table.iter().for_each(|table| table.count_uses(hashes));
    }

    /// Says what the present is, to other processes that have the table.
    pub(super) fn tell_times(&self, present: &Present) {
        if let Some(table) = self.table.as_ref().filter(|table| table.is_shared()) {
            let times = |[from, until, floor]: [Timestamp; 3]| Times {
                from: from.as_micros(),
                until: until.as_micros(),
                floor: floor.as_micros(),
            };
            table.set_times(present.window().map_or(Times::NONE, times));
        }
    }

    /// Answers nothing to other processes until [`HotRows::open`] was called as often.
    pub(super) fn close(&self) {
        self.table.iter().for_each(Table::close);
    }

    pub(super) fn open(&self) {
        self.table.iter().for_each(Table::open);
    }

    /// Answers all lookups as [`crate::Online::look_up`] does, from memory what is there, and the rest from `latest`.
    pub(super) fn look_up(
        &self,
        latest: &RocksOnline,
        lookups: &[Lookup<'_>],
        at: Timestamp,
        visit: &mut Visit<'_>,
    ) -> Result<LookedUp> {
        let Some(table) = &self.table else { return latest.answer(lookups, at, visit) };
        LOOKED.with(|looked| match looked.try_borrow_mut() {
            Ok(mut looked) => {
                let answered =
                    Reading { policies: &self.policies, table, latest, lookups, at }.answer(&mut looked, visit);
                looked.trim();
                answered
            }
            // A visitor reads.
            Err(_) => latest.answer(lookups, at, visit),
        })
    }

    /// Says that rows are going to be written. What is dropped unfinished forgets them.
    pub(super) fn change<'k>(&self, rows: impl Iterator<Item = RowKey<'k>>) -> Option<Changing<'_>> {
        let policies = self.policies.now();
        let rows = rows.filter(|row| policies.of(row.view) != HotPolicy::Never);
        self.table.as_ref().map(|table| table.change(rows.map(|row| (row.view, row.key))))
    }

    /// Ends a change with the rows that are the newest now. Called by whoever changes the catalog, too, so that the policies
    /// are those by which it began.
    pub(super) fn finish<'r>(&self, changing: Option<Changing<'_>>, newest: impl Iterator<Item = NewestRow<'r>>) {
        let Some(changing) = changing else { return };
        let policies = self.policies.now();
        for NewestRow { of, version, row } in newest {
            let (key, row) = ((of.view, of.key), of_version(version, row));
            match policies.of(of.view) {
                HotPolicy::Auto => changing.put(key, row),
                HotPolicy::Pin => changing.put_pinned(key, row),
                HotPolicy::Never => {}
            }
        }
        changing.finish();
    }

    /// Forgets the rows of a load: those of all of its views where it is large, or not in memory.
    pub(super) fn forget_loaded(&self, views: &[u32], batch: Option<&WriteBatch>) {
        let Some(table) = &self.table else { return };
        match batch.filter(|batch| batch.rows().len() <= FORGOTTEN_MAX) {
            None => table.forget_views(views),
            // What is not finished is forgotten.
            Some(batch) => drop(table.change(batch.rows().map(|row| (row.view, row.key)))),
        }
    }

    pub(super) fn clear(&self) {
        self.table.iter().for_each(Table::clear);
    }

    /// Goes on for the views of another catalog, with an empty table: what views keep and hide may be another.
    pub(super) fn begin_anew(&self, catalog: &Catalog) {
        match self.is_shared() {
            // Until somebody has said what of it may be shared.
            true => self.policies.keep_out(catalog),
            false => self.policies.follow(catalog),
        }
        self.table.iter().for_each(|table| table.set_revision(catalog.revision()));
        self.clear();
    }

    /// Figures about the table, if there is one.
    pub(super) fn stats(&self) -> Option<HotStats> {
        let HotCounts { hits, misses, fills, evictions, rows, pinned_rows, pinned_bytes, bytes, bytes_max } =
            self.table.as_ref()?.counts();
        let warming = self.progress.now();
        Some(HotStats { hits, misses, fills, evictions, rows, bytes, bytes_max, pinned_rows, pinned_bytes, warming })
    }

    /// The return of the rows that were there before.
    pub(super) fn warming(&self) -> Warming {
        self.progress.now()
    }

    /// Takes over the rows of the last closing, or else says which rows are to be read again. Called before the first write
    /// and the first read; returns what was wrong with the rows, if anything.
    pub(super) fn resume(&self, database: &Database, catalog: &Catalog) -> Option<String> {
        let read = match &self.table {
            Some(table) => rows_file::read(table, &self.directory, belonging(database, catalog)),
            None => Ok((Outcome::Nothing, [0; 2])),
        };
        let removed = ROWS.remove(&self.directory).and_then(|was_there| match was_there {
            true => sync_directory(&self.directory),
            false => Ok(()),
        });
        fail_point("hot rows taken");
        let (notice, taken) = match read {
            Ok((Outcome::Nothing, _)) => (None, None),
            Ok((Outcome::Read, taken)) if removed.is_ok() => (None, Some(taken)),
            Ok((Outcome::Read, _)) => (Some("could not be removed".to_owned()), None),
            Ok((Outcome::Foreign, _)) => (Some("belong to another state of the store".to_owned()), None),
            Err(error) => (Some(format!("cannot be read: {error}")), None),
        };
        match taken {
            Some([rows, held]) => self.progress.taken_over(held, rows),
            None if self.table.is_none() => self.progress.end(),
            None => {
                self.clear();
                self.progress.want(keys_file::read(&self.directory).unwrap_or_default());
            }
        }
        notice.map(|why| format!("the rows kept for the hot table {why}, so that it begins without them"))
    }

    /// Writes the rows for the next opening, behind the last operation of the store. Where that fails there are none.
    pub(super) fn leave(&self, database: &Database, catalog: &Catalog) {
        let Some(table) = &self.table else { return };
        let of = belonging(database, catalog);
        fail_point("hot rows begun");
        if rows_file::write(table, &self.directory, self.modes, of).is_err() {
            let _ = ROWS.remove(&self.directory);
        }
        fail_point("hot rows written");
    }

    /// Writes a sample of the keys of the rows, if they are others than those of the last one. Where that fails there is
    /// none.
    pub(super) fn sample(&self) {
        let Some(table) = &self.table else { return };
        let mut sampled = self.sampled.lock();
        let HotCounts { fills, rows, .. } = table.counts();
        if rows == 0 || *sampled == Some([fills, rows]) {
            return;
        }
        *sampled = match keys_file::write(table, &self.directory, self.modes) {
            Ok(()) => Some([fills, rows]),
            Err(_) => {
                let _ = KEYS.remove(&self.directory);
                None
            }
        };
    }

    /// Removes the sample, which may have keys of rows that were erased, for good.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be removed.
    pub(super) fn forget_keys(&self) -> Result<()> {
        let mut sampled = self.sampled.lock();
        *sampled = None;
        let removed = KEYS.remove(&self.directory).and_then(|was_there| match was_there {
            true => sync_directory(&self.directory),
            false => Ok(()),
        });
        removed.map_err(|error| from_io("cannot remove the keys of hot rows", error))
    }

    pub(super) fn is_there(&self) -> bool {
        self.table.is_some()
    }

    pub(super) fn evictions(&self) -> u64 {
        self.table.as_ref().map_or(0, |table| table.counts().evictions)
    }

    /// The policies of views, if any of them is pinned and there is a table.
    pub(super) fn pinned(&self) -> Option<Now> {
        let policies = self.policies.now();
        (self.table.is_some() && policies.has_pinned()).then_some(policies)
    }

    pub(super) fn is_full_of_pinned(&self) -> bool {
        self.table.as_ref().is_none_or(Table::is_full_of_pinned)
    }
}

/// Removes what is kept of the hot table of the store in a directory, which somebody repairs.
///
/// # Errors
/// `Unavailable` when it cannot be removed.
pub(super) fn remove_files(directory: &Path) -> Result<()> {
    let removed = [ROWS, KEYS].iter().try_for_each(|kind| kind.remove(directory).map(drop));
    removed.map_err(|error| from_io("cannot remove what is kept of hot rows", error))
}

fn belonging(database: &Database, catalog: &Catalog) -> Belonging {
    Belonging { sequence: database.rocks.latest_sequence_number(), revision: catalog.revision() }
}

#[cfg(target_os = "linux")]
fn shared(bytes: usize) -> Result<Table> {
    let failed =
        |error| Error::unavailable("cannot make a hot table that can be shared (hot_shared)").with_source(error);
    Table::shared(bytes).map_err(failed)
}

#[cfg(not(target_os = "linux"))]
fn shared(_: usize) -> Result<Table> {
    Err(Error::unavailable("a hot table can be shared on Linux alone (hot_shared)"))
}
