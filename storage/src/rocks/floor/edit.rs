//! The records of a MANIFEST: what each changes about the files that make up the store.

use crate::error::{Error, Result};

/// A change of the store's files.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) family: u32,
    pub(super) is_family_dropped: bool,
    /// The write-ahead log from which on the family has rows that are in no file.
    pub(super) log: Option<u64>,
    /// The first write-ahead log that is needed.
    pub(super) first_log: Option<u64>,
    pub(super) next_file: Option<u64>,
    pub(super) last_sequence: Option<u64>,
    /// Numbers of files that are no longer part of the store.
    pub(super) removed: Vec<u64>,
    /// Numbers and bytes of files that are now.
    pub(super) added: Vec<(u64, u64)>,
    /// The number of edits that follow and belong to this one; none of them counts without all.
    pub(super) group: Option<u32>,
}

/// Tags of the fields, as RocksDB numbers them.
mod tag {
    pub(super) const COMPARATOR: u64 = 1;
    pub(super) const LOG: u64 = 2;
    pub(super) const NEXT_FILE: u64 = 3;
    pub(super) const LAST_SEQUENCE: u64 = 4;
    pub(super) const COMPACT_CURSOR: u64 = 5;
    pub(super) const REMOVED: u64 = 6;
    pub(super) const PREVIOUS_LOG: u64 = 9;
    pub(super) const FIRST_LOG: u64 = 10;
    pub(super) const ADDED_2: u64 = 100;
    pub(super) const ADDED_3: u64 = 102;
    pub(super) const ADDED_4: u64 = 103;
    pub(super) const FAMILY: u64 = 200;
    pub(super) const FAMILY_NEW: u64 = 201;
    pub(super) const FAMILY_DROPPED: u64 = 202;
    pub(super) const MAX_FAMILY: u64 = 203;
    pub(super) const GROUP: u64 = 300;
    /// Fields with this bit can be skipped: their length comes first, but for the two of old.
    pub(super) const SKIPPABLE: u64 = 1 << 13;
    /// Fields of an added file: the end of them, and one that has the first log.
    pub(super) const ADDED_END: u64 = 1;
    pub(super) const ADDED_FIRST_LOG: u64 = 3;
}

impl Edit {
    /// Reads a record.
    ///
    /// # Errors
    /// `Corrupt` when it is none that RocksDB writes with our options.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self> {
        let (mut edit, mut fields) = (Edit::default(), Fields { rest: bytes });
        while !fields.rest.is_empty() {
            let tag = fields.varint()?;
            edit.field(tag, &mut fields)?;
        }
        Ok(edit)
    }

    fn field(&mut self, tag: u64, fields: &mut Fields<'_>) -> Result<()> {
        match tag {
            tag::COMPARATOR | tag::FAMILY_NEW => drop(fields.bytes()?),
            tag::LOG => self.log = Some(fields.varint()?),
            tag::NEXT_FILE => self.next_file = Some(fields.varint()?),
            tag::LAST_SEQUENCE => self.last_sequence = Some(fields.varint()?),
            tag::FIRST_LOG => self.first_log = Some(fields.varint()?),
            tag::PREVIOUS_LOG | tag::MAX_FAMILY => drop(fields.varint()?),
            tag::COMPACT_CURSOR => {
                fields.varint()?;
                fields.bytes()?;
            }
            tag::REMOVED => {
                fields.varint()?;
                self.removed.push(fields.varint()?);
            }
            tag::ADDED_2 | tag::ADDED_3 | tag::ADDED_4 => self.added(tag, fields)?,
            tag::FAMILY => self.family = fields.number()?,
            tag::FAMILY_DROPPED => self.is_family_dropped = true,
            tag::GROUP => self.group = Some(fields.number()?),
            _ if tag & tag::SKIPPABLE != 0 => drop(fields.bytes()?),
            _ => return Err(corrupt()),
        }
        Ok(())
    }

    fn added(&mut self, tag: u64, fields: &mut Fields<'_>) -> Result<()> {
        fields.varint()?;
        let number = fields.varint()?;
        if tag == tag::ADDED_3 {
            fields.varint()?;
        }
        self.added.push((number, fields.varint()?));
        for _ in ["smallest key", "largest key"] {
            fields.bytes()?;
        }
        for _ in ["smallest sequence", "largest sequence"] {
            fields.varint()?;
        }
        match tag {
            tag::ADDED_4 => self.added_details(fields),
            _ => Ok(()),
        }
    }

    fn added_details(&mut self, fields: &mut Fields<'_>) -> Result<()> {
        loop {
            match fields.varint()? {
                tag::ADDED_END => return Ok(()),
                tag::ADDED_FIRST_LOG => {
                    let log = fields.bytes()?.try_into().map_err(|_| corrupt())?;
                    self.first_log = Some(u64::from_le_bytes(log));
                }
                _ => drop(fields.bytes()?),
            }
        }
    }
}

struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Seven bits a byte, the lowest first; the last byte has its top bit clear.
    fn varint(&mut self) -> Result<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or_else(corrupt)?;
            self.rest = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(corrupt())
    }

    fn number(&mut self) -> Result<u32> {
        self.varint()?.try_into().map_err(|_| corrupt())
    }

    /// Bytes behind their length.
    fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = usize::try_from(self.varint()?).map_err(|_| corrupt())?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(corrupt)?;
        self.rest = rest;
        Ok(bytes)
    }
}

fn corrupt() -> Error {
    Error::corrupt("a record of the MANIFEST cannot be read")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_is_read_field_by_field() {
        let mut bytes = vec![2, 9, 3, 0x80, 1, 4, 100, 10, 7];
        bytes.extend([6, 1, 5]);
        bytes.extend([103, 0, 12, 0xe8, 7, 1, b'a', 1, b'z', 1, 2]);
        bytes.extend([5, 1, 0, 3, 8, 6, 0, 0, 0, 0, 0, 0, 0, 1]);
        bytes.extend([0xc8, 1, 3]);
        // A field that may be skipped: 2^13 + 1.
        bytes.extend([0x81, 0x40, 2, b'i', b'd']);
        let expected = Edit {
            family: 3,
            log: Some(9),
            first_log: Some(6),
            next_file: Some(128),
            last_sequence: Some(100),
            removed: vec![5],
            added: vec![(12, 1000)],
            ..Edit::default()
        };
        assert_eq!(Edit::decode(&bytes).unwrap(), expected);
        for cut in [1, 4, 10, 15, 30, bytes.len() - 1] {
            assert!(Edit::decode(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        assert!(Edit::decode(&[99]).is_err(), "an unknown field");
    }
}
