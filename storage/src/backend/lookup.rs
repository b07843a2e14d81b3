//! Lookups of rows, and what they find.

use crate::catalog::FeatureView;
use crate::error::Result;
use crate::time::Timestamp;
use crate::version::Version;

/// One row to look up.
#[derive(Debug, Clone, Copy)]
pub struct Lookup<'a> {
    /// The view.
    pub view: &'a FeatureView,
    /// Encoded entity key.
    pub key: &'a [u8],
}

impl<'a> Lookup<'a> {
    /// The row by its numbers.
    pub fn row_key(&self) -> RowKey<'a> {
        RowKey { view: self.view.id, key_space: self.view.key_space, key: self.key }
    }

    /// Returns a lookup of the same row, as of a time.
    pub fn at(&self, at: Timestamp) -> AsOfLookup<'a> {
        AsOfLookup { view: self.view, key: self.key, at }
    }

    /// Returns whether retention lets the newest version of the row be seen at the present `at`.
    #[inline]
    pub fn shows(&self, newest: Version, at: Timestamp) -> bool {
        self.view.keep_newest || newest.event >= self.view.cutoff(at)
    }
}

/// One row, by its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowKey<'a> {
    /// Id of the view.
    pub view: u32,
    /// Key space of the view.
    pub key_space: u32,
    /// Encoded entity key.
    pub key: &'a [u8],
}

/// One row to look up as of a time.
#[derive(Debug, Clone, Copy)]
pub struct AsOfLookup<'a> {
    /// The view.
    pub view: &'a FeatureView,
    /// Encoded entity key.
    pub key: &'a [u8],
    /// The time asked about, inclusive.
    pub at: Timestamp,
}

/// A version that was found, with its encoded row, which may be a tombstone.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// The version.
    pub version: Version,
    /// The encoded row.
    pub row: &'a [u8],
}

/// Receives the answer to lookup `index`: `None` when there is no version. Called once a lookup, in any order.
pub type Visit<'v> = dyn FnMut(usize, Option<Found<'_>>) -> Result<()> + 'v;
