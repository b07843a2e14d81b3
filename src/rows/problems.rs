//! Problems of the rows of a batch.

use std::collections::BTreeMap;

use asofdb_storage::Error;

/// Collects what is wrong, by row; the first problem of a row counts.
#[derive(Debug)]
pub(crate) struct Problems {
    rows: BTreeMap<usize, String>,
    keep_all: bool,
}

impl Problems {
    /// Keeps the first bad row only: enough to refuse the whole batch.
    pub(crate) fn first() -> Self {
        Problems { rows: BTreeMap::new(), keep_all: false }
    }

    /// Keeps every bad row, so that they can be set aside.
    pub(crate) fn all() -> Self {
        Problems { rows: BTreeMap::new(), keep_all: true }
    }

    /// Reports a problem of row `row` of the batch.
    pub(crate) fn report(&mut self, row: usize, message: impl Into<String>) {
        if self.keep_all {
            self.rows.entry(row).or_insert_with(|| message.into());
        } else if self.rows.keys().next().is_none_or(|first| row < *first) {
            self.rows = BTreeMap::from([(row, message.into())]);
        }
    }

    pub(crate) fn contains(&self, row: usize) -> bool {
        self.rows.contains_key(&row)
    }

    /// Bad rows and what is wrong with them.
    pub(crate) fn rows(&self) -> impl ExactSizeIterator<Item = (usize, &str)> {
        self.rows.iter().map(|(row, message)| (*row, message.as_str()))
    }

    pub(crate) fn into_rows(self) -> impl Iterator<Item = (usize, String)> {
        self.rows.into_iter()
    }

    /// The error that refuses the batch for its first bad row.
    pub(crate) fn to_error(&self, view: &str) -> Option<Error> {
        let (row, message) = self.rows().next()?;
        Some(Error::invalid(format!("view {view:?}, row {row}: {message}")))
    }
}
