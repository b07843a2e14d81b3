//! The contents of records of work that was begun: all that must be known to finish it.

use crate::backend::RowKey;
use crate::batch::Note;

/// The record of a bulk load.
pub(super) struct LoadRecord {
    pub(super) rows: Vec<LoadedRows>,
    pub(super) notes: Vec<Note>,
}

/// Rows of one view, from one entity to another, both included.
pub(super) struct LoadedRows {
    pub(super) view: u32,
    pub(super) key_space: u32,
    pub(super) first: Vec<u8>,
    pub(super) last: Vec<u8>,
}

/// A row to be erased, of which the record of an erasure has a list.
#[derive(Clone)]
pub(super) struct ErasedRow {
    pub(super) view: u32,
    pub(super) key_space: u32,
    pub(super) key: Vec<u8>,
}

impl ErasedRow {
    pub(super) fn row_key(&self) -> RowKey<'_> {
        RowKey { view: self.view, key_space: self.key_space, key: &self.key }
    }
}
