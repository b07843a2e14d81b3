//! Places in partitions.

use asofdb::{Error, Result};

/// The format of a position; its first byte.
const FORMAT: u8 = 1;

/// The place behind the last record of a partition that was taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position {
    /// The offset of the next record; what it counts is the source's: bytes of a file, records of a topic.
    pub offset: u128,
    /// What tells the log from another one that took its place, such as a file's number and a hash of its first bytes.
    pub identity: Vec<u8>,
}

impl Position {
    /// The value of a note: format, offset (little-endian), identity.
    pub(crate) fn encode(&self) -> Vec<u8> {
        [&[FORMAT], &self.offset.to_le_bytes()[..], &self.identity].concat()
    }

    /// Reads back what [`Position::encode`] wrote.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        match bytes {
            [FORMAT, rest @ ..] => match rest.split_first_chunk::<16>() {
                Some((offset, identity)) => {
                    Ok(Position { offset: u128::from_le_bytes(*offset), identity: identity.to_vec() })
                }
                None => Err(unreadable()),
            },
            _ => Err(unreadable()),
        }
    }
}

fn unreadable() -> Error {
    Error::corrupt("the position of a stream cannot be read, or is of a later asofdb; begin it anew (--anew)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_read_back_and_damaged_ones_are_refused() {
        let position = Position { offset: 1 << 100, identity: vec![1, 2, 3] };
        let bytes = position.encode();
        assert_eq!(Position::decode(&bytes).unwrap(), position);
        assert_eq!(Position::decode(&Position::default().encode()).unwrap(), Position::default());
        for damaged in [&bytes[..16], &[&[2], &bytes[1..]].concat(), &[]] {
            assert!(Position::decode(damaged).unwrap_err().message().contains("--anew"), "{damaged:?}");
        }
    }
}
