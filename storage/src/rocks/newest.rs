//! The rows of a write that become the newest of their entity.

use std::ops::Range;

use rocksdb::{DBPinnableSlice, DBRawIterator, ReadOptions, WriteBatch as RocksBatch};

use super::error::from_rocks;
use super::families::Database;
use super::order::Sorted;
use super::stored::{self, Head};
use crate::backend::{NewestRow, RowKey};
use crate::error::Result;
use crate::key;
use crate::version::Version;

/// Rows looked up at once: the values found stay pinned in the cache meanwhile.
const LOOKUPS_MAX: usize = 512;

/// Fewer keys than this are looked up: passing over them needs an iterator.
const PASS_KEYS_MIN: usize = 256;

/// Steps a key that passing over may take; a lookup costs about twice as much.
const PASS_STEPS_A_KEY: usize = 5;

/// Chunks that are looked up after passing over them was in vain.
const PASS_WAIT: usize = 16;

/// The greatest version of each row of a write, in the order of `latest`.
pub(super) struct Candidates {
    keys: Vec<u8>,
    rows: Vec<Candidate>,
}

#[derive(Clone, Copy)]
struct Candidate {
    key_start: usize,
    key_end: usize,
    version: Version,
    /// Position in what is written.
    index: usize,
}

impl Candidates {
    /// The greatest version of each row of a sorted write.
    pub(super) fn of_sorted(sorted: &Sorted<'_>) -> Self {
        let mut candidates = Candidates { keys: Vec::new(), rows: Vec::new() };
        for index in sorted.newest() {
            let NewestRow { of, version, .. } = sorted.newest_row(index);
            candidates.push(&of, version, index);
        }
        candidates.sort();
        candidates
    }

    /// The greatest of the versions of each row; of equal ones the later.
    pub(super) fn of_rows(rows: &[NewestRow<'_>]) -> Self {
        let mut candidates = Candidates { keys: Vec::new(), rows: Vec::new() };
        for (index, row) in rows.iter().enumerate() {
            candidates.push(&row.of, row.version, index);
        }
        candidates.sort();
        let keys = &candidates.keys;
        candidates.rows.dedup_by(|lesser, greatest| {
            keys[lesser.key_start..lesser.key_end] == keys[greatest.key_start..greatest.key_end]
        });
        candidates
    }

    fn push(&mut self, of: &RowKey<'_>, version: Version, index: usize) {
        let key_start = self.keys.len();
        key::latest_key(of.key_space, of.key, of.view, &mut self.keys);
        self.rows.push(Candidate { key_start, key_end: self.keys.len(), version, index });
    }

    /// Sorts by key, the greatest version and the latest written first. In that order already where a sorted write is
    /// about one view.
    fn sort(&mut self) {
        let keys = &self.keys;
        self.rows.sort_by(|a, b| {
            let by_key = keys[a.key_start..a.key_end].cmp(&keys[b.key_start..b.key_end]);
            by_key.then_with(|| (b.version, b.index).cmp(&(a.version, a.index)))
        });
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Adds those that become the newest to a batch. `row` gives the content by position, and `put` is told the
    /// position of each, with what it replaces.
    pub(super) fn put<'r>(
        &self,
        database: &Database,
        row: impl Fn(usize) -> &'r [u8],
        batch: &mut RocksBatch,
        mut put: impl FnMut(usize, Option<Head>),
    ) -> Result<()> {
        let mut value = Vec::new();
        self.winners(database, Looking::Again, 0..self.len(), |key, version, index, replaced| {
            value.clear();
            stored::encode(version, row(index), &mut value);
            batch.put_cf(database.latest(), key, &value);
            put(index, replaced);
        })
    }

    /// Passes on the key, the version and the position of each candidate in `range` that is not behind what `latest`
    /// has, which it replaces. Of the same version the later commit wins, and this one is the later.
    pub(super) fn winners(
        &self,
        database: &Database,
        looking: Looking,
        range: Range<usize>,
        mut take: impl FnMut(&[u8], Version, usize, Option<Head>),
    ) -> Result<()> {
        let mut stored = StoredVersions::new(database, looking);
        for rows in self.rows[range].chunks(LOOKUPS_MAX) {
            let keys: Vec<_> = rows.iter().map(|row| self.key(row)).collect();
            for (row, newest) in rows.iter().zip(stored.read(&keys)?) {
                if newest.is_none_or(|newest| newest.version <= row.version) {
                    take(self.key(row), row.version, row.index, newest);
                }
            }
        }
        Ok(())
    }

    fn key(&self, row: &Candidate) -> &[u8] {
        &self.keys[row.key_start..row.key_end]
    }
}

/// The use of blocks that are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looking {
    /// Commits write and are read where others were just now: blocks stay in the cache.
    Again,
    /// A load passes over all of `latest`: it would drive what is read out of the cache, and fill it in a process that
    /// only loads.
    Once,
}

/// Reads which versions `latest` has, by passing over it where the keys asked for lie close together.
struct StoredVersions<'d> {
    database: &'d Database,
    options: ReadOptions,
    looking: Looking,
    raw: Option<DBRawIterator<'d>>,
    /// Chunks until passing over is tried again.
    wait: usize,
}

impl Looking {
    fn options(self) -> ReadOptions {
        let mut options = ReadOptions::default();
        options.fill_cache(self == Looking::Again);
        options
    }
}

impl<'d> StoredVersions<'d> {
    fn new(database: &'d Database, looking: Looking) -> Self {
        StoredVersions { database, options: looking.options(), looking, raw: None, wait: 0 }
    }

    /// The versions under ascending `keys`.
    fn read(&mut self, keys: &[&[u8]]) -> Result<Vec<Option<Head>>> {
        if keys.len() >= PASS_KEYS_MIN && self.wait == 0 {
            if let Some(versions) = self.pass(keys)? {
                return Ok(versions);
            }
            self.wait = PASS_WAIT;
        }
        self.wait = self.wait.saturating_sub(1);
        self.look_up(keys)
    }

    fn look_up(&self, keys: &[&[u8]]) -> Result<Vec<Option<Head>>> {
        let (rocks, latest) = (&self.database.rocks, self.database.latest());
        let values = rocks.batched_multi_get_cf_opt(latest, keys.iter().copied(), true, &self.options);
        let head = |value: Option<DBPinnableSlice<'_>>| value.and_then(|value| stored::head(&value));
        let values = values.into_iter().map(|value| value.map(head));
        values.collect::<Result<_, _>>().map_err(|error| from_rocks("cannot read latest", error))
    }

    /// Steps over all rows between the keys; gives up when there are too many.
    fn pass(&mut self, keys: &[&[u8]]) -> Result<Option<Vec<Option<Head>>>> {
        let (rocks, latest, looking) = (&self.database.rocks, self.database.latest(), self.looking);
        let raw = self.raw.get_or_insert_with(|| rocks.raw_iterator_cf_opt(latest, looking.options()));
        let mut versions = Vec::with_capacity(keys.len());
        let mut steps = 0;
        raw.seek(keys[0]);
        for &key in keys {
            while raw.key().is_some_and(|found| found < key) {
                if steps == PASS_STEPS_A_KEY * keys.len() {
                    return Ok(None);
                }
                raw.next();
                steps += 1;
            }
            let value = raw.item().filter(|(found, _)| *found == key).map(|(_, value)| value);
            versions.push(value.and_then(stored::head));
        }
        raw.status().map_err(|error| from_rocks("cannot read latest", error))?;
        Ok(Some(versions))
    }
}
