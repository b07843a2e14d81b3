//! The target of an ingest: a store here, or one in another process.

use asofdb_storage::{Committed, Result, Timestamp, WriteBatch};

use crate::rows::encode::ViewEncoder;
use crate::store::Store;

/// Batches of fewer rows go through the write buffers: below this, files of their own cost more than they save.
const COMMIT_ROWS_MAX: usize = 50_000;

/// Bytes of such a batch: it shares the write buffers with other writers.
const COMMIT_BYTES_MAX: usize = 32 << 20;

/// A store that takes the rows of one view.
pub trait Target: Sync {
    /// Encodes the rows of the view, as it is now.
    fn encoder(&self) -> &ViewEncoder;

    /// The present by the store's clock.
    ///
    /// # Errors
    /// `Unavailable` when the store does not answer.
    fn now(&self) -> Result<Timestamp>;

    /// A note that was written with rows.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    fn note(&self, name: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Most bytes of keys and rows that one load should have.
    fn load_bytes_max(&self) -> usize;

    /// Writes a batch with its notes, all of it or nothing.
    ///
    /// # Errors
    /// As a commit of the store.
    fn load(&self, batch: WriteBatch) -> Result<()>;
}

/// A store in this process.
pub(super) struct Local<'s> {
    pub(super) store: &'s Store,
    pub(super) encoder: ViewEncoder,
}

impl Target for Local<'_> {
    fn encoder(&self) -> &ViewEncoder {
        &self.encoder
    }

    fn now(&self) -> Result<Timestamp> {
        Ok(self.store.now())
    }

    fn note(&self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        self.store.backend().note(name)
    }

    fn load_bytes_max(&self) -> usize {
        usize::MAX
    }

    fn load(&self, batch: WriteBatch) -> Result<()> {
        self.store.load(batch).map(drop)
    }
}

impl Store {
    /// Writes a large batch of one view, through the write buffers or by way of files, whichever is cheaper.
    ///
    /// # Errors
    /// As a commit.
    pub fn load(&self, batch: WriteBatch) -> Result<Committed> {
        let is_small = batch.len() < COMMIT_ROWS_MAX && batch.bytes() < COMMIT_BYTES_MAX;
        match is_small {
            true => self.backend().commit(batch, self.durability()),
            false => self.backend().bulk_load(batch),
        }
    }
}
