//! Changes of the newest versions, and who hears of them.

use std::sync::Arc;

use parking_lot::RwLock;

use super::lookup::RowKey;
use crate::version::Version;

/// A version that may be the newest of its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewestRow<'a> {
    /// The row it is a version of.
    pub of: RowKey<'a>,
    /// The version.
    pub version: Version,
    /// The encoded row, which may be a tombstone.
    pub row: &'a [u8],
}

/// A change of the newest versions of rows.
///
/// It comes out of the committer, so events have the order of commits. `Suspended` is told before the write
/// that it announces; every other event after its write and before the writer gets its answer.
#[derive(Debug, Clone, Copy)]
pub enum Newest<'a> {
    /// Versions were written together. Each is the newest of its row now unless the observer has a greater one;
    /// of two equal ones the later counts.
    Put(&'a [NewestRow<'a>]),
    /// Every version of these rows is gone.
    Erased(&'a [RowKey<'a>]),
    /// The views with these ids are gone, with all of their rows.
    Dropped(&'a [u32]),
    /// The events do not tell everything from here on, because a bulk load is becoming part of the store.
    Suspended,
    /// The events have told everything again.
    Resumed,
}

/// Hears what changes in the newest versions of a store.
///
/// There is no event for what retention hides: time alone does that. Whoever answers from what it heard
/// applies the cut-off itself, as [`crate::Lookup::shows`] says.
pub trait Observer: Send + Sync + 'static {
    /// Takes note of an event. Called by one thread at a time, and the writer waits for it, so it must not call the
    /// store. An observer that cannot keep what it hears answers nothing from then on.
    fn hear(&self, event: &Newest<'_>);
}

/// The observers of one store.
#[derive(Default)]
pub(crate) struct Observers(RwLock<Vec<Arc<dyn Observer>>>);

impl Observers {
    /// Adds an observer that has heard what there is already.
    pub(crate) fn add(&self, observer: Arc<dyn Observer>) {
        self.0.write().push(observer);
    }

    /// Returns whether nobody observes, so that no event need be put together.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.read().is_empty()
    }

    pub(crate) fn tell(&self, event: &Newest<'_>) {
        self.0.read().iter().for_each(|observer| observer.hear(event));
    }
}
