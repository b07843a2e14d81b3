//! Findings of readers.

use crate::bucket::Mark;
use crate::hash::RowHash;
use crate::record::Row;

/// The answer of the table about one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hot<'l> {
    /// The newest row.
    Row(Row<'l>),
    /// The store has none.
    Absent,
    /// The table does not have it: the store must be asked.
    Unknown,
}

/// The findings of one look into a table, and what it takes to know whether they still hold. Its memory is used again.
#[derive(Debug, Default)]
pub struct Looked {
    pub(crate) rows: Vec<One>,
    /// The words of the rows.
    pub(crate) words: Vec<u64>,
    /// The number of times that the table had been cleared.
    pub(crate) clearings: u64,
}

/// One row that was looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct One {
    pub(crate) hash: RowHash,
    pub(crate) bucket: usize,
    pub(crate) mark: Mark,
    pub(crate) found: Found,
}

/// A row among the words.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Found {
    Unknown,
    Absent,
    Row { version: [i64; 2], start: usize, bytes: usize },
}

/// Words and rows whose memory is kept for the next look: of a thousand rows or so.
const WORDS_KEPT_MAX: usize = 64 << 10;
const ROWS_KEPT_MAX: usize = 4 << 10;

impl Looked {
    /// Memory for what is found.
    pub const fn new() -> Self {
        Looked { rows: Vec::new(), words: Vec::new(), clearings: 0 }
    }

    /// The number of rows that were looked for.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns whether none was looked for.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The answer about row `index`, which holds if the table says afterwards that it [still](crate::Table::is_still)
    /// does.
    #[inline]
    pub fn get(&self, index: usize) -> Hot<'_> {
        match self.rows[index].found {
            Found::Unknown => Hot::Unknown,
            Found::Absent => Hot::Absent,
            Found::Row { version, start, bytes } => {
                Hot::Row(Row { version, bytes: &bytemuck::cast_slice(&self.words[start..])[..bytes] })
            }
        }
    }

    /// The hash of row `index`, by which [`crate::Table::count_uses`] knows it.
    pub fn hash(&self, index: usize) -> u64 {
        self.rows[index].hash.0
    }

    /// The rows that the store must be asked for, by their places.
    pub fn unknown(&self) -> impl Iterator<Item = usize> + '_ {
        let is_unknown = |(_, one): &(usize, &One)| matches!(one.found, Found::Unknown);
        self.rows.iter().enumerate().filter(is_unknown).map(|(index, _)| index)
    }

    /// Gives back the memory of a large look, which a thread would otherwise hold for ever.
    pub fn trim(&mut self) {
        if self.words.capacity() > WORDS_KEPT_MAX {
            self.words = Vec::new();
        }
        if self.rows.capacity() > ROWS_KEPT_MAX {
            self.rows = Vec::new();
        }
    }

    /// Returns whether one of the rows is being written: the store must be asked for all of them.
    pub fn is_changing(&self) -> bool {
        self.rows.iter().any(|one| !one.mark.is_quiet())
    }
}
