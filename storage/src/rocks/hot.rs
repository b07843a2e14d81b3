//! The hot rows of a store: newest rows in memory, in front of the family `latest`.

use std::cell::RefCell;

use asofdb_hot::{Changing, Hot, HotCounts, Looked, Row, Table};

use super::online::RocksOnline;
use super::options::Options;
use crate::backend::{Found, HotStats, LookedUp, Lookup, NewestRow, RowKey, Visit};
use crate::error::Result;
use crate::time::Timestamp;
use crate::version::Version;

thread_local! {
    /// Memory for what was found.
    static LOOKED: RefCell<Looked> = const { RefCell::new(Looked::new()) };
}

/// The hot table of a store, if it has one.
pub(super) struct HotRows(Option<Table>);

/// Newest versions, one a lookup.
type Versions<'n> = dyn Fn(usize) -> Option<Found<'n>> + 'n;

impl HotRows {
    /// The table of the bytes that the options say.
    pub(super) fn within(options: &Options) -> Self {
        HotRows(Some(options.hot_bytes()).filter(|bytes| *bytes > 0).map(Table::new))
    }

    /// Answers all lookups as [`crate::Online::look_up`] does, from memory what is there, and the rest from `latest`.
    pub(super) fn look_up(
        &self,
        latest: &RocksOnline,
        lookups: &[Lookup<'_>],
        at: Timestamp,
        visit: &mut Visit<'_>,
    ) -> Result<LookedUp> {
        let Some(table) = &self.0 else { return latest.answer(lookups, at, visit) };
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
        self.0.as_ref().map(|table| table.change(rows.map(|row| (row.view, row.key))))
    }

    pub(super) fn forget_views(&self, views: &[u32]) {
        self.0.iter().for_each(|table| table.forget_views(views));
    }

    pub(super) fn clear(&self) {
        self.0.iter().for_each(Table::clear);
    }

    /// Figures about the table, if there is one.
    pub(super) fn stats(&self) -> Option<HotStats> {
        let HotCounts { hits, misses, fills, evictions, rows, bytes, bytes_max } = self.0.as_ref()?.counts();
        Some(HotStats { hits, misses, fills, evictions, rows, bytes, bytes_max })
    }
}

/// Ends a change with the rows that are the newest now.
pub(super) fn finish<'r>(changing: Option<Changing<'_>>, newest: impl Iterator<Item = NewestRow<'r>>) {
    let Some(changing) = changing else { return };
    newest.for_each(|row| changing.put((row.of.view, row.of.key), of_version(row.version, row.row)));
    changing.finish();
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
