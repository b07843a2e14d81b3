//! The hot rows of a store: newest rows in memory, in front of the family `latest`.

use std::cell::RefCell;

use asofdb_hot::{Changing, Hot, HotCounts, Looked, Row, Table, Times};

use super::online::RocksOnline;
use super::options::Options;
use super::present::Present;
use super::sharing::Sharing;
use crate::backend::{Found, HotStats, LookedUp, Lookup, NewestRow, RowKey, SharedMemory, Visit};
use crate::catalog::Catalog;
use crate::error::{Error, Result};
use crate::time::Timestamp;
use crate::version::Version;

thread_local! {
    /// Memory for what was found.
    static LOOKED: RefCell<Looked> = const { RefCell::new(Looked::new()) };
}

/// The hot table of a store, if it has one.
pub(super) struct HotRows {
    table: Option<Table>,
    sharing: Sharing,
}

/// Newest versions, one a lookup.
type Versions<'n> = dyn Fn(usize) -> Option<Found<'n>> + 'n;

impl HotRows {
    /// The table of the bytes that the options say, for rows by this catalog.
    ///
    /// # Errors
    /// `Unavailable` where the kernel has no memory that can be shared, if it is to be.
    pub(super) fn within(options: &Options, catalog: &Catalog) -> Result<Self> {
        let bytes = options.hot_bytes();
        if bytes == 0 {
            return Ok(HotRows { table: None, sharing: Sharing::default() });
        }
        let table = if options.hot_shared { shared(bytes)? } else { Table::new(bytes) };
        let sharing = Sharing::default();
        if table.is_shared() {
            sharing.follow(catalog.revision());
        }
        table.set_revision(catalog.revision());
        Ok(HotRows { table: Some(table), sharing })
    }

    /// The table's memory, which another process may map and read; `None` where it is not shared.
    ///
    /// # Errors
    /// `Unavailable` where this process has no room for a descriptor.
    pub(super) fn shared_memory(&self) -> Result<Option<SharedMemory>> {
        let Some(table) = &self.table else { return Ok(None) };
        // Before the descriptor is made, and before anybody decides who gets it.
        let grants = table.grants();
        let descriptor = table.descriptor();
        let descriptor =
            descriptor.map_err(|error| Error::unavailable("cannot share the hot table").with_source(error))?;
        Ok(descriptor.map(|descriptor| SharedMemory { descriptor, grants }))
    }

    /// Takes the right to read the table from all other processes that have it.
    pub(super) fn withdraw(&self) {
        self.table.iter().for_each(Table::withdraw);
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

    /// Says that the catalog has changed, and forgets all rows.
    pub(super) fn follow(&self, revision: u64) {
        if self.table.as_ref().is_some_and(Table::is_shared) {
            self.sharing.follow(revision);
        }
        self.table.iter().for_each(|table| table.set_revision(revision));
        self.clear();
    }

    /// Answers nothing to other processes until [`HotRows::open`] was called as often.
    pub(super) fn close(&self) {
        self.table.iter().for_each(Table::close);
    }

    pub(super) fn open(&self) {
        self.table.iter().for_each(Table::open);
    }

    /// Lets rows be shared that are written by this revision of the catalog, but those of some views.
    pub(super) fn share(&self, revision: u64, but: Vec<u32>) {
        self.sharing.share(revision, but);
        let but = self.sharing.unshared();
        self.table.iter().filter(|_| !but.is_empty()).for_each(|table| table.forget_views(&but));
    }

    /// Answers all lookups as [`crate::Online::look_up`] does, from memory what is there, and the rest from `latest`.
    pub(super) fn look_up(
        &self,
        latest: &RocksOnline,
        lookups: &[Lookup<'_>],
        at: Timestamp,
        visit: &mut Visit<'_>,
    ) -> Result<LookedUp> {
        let Some(table) = self.table.as_ref().filter(|_| self.sharing.permits(lookups)) else {
            return latest.answer(lookups, at, visit);
        };
        LOOKED.with(|looked| match looked.try_borrow_mut() {
            Ok(mut looked) => {
                let answered = Reading { table, latest, lookups, at }.answer(&mut looked, visit);
                looked.trim();
                answered
            }
            // A visitor reads.
            Err(_) => latest.answer(lookups, at, visit),
        })
    }

    /// Says that rows are going to be written. What is dropped unfinished forgets them.
    pub(super) fn change<'k>(&self, rows: impl Iterator<Item = RowKey<'k>>) -> Option<Changing<'_>> {
        self.table.as_ref().map(|table| table.change(rows.map(|row| (row.view, row.key))))
    }

