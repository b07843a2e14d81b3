//! Rows that others wrote while a large load was prepared, and that may be newer than its own.

use super::error::from_rocks;
use super::store::Store;
use super::stored;
use super::views::Touched;
use super::work::LoadedRows;
use crate::error::Result;
use crate::key;

/// Bytes of rows that are kept while the files of a load are taken over. Beyond it `latest` is made again from `history`.
const KEPT_BYTES_MAX: usize = 64 << 20;

/// A row of `latest` as it was before the files of a load were taken over.
pub(super) struct NewerRow {
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
}

/// The rows that have changed since it was decided which rows of a load become the newest.
pub(super) enum Newer {
    Rows(Vec<NewerRow>),
    /// Any, or too many to keep.
    All,
}

impl Newer {
    pub(super) fn nothing() -> Self {
        Newer::Rows(Vec::new())
    }

    /// Reads what `latest` has of rows that were touched. Runs between commits.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be read.
    pub(super) fn read(store: &Store, loaded: &LoadedRows, touched: Touched) -> Result<Self> {
        let Touched::Rows(keys) = touched else { return Ok(Newer::All) };
        let (mut rows, mut bytes) = (Vec::new(), 0);
        for row_key in &keys {
            let mut key = Vec::new();
            key::latest_key(loaded.key_space, row_key, loaded.view, &mut key);
            let Some(value) = read(store, &key)? else { continue };
            bytes += key.len() + value.len();
            if bytes > KEPT_BYTES_MAX {
                return Ok(Newer::All);
            }
            rows.push(NewerRow { key, value });
        }
        Ok(Newer::Rows(rows))
    }

    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Newer::Rows(rows) if rows.is_empty())
    }

    pub(super) fn is_all(&self) -> bool {
        matches!(self, Newer::All)
    }

    /// The rows that are greater than what the load has put in their place. Of equal versions that of the load, which is
    /// the later commit, stays.
    ///
    /// # Errors
    /// `Unavailable` when `latest` cannot be read.
    pub(super) fn still_newer(&self, store: &Store) -> Result<Vec<&NewerRow>> {
        let Newer::Rows(rows) = self else { return Ok(Vec::new()) };
        let mut newer = Vec::new();
        for row in rows {
            let loaded = read(store, &row.key)?.and_then(|value| stored::version(&value));
            if loaded < stored::version(&row.value) {
                newer.push(row);
            }
        }
        Ok(newer)
    }
}

fn read(store: &Store, key: &[u8]) -> Result<Option<Vec<u8>>> {
    let value = store.database.rocks.get_cf(store.database.latest(), key);
    value.map_err(|error| from_rocks("cannot read latest", error))
}
