//! The head of a page of Parquet: how many values it has, and how many bytes they take once they are decompressed.
//!
//! It is a struct in Thrift's compact protocol. The library keeps what it reads of it to itself.

use std::io::{self, Read};

/// Structs within structs that are passed over at most.
const DEPTH_MAX: usize = 8;

/// The type of a data page's head, and of the second version's; of a dictionary's.
const DATA: i64 = 0;
const DICTIONARY: i64 = 2;
const DATA_V2: i64 = 3;

/// The encoding that keeps of a text only what differs from the one before: it becomes longer than it is stored.
const DELTA_BYTE_ARRAY: i64 = 7;

/// The types of Thrift's compact protocol.
mod wire {
    pub(super) const TRUE: u8 = 1;
    pub(super) const FALSE: u8 = 2;
    pub(super) const BYTE: u8 = 3;
    pub(super) const I16: u8 = 4;
    pub(super) const I64: u8 = 6;
    pub(super) const DOUBLE: u8 = 7;
    pub(super) const BINARY: u8 = 8;
    pub(super) const LIST: u8 = 9;
    pub(super) const SET: u8 = 10;
    pub(super) const STRUCT: u8 = 12;
}

/// The head of a page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct PageHead {
    kind: i64,
    /// Bytes once it is decompressed.
    pub(super) plain_bytes: i64,
    /// Bytes in the file, after the head.
    pub(super) stored_bytes: i64,
    /// Values, nulls included.
    pub(super) values: i64,
    encoding: i64,
    /// Bytes of the head itself.
    pub(super) head_bytes: u64,
}

impl PageHead {
    /// Reads a head.
    ///
    /// # Errors
    /// Those of the reader; `InvalidData` for what is no head.
    pub(super) fn read(reader: impl Read) -> io::Result<Self> {
        let mut thrift = Thrift { reader, read: 0 };
        let mut head = PageHead::default();
        let mut id = 0;
        while let Some(ty) = thrift.field(&mut id)? {
            match id {
                1 => head.kind = thrift.number()?,
                2 => head.plain_bytes = thrift.number()?,
                3 => head.stored_bytes = thrift.number()?,
                5 => head.read_page(&mut thrift, 2)?,
                7 => head.read_page(&mut thrift, 2)?,
                8 => head.read_page(&mut thrift, 4)?,
                _ => thrift.skip(ty, 0)?,
            }
        }
        head.head_bytes = thrift.read;
        Ok(head)
    }

    /// Reads what is said of one kind of page: its values first, its encoding in this field.
    fn read_page(&mut self, thrift: &mut Thrift<impl Read>, encoding: i64) -> io::Result<()> {
        let mut id = 0;
        while let Some(ty) = thrift.field(&mut id)? {
            match id {
                1 => self.values = thrift.number()?,
                _ if id == encoding => self.encoding = thrift.number()?,
                _ => thrift.skip(ty, 0)?,
            }
        }
        Ok(())
    }

    pub(super) fn is_data(&self) -> bool {
        matches!(self.kind, DATA | DATA_V2)
    }

    pub(super) fn is_dictionary(&self) -> bool {
        self.kind == DICTIONARY
    }

    /// Returns whether each text may be as long as all of them are stored.
    pub(super) fn is_delta(&self) -> bool {
        self.encoding == DELTA_BYTE_ARRAY
    }
}

/// A reader of Thrift's compact protocol, which counts.
struct Thrift<R> {
    reader: R,
    read: u64,
}

