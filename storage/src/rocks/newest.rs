//! Which rows of a write become the newest of their entity.

use std::ops::Range;

use super::error::from_rocks;
use super::families::Database;
use super::order::Sorted;
use super::stored;
use crate::error::Result;
use crate::key;
use crate::version::Version;

/// Rows looked up at once: the values found stay pinned in the cache meanwhile.
const LOOKUPS_MAX: usize = 512;

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
        for rows in self.rows[range].chunks(LOOKUPS_MAX) {
            let keys = rows.iter().map(|row| self.key(row));
            let stored = database.rocks.batched_multi_get_cf(database.latest(), keys, true);
            for (row, value) in rows.iter().zip(stored) {
                let value = value.map_err(|error| from_rocks("cannot read latest", error))?;
                let newest: Option<Version> = value.and_then(|value| stored::version(&value));
                if newest.is_none_or(|newest| newest <= sorted.get(row.index).0) {
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
