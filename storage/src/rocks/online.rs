//! The family `latest` as a table of newest versions.

use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rocksdb::{DB, DBPinnableSlice, DBRawIterator, ReadOptions, WriteBatch as RocksBatch};

use super::error::{from_io, from_open, from_rocks};
use super::families::Database;
use super::gate::Gate;
use super::modes::Modes;
use super::newest::Candidates;
use super::options::{Options, Tuning};
use super::pool::{Pool, Purpose};
use super::present::Present;
use super::{directory, patience, process, stored};
use crate::backend::{Found, LookedUp, Lookup, NewestRow, Online, RowKey, Visit};
use crate::error::Result;
use crate::key;
use crate::time::{SystemClock, Timestamp};

/// The number of views of one entity from which on reading the neighbours in one pass beats looking each of them up.
const NEIGHBOURS_MIN: usize = 4;

thread_local! {
    /// Room for encoded keys.
    static KEYS: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Bytes of deletions that are written at once.
const WRITE_BYTES_MAX: usize = 4 << 20;

/// The newest version of each row, on disk.
///
/// It is the family `latest` of a store, where the committer writes it together with the history, or a table that
/// stands by itself and is kept by the events of a store elsewhere, larger than memory if need be.
pub struct RocksOnline {
    database: Arc<Database>,
    pool: Arc<Pool>,
    present: Arc<Present>,
    gate: Gate,
    patience: Duration,
    /// Held from looking up what is there until what is greater has been written.
    writing: Mutex<()>,
}

impl RocksOnline {
    /// Makes an empty table that stands by itself at `path`, with so many bytes of memory as its budget. What an
    /// earlier one left there is removed: it cannot know what it has missed since.
    ///
    /// # Errors
    /// `Conflict` when something else is at `path`, such as a store, whose table must not be written past its
    /// history; `Invalid` for a budget under [`super::MEMORY_BUDGET_BYTES_MIN`]; `Unavailable` when the table cannot
    /// be written or is open already.
    pub fn create(path: impl AsRef<Path>, memory_budget_bytes: usize) -> Result<Self> {
        let path = path.as_ref();
        let options = Options { memory_budget_bytes, hot_bytes: Some(0), ..Options::default() };
        options.check()?;
        directory::check_table(path)?;
        // Nobody asks this clock: a table goes by the time of each read.
        let present = Arc::new(Present::new(Arc::new(SystemClock)));
        process::prepare(&options)?;
        let tuning = Tuning::new(&options, &present)?;
        DB::destroy(&tuning.store, path).map_err(|error| from_open(path, error))?;
        let failed = |error| from_io(&format!("cannot create {}", path.display()), error);
        Modes::Private.make_directory(path).map_err(failed)?;
        let database = Arc::new(Database::open(path, &tuning, true)?);
        let pool = Arc::new(Pool::new(database.clone()));
        Ok(RocksOnline::over(database, pool, present, options.stall_patience))
    }

    pub(super) fn over(database: Arc<Database>, pool: Arc<Pool>, present: Arc<Present>, patience: Duration) -> Self {
        RocksOnline { database, pool, present, gate: Gate::default(), patience, writing: Mutex::default() }
    }

    /// The gate that says whether the table may answer.
    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// [`Online::look_up`] in a state of the database in which the table is complete.
    pub(super) fn look_up_in(
        &self,
        state: &rocksdb::Snapshot<'_>,
        lookups: &[Lookup<'_>],
        at: Timestamp,
        visit: &mut Visit<'_>,
    ) -> Result<LookedUp> {
        let mut options = ReadOptions::default();
        options.set_snapshot(state);
        let values = multi_get(&self.database, lookups, &options);
        take_values(values, &mut |newest| self.give(lookups, &|index| newest[index], at, None, visit))
    }

    /// Answers all lookups as [`Online::look_up`] says.
    pub(super) fn answer(&self, lookups: &[Lookup<'_>], at: Timestamp, visit: &mut Visit<'_>) -> Result<LookedUp> {
        let Some(mark) = self.gate.mark() else { return Ok(LookedUp::Declined) };
        self.read(lookups, &mut |newest| self.give(lookups, &|index| newest[index], at, Some(mark), visit))
    }

    /// Reads the newest version of each row, as it is stored, all from one state.
    pub(super) fn read<T>(&self, lookups: &[Lookup<'_>], take: Take<'_, T>) -> Result<T> {
        match lookups {
            [] => take(&[]),
            [lookup] => self.read_one(lookup, take),
            [first, rest @ ..] => {
                match lookups.len() >= NEIGHBOURS_MIN && rest.iter().all(|l| is_neighbour(l, first)) {
                    true => self.read_neighbours(lookups, take),
                    false => take_values(multi_get(&self.database, lookups, &ReadOptions::default()), take),
                }
            }
        }
    }

    fn read_one<T>(&self, lookup: &Lookup<'_>, take: Take<'_, T>) -> Result<T> {
        let value = KEYS.with_borrow_mut(|key| {
            key.clear();
            key::latest_key(lookup.view.key_space, lookup.key, lookup.view.id, key);
            self.database.rocks.get_pinned_cf(self.database.latest(), key)
        });
        let value = value.map_err(|error| from_rocks("cannot read latest", error))?;
        take(&[value.as_deref().map(stored::decode).transpose()?])
    }

    /// Reads the rows of one entity in one pass over its neighbours.
    fn read_neighbours<T>(&self, lookups: &[Lookup<'_>], take: Take<'_, T>) -> Result<T> {
        self.pool.with(Purpose::Neighbours, |raw, _| {
            let mut values = vec![None; lookups.len()];
            let mut rows = Vec::with_capacity(lookups.len() * 512);
            collect(raw, lookups, &mut rows, &mut values)?;
            let mut newest = Vec::with_capacity(values.len());
            for range in values {
                newest.push(range.map(|range| stored::decode(&rows[range])).transpose()?);
            }
            take(&newest)
        })
    }

    /// Passes on the newest versions, one a lookup, unless one of them must come from `history`. `mark` is that of the
    /// gate before the table was read; `None` in a state where the table is known to be complete.
    pub(super) fn give<'n>(
        &self,
        lookups: &[Lookup<'_>],
        newest: &(dyn Fn(usize) -> Option<Found<'n>> + '_),
        at: Timestamp,
        mark: Option<u64>,
        visit: &mut Visit<'_>,
    ) -> Result<LookedUp> {
        let is_behind = mark.is_some_and(|mark| !self.gate.held(mark));
        let is_ahead = |index| newest(index).is_some_and(|found| found.version.event > at);
        if is_behind || (0..lookups.len()).any(is_ahead) {
            return Ok(LookedUp::Declined);
        }
        let at = self.present.no_earlier(at);
        for (index, lookup) in lookups.iter().enumerate() {
            visit(index, newest(index).filter(|found| lookup.shows(found.version, at)))?;
        }
        Ok(LookedUp::Answered)
    }

    fn write(&self, build: impl FnMut() -> Result<RocksBatch>) -> Result<()> {
        patience::write(&self.database, self.patience, false, build, || {})
    }

    fn delete(&self, keys: &[Vec<u8>]) -> Result<()> {
        self.write(|| {
            let mut batch = RocksBatch::default();
            keys.iter().for_each(|key| batch.delete_cf(self.database.latest(), key));
            Ok(batch)
        })
    }
}

impl Online for RocksOnline {
    fn look_up(&self, lookups: &[Lookup<'_>], at: Timestamp, visit: &mut Visit<'_>) -> Result<LookedUp> {
        self.answer(lookups, at, visit)
    }

    fn put(&self, rows: &[NewestRow<'_>]) -> Result<()> {
        let _one_at_a_time = self.writing.lock();
        let candidates = Candidates::of_rows(rows);
        self.write(|| {
            let mut batch = RocksBatch::default();
            candidates.put(&self.database, |index| rows[index].row, &mut batch, |_, _| {})?;
            Ok(batch)
        })
    }

    fn forget(&self, rows: &[RowKey<'_>]) -> Result<()> {
        let _one_at_a_time = self.writing.lock();
        self.delete(&rows.iter().map(key_of).collect::<Vec<_>>())
    }

    fn forget_views(&self, views: &[u32]) -> Result<()> {
        let _one_at_a_time = self.writing.lock();
        let mut raw = self.database.rocks.raw_iterator_cf(self.database.latest());
        let (mut keys, mut bytes) = (Vec::new(), 0);
        raw.seek_to_first();
        while let Some(found) = raw.key() {
            if key::split_latest_key(found).is_some_and(|(_, _, view)| views.contains(&view)) {
                bytes += found.len();
                keys.push(found.to_vec());
            }
            if bytes > WRITE_BYTES_MAX {
                self.delete(&keys)?;
                keys.clear();
                bytes = 0;
            }
            raw.next();
        }
        raw.status().map_err(|error| from_rocks("cannot read latest", error))?;
        self.delete(&keys)
    }

    fn suspend(&self) {
        self.gate.suspend();
    }

    fn resume(&self) {
        self.gate.resume();
    }
}

fn key_of(row: &RowKey<'_>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(row.key.len() + 2 * size_of::<u32>());
    key::latest_key(row.key_space, row.key, row.view, &mut bytes);
    bytes
}

/// Reads the newest version of each row, all of one state.
fn multi_get<'d>(
    database: &'d Database,
    lookups: &[Lookup<'_>],
    options: &ReadOptions,
) -> Vec<std::result::Result<Option<DBPinnableSlice<'d>>, rocksdb::Error>> {
    KEYS.with_borrow_mut(|keys| {
        keys.clear();
        let mut ends = Vec::with_capacity(lookups.len());
        for lookup in lookups {
            key::latest_key(lookup.view.key_space, lookup.key, lookup.view.id, keys);
            ends.push(keys.len());
        }
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let each = starts.zip(&ends).map(|(start, end)| &keys[start..*end]);
        database.rocks.batched_multi_get_cf_opt(database.latest(), each, false, options)
    })
}

/// Returns whether two rows lie beside each other, the second not before the first.
fn is_neighbour(lookup: &Lookup<'_>, first: &Lookup<'_>) -> bool {
    lookup.view.key_space == first.view.key_space && lookup.key == first.key
}

/// Takes the newest version of each row.
type Take<'t, T> = &'t mut dyn FnMut(&[Option<Found<'_>>]) -> Result<T>;

/// Hands on the values of a multi-get.
fn take_values<T>(
    values: Vec<std::result::Result<Option<DBPinnableSlice<'_>>, rocksdb::Error>>,
    take: Take<'_, T>,
) -> Result<T> {
    let mut newest = Vec::with_capacity(values.len());
    for value in &values {
        let value = value.as_ref().map_err(|error| from_rocks("cannot read latest", error.clone()))?;
        newest.push(value.as_deref().map(stored::decode).transpose()?);
    }
    take(&newest)
}

/// Collects the rows of one entity, each with its place among `rows`.
fn collect(
    raw: &mut DBRawIterator<'_>,
    lookups: &[Lookup<'_>],
    rows: &mut Vec<u8>,
    values: &mut [Option<Range<usize>>],
) -> Result<()> {
    let mut order: Vec<_> = (0..lookups.len()).collect();
    order.sort_unstable_by_key(|index| lookups[*index].view.id);
    let first = &lookups[order[0]];
    let mut key = Vec::with_capacity(first.key.len() + 8);
    key::latest_key(first.view.key_space, first.key, first.view.id, &mut key);
    raw.seek(&key);
    let entity = key.len() - 4;
    let mut order = order.into_iter().peekable();
    while let Some(index) = order.peek() {
        let Some((at, value)) = raw.item() else { break };
        let Some(view) = at.strip_prefix(&key[..entity]).and_then(|view| view.first_chunk::<4>()) else { break };
        let (view, wanted) = (u32::from_be_bytes(*view), lookups[*index].view.id);
        if view == wanted {
            let start = rows.len();
            rows.extend_from_slice(value);
            // The row may be wanted more than once.
            while let Some(index) = order.next_if(|index| lookups[*index].view.id == view) {
                values[index] = Some(start..rows.len());
            }
        }
        if view <= wanted {
            raw.next();
        } else {
            order.next();
        }
    }
    raw.status().map_err(|error| from_rocks("cannot read latest", error))
}
