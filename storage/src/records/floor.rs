//! Records of the floor: what is known to be on disk. They stand in files of their own beside RocksDB's.

use super::codec::{Decode, Encode};

/// The state on disk as a whole.
#[derive(Encode, Decode)]
pub(crate) struct FloorRecordV1 {
    /// The number of the MANIFEST.
    pub(crate) manifest: u64,
    /// Its bytes that are on disk.
    pub(crate) manifest_bytes: u64,
    /// The greatest sequence number that is on disk.
    pub(crate) last_sequence: u64,
    /// Numbers and bytes of the files that the MANIFEST names at this length.
    pub(crate) files: Vec<(u64, u64)>,
    /// Numbers of write-ahead logs, and their bytes that are on disk.
    pub(crate) logs: Vec<(u64, u64)>,
}

/// The parts of the write-ahead logs that are on disk.
#[derive(Encode, Decode)]
pub(crate) struct LogFloorRecordV1 {
    /// The greatest sequence number that is on disk.
    pub(crate) last_sequence: u64,
    /// Numbers of write-ahead logs, and their bytes that are on disk.
    pub(crate) logs: Vec<(u64, u64)>,
}
