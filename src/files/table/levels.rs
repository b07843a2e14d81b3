//! Definition levels: which rows of a page have a value.

use arrow::array::BooleanBufferBuilder;
use arrow::buffer::NullBuffer;

use super::packing::put_varint;

/// The rows of the page being filled, and which of them have a value.
pub(super) struct Levels {
    nullable: bool,
    rows: usize,
    nulls: usize,
    /// A bit a row, from the first null on.
    present: Option<BooleanBufferBuilder>,
}

impl Levels {
    pub(super) fn new(nullable: bool) -> Self {
        Levels { nullable, rows: 0, nulls: 0, present: None }
    }

    /// Rows so far.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Rows without a value.
    pub(super) fn nulls(&self) -> usize {
        self.nulls
    }

    /// Adds rows.
    pub(super) fn append(&mut self, rows: usize, nulls: Option<&NullBuffer>) {
        match nulls.filter(|nulls| nulls.null_count() > 0) {
            Some(nulls) => {
                let before = self.rows;
                let present = self.present.get_or_insert_with(|| {
                    let mut present = BooleanBufferBuilder::new(before + rows);
                    present.append_n(before, true);
                    present
                });
                present.append_buffer(nulls.inner());
                self.nulls += nulls.null_count();
            }
            None => self.present.iter_mut().for_each(|present| present.append_n(rows, true)),
        }
        self.rows += rows;
    }

    /// Appends the levels to a page, and begins the next one.
    pub(super) fn encode(&mut self, page: &mut Vec<u8>) {
        if self.nullable {
            let start = page.len();
            page.extend_from_slice(&[0; 4]);
            match &self.present {
                // One bit a level, eight levels a group: an Arrow bitmap as it is.
                Some(present) if self.nulls < self.rows => {
                    let groups = self.rows.div_ceil(8);
                    put_varint(page, (groups as u64) << 1 | 1);
                    page.extend_from_slice(&present.as_slice()[..groups]);
                }
                _ => {
                    put_varint(page, (self.rows as u64) << 1);
                    page.push(u8::from(self.nulls == 0));
                }
            }
            let bytes = (page.len() - start - 4) as u32;
            page[start..start + 4].copy_from_slice(&bytes.to_le_bytes());
        }
        (self.rows, self.nulls, self.present) = (0, 0, None);
    }
}
