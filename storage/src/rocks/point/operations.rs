//! The operations in a batch of a write-ahead log, read without RocksDB.
//!
//! A batch is its first sequence number (`u64`), the number of its operations (`u32`), and the operations one after the
//! other: a tag, the family's number where the tag says so, and one or two byte strings with their lengths in front.

use crate::error::{Error, Result};

/// The bytes before the operations.
const HEAD_BYTES: usize = 12;

/// The place of the number of operations in the head.
const COUNT: std::ops::Range<usize> = 8..12;

/// An operation of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operation<'b> {
    /// The number of the family; 0 is RocksDB's own.
    pub(super) family: u32,
    pub(super) key: &'b [u8],
    /// The value of a put; none for a deletion.
    pub(super) value: Option<&'b [u8]>,
    /// The place after it in the batch.
    pub(super) end: usize,
    /// The number of operations up to this one.
    pub(super) count: u32,
}

/// A batch, as it stands in a log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batch<'b>(&'b [u8]);

impl<'b> Batch<'b> {
    /// # Errors
    /// `Corrupt` when it has no head.
    pub(super) fn new(bytes: &'b [u8]) -> Result<Self> {
        if bytes.len() < HEAD_BYTES { Err(damaged()) } else { Ok(Batch(bytes)) }
    }

    /// Returns its bytes.
    pub(super) fn bytes(&self) -> &'b [u8] {
        self.0
    }

    /// Returns the sequence number of its first operation.
    pub(super) fn first_sequence(&self) -> u64 {
        self.0.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
    }

    /// Returns the number of its operations.
    pub(super) fn count(&self) -> u32 {
        self.0[COUNT].try_into().map_or(0, u32::from_le_bytes)
    }

    /// The operations in order.
    pub(super) fn operations(&self) -> Operations<'b> {
        Operations { batch: self.0, at: HEAD_BYTES, count: 0 }
    }

    /// The batch up to an operation of it.
    pub(super) fn up_to(&self, last: &Operation<'_>) -> Vec<u8> {
        let mut bytes = self.0[..last.end].to_vec();
        bytes[COUNT].copy_from_slice(&last.count.to_le_bytes());
        bytes
    }
}

/// The operations of a batch, read one after the other.
pub(super) struct Operations<'b> {
    batch: &'b [u8],
    at: usize,
    count: u32,
}

impl<'b> Operations<'b> {
    fn read(&mut self) -> Option<Operation<'b>> {
        let tag = self.byte()?;
        let family = if matches!(tag, 0x4 | 0x5 | 0x8 | 0xe) { self.number()? } else { 0 };
        // Puts and deletions of ranges have two strings, deletions one; a range's end is no value.
        let (key, value) = match tag {
            0x1 | 0x5 => (self.string()?, Some(self.string()?)),
            0x0 | 0x4 | 0x7 | 0x8 => (self.string()?, None),
            0xe | 0xf => (self.string()?, self.string().map(|_| None)?),
            _ => return None,
        };
        self.count += 1;
        Some(Operation { family, key, value, end: self.at, count: self.count })
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.batch.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// Seven bits a byte, the lowest first; the eighth says whether there are more.
    fn number(&mut self) -> Option<u32> {
        let mut number = 0_u64;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(number).ok();
            }
        }
        None
    }

    fn string(&mut self) -> Option<&'b [u8]> {
        let bytes = self.number()? as usize;
        let string = self.batch.get(self.at..self.at.checked_add(bytes)?)?;
        self.at += bytes;
        Some(string)
    }
}

impl<'b> Iterator for Operations<'b> {
    type Item = Result<Operation<'b>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.batch.len() {
            return None;
        }
        let read = self.read();
        if read.is_none() {
            // Nothing can be read behind it.
            self.at = self.batch.len();
        }
        Some(read.ok_or_else(damaged))
    }
}

fn damaged() -> Error {
    Error::corrupt("a kept log has a batch that cannot be read")
}

#[cfg(test)]
mod tests {
    use rocksdb::{ColumnFamilyDescriptor, DB, Options, WriteBatch};

    use super::*;

    /// A batch of every operation that is written, and its bytes.
    fn sample() -> Vec<u8> {
        let directory = tempfile::tempdir().unwrap();
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        let families = ["default", "catalog"].map(|name| ColumnFamilyDescriptor::new(name, Options::default()));
        let rocks = DB::open_cf_descriptors(&options, directory.path(), families).unwrap();
        let family = rocks.cf_handle("catalog").unwrap();
        let mut batch = WriteBatch::default();
        batch.put_cf(family, b"a", vec![7; 300]);
        batch.delete_cf(family, b"b");
        batch.delete_range_cf(family, &b"c"[..], &b"d"[..]);
        batch.put(b"e", b"");
        batch.data().to_vec()
    }

    #[test]
    fn operations_are_read_as_rocksdb_writes_them() {
        let bytes = sample();
        let batch = Batch::new(&bytes).unwrap();
        let read: Vec<_> = batch.operations().map(|operation| operation.unwrap()).collect();
        let found: Vec<_> = read.iter().map(|it| (it.family, it.key, it.value.map(<[u8]>::len), it.count)).collect();
        let expected: [(u32, &[u8], Option<usize>, u32); 4] =
            [(1, b"a", Some(300), 1), (1, b"b", None, 2), (1, b"c", None, 3), (0, b"e", Some(0), 4)];
        assert_eq!(found, expected);
        assert_eq!((batch.count(), read[3].end), (4, bytes.len()));
        let cut = batch.up_to(&read[1]);
        let cut = Batch::new(&cut).unwrap();
        assert_eq!(cut.count(), 2);
        assert_eq!(cut.operations().map(|operation| operation.unwrap().key).collect::<Vec<_>>(), [b"a", b"b"]);
    }

    #[test]
    fn bytes_that_are_no_batch_end_in_an_error_and_nothing_else() {
        let bytes = sample();
        for end in 0..bytes.len() {
            let read = Batch::new(&bytes[..end]).map(|batch| batch.operations().collect::<Vec<_>>());
            assert!(read.is_err() || read.unwrap().iter().filter(|it| it.is_err()).count() <= 1, "cut at {end}");
        }
        for at in HEAD_BYTES..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] = 0xff;
            assert!(Batch::new(&bytes).unwrap().operations().count() <= bytes.len());
        }
    }
}
