//! Finding the one bit of a log record that is not as it was written.
//!
//! A checksum is linear: what a flipped bit does to it depends on the bit's place alone, and for records as short as
//! these no two places do the same. So a single flipped bit is found, and told from a write that was torn. That bytes
//! with more errors look like it has a probability of one in sixteen thousand for the longest of records.

use super::crc;
use super::record_type::{HEADER_BYTES, RecordType};

/// A bit, by the byte it is in, counted from the start of its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bit {
    pub(super) byte: usize,
    pub(super) bit: u8,
}

/// Returns the bit that must be flipped back so that `bytes` begin with a whole record; `None` where one bit is not
/// enough. `bytes` reach from the record's header to the end of its block or of the file.
pub(super) fn find(bytes: &[u8]) -> Option<Bit> {
    if bytes.len() < HEADER_BYTES {
        return None;
    }
    in_content(bytes).or_else(|| in_length(bytes)).filter(|bit| {
        let byte = bytes[6] ^ if bit.byte == 6 { 1 << bit.bit } else { 0 };
        RecordType::of(byte).is_some()
    })
}

/// A bit of the checksum, of the type or of the content.
fn in_content(bytes: &[u8]) -> Option<Bit> {
    let end = HEADER_BYTES + usize::from(length(bytes));
    let content = bytes.get(6..end)?;
    let stored = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let actual = crc::crc(content);
    if let Some(bit) = (0..32).find(|bit| crc::unmask(stored ^ (1 << bit)) == actual) {
        return Some(Bit { byte: bit / 8, bit: (bit % 8) as u8 });
    }
    let wanted = crc::unmask(stored) ^ actual;
    let mut effects: [u32; 8] = std::array::from_fn(|bit| crc::after_zero(1 << bit));
    for byte in (6..end).rev() {
        if let Some(bit) = effects.iter().position(|effect| *effect == wanted) {
            return Some(Bit { byte, bit: bit as u8 });
        }
        effects.iter_mut().for_each(|effect| *effect = crc::after_zero(*effect));
    }
    None
}

/// A bit of the length.
fn in_length(bytes: &[u8]) -> Option<Bit> {
    let stored = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let is_whole = |length: u16| {
        let content = bytes.get(6..HEADER_BYTES + usize::from(length));
        content.is_some_and(|content| crc::crc(content) == crc::unmask(stored))
    };
    let bit = (0..16).find(|bit| is_whole(length(bytes) ^ (1 << bit)))?;
    Some(Bit { byte: 4 + bit / 8, bit: (bit % 8) as u8 })
}

fn length(bytes: &[u8]) -> u16 {
    u16::from_le_bytes([bytes[4], bytes[5]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rocks::floor::record_type::testing::record;

    #[test]
    fn every_single_flipped_bit_of_a_record_is_found() {
        let content: Vec<u8> = (0..300_u32).map(|n| (n * n) as u8).collect();
        let whole = record(RecordType::Full, &content);
        let mut bytes = whole.clone();
        bytes.extend(record(RecordType::Full, b"the next one"));
        assert_eq!(find(&bytes), None, "nothing is wrong");
        for byte in 0..whole.len() {
            for bit in 0..8 {
                bytes[byte] ^= 1 << bit;
                assert_eq!(find(&bytes), Some(Bit { byte, bit }), "byte {byte}, bit {bit}");
                bytes[byte] ^= 1 << bit;
            }
        }
    }

    #[test]
    fn a_torn_record_is_no_flipped_bit() {
        let whole = record(RecordType::Full, &[7; 300]);
        for end in 0..whole.len() {
            assert_eq!(find(&whole[..end]), None, "cut at {end}");
            let mut zeros = whole.clone();
            zeros[end.min(whole.len() - 2)..].fill(0);
            assert_eq!(find(&zeros), None, "zeros from {end}");
        }
    }
}
