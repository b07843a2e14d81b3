//! Chunks: rows and notes that are written in one step.

use std::collections::BTreeMap;

use asofdb_storage::{Note, WriteBatch};

use super::identity::Reached;
use crate::source::PIECE_ROWS_MAX;

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
    room: Room,
}

/// The room on disk for rows that do not fit into memory.
#[derive(Debug, Clone, Copy)]
enum Room {
    /// Nobody has asked: they fit so far.
    Unasked,
    /// The store gathers so many bytes.
    Granted(u64),
    /// The store gathers none now: what fits into memory is a step.
    Refused,
}

/// The sizes that a chunk may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChunkSizes {
    /// Bytes in memory.
    pub(super) bytes_max: usize,
    /// Bytes that become part of the store in one step. Where that is more than fits into memory they are gathered on disk,
    /// if the store can.
    pub(super) step_bytes_max: u64,
}

impl Chunk {
    pub(super) fn new(sizes: ChunkSizes) -> Self {
        let room = if sizes.step_bytes_max > sizes.bytes_max as u64 { Room::Unasked } else { Room::Refused };
        Chunk { rows: WriteBatch::bulk(), notes: BTreeMap::new(), gathered: 0, is_unstamped: false, sizes, room }
    }

    /// The chunk, leaving an empty one.
    pub(super) fn take(&mut self) -> Self {
        std::mem::replace(self, Chunk::new(self.sizes))
    }

    /// Returns whether it has more rows than fit into memory, and it is to be asked whether the store gathers them.
    pub(super) fn wants_room(&self) -> bool {
        matches!(self.room, Room::Unasked) && self.are_rows_full() && !self.is_full()
    }

    /// Says how many bytes the store gathers; `None` where it gathers none now.
    pub(super) fn set_room(&mut self, bytes: Option<u64>) {
        self.room = bytes.map_or(Room::Refused, Room::Granted);
    }

    /// Takes the rows that are to be gathered on disk; none while they fit into memory, or when the step is complete.
    pub(super) fn take_rows(&mut self) -> Option<WriteBatch> {
        if !matches!(self.room, Room::Granted(_)) || !self.are_rows_full() || self.is_full() {
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
        let room = match self.room {
            Room::Refused => return self.are_rows_full(),
            Room::Unasked => u64::MAX,
            Room::Granted(bytes) => bytes,
        };
        let is_unstamped = self.is_unstamped || self.rows.is_unstamped();
        let step_max = if is_unstamped { UNSTAMPED_BYTES_MAX } else { u64::MAX };
        self.gathered + gathered_bytes(&self.rows) >= self.sizes.step_bytes_max.min(step_max).min(room)
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
    pub(super) fn into_parts(self) -> (WriteBatch, Vec<Note>) {
        (self.rows, self.notes.into_iter().map(|(name, reached)| (name, Some(reached.encode()))).collect())
    }
}

fn gathered_bytes(rows: &WriteBatch) -> u64 {
    rows.written_bytes() as u64 + rows.written_len() as u64 * ROW_GATHERED_BYTES
}
