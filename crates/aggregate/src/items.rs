//! Lists of values, each as a row stores it.

use asofdb_storage::{Result, ScalarType, ValueType};

use crate::cells;
use crate::wire::{corrupt, read_stored, read_varint, write_stored, write_varint};

/// Values of one scalar type, one after another.
#[derive(Debug, Clone)]
pub(crate) struct Items {
    ty: ScalarType,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Items {
    /// Has no values yet.
    pub(crate) fn new(ty: ScalarType) -> Self {
        Items { ty, bytes: Vec::new(), ends: Vec::new() }
    }

    /// The type of the values.
    pub(crate) fn ty(&self) -> ScalarType {
        self.ty
    }

    /// Returns the number of values.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The value at an index below their number.
    #[inline]
    pub(crate) fn get(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }

    /// The values in their order.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Adds a value to the end.
    pub(crate) fn push(&mut self, stored: &[u8]) {
        self.bytes.extend_from_slice(stored);
        self.ends.push(self.bytes.len());
    }

    /// Forgets the values, and keeps memory.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Becomes what `other` is, and keeps memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.bytes.clone_from(&other.bytes);
        self.ends.clone_from(&other.ends);
    }

    /// Appends the values as a row stores a list of them.
    pub(crate) fn store(&self, out: &mut Vec<u8>) {
        match self.ty.fixed_bytes() {
            Some(_) => out.extend_from_slice(&self.bytes),
            None => cells::store_texts(self.iter(), out),
        }
    }

    /// Appends the number of the values, and each of them.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        write_varint(self.len() as u64, out);
        self.iter().for_each(|stored| write_stored(ValueType::Scalar(self.ty), stored, out));
    }

    /// Reads the number of values before them, which is at most `most`.
    pub(crate) fn decode_len(bytes: &mut &[u8], most: usize) -> Result<usize> {
        let len = read_varint(bytes)?;
        usize::try_from(len).ok().filter(|len| *len <= most).ok_or_else(|| corrupt("has too many values"))
    }

    /// Reads one value.
    pub(crate) fn decode_item<'a>(&self, bytes: &mut &'a [u8]) -> Result<&'a [u8]> {
        read_stored(ValueType::Scalar(self.ty), bytes)
    }

    /// Returns the bytes that it holds beyond its own size.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<usize>()
    }
}
