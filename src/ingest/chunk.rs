//! Chunks: rows and notes that are written in one step.

use std::collections::BTreeMap;
use std::thread::{self, ScopedJoinHandle};

use asofdb_storage::{Error, Note, Result, Staging, WriteBatch, fail_point};
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

/// Bytes that a row takes on disk besides its key and its values, while it is gathered.
const ROW_GATHERED_BYTES: u64 = 32;

/// Most bytes that are gathered where rows have no created timestamp of their own: while they are written, whoever asks
/// what is known now waits for them.
const UNSTAMPED_BYTES_MAX: u64 = 4 << 30;

/// Rows with the notes that say how far their files have come. What does not fit into memory was gathered on disk before.
pub(super) struct Chunk {
    pub(super) rows: WriteBatch,
    notes: BTreeMap<Vec<u8>, Reached>,
    gathered: u64,
    is_unstamped: bool,
    sizes: ChunkSizes,
}

/// The sizes that a chunk may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChunkSizes {
    /// Bytes in memory.
    pub(super) bytes_max: usize,
    /// Bytes that become part of the store in one step, where more than that is gathered on disk; `None` where it is not.
    pub(super) step_bytes_max: Option<u64>,
}

impl Chunk {
    pub(super) fn new(sizes: ChunkSizes) -> Self {
        Chunk { rows: WriteBatch::bulk(), notes: BTreeMap::new(), gathered: 0, is_unstamped: false, sizes }
    }

    /// The chunk, leaving an empty one.
    pub(super) fn take(&mut self) -> Self {
        std::mem::replace(self, Chunk::new(self.sizes))
    }

    /// Takes the rows that are to be gathered on disk; none while they fit into memory, or when the step is complete.
    pub(super) fn take_rows(&mut self) -> Option<WriteBatch> {
        if self.sizes.step_bytes_max.is_none() || !self.are_rows_full() || self.is_full() {
            return None;
        }
        self.gathered += gathered_bytes(&self.rows);
        self.is_unstamped |= self.rows.is_unstamped();
        Some(std::mem::replace(&mut self.rows, WriteBatch::bulk()))
    }

    pub(super) fn note(&mut self, name: &[u8], reached: Reached) {
        match self.notes.get_mut(name) {
            Some(note) => *note = reached,
            None => {
                self.notes.insert(name.to_vec(), reached);
            }
        }
    }

    /// Returns whether it should be written.
    pub(super) fn is_full(&self) -> bool {
        let Some(step_max) = self.sizes.step_bytes_max else { return self.are_rows_full() };
        let is_unstamped = self.is_unstamped || self.rows.is_unstamped();
        let bytes_max = if is_unstamped { step_max.min(UNSTAMPED_BYTES_MAX) } else { step_max };
        self.gathered + gathered_bytes(&self.rows) >= bytes_max
    }

    /// Returns whether the rows fill the chunk: their memory counts, not their bytes alone.
    fn are_rows_full(&self) -> bool {
        let bytes = self.rows.memory_bytes() + self.rows.written_len() * ROW_MEMORY_BYTES;
        bytes >= self.sizes.bytes_max || self.rows.len() >= CHUNK_ROWS_MAX
    }

    /// Returns whether it says nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    /// The rows, and the notes to be written with them.
    fn into_parts(self) -> (WriteBatch, Vec<Note>) {
        (self.rows, self.notes.into_iter().map(|(name, reached)| (name, Some(reached.encode()))).collect())
    }
}

fn gathered_bytes(rows: &WriteBatch) -> u64 {
    rows.written_bytes() as u64 + rows.written_len() as u64 * ROW_GATHERED_BYTES
}

/// Gathers and writes chunks in a thread of its own, one after the other.
pub(super) struct Loader<'s> {
    work: Sender<Work>,
    thread: ScopedJoinHandle<'s, Result<()>>,
}

enum Work {
    /// Rows of a chunk that goes on.
    Gather(WriteBatch),
    /// The rest of a chunk.
    Load(Chunk),
}

impl<'s> Loader<'s> {
    pub(super) fn start<'e>(scope: &'s thread::Scope<'s, 'e>, target: &'s Target<'_>) -> Result<Self> {
        // Without room: work is handed over when that before is done.
        let (work, receive) = bounded::<Work>(0);
        let mut loading = Loading { target, stage: None };
        let thread =
            threads::start(scope, "that loads", move || receive.into_iter().try_for_each(|work| loading.run(work)))?;
        Ok(Loader { work, thread })
    }

    /// Hands rows over to be gathered, waiting for the work before. Whether the loader still takes work.
    pub(super) fn gather(&self, rows: WriteBatch) -> bool {
        self.work.send(Work::Gather(rows)).is_ok()
    }

    /// Hands a chunk over, waiting for the work before. Whether the loader still takes work.
    pub(super) fn load(&self, chunk: Chunk) -> bool {
        self.work.send(Work::Load(chunk)).is_ok()
    }

    /// Waits for the last chunk. Rows that were gathered and not loaded are removed.
    pub(super) fn finish(self) -> Result<()> {
        drop(self.work);
        self.thread.join().unwrap_or_else(|_| Err(panicked()))
    }
}

/// The work of the loader.
struct Loading<'t> {
    target: &'t Target<'t>,
    stage: Option<Box<dyn Staging + 't>>,
}

impl Loading<'_> {
    fn run(&mut self, work: Work) -> Result<()> {
        match work {
            Work::Gather(rows) => self.gather(rows),
            Work::Load(chunk) => self.load(chunk),
        }
    }

    fn gather(&mut self, rows: WriteBatch) -> Result<()> {
        if self.stage.is_none() {
            self.stage = self.target.stage();
        }
        match &mut self.stage {
            Some(stage) => stage.add(rows),
            None => Err(Error::internal("rows were to be gathered by a store that cannot")),
        }
    }

    fn load(&mut self, chunk: Chunk) -> Result<()> {
        fail_point("ingest loads");
        let (mut rows, notes) = chunk.into_parts();
        let Some(mut stage) = self.stage.take() else {
            notes.into_iter().for_each(|(name, value)| rows.note(name, value));
            return self.target.load(rows);
        };
        if !rows.is_empty() {
            stage.add(rows)?;
        }
        stage.load(notes, &|| self.target.check_cancelled()).map(drop)
    }
}

fn panicked() -> Error {
    Error::internal("the thread that loads an ingest panicked, which is a bug; run it again to go on")
}
