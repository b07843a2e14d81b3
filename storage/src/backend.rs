//! What a backend must do, in the terms of the domain. [`crate::MemoryBackend`] is its specification.

use std::path::Path;
use std::sync::Arc;

use crate::batch::{Durability, WriteBatch};
use crate::catalog::{Catalog, FeatureView};
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
    /// Which version.
    pub version: Version,
    /// The encoded row.
    pub row: &'a [u8],
}

/// Receives the answer to lookup `index`: `None` when there is no version. Called once a lookup, in any order.
pub type Visit<'v> = dyn FnMut(usize, Option<Found<'_>>) -> Result<()> + 'v;

/// What a commit did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// The created timestamp given to rows that had none.
    pub created: Timestamp,
}

/// What an erase removed from one view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// Name of the view.
    pub view: String,
    /// How many versions were removed, tombstones included.
    pub versions: u64,
    /// The bytes of their keys and rows.
    pub bytes: u64,
}

/// What `stats` tells about the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes of live data on disk.
    pub disk_bytes: u64,
    /// Bytes held in block cache and write buffers.
    pub memory_bytes: u64,
    /// The stated budget for `memory_bytes`.
    pub memory_budget_bytes: u64,
    /// Rows in each column family, as an estimate, with the family's bytes on disk.
    pub families: Vec<FamilyStats>,
    /// Batches and rows written since the store was opened.
    pub batches: u64,
    /// Rows written since the store was opened.
    pub rows: u64,
    /// Times a write had to wait because compaction was behind.
    pub stalls: u64,
    /// The error that stopped background work, if one did.
    pub background_error: Option<String>,
}

/// What `stats` tells about one column family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FamilyStats {
    /// Name.
    pub name: String,
    /// Rows, as an estimate.
    pub rows_estimate: u64,
    /// Bytes on disk.
    pub disk_bytes: u64,
}

/// What `verify` found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Versions read.
    pub versions: u64,
    /// Rows of `latest` compared with `history`.
    pub entities: u64,
    /// What is wrong, one line each; at most a hundred are kept.
    pub problems: Vec<String>,
}

/// A range of encoded entity keys: from `start`, inclusive, to `end`, exclusive; `None` is unbounded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyRange {
    /// First key of the range.
    pub start: Option<Vec<u8>>,
    /// First key after it.
    pub end: Option<Vec<u8>>,
}

impl KeyRange {
    /// Exactly one entity. No key is a prefix of another, so a zero byte ends the range.
    pub fn only(key: &[u8]) -> Self {
        let mut end = key.to_vec();
        end.push(0);
        KeyRange { start: Some(key.to_vec()), end: Some(end) }
    }

    /// Whether the range holds a key.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.start.as_deref().is_none_or(|start| start <= key) && self.end.as_deref().is_none_or(|end| key < end)
    }
}

