//! A column of truth values: a bit each.

use arrow::array::{Array, BooleanArray, BooleanBufferBuilder};
use parquet::basic::Encoding;
use parquet::errors::Result;
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::schema::types::ColumnDescPtr;

use super::bounds::{Bound, Bounds};
use super::codec::Codec;
use super::levels::Levels;
use super::pages::{ChunkEnd, DataPage, FinishedChunk, Pages};

/// A column of truth values.
pub(super) struct BooleanColumn {
    column: ColumnDescPtr,
    levels: Levels,
    /// The values of the page being filled, without nulls.
    values: BooleanBufferBuilder,
    bounds: Bounds<bool>,
    nulls: usize,
    pages: Pages,
    body: Vec<u8>,
}

impl Bound for bool {
    fn is_before(&self, other: &Self) -> bool {
        self < other
    }

    fn to_bytes(&self) -> Vec<u8> {
        vec![u8::from(*self)]
    }
}

impl BooleanColumn {
    pub(super) fn new(column: ColumnDescPtr) -> Self {
        BooleanColumn {
            levels: Levels::new(column.max_def_level() > 0),
            values: BooleanBufferBuilder::new(0),
            bounds: Bounds::new(),
            nulls: 0,
            pages: Pages::new(column.clone(), Vec::new()),
            body: Vec::new(),
            column,
        }
    }

    /// Bytes of the chunk so far.
    pub(super) fn bytes(&self) -> usize {
        self.pages.bytes() + self.values.len() / 8
    }

    /// Takes memory for the pages of a chunk that has just begun.
    pub(super) fn reuse(&mut self, memory: Vec<u8>) {
        self.pages = Pages::new(self.column.clone(), memory);
    }

    /// Rows of the page being filled.
    pub(super) fn page_rows(&self) -> usize {
        self.levels.rows()
    }

    /// Adds rows to the page.
    pub(super) fn append(&mut self, array: &BooleanArray) {
        self.levels.append(array.len(), array.nulls());
        match array.nulls().filter(|nulls| nulls.null_count() > 0) {
            None => self.values.append_buffer(array.values()),
            Some(nulls) => nulls
                .valid_slices()
                .for_each(|(start, end)| self.values.append_buffer(&array.values().slice(start, end - start))),
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
        let values = self.values.finish();
        self.body.extend_from_slice(&values.inner().as_slice()[..values.len().div_ceil(8)]);
        let bounds = (!values.is_empty()).then(|| (!values.has_false(), values.has_true()));
        let page = DataPage {
            body: &self.body,
            encoding: Encoding::PLAIN,
            rows,
            nulls,
            bounds: bounds.map(|(least, greatest)| (least.to_bytes(), greatest.to_bytes())),
            nans: None,
            text_bytes: None,
            dictionary_bytes: 0,
        };
        self.pages.add(page, codec)?;
        if let Some((least, greatest)) = bounds {
            self.bounds.add(least, greatest);
        }
        self.nulls += nulls;
        Ok(())
    }

    /// Ends the chunk and begins the next one.
    ///
    /// # Errors
    /// As [`Pages::add`].
    pub(super) fn finish(&mut self, codec: &mut Codec) -> Result<FinishedChunk> {
        self.end_page(codec)?;
        let (bounds, order) = std::mem::replace(&mut self.bounds, Bounds::new()).finish();
        let (least, greatest) = bounds.unzip();
        let nulls = std::mem::take(&mut self.nulls) as u64;
        let statistics = ValueStatistics::new(least, greatest, None, Some(nulls), false);
        let end = ChunkEnd {
            statistics: Statistics::Boolean(statistics.with_backwards_compatible_min_max(true)),
            order,
            dictionary: None,
        };
        std::mem::replace(&mut self.pages, Pages::new(self.column.clone(), Vec::new())).finish(end, codec)
    }
}
