//! A column of values of fixed width: plain, as positions in a dictionary, or as differences.

use arrow::buffer::NullBuffer;
use parquet::basic::Encoding;
use parquet::errors::Result;
use parquet::schema::types::ColumnDescPtr;

use super::bounds::Bounds;
use super::codec::Codec;
use super::levels::Levels;
use super::numbers::Number;
use super::packing::width;
use super::pages::{ChunkEnd, DataPage, FinishedChunk, Pages};
use super::repeats::put_positions;
use super::value_dictionary::ValueDictionary;

/// The encoding of the pages of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    /// The first page will say.
    Open,
    Plain,
    Dictionary,
    Deltas,
}

/// A column of numbers.
pub(super) struct FixedColumn<T> {
    column: ColumnDescPtr,
    levels: Levels,
    /// The values of the page being filled, without nulls.
    values: Vec<T>,
    choice: Choice,
    dictionary: ValueDictionary<T>,
    bounds: Bounds<T>,
    nulls: usize,
    nans: u64,
    pages: Pages,
    body: Vec<u8>,
}

impl<T: Number> FixedColumn<T> {
    pub(super) fn new(column: ColumnDescPtr) -> Self {
        FixedColumn {
            levels: Levels::new(column.max_def_level() > 0),
            values: Vec::new(),
            choice: Choice::Open,
            dictionary: ValueDictionary::new(),
            bounds: Bounds::new(),
            nulls: 0,
            nans: 0,
            pages: Pages::new(column.clone(), Vec::new()),
            body: Vec::new(),
            column,
        }
    }

    /// Bytes of the chunk so far.
    pub(super) fn bytes(&self) -> usize {
        self.pages.bytes() + self.values.len() * T::BYTES
    }

    /// Takes memory for the pages of a chunk that has just begun.
    pub(super) fn reuse(&mut self, memory: Vec<u8>) {
        self.pages = Pages::new(self.column.clone(), memory);
    }

    /// Rows of the page being filled.
    pub(super) fn page_rows(&self) -> usize {
        self.levels.rows()
    }

    /// Adds rows to the page; where they are null their values are anything.
    pub(super) fn append(&mut self, values: &[T], nulls: Option<&NullBuffer>) {
        self.levels.append(values.len(), nulls);
        match nulls.filter(|nulls| nulls.null_count() > 0) {
            None => self.values.extend_from_slice(values),
            Some(nulls) => {
                nulls.valid_slices().for_each(|(start, end)| self.values.extend_from_slice(&values[start..end]));
            }
        }
    }

    /// Ends the page.
    ///
    /// # Errors
    /// As [`Pages::add`].
    pub(super) fn end_page(&mut self, codec: &mut Codec) -> Result<()> {
        let (rows, nulls) = (self.levels.rows(), self.levels.nulls());
        if rows == 0 {
            return Ok(());
        }
        self.body.clear();
        self.levels.encode(&mut self.body);
        let encoding = self.encode_values();
        let bounds = T::bounds(&self.values);
        let nans = bounds.map_or(0, |(_, _, nans)| nans);
        let page = DataPage {
            body: &self.body,
            encoding,
            rows,
            nulls,
            bounds: bounds.map(|(least, greatest, _)| (least.to_bytes(), greatest.to_bytes())),
            nans: T::IS_FLOAT.then_some(nans),
            text_bytes: None,
            dictionary_bytes: self.dictionary.entries().len() * T::BYTES,
        };
        self.pages.add(page, codec)?;
        if let Some((least, greatest, _)) = bounds {
            self.bounds.add(least, greatest);
        }
        self.nulls += nulls;
        self.nans += nans;
        self.values.clear();
        Ok(())
    }

    /// Appends the values of the page to its body.
    fn encode_values(&mut self) -> Encoding {
        if self.values.is_empty() {
            return Encoding::PLAIN;
        }
        let start = self.body.len();
        if self.choice == Choice::Open {
            self.choice = self.choose();
        } else if self.choice == Choice::Dictionary && !self.dictionary.look_up(&self.values, false) {
            self.choice = Choice::Plain;
        }
        match self.choice {
            Choice::Dictionary => {
                let bits = position_bits(self.dictionary.entries().len());
                self.body.push(bits as u8);
                put_positions(&mut self.body, self.dictionary.positions(), bits);
                return Encoding::RLE_DICTIONARY;
            }
            Choice::Deltas if T::put_deltas(&mut self.body, &self.values) => {
                // A page of another kind than the first has its own say.
                if self.body.len() - start < self.values.len() * T::BYTES {
                    return Encoding::DELTA_BINARY_PACKED;
                }
                self.body.truncate(start);
            }
            _ => {}
        }
        self.body.extend_from_slice(T::bytes(&self.values));
        Encoding::PLAIN
    }

    /// Chooses by the first page what takes the fewest bytes before compression.
    fn choose(&mut self) -> Choice {
        let plain = self.values.len() * T::BYTES;
        let start = self.body.len();
        let has_deltas = T::put_deltas(&mut self.body, &self.values);
        let deltas = if has_deltas { self.body.len() - start } else { plain };
        self.body.truncate(start);
        if self.dictionary.look_up(&self.values, true) {
            let entries = self.dictionary.entries().len();
            // A chunk has some pages, which share the dictionary.
            let dictionary = self.values.len() * position_bits(entries) / 8 + entries * T::BYTES / 4;
            if dictionary < deltas.min(plain - plain / 4) {
                return Choice::Dictionary;
            }
        }
        self.dictionary.clear();
        // What compresses well as it is does not take differences that are nearly as wide.
        if deltas < plain - plain / 4 { Choice::Deltas } else { Choice::Plain }
    }

    /// Ends the chunk and begins the next one.
    ///
    /// # Errors
    /// As [`Pages::add`].
    pub(super) fn finish(&mut self, codec: &mut Codec) -> Result<FinishedChunk> {
        self.end_page(codec)?;
        let (bounds, order) = std::mem::replace(&mut self.bounds, Bounds::new()).finish();
        let entries = self.dictionary.entries();
        let end = ChunkEnd {
            statistics: T::statistics(bounds, self.nulls as u64, self.nans),
            order,
            dictionary: (!entries.is_empty()).then(|| (T::bytes(entries).to_vec(), entries.len())),
        };
        let pages = std::mem::replace(&mut self.pages, Pages::new(self.column.clone(), Vec::new()));
        let chunk = pages.finish(end, codec)?;
        self.dictionary.clear();
        (self.choice, self.nulls, self.nans) = (Choice::Open, 0, 0);
        Ok(chunk)
    }
}

/// Bits of a position in a dictionary of so many entries.
pub(super) fn position_bits(entries: usize) -> usize {
    width(entries.saturating_sub(1) as u64)
}
