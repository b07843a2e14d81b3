//! The header of a physical record in RocksDB's logs.

/// Checksum, length and type.
pub(super) const HEADER_BYTES: usize = 7;

/// The types of records that RocksDB writes with our options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordType {
    Full,
    First,
    Middle,
    Last,
    /// About the log itself, and no part of its content.
    Note,
}

impl RecordType {
    pub(super) fn of(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(RecordType::Full),
            2 => Some(RecordType::First),
            3 => Some(RecordType::Middle),
            4 => Some(RecordType::Last),
            // Those from 128 on may be ignored, and 130 tells of the log before.
            10 | 130 => Some(RecordType::Note),
            _ => None,
        }
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;
    use crate::rocks::floor::crc;

    /// The bytes of one physical record.
    pub(in crate::rocks::floor) fn record(ty: RecordType, content: &[u8]) -> Vec<u8> {
        let number = match ty {
            RecordType::Full => 1,
            RecordType::First => 2,
            RecordType::Middle => 3,
            RecordType::Last => 4,
            RecordType::Note => 130,
        };
        let mut checked = vec![number];
        checked.extend_from_slice(content);
        let mut bytes = crc::mask(crc::crc(&checked)).to_le_bytes().to_vec();
        bytes.extend_from_slice(&(content.len() as u16).to_le_bytes());
        bytes.extend_from_slice(&checked);
        bytes
    }
}
