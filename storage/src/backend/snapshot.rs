//! States of a store that do not change, to be read at length.

use std::ops::{ControlFlow, RangeInclusive};

use super::lookup::Found;
use super::range::KeyRange;
use crate::catalog::FeatureView;
use crate::error::Result;
use crate::time::Timestamp;
use crate::version::Version;

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

/// A reader of one view within a snapshot.
pub trait Cursor: Send {
    /// The cut-off of the view's retention: no event before it is seen.
    fn cutoff(&self) -> Timestamp;

    /// The greatest version of `key` with an event up to `at` and, if asked, created up to `known_at`.
    ///
    /// # Errors
    /// `Corrupt` when stored bytes cannot be read.
    fn find(&mut self, key: &[u8], at: Timestamp, known_at: Option<Timestamp>) -> Result<Option<Found<'_>>>;

    /// Visits the versions of `key` with an event within `events`, both ends included, and, if asked, created up
    /// to `known_at`: newest first, tombstones included, until `visit` breaks off. A window that ends before it
    /// starts has none.
    ///
    /// # Errors
    /// `Corrupt` when stored bytes cannot be read, or what `visit` returned.
    fn each(
        &mut self,
        key: &[u8],
        events: RangeInclusive<Timestamp>,
        known_at: Option<Timestamp>,
        visit: &mut VisitVersion<'_>,
    ) -> Result<()>;

    /// Visits the events of an entity of an event view with a time in `events`, both ends included: newest first, and
    /// by id within a time. Each event is visited once, as its greatest version created up to `known_at` has it; one
    /// that is deleted by that version is left out. A range that ends before it starts has none.
    ///
    /// # Errors
    /// `Corrupt` when stored bytes cannot be read, or what `visit` returned.
    fn each_event(
        &mut self,
        entity_key: &[u8],
        events: RangeInclusive<Timestamp>,
        known_at: Option<Timestamp>,
        visit: &mut VisitVersion<'_>,
    ) -> Result<()>;

    /// Visits every version of the events of an entity with a time in `events`, both ends included: newest event first,
    /// by id within a time, and of each event the greatest version first. Deletions are among them. A range that ends
    /// before it starts has none.
    ///
    /// # Errors
    /// `Corrupt` when stored bytes cannot be read, or what `visit` returned.
    fn each_event_version(
        &mut self,
        entity_key: &[u8],
        events: RangeInclusive<Timestamp>,
        visit: &mut VisitEventVersion<'_>,
    ) -> Result<()>;
}

/// One version of an event.
#[derive(Debug, Clone, Copy)]
pub struct EventVersion<'a> {
    /// The version.
    pub version: Version,
    /// The encoded row, which may be a tombstone.
    pub row: &'a [u8],
    /// True for the greatest version of its event.
    pub is_greatest: bool,
}

/// Receives one version of an event, and says whether to go on.
pub type VisitEventVersion<'v> = dyn FnMut(EventVersion<'_>) -> Result<ControlFlow<()>> + 'v;

/// Receives one version of a row, and says whether to go on to the next older one.
pub type VisitVersion<'v> = dyn FnMut(Found<'_>) -> Result<ControlFlow<()>> + 'v;

/// One version of a scan.
#[derive(Debug, Clone, Copy)]
pub struct Scanned<'a> {
    /// The row key: an encoded entity key, or of an event [`crate::key::event_key`].
    pub key: &'a [u8],
    /// The version.
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
