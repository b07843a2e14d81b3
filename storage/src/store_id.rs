//! The id of a store: by which one knows that two answers come from the same one.

use std::fmt;
use std::str::FromStr;

use rustix::rand::{GetRandomFlags, getrandom};

use crate::error::{Error, Result};

/// The id of a store: random, made with the store, and the same for as long as there is the store or a copy of it. It is
/// printed as a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StoreId([u8; 16]);

impl StoreId {
    /// The name of the note that has the id of a store: its 16 bytes.
    pub const NOTE: &'static [u8] = b"store/id";

    /// Makes a new id: a UUID of version 4.
    ///
    /// # Errors
    /// `Unavailable` when the kernel gives no random bytes.
    pub(crate) fn random() -> Result<Self> {
        let mut bytes = [0; 16];
        // Fewer than 256 bytes come whole or not at all.
        match getrandom(&mut bytes, GetRandomFlags::empty()) {
            Ok(read) if read == bytes.len() => {
                bytes[6] = bytes[6] & 0x0f | 0x40;
                bytes[8] = bytes[8] & 0x3f | 0x80;
                Ok(StoreId(bytes))
            }
            _ => Err(Error::unavailable("the kernel gives no random bytes")),
        }
    }

    /// Returns the bytes, as the note has them.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads the note.
    ///
    /// # Errors
    /// `Corrupt` when it is not of 16 bytes.
    pub fn decode(note: &[u8]) -> Result<Self> {
        let bytes = note.try_into();
        let bad = |_| Error::corrupt(format!("the note of the store's id has {} bytes, not 16", note.len()));
        bytes.map(StoreId).map_err(bad)
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, byte) in self.0.iter().enumerate() {
            if [4, 6, 8, 10].contains(&place) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl FromStr for StoreId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = || Error::invalid(format!("the id of a store is a UUID: {text:?}"));
        let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
        let mut bytes = [0; 16];
        let (pairs, rest) = digits.as_chunks::<2>();
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return Err(bad());
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = digit(*high).zip(digit(*low)).map(|(high, low)| high << 4 | low).ok_or_else(bad)?;
        }
        let id = StoreId(bytes);
        if id.to_string().eq_ignore_ascii_case(text) { Ok(id) } else { Err(bad()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_bytes_of_its_note_and_is_printed_as_a_uuid() {
        let note: [u8; 16] = std::array::from_fn(|place| place as u8 * 17);
        let id = StoreId::decode(&note).unwrap();
        assert_eq!((id.to_string().as_str(), id.as_bytes()), ("00112233-4455-6677-8899-aabbccddeeff", &note));
        assert_eq!("00112233-4455-6677-8899-AABBCCDDEEFF".parse::<StoreId>().unwrap(), id);
        for text in ["", "0011", "00112233445566778899aabbccddeeff", "0011223-34455-6677-8899-aabbccddeeff", "é"] {
            assert!(
                text.parse::<StoreId>().unwrap_err().message().starts_with("the id of a store is a UUID"),
                "{text}"
            );
        }
        let cut = StoreId::decode(&note[1..]).unwrap_err();
        assert_eq!(cut.to_string(), "the note of the store's id has 15 bytes, not 16");
    }

    #[test]
    fn new_ids_are_uuids_of_version_4_and_differ() {
        let ids = [StoreId::random().unwrap(), StoreId::random().unwrap()];
        assert_ne!(ids[0], ids[1]);
        for id in ids.map(|id| id.to_string()) {
            assert_eq!((id.len(), &id[14..15]), (36, "4"));
            assert!("89ab".contains(&id[19..20]), "{id}");
        }
    }
}
