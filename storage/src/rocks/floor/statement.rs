//! The statements of the floor, and their bytes.
//!
//! A statement says that something *is on disk*. It stays true for as long as the store lives, because numbers of files
//! are never given again and files only grow: so of several statements each may be believed, and a reader takes the
//! greatest of all.

use std::collections::BTreeMap;

use super::crc::crc;
use super::manifest::Files;
use crate::error::{Error, Result};
use crate::records::floor::{FloorRecordV1, LogFloorRecordV1};
use crate::records::{self, Reader, Recorded, codec};

/// The first bytes of a statement.
const MAGIC: [u8; 8] = *b"asoflOOR";

/// The magic, the checksum and the length of the record.
const HEAD_BYTES: usize = 16;

/// Write-ahead logs by their number, with the bytes that are on disk.
pub(super) type Logs = BTreeMap<u64, u64>;

/// The state on disk as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Floor {
    /// The number of the MANIFEST, and its bytes.
    pub(super) manifest: u64,
    pub(super) manifest_bytes: u64,
    pub(super) last_sequence: u64,
    pub(super) files: Files,
    pub(super) logs: Logs,
}

/// The parts of the write-ahead logs that are on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LogFloor {
    pub(super) last_sequence: u64,
    pub(super) logs: Logs,
}

/// Returns the bytes of a statement: magic, CRC-32C of all that follows it, length of the record, record.
pub(super) fn encode<T: Recorded>(statement: &T) -> Result<Vec<u8>> {
    let record = records::encode(statement)?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&(record.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&record);
    let checksum = crc(&bytes[12..]);
    bytes[8..12].copy_from_slice(&checksum.to_le_bytes());
    Ok(bytes)
}

/// Reads a statement from the beginning of `bytes`.
///
/// # Errors
/// `Corrupt` when it is not as it was written; `Conflict` when a newer asofdb wrote it.
pub(super) fn decode<T: Recorded>(bytes: &[u8]) -> Result<T> {
    let damaged = || Error::corrupt(format!("{} is damaged", T::name(&[])));
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES).filter(|(head, _)| head[..8] == MAGIC).ok_or_else(damaged)?;
    let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let end = HEAD_BYTES.checked_add(number(12) as usize).filter(|end| *end <= bytes.len()).ok_or_else(damaged)?;
    match crc(&bytes[12..end]) == number(8) {
        true => records::decode(&[], &rest[..end - HEAD_BYTES]),
        false => Err(damaged()),
    }
}

impl Recorded for Floor {
    type Written = FloorRecordV1;

    const READERS: &'static [Reader<Self>] = &[codec::read::<FloorRecordV1, Self>];

    fn name(_key: &[u8]) -> String {
        "the floor".to_owned()
    }
}

impl From<&Floor> for FloorRecordV1 {
    fn from(floor: &Floor) -> Self {
        FloorRecordV1 {
            manifest: floor.manifest,
            manifest_bytes: floor.manifest_bytes,
            last_sequence: floor.last_sequence,
            files: floor.files.clone().into_iter().collect(),
            logs: floor.logs.clone().into_iter().collect(),
        }
    }
}

impl From<FloorRecordV1> for Floor {
    fn from(record: FloorRecordV1) -> Self {
        Floor {
            manifest: record.manifest,
            manifest_bytes: record.manifest_bytes,
            last_sequence: record.last_sequence,
            files: record.files.into_iter().collect(),
            logs: record.logs.into_iter().collect(),
        }
    }
}

impl Recorded for LogFloor {
    type Written = LogFloorRecordV1;

    const READERS: &'static [Reader<Self>] = &[codec::read::<LogFloorRecordV1, Self>];

    fn name(_key: &[u8]) -> String {
        "the floor of the write-ahead logs".to_owned()
    }
}

impl From<&LogFloor> for LogFloorRecordV1 {
    fn from(floor: &LogFloor) -> Self {
        LogFloorRecordV1 { last_sequence: floor.last_sequence, logs: floor.logs.clone().into_iter().collect() }
    }
}

impl From<LogFloorRecordV1> for LogFloor {
    fn from(record: LogFloorRecordV1) -> Self {
        LogFloor { last_sequence: record.last_sequence, logs: record.logs.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn floor() -> Floor {
        Floor {
            manifest: 5,
            manifest_bytes: 1234,
            last_sequence: 77,
            files: Files::from([(9, 1000)]),
            logs: Logs::from([(4, 10), (8, 20)]),
        }
    }

    #[test]
    fn the_bytes_of_the_floor_are_those_of_version_1() {
        let floors = include_bytes!("../../../tests/fixtures/records-1/floor");
        assert_eq!(encode(&floor()).unwrap(), floors);
        assert_eq!(decode::<Floor>(floors).unwrap(), floor());
        let logs = include_bytes!("../../../tests/fixtures/records-1/log-floor");
        let log_floor = LogFloor { last_sequence: 77, logs: Logs::from([(8, 20)]) };
        assert_eq!(encode(&log_floor).unwrap(), logs);
        assert_eq!(decode::<LogFloor>(logs).unwrap(), log_floor);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_seen() {
        let mut bytes = encode(&floor()).unwrap();
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode::<Floor>(&bytes).unwrap_err().kind(), ErrorKind::Corrupt, "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        for cut in 0..bytes.len() {
            assert_eq!(decode::<Floor>(&bytes[..cut]).unwrap_err().kind(), ErrorKind::Corrupt, "cut at {cut}");
        }
    }
}
