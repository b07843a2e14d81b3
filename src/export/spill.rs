//! Bytes that wait on disk for their turn.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use asofdb_storage::Result;

use super::destination::Destination;

/// Bytes of rows that wait in memory before they move to the temporary file.
pub(super) const WAITING_BYTES_MAX: usize = 32 << 20;

/// A temporary file without a name, on the file system that the export is written to.
pub(super) struct Spill {
    destination: Arc<Destination>,
    file: File,
    len: u64,
}

/// A place in the file: offset and length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place(u64, usize);

impl Spill {
    pub(super) fn new(destination: &Arc<Destination>) -> Result<Self> {
        let file = tempfile::tempfile_in(&destination.directory).map_err(|error| destination.cannot_write(error))?;
        Ok(Spill { destination: destination.clone(), file, len: 0 })
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<Place> {
        self.file.write_all(bytes).map_err(|error| self.destination.cannot_write(error))?;
        let place = Place(self.len, bytes.len());
        self.len += bytes.len() as u64;
        Ok(place)
    }

    /// Reads what was appended, in place of what is in `bytes`.
    pub(super) fn read(&self, place: Place, bytes: &mut Vec<u8>) -> Result<()> {
        let Place(offset, len) = place;
        bytes.resize(len, 0);
        self.file.read_exact_at(bytes, offset).map_err(|error| self.destination.cannot_write(error))
    }
}
