//! The acknowledged version of each entity, in a file that outlives every process.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::values::ENTITIES;

/// Bytes of an entity: the version, and the same with every bit flipped, by which half a write is known.
const ENTRY_BYTES: usize = 16;

/// The newest acknowledged version of each entity. Each is raised by one thread of all processes, and read by any.
#[derive(Debug)]
pub(super) struct Floor {
    file: File,
}

impl Floor {
    /// Opens the file, and makes it where there is none: version 0 everywhere.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let floor = Floor { file };
        if floor.file.metadata()?.len() < ENTITIES as u64 * ENTRY_BYTES as u64 {
            (0..ENTITIES).try_for_each(|entity| floor.raise(entity, 0))?;
        }
        Ok(floor)
    }

    /// Notes that a version was acknowledged.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn raise(&self, entity: i64, version: i64) -> io::Result<()> {
        let mut entry = [0; ENTRY_BYTES];
        entry[..8].copy_from_slice(&version.to_le_bytes());
        entry[8..].copy_from_slice(&(!version).to_le_bytes());
        self.file.write_all_at(&entry, entity as u64 * ENTRY_BYTES as u64)
    }

    /// The newest version that was acknowledged.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn get(&self, entity: i64) -> io::Result<i64> {
        loop {
            let mut entry = [0; ENTRY_BYTES];
            self.file.read_exact_at(&mut entry, entity as u64 * ENTRY_BYTES as u64)?;
            let (version, flipped) = entry.split_at(8);
            // Not while it is being written.
            if version.iter().zip(flipped).all(|(byte, flipped)| *byte == !flipped) {
                return Ok(i64::from_le_bytes(version.try_into().unwrap_or_default()));
            }
            std::thread::yield_now();
        }
    }

    /// The newest version of every entity.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn all(&self) -> io::Result<Vec<i64>> {
        (0..ENTITIES).map(|entity| self.get(entity)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_there_for_the_next_process() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("floor");
        Floor::open(&path).unwrap().raise(3, 77).unwrap();
        let again = Floor::open(&path).unwrap();
        assert_eq!((again.get(2).unwrap(), again.get(3).unwrap()), (0, 77));
        assert_eq!(again.all().unwrap().len(), ENTITIES as usize);
    }
}
