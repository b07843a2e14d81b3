//! The target of an ingest: one view of a store, wherever that is.

use asofdb_storage::{Result, Timestamp, WriteBatch};

use crate::rows::encode::ViewEncoder;
use crate::session::Session;

/// A session that takes the rows of one view.
pub(super) struct Target<'s> {
    session: &'s dyn Session,
    encoder: ViewEncoder,
}

impl<'s> Target<'s> {
    pub(super) fn new(session: &'s dyn Session, encoder: ViewEncoder) -> Self {
        Target { session, encoder }
    }

    /// The encoder of the view's rows.
    pub(super) fn encoder(&self) -> &ViewEncoder {
        &self.encoder
    }

    /// The present by the store's clock.
    pub(super) fn now(&self) -> Result<Timestamp> {
        self.session.now()
    }

    /// Fails once the ingest was cancelled.
    pub(super) fn check_cancelled(&self) -> Result<()> {
        self.session.check_cancelled()
    }

    /// A note that was written with rows.
    pub(super) fn note(&self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        self.session.note(name)
    }

    /// Most bytes of keys and rows that one load should have.
    pub(super) fn load_bytes_max(&self) -> Result<usize> {
        self.session.load_bytes_max()
    }

    /// Writes a batch with its notes, all of it or nothing.
    pub(super) fn load(&self, batch: WriteBatch) -> Result<()> {
        self.session.load(self.encoder.view(), batch)
    }
}
