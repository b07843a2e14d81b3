//! Records side by side, row-major: what reads and joins gather before they make columns.
//!
//! Columns are made from a few thousand neighbouring records at a time, which stay in the cache. A record itself is
//! described where it is written and read, [`RecordLayout`].

use std::ops::Range;

use asofdb_storage::{Error, Field, RecordArena, RecordLayout, RecordMut, RecordRef, Result, mark_missing};

use crate::read::arena::Arena;

/// Records of many rows of one view.
#[derive(Debug)]
pub struct Records {
    bytes: Vec<u8>,
    stride: usize,
    /// Bytes of a record before its fields.
    header: usize,
    arena: Arena,
}

impl Records {
    /// Records of `rows` rows that nothing is known of yet: all missing.
    pub(crate) fn new(layout: &RecordLayout, rows: usize) -> Self {
        let mut bytes = vec![0; layout.stride() * rows];
        bytes.chunks_exact_mut(layout.stride()).for_each(mark_missing);
        Records { bytes, stride: layout.stride(), header: layout.header_bytes(), arena: Arena::default() }
    }

    /// Makes records as [`Records::new`] does, with the memory of these.
    pub(crate) fn reset(&mut self, layout: &RecordLayout, rows: usize) {
        self.stride = layout.stride();
        self.header = layout.header_bytes();
        self.bytes.resize(self.stride * rows, 0);
        self.clear(rows);
    }

    /// Makes the first `rows` records missing again, to be written anew.
    pub(crate) fn clear(&mut self, rows: usize) {
        for record in self.bytes.chunks_exact_mut(self.stride).take(rows) {
            record[..self.header].fill(0);
            mark_missing(record);
        }
        self.arena.clear();
    }

    /// Some of the records, and all values of variable length, as they travel.
    pub fn parts_of(&self, rows: Range<usize>) -> (&[u8], &[u8]) {
        (&self.bytes[rows.start * self.stride..rows.end * self.stride], self.arena.as_slice())
    }

    /// A copy, which is in memory whole or in part.
    ///
    /// # Errors
    /// `Unavailable` when long values cannot be spilled.
    pub(crate) fn copied(&self) -> Result<Records> {
        let mut arena = Arena::default();
        arena.push(self.arena.as_slice())?;
        Ok(Records { bytes: self.bytes.clone(), stride: self.stride, header: self.header, arena })
    }

    /// Takes the records of some rows from records for these alone.
    ///
    /// # Errors
    /// `Unavailable` when long values cannot be spilled.
    pub(crate) fn take_rows(&mut self, layout: &RecordLayout, rows: &[usize], from: &Records) -> Result<()> {
        let is_variable = |field: &&Field| field.ty.fixed_bytes().is_none();
        let variable: Vec<&Field> = layout.fields().iter().filter(is_variable).collect();
        for (other, row) in rows.iter().enumerate() {
            let to = *row * self.stride..(*row + 1) * self.stride;
            self.bytes[to].copy_from_slice(&from.bytes[other * self.stride..(other + 1) * self.stride]);
            for field in variable.iter().filter(|field| from.get(other).is_present(field)) {
                self.get_mut(*row).put(field, Some(from.variable(other, field)))?;
            }
        }
        Ok(())
    }

    /// Bytes of memory held.
    pub fn memory_bytes(&self) -> usize {
        self.bytes.capacity() + self.arena.len()
    }

    /// Records that have travelled.
    ///
    /// # Errors
    /// `Corrupt` when they are not whole records, or a value of variable length lies outside of `variable`.
    pub fn from_parts(layout: &RecordLayout, rows: usize, bytes: &[u8], variable: &[u8]) -> Result<Self> {
        let corrupt = || Error::corrupt("the records of an answer are not what their layout says");
        let mut records = Records::new(layout, 0);
        if bytes.len() != layout.stride() * rows {
            return Err(corrupt());
        }
        records.bytes.extend_from_slice(bytes);
        records.arena.push(variable)?;
        let is_variable = |field: &&Field| field.ty.fixed_bytes().is_none();
        for field in layout.fields().iter().filter(is_variable) {
            let is_bad = |record: RecordRef<'_>| {
                let (offset, len) = record.place(field);
                record.is_present(field) && offset.checked_add(len).is_none_or(|end| end > variable.len() as u64)
            };
            if records.iter(0..rows).any(is_bad) {
                return Err(corrupt());
            }
        }
        Ok(records)
    }

    /// Bytes of all values of variable length.
    #[inline]
    pub fn variable_bytes(&self) -> usize {
        self.arena.len()
    }

    #[inline]
    pub(crate) fn get(&self, row: usize) -> RecordRef<'_> {
        RecordRef::new(&self.bytes[row * self.stride..(row + 1) * self.stride])
    }

    #[inline]
    pub(crate) fn iter(&self, rows: Range<usize>) -> impl Iterator<Item = RecordRef<'_>> {
        let bytes = &self.bytes[rows.start * self.stride..rows.end * self.stride];
        bytes.chunks_exact(self.stride).map(RecordRef::new)
    }

    /// Bytes of a record before its fields.
    pub(crate) fn header_bytes(&self) -> usize {
        self.header
    }

    /// Returns whether in all of `rows` every field is present.
    pub(crate) fn are_complete(&self, rows: Range<usize>) -> bool {
        self.iter(rows).all(|record| record.is_complete(self.header))
    }

    /// The records among `rows` where some field is not present, counted from the first.
    pub(crate) fn incomplete(&self, rows: Range<usize>) -> Vec<usize> {
        let is_incomplete = |record: &RecordRef<'_>| !record.is_complete(self.header);
        self.iter(rows).enumerate().filter(|(_, record)| is_incomplete(record)).map(|(row, _)| row).collect()
    }

    /// The record of a row, to be written.
    #[inline]
    pub(crate) fn get_mut(&mut self, row: usize) -> RecordMut<'_, Arena> {
        RecordMut::new(&mut self.bytes[row * self.stride..(row + 1) * self.stride], &mut self.arena)
    }

    /// The stored bytes of a field in a row where it is present.
    pub(crate) fn bytes(&self, row: usize, field: &Field) -> &[u8] {
        match field.ty.fixed_bytes() {
            Some(width) => self.get(row).fixed_bytes(field, width),
            None => self.variable(row, field),
        }
    }

    /// The bytes of a field of variable length in a row where it is present.
    pub(crate) fn variable(&self, row: usize, field: &Field) -> &[u8] {
        let (offset, len) = self.get(row).place(field);
        self.arena.get(offset, len as usize)
    }
}
