//! Chunks: rows and notes that are written in one step.

use std::collections::BTreeMap;
use std::thread::{self, ScopedJoinHandle};

use asofdb_storage::{Error, Result, WriteBatch, fail_point};
use crossbeam::channel::{Sender, bounded};

use super::identity::Reached;
use super::target::Target;
use crate::source::PIECE_ROWS_MAX;
use crate::threads;

/// Rows after which a chunk is full: sorting takes some hundred bytes a row besides the row itself.
const CHUNK_ROWS_MAX: usize = 1_000_000;

/// Bytes that a row takes besides its key and its values: its place in the chunk, and in the order it is sorted into.
const ROW_MEMORY_BYTES: usize = 128;

/// Most rows of a load: what a piece of a source adds to a chunk that is not quite full included.
pub const LOAD_ROWS_MAX: usize = CHUNK_ROWS_MAX + PIECE_ROWS_MAX;

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

    /// Returns whether it should be written: what it takes in memory counts, not its bytes alone.
    pub(super) fn is_full(&self) -> bool {
        let bytes = self.rows.memory_bytes() + self.rows.written_len() * ROW_MEMORY_BYTES;
        bytes >= self.bytes_max || self.rows.len() >= CHUNK_ROWS_MAX
    }

    /// Returns whether it says nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    /// The rows and the notes, to be written in one step.
    fn into_batch(self) -> WriteBatch {
        let mut batch = self.rows;
        for (name, reached) in self.notes {
            batch.note(name, Some(reached.encode()));
        }
        batch
    }
}

/// Writes chunks in a thread of its own, one after the other.
pub(super) struct Loader<'s> {
    chunks: Sender<Chunk>,
    thread: ScopedJoinHandle<'s, Result<()>>,
}

impl<'s> Loader<'s> {
    pub(super) fn start<'e>(scope: &'s thread::Scope<'s, 'e>, target: &'s Target<'_>) -> Result<Self> {
        // Without room: a chunk is handed over when the one before is written.
        let (chunks, receive) = bounded::<Chunk>(0);
        let load = |chunk: Chunk| {
            fail_point("ingest loads");
            target.load(chunk.into_batch())
        };
        let thread = threads::start(scope, "that loads", move || receive.into_iter().try_for_each(load))?;
        Ok(Loader { chunks, thread })
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
