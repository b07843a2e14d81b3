//! Which rows of a write become the newest of their entity.

use std::ops::Range;

use rocksdb::{DBPinnableSlice, DBRawIterator};

use super::error::from_rocks;
use super::families::Database;
use super::order::Sorted;
use super::stored;
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
    /// Position in the sorted write.
    index: usize,
}

impl Candidates {
    pub(super) fn new(sorted: &Sorted<'_>) -> Self {
        let mut candidates = Candidates { keys: Vec::new(), rows: Vec::new() };
        for index in sorted.newest() {
            let (_, row) = sorted.get(index);
            let key_start = candidates.keys.len();
            key::latest_key(row.key_space, row.key, row.view, &mut candidates.keys);
            candidates.rows.push(Candidate { key_start, key_end: candidates.keys.len(), index });
        }
        let keys = &candidates.keys;
        // In the order already where the write is about one view.
        candidates.rows.sort_by(|a, b| keys[a.key_start..a.key_end].cmp(&keys[b.key_start..b.key_end]));
        candidates
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Passes on the key and the position of each candidate in `range` that is not behind what `latest` has.
    /// Of the same version the later commit wins, and this one is the later.
    pub(super) fn winners(
        &self,
        database: &Database,
        sorted: &Sorted<'_>,
        range: Range<usize>,
        mut take: impl FnMut(&[u8], usize) -> Result<()>,
    ) -> Result<()> {
        let mut stored = StoredVersions::new(database);
        for rows in self.rows[range].chunks(LOOKUPS_MAX) {
            let keys: Vec<_> = rows.iter().map(|row| self.key(row)).collect();
            for (row, newest) in rows.iter().zip(stored.read(&keys)?) {
                if newest.is_none_or(|newest| newest <= sorted.version(row.index)) {
                    take(self.key(row), row.index)?;
                }
            }
        }
        Ok(())
    }

    fn key(&self, row: &Candidate) -> &[u8] {
        &self.keys[row.key_start..row.key_end]
    }
}

/// Reads which versions `latest` has, by passing over it where the keys asked for lie close together.
struct StoredVersions<'d> {
    database: &'d Database,
    raw: Option<DBRawIterator<'d>>,
    /// Chunks until passing over is tried again.
    wait: usize,
}

impl<'d> StoredVersions<'d> {
    fn new(database: &'d Database) -> Self {
        StoredVersions { database, raw: None, wait: 0 }
    }

    /// The versions under ascending `keys`.
    fn read(&mut self, keys: &[&[u8]]) -> Result<Vec<Option<Version>>> {
        if keys.len() >= PASS_KEYS_MIN && self.wait == 0 {
            if let Some(versions) = self.pass(keys)? {
                return Ok(versions);
            }
            self.wait = PASS_WAIT;
        }
        self.wait = self.wait.saturating_sub(1);
        self.look_up(keys)
    }

    fn look_up(&self, keys: &[&[u8]]) -> Result<Vec<Option<Version>>> {
        let values = self.database.rocks.batched_multi_get_cf(self.database.latest(), keys.iter().copied(), true);
        let version = |value: Option<DBPinnableSlice<'_>>| value.and_then(|value| stored::version(&value));
        let values = values.into_iter().map(|value| value.map(version));
        values.collect::<Result<_, _>>().map_err(|error| from_rocks("cannot read latest", error))
    }

    /// Steps over all rows between the keys; gives up when there are too many.
    fn pass(&mut self, keys: &[&[u8]]) -> Result<Option<Vec<Option<Version>>>> {
        let raw = self.raw.get_or_insert_with(|| self.database.rocks.raw_iterator_cf(self.database.latest()));
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
            versions.push(value.and_then(stored::version));
        }
        raw.status().map_err(|error| from_rocks("cannot read latest", error))?;
        Ok(Some(versions))
    }
}
