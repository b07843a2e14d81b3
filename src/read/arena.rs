//! Append-only bytes that move to a temporary file when there are many of them.
//!
//! The answers of a join over strings or embeddings can be larger than memory. Beyond a limit the arena
//! lives in an unlinked temporary file that is mapped: the kernel writes it out under pressure, so it counts
//! against the disk rather than against the process.

use std::fs::File;

use asofdb_storage::{Error, RecordArena, Result};
use memmap2::MmapMut;

/// Bytes kept in memory before the arena moves to a file.
const IN_MEMORY_BYTES_MAX: usize = 64 << 20;

/// The least growth of the file; each growth maps it anew.
const GROWTH_BYTES_MIN: usize = 64 << 20;

/// Append-only bytes.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    memory: Vec<u8>,
    spilled: Option<Spilled>,
}

#[derive(Debug)]
struct Spilled {
    file: File,
    map: MmapMut,
    len: usize,
}

impl RecordArena for Arena {
    #[inline]
    fn push(&mut self, bytes: &[u8]) -> Result<u64> {
        if self.spilled.is_none() && self.memory.len() + bytes.len() <= IN_MEMORY_BYTES_MAX {
            let offset = self.memory.len();
            self.memory.extend_from_slice(bytes);
            return Ok(offset as u64);
        }
        self.push_spilled(bytes)
    }
}

impl Arena {
    /// Bytes appended so far.
    pub(crate) fn len(&self) -> usize {
        self.spilled.as_ref().map_or(self.memory.len(), |spilled| spilled.len)
    }

    /// All of it.
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.spilled.as_ref().map_or(&self.memory, |spilled| &spilled.map[..spilled.len])
    }

    /// Forgets everything, to be filled anew.
    pub(crate) fn clear(&mut self) {
        self.memory.clear();
        self.spilled = None;
    }

    #[cold]
    fn push_spilled(&mut self, bytes: &[u8]) -> Result<u64> {
        let spilled = match &mut self.spilled {
            Some(spilled) => spilled,
            None => {
                let spilled = Spilled::new(&self.memory)?;
                self.memory = Vec::new();
                self.spilled.insert(spilled)
            }
        };
        spilled.push(bytes)
    }

    /// The `len` bytes at `offset`.
    pub(crate) fn get(&self, offset: u64, len: usize) -> &[u8] {
        let offset = offset as usize;
        match &self.spilled {
            Some(spilled) => &spilled.map[offset..offset + len],
            None => &self.memory[offset..offset + len],
        }
    }
}

impl Spilled {
    fn new(start: &[u8]) -> Result<Self> {
        let file = tempfile::tempfile().map_err(cannot_spill)?;
        let map = map(&file, start.len() + GROWTH_BYTES_MIN)?;
        let mut spilled = Spilled { file, map, len: 0 };
        spilled.push(start)?;
        Ok(spilled)
    }

    fn push(&mut self, bytes: &[u8]) -> Result<u64> {
        let offset = self.len;
        if offset + bytes.len() > self.map.len() {
            let grown = (self.map.len() * 2).max(offset + bytes.len() + GROWTH_BYTES_MIN);
            self.map = map(&self.file, grown)?;
        }
        self.map[offset..offset + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
        Ok(offset as u64)
    }
}

fn cannot_spill(error: std::io::Error) -> Error {
    Error::unavailable("cannot write to the temporary directory (set TMPDIR to a larger one)").with_source(error)
}

fn map(file: &File, bytes: usize) -> Result<MmapMut> {
    // Reserving the blocks makes a full disk an error here; storing to a hole of the map would be a signal.
    rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes as u64)
        .map_err(|error| cannot_spill(error.into()))?;
    // SAFETY: the file was created by `tempfile::tempfile`, is unlinked and never handed out: nobody else can
    // write or truncate it while it is mapped, and it only ever grows.
    #[allow(unsafe_code, reason = "mapping a private temporary file")]
    unsafe { MmapMut::map_mut(file) }.map_err(cannot_spill)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_read_back_before_and_after_the_arena_moves_to_a_file() {
        let mut arena = Arena::default();
        let chunk: Vec<u8> = (0..=255).cycle().take(5 << 20).collect();
        let offsets: Vec<u64> = (0..40u8)
            .map(|n| {
                arena.push(&[n]).unwrap();
                arena.push(&chunk).unwrap()
            })
            .collect();
        assert!(arena.spilled.is_some());
        for (n, offset) in offsets.iter().enumerate() {
            assert_eq!(arena.get(offset - 1, 1), [n as u8]);
            assert_eq!(arena.get(*offset, chunk.len()), chunk);
        }
    }
}
