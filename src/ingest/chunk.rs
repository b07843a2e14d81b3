//! What is written in one step.

use std::collections::BTreeMap;
use std::thread::{self, ScopedJoinHandle};

use asofdb_storage::{Error, Result, WriteBatch};
use crossbeam::channel::{Sender, bounded};

use super::identity::Reached;
use crate::store::Store;

/// Rows of one chunk: sorting takes some hundred bytes a row besides the row itself.
pub(super) const CHUNK_ROWS_MAX: usize = 1_000_000;

/// Chunks of fewer rows go through the write buffers: below this, files of their own cost more than they save.
const COMMIT_ROWS_MAX: usize = 50_000;

/// Bytes of such a chunk: it shares the write buffers with other writers.
const COMMIT_BYTES_MAX: usize = 32 << 20;

/// Rows with the notes that say how far their files have come.
pub(super) struct Chunk {
    pub(super) rows: WriteBatch,
    notes: BTreeMap<Vec<u8>, Reached>,
    bytes_max: usize,
}

impl Chunk {
    pub(super) fn new(bytes_max: usize) -> Self {
        Chunk { rows: WriteBatch::bulk(), notes: BTreeMap::new(), bytes_max }
    }

    /// The chunk, leaving an empty one.
    pub(super) fn take(&mut self) -> Self {
        std::mem::replace(self, Chunk::new(self.bytes_max))
    }

    pub(super) fn note(&mut self, name: &[u8], reached: Reached) {
        match self.notes.get_mut(name) {
            Some(note) => *note = reached,
            None => {
                self.notes.insert(name.to_vec(), reached);
            }
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows.bytes() >= self.bytes_max || self.rows.len() >= CHUNK_ROWS_MAX
    }

    /// Whether it says nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    /// Writes the rows and the notes in one step.
    fn write(self, store: &Store) -> Result<()> {
        let mut batch = self.rows;
        for (name, reached) in self.notes {
            batch.note(name, Some(reached.encode()));
        }
        let is_small = batch.len() < COMMIT_ROWS_MAX && batch.bytes() < COMMIT_BYTES_MAX;
        match is_small {
            true => store.backend().commit(batch, store.durability()),
            false => store.backend().bulk_load(batch),
        }?;
        Ok(())
    }
}

/// Writes chunks in a thread of its own, one after the other.
pub(super) struct Loader<'s> {
    chunks: Sender<Chunk>,
    thread: ScopedJoinHandle<'s, Result<()>>,
}

impl<'s> Loader<'s> {
    pub(super) fn start<'e>(scope: &'s thread::Scope<'s, 'e>, store: &'s Store) -> Self {
        // Without room: a chunk is handed over when the one before is written.
        let (chunks, receive) = bounded::<Chunk>(0);
        let thread = scope.spawn(move || receive.into_iter().try_for_each(|chunk| chunk.write(store)));
        Loader { chunks, thread }
    }

    /// Hands a chunk over, waiting for the one before. Whether the loader still takes chunks.
    pub(super) fn load(&self, chunk: Chunk) -> bool {
        self.chunks.send(chunk).is_ok()
    }

    /// Waits for the last chunk.
    pub(super) fn finish(self) -> Result<()> {
        drop(self.chunks);
        self.thread.join().unwrap_or_else(|_| Err(panicked()))
    }
}

fn panicked() -> Error {
    Error::internal("the thread that loads an ingest panicked, which is a bug; run it again to go on")
}