impl<R: Read> Thrift<R> {
    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.reader.read_exact(&mut byte)?;
        self.read += 1;
        Ok(byte[0])
    }

    fn varint(&mut self) -> io::Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(no_head())
    }

    /// A number, whose sign is its lowest bit.
    fn number(&mut self) -> io::Result<i64> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// The type of the next field, whose number becomes `id`; none at the end of a struct.
    fn field(&mut self, id: &mut i64) -> io::Result<Option<u8>> {
        let byte = self.byte()?;
        let (delta, ty) = (i64::from(byte >> 4), byte & 0x0f);
        match (delta, ty) {
            (_, 0) => return Ok(None),
            (0, _) => *id = self.number()?,
            _ => *id = id.saturating_add(delta),
        }
        Ok(Some(ty))
    }

    fn skip_bytes(&mut self, bytes: u64) -> io::Result<()> {
        let skipped = io::copy(&mut (&mut self.reader).take(bytes), &mut io::sink())?;
        self.read += skipped;
        if skipped == bytes { Ok(()) } else { Err(no_head()) }
    }

    fn skip(&mut self, ty: u8, depth: usize) -> io::Result<()> {
        if depth > DEPTH_MAX {
            return Err(no_head());
        }
        match ty {
            wire::TRUE | wire::FALSE => Ok(()),
            wire::BYTE => self.skip_bytes(1),
            wire::I16..=wire::I64 => self.varint().map(drop),
            wire::DOUBLE => self.skip_bytes(8),
            wire::BINARY => {
                let length = self.varint()?;
                self.skip_bytes(length)
            }
            wire::LIST | wire::SET => self.skip_list(depth),
            wire::STRUCT => {
                let mut id = 0;
                while let Some(ty) = self.field(&mut id)? {
                    self.skip(ty, depth + 1)?;
                }
                Ok(())
            }
            // Heads of pages have no maps.
            _ => Err(no_head()),
        }
    }

    fn skip_list(&mut self, depth: usize) -> io::Result<()> {
        let byte = self.byte()?;
        let (short, ty) = (u64::from(byte >> 4), byte & 0x0f);
        let items = if short == 0x0f { self.varint()? } else { short };
        // Within a list a truth is a byte of its own.
        let ty = if matches!(ty, wire::TRUE | wire::FALSE) { wire::BYTE } else { ty };
        (0..items).try_for_each(|_| self.skip(ty, depth + 1))
    }
}

#[cold]
fn no_head() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the head of a page cannot be read")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_each_kind_are_read() {
        // A data page: kind 0, 300 bytes from 200, a checksum, 70 values as deltas, with statistics that are passed
        // over.
        let page = [0x15, 0, 0x15, 0xd8, 4, 0x15, 0x90, 3, 0x15, 2, 0x1c, 0x15, 0x8c, 1, 0x15, 14, 0x15, 6, 0x15, 6];
        let rest = [0x1c, 0x18, 2, b'a', b'b', 0x29, 0x15, 2, 0, 0, 0, 0xff];
        let head = PageHead::read([&page[..], &rest].concat().as_slice()).unwrap();
        assert_eq!((head.plain_bytes, head.stored_bytes, head.values, head.head_bytes), (300, 200, 70, 31));
        assert!(head.is_data() && head.is_delta() && !head.is_dictionary());
        // A dictionary: kind 2, 10 bytes, 3 values, plain.
        let head = PageHead::read(&[0x15, 4, 0x15, 20, 0x15, 20, 0x4c, 0x15, 6, 0x15, 0, 0, 0][..]).unwrap();
        assert!(head.is_dictionary() && !head.is_delta());
        assert_eq!((head.plain_bytes, head.values), (10, 3));
        // The second version: its encoding comes fourth.
        let head = PageHead::read(&[0x15, 6, 0x15, 20, 0x15, 20, 0x5c, 0x15, 8, 0x15, 0, 0x15, 8, 0x15, 16, 0, 0][..])
            .unwrap();
        assert!(head.is_data() && !head.is_delta());
        assert_eq!(head.values, 4);
    }

    #[test]
    fn what_is_no_head_ends_and_is_refused() {
        for bytes in [&[][..], &[0x15], &[0x1c; 100], &[0x18, 0xff, 0xff, 0xff, 0xff, 0x7f], &[0x1b, 1], &[0x15; 3]] {
            assert!(PageHead::read(bytes).is_err(), "{bytes:?}");
        }
    }
}
