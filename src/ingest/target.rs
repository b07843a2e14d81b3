//! The target of an ingest: one view of a store, wherever that is.

use std::sync::Arc;

use asofdb_storage::{Catalog, FeatureView, Result, Staging, Timestamp, WriteBatch};

use crate::rows::encode::ViewEncoder;

/// The part of a store that an ingest needs. Every [`Session`](crate::Session) has it.
pub(crate) trait Loads: Sync {
    /// Reads what is defined, as of now.
    fn catalog(&self) -> Result<Arc<Catalog>>;

    /// Reads the present by the store's clock.
    fn now(&self) -> Result<Timestamp>;

    /// Reads a note that was written with rows.
    fn note(&self, name: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Returns the most bytes of keys and rows that one load should have.
    fn load_bytes_max(&self) -> Result<usize>;

    /// Fails once the caller has cancelled the ingest.
    fn check_cancelled(&self) -> Result<()>;

    /// Writes a batch of one view with its notes, all of it or nothing.
    fn load(&self, view: &FeatureView, batch: WriteBatch) -> Result<()>;

    /// Begins to gather rows of a view on disk, to be loaded in one step; `None` where the store cannot.
    fn stage<'s>(&'s self, view: &FeatureView) -> Option<Box<dyn Staging + 's>>;
}

/// A store that takes the rows of one view.
pub(super) struct Target<'s> {
    store: &'s dyn Loads,
    encoder: ViewEncoder,
}

impl<'s> Target<'s> {
    pub(super) fn new(store: &'s dyn Loads, encoder: ViewEncoder) -> Self {
        Target { store, encoder }
    }

    /// The encoder of the view's rows.
    pub(super) fn encoder(&self) -> &ViewEncoder {
        &self.encoder
    }

    /// The present by the store's clock.
    pub(super) fn now(&self) -> Result<Timestamp> {
        self.store.now()
    }

    /// Fails once the ingest was cancelled.
    pub(super) fn check_cancelled(&self) -> Result<()> {
        self.store.check_cancelled()
    }

    /// A note that was written with rows.
    pub(super) fn note(&self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        self.store.note(name)
    }

    /// Most bytes of keys and rows that one load should have.
    pub(super) fn load_bytes_max(&self) -> Result<usize> {
        self.store.load_bytes_max()
    }

    /// Begins to gather rows on disk, where the store can.
    pub(super) fn stage(&self) -> Option<Box<dyn Staging + 's>> {
        self.store.stage(self.encoder.view())
    }

    /// Writes a batch with its notes, all of it or nothing.
    pub(super) fn load(&self, batch: WriteBatch) -> Result<()> {
        self.store.load(self.encoder.view(), batch)
    }
}