    pub(super) fn forget_views(&self, views: &[u32]) {
        self.table.iter().for_each(|table| table.forget_views(views));
    }

    pub(super) fn clear(&self) {
        self.table.iter().for_each(Table::clear);
    }

    /// Figures about the table, if there is one.
    pub(super) fn stats(&self) -> Option<HotStats> {
        let HotCounts { hits, misses, fills, evictions, rows, bytes, bytes_max } = self.table.as_ref()?.counts();
        Some(HotStats { hits, misses, fills, evictions, rows, bytes, bytes_max })
    }
}

/// Ends a change with the rows that are the newest now.
pub(super) fn finish<'r>(changing: Option<Changing<'_>>, newest: impl Iterator<Item = NewestRow<'r>>) {
    let Some(changing) = changing else { return };
    newest.for_each(|row| changing.put((row.of.view, row.of.key), of_version(row.version, row.row)));
    changing.finish();
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

fn of_version(version: Version, bytes: &[u8]) -> Row<'_> {
    Row { version: [version.event.as_micros(), version.created.as_micros()], bytes }
}

fn found(row: Row<'_>) -> Found<'_> {
    let [event, created] = row.version.map(Timestamp::from_micros);
    Found { version: Version::new(event, created), row: row.bytes }
}

/// One read.
struct Reading<'r> {
    table: &'r Table,
    latest: &'r RocksOnline,
    lookups: &'r [Lookup<'r>],
    at: Timestamp,
}

impl Reading<'_> {
    fn answer(&self, looked: &mut Looked, visit: &mut Visit<'_>) -> Result<LookedUp> {
        let Some(mark) = self.latest.gate().mark() else { return Ok(LookedUp::Declined) };
        self.table.look(self.lookups.iter().map(|lookup| (lookup.view.id, lookup.key)), looked);
        let looked = &*looked;
        if looked.is_changing() {
            return self.latest.answer(self.lookups, self.at, visit);
        }
        let mut unknown = looked.unknown().peekable();
        if unknown.peek().is_some() {
            let unknown: Vec<_> = unknown.collect();
            return self.answer_some(looked, &unknown, mark, visit);
        }
        if !self.table.is_still(looked) {
            return self.latest.answer(self.lookups, self.at, visit);
        }
        self.give(&|index| known(looked, index), mark, visit)
    }

    /// Answers where `latest` must be asked for some of the rows.
    fn answer_some(&self, looked: &Looked, unknown: &[usize], mark: u64, visit: &mut Visit<'_>) -> Result<LookedUp> {
        let lookups: Vec<_> = unknown.iter().map(|index| self.lookups[*index]).collect();
        let answered = self.latest.read(&lookups, &mut |stored| {
            if !self.table.is_still(looked) {
                return Ok(None);
            }
            let newest = |index: usize| match unknown.binary_search(&index) {
                Ok(of_stored) => stored[of_stored],
                Err(_) => known(looked, index),
            };
            let given = self.give(&newest, mark, visit)?;
            for ((index, lookup), stored) in unknown.iter().zip(&lookups).zip(stored) {
                let row = stored.map(|found| of_version(found.version, found.row));
                self.table.fill(looked, *index, (lookup.view.id, lookup.key), row);
            }
            Ok(Some(given))
        })?;
        match answered {
            Some(answered) => Ok(answered),
            None => self.latest.answer(self.lookups, self.at, visit),
        }
    }

    fn give(&self, newest: &Versions<'_>, mark: u64, visit: &mut Visit<'_>) -> Result<LookedUp> {
        self.latest.give(self.lookups, newest, self.at, Some(mark), visit)
    }
}

/// What the table knows of a row.
fn known(looked: &Looked, index: usize) -> Option<Found<'_>> {
    match looked.get(index) {
        Hot::Row(row) => Some(found(row)),
        Hot::Absent | Hot::Unknown => None,
    }
}