/// A store of versioned rows.
///
/// Every read enforces the retention of its view: a version older than the cut-off is invisible, save the
/// newest of its entity where the view keeps it. Reads know nothing of ttl, which belongs to the question.
pub trait Backend: Send + Sync + 'static {
    /// The catalog as of now.
    fn catalog(&self) -> Arc<Catalog>;

    /// Makes `next` the catalog, durably and in one step.
    ///
    /// # Errors
    /// `Conflict` when the catalog is no longer at `next.revision() - 1`.
    fn set_catalog(&self, next: Catalog) -> Result<()>;

    /// The present by the store's clock. It never goes back.
    fn now(&self) -> Timestamp;

    /// Writes a batch atomically. When it returns, every later read sees it.
    ///
    /// # Errors
    /// `NotFound` when a view of the batch was dropped; `Unavailable` when the disk is full or background
    /// work failed. Nothing of the batch is then visible.
    fn commit(&self, batch: WriteBatch, durability: Durability) -> Result<Committed>;

    /// Writes a large batch of one view by sorting it into files. Same answers as [`Backend::commit`]; a
    /// crash leaves all of its rows or none.
    ///
    /// # Errors
    /// As [`Backend::commit`].
    fn bulk_load(&self, batch: WriteBatch) -> Result<Committed>;

    /// The newest version of each row with an event up to `at`, which is the present.
    /// All lookups of one call see the same state.
    ///
    /// # Errors
    /// `Corrupt` when stored bytes cannot be read, or what `visit` returned.
    fn latest(&self, lookups: &[Lookup<'_>], at: Timestamp, visit: &mut Visit<'_>) -> Result<()>;

    /// The greatest version of each row with an event up to its `at` and, if asked, created up to `known_at`.
    /// All lookups of one call see the same state.
    ///
    /// # Errors
    /// `Corrupt` when stored bytes cannot be read, or what `visit` returned.
    fn as_of(&self, lookups: &[AsOfLookup<'_>], known_at: Option<Timestamp>, visit: &mut Visit<'_>) -> Result<()>;

    /// A consistent state to read at length. Retention holds still for it.
    fn snapshot(&self) -> Box<dyn Snapshot + '_>;

    /// Removes every version of the rows, physically. The lookups name one entity in several views.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot write.
    fn erase(&self, lookups: &[Lookup<'_>]) -> Result<Vec<Erased>>;

    /// A note written with a batch.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    fn note(&self, name: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Writes what is in memory to disk.
    ///
    /// # Errors
    /// `Unavailable` when the disk is full.
    fn flush(&self) -> Result<()>;

    /// Compacts everything, reclaiming what retention, drops and erasures left.
    ///
    /// # Errors
    /// `Unavailable` when the disk is full.
    fn compact(&self) -> Result<()>;

    /// Writes a consistent copy of the store into a new directory.
    ///
    /// # Errors
    /// `Conflict` when the directory exists; `Invalid` for a store that is not on disk.
    fn checkpoint(&self, directory: &Path) -> Result<()>;

    /// Figures about the store.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    fn stats(&self) -> Result<Stats>;

    /// Reads everything and checks that it can be read and that `latest` agrees with `history`.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read; what is wrong with the data is in the answer.
    fn verify(&self) -> Result<Verified>;
}

/// A state of the store that does not change.
pub trait Snapshot: Send + Sync {
    /// The present as of which the snapshot was taken; retention is enforced as of it.
    fn now(&self) -> Timestamp;

    /// A cursor for many as-of reads of one view. Fast when keys and times come in order: by key, then by
    /// time descending.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    fn cursor<'s>(&'s self, view: &'s FeatureView) -> Result<Box<dyn Cursor + 's>>;

    /// A cursor for `finds` reads in order, as a join makes them. It gives the same answers as
    /// [`Snapshot::cursor`], but knows that it may read ahead, and need not keep what it passes.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    fn ordered_cursor<'s>(&'s self, view: &'s FeatureView, finds: u64) -> Result<Box<dyn Cursor + 's>>;

    /// Every visible version of a view in a range of keys: by key, newest first, tombstones included.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    fn scan<'s>(&'s self, view: &'s FeatureView, range: &KeyRange) -> Result<Box<dyn Scan + 's>>;

    /// About how many versions a view has: for progress and for cutting work, not for answers.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    fn versions_estimate(&self, view: &FeatureView) -> Result<u64>;

    /// Cuts the keys of a view into at most `parts` adjacent ranges of about equal size.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    fn split(&self, view: &FeatureView, parts: usize) -> Result<Vec<KeyRange>>;
}

/// As-of reads of one view within a snapshot.
pub trait Cursor: Send {
    /// The greatest version of `key` with an event up to `at` and, if asked, created up to `known_at`.
    ///
    /// # Errors
    /// `Corrupt` when stored bytes cannot be read.
    fn find(&mut self, key: &[u8], at: Timestamp, known_at: Option<Timestamp>) -> Result<Option<Found<'_>>>;
}

/// One version of a scan.
#[derive(Debug, Clone, Copy)]
pub struct Scanned<'a> {
    /// Encoded entity key.
    pub key: &'a [u8],
    /// Which version.
    pub version: Version,
    /// The encoded row, which may be a tombstone.
    pub row: &'a [u8],
}

/// The versions of a view, one by one.
pub trait Scan: Send {
    /// The next version; `None` at the end.
    ///
    /// # Errors
    /// `Corrupt` when stored bytes cannot be read.
    fn next(&mut self) -> Result<Option<Scanned<'_>>>;
}
