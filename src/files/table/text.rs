//! A column of texts or bytes: as positions in a dictionary, or as lengths and then all bytes.

use arrow::array::{Array, GenericByteArray};
use arrow::datatypes::ByteArrayType;
use parquet::basic::Encoding;
use parquet::data_type::ByteArray;
use parquet::errors::Result;
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::schema::types::ColumnDescPtr;

use super::bounds::{Bounds, cut_greatest, cut_least};
use super::codec::Codec;
use super::delta::put_deltas;
use super::fixed::position_bits;
use super::levels::Levels;
use super::pages::{ChunkEnd, DataPage, FinishedChunk, Pages};
use super::repeats::put_positions;
use super::text_dictionary::TextDictionary;

/// Most bytes of texts of a page that has several.
const PAGE_BYTES_MAX: usize = 1 << 20;

/// Texts side by side.
#[derive(Default)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    /// The end of each.
    ends: Vec<usize>,
}

impl Texts {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    #[inline]
    pub(super) fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
    }

    #[inline]
    pub(super) fn get(&self, position: usize) -> &[u8] {
        let start = if position == 0 { 0 } else { self.ends[position - 1] };
        &self.bytes[start..self.ends[position]]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |end| &self.bytes[std::mem::replace(&mut start, *end)..*end])
    }

    /// Adds those of an array, whose `offsets` say where each begins and the last one ends.
    fn extend(&mut self, bytes: &[u8], offsets: &[i32]) {
        let [first, .., last] = offsets else { return };
        let (start, before) = (*first as usize, self.bytes.len());
        self.bytes.extend_from_slice(&bytes[start..*last as usize]);
        self.ends.extend(offsets[1..].iter().map(|end| *end as usize - start + before));
    }

    /// Appends the lengths.
    fn put_lengths(&self, out: &mut Vec<u8>) {
        let mut start = 0;
        let length = |end: &usize| (*end - std::mem::replace(&mut start, *end)) as i32;
        put_deltas(out, &self.ends.iter().map(length).collect::<Vec<_>>());
    }

    /// Appends each with its length before it.
    fn put_plain(&self, out: &mut Vec<u8>) {
        for text in self.iter() {
            out.extend_from_slice(&(text.len() as u32).to_le_bytes());
            out.extend_from_slice(text);
        }
    }
}

/// A column of texts or bytes.
pub(super) struct TextColumn {
    column: ColumnDescPtr,
    is_text: bool,
    levels: Levels,
    /// The values of the page being filled, without nulls.
    values: Texts,
    dictionary: TextDictionary,
    /// True if the dictionary is used, which the first page decides; `None` before it.
    uses_dictionary: Option<bool>,
    bounds: Bounds<Vec<u8>>,
    nulls: usize,
    pages: Pages,
    body: Vec<u8>,
}

impl TextColumn {
    pub(super) fn new(column: ColumnDescPtr, is_text: bool) -> Self {
        TextColumn {
            is_text,
            levels: Levels::new(column.max_def_level() > 0),
            values: Texts::default(),
            dictionary: TextDictionary::new(),
            uses_dictionary: None,
            bounds: Bounds::new(),
            nulls: 0,
            pages: Pages::new(column.clone(), Vec::new()),
            body: Vec::new(),
            column,
        }
    }

    /// Bytes of the chunk so far.
    pub(super) fn bytes(&self) -> usize {
        self.pages.bytes() + self.values.bytes().len() + self.dictionary.entries().bytes().len()
    }

    /// Takes memory for the pages of a chunk that has just begun.
    pub(super) fn reuse(&mut self, memory: Vec<u8>) {
        self.pages = Pages::new(self.column.clone(), memory);
    }

    /// Rows of the page being filled.
    pub(super) fn page_rows(&self) -> usize {
        self.levels.rows()
    }

    /// Adds rows to the page; ends it where it becomes long.
    ///
    /// # Errors
    /// As [`Pages::add`].
    pub(super) fn append<A>(&mut self, array: &GenericByteArray<A>, codec: &mut Codec) -> Result<()>
    where
        A: ByteArrayType<Offset = i32>,
    {
        let offsets = array.value_offsets();
        let bytes = (offsets[array.len()] - offsets[0]) as usize;
        if bytes > PAGE_BYTES_MAX && array.len() > 1 {
            let half = array.len() / 2;
            self.append(&array.slice(0, half), codec)?;
            return self.append(&array.slice(half, array.len() - half), codec);
        }
        if self.values.bytes().len() + bytes > PAGE_BYTES_MAX {
            self.end_page(codec)?;
        }
        self.levels.append(array.len(), array.nulls());
        match array.nulls().filter(|nulls| nulls.null_count() > 0) {
            None => self.values.extend(array.value_data(), offsets),
            Some(nulls) => {
                for (start, end) in nulls.valid_slices() {
                    self.values.extend(array.value_data(), &offsets[start..=end]);
                }
            }
        }
        Ok(())
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
        let bounds = self.page_bounds(encoding).map(|(least, greatest)| (least.to_vec(), greatest.to_vec()));
        let cut = |(least, greatest): &(Vec<u8>, Vec<u8>)| {
            (cut_least(least, self.is_text).0, cut_greatest(greatest, self.is_text).0)
        };
        let page = DataPage {
            body: &self.body,
            encoding,
            rows,
            nulls,
            bounds: bounds.as_ref().map(cut),
            nans: None,
            text_bytes: Some(self.values.bytes().len()),
            dictionary_bytes: self.dictionary.entries().bytes().len(),
        };
        self.pages.add(page, codec)?;
        if let Some((least, greatest)) = bounds {
            self.bounds.add(least, greatest);
        }
        self.nulls += nulls;
        self.values.clear();
        Ok(())
    }

    /// Appends the values of the page to its body.
    fn encode_values(&mut self) -> Encoding {
        if self.values.len() == 0 {
            return Encoding::PLAIN;
        }
        let is_trial = self.uses_dictionary.is_none();
        if self.uses_dictionary != Some(false) {
            let fits = self.dictionary.look_up(&self.values, is_trial);
            if is_trial && !fits {
                self.dictionary.clear();
            }
            self.uses_dictionary = Some(fits);
        }
        if self.uses_dictionary == Some(true) {
            let bits = position_bits(self.dictionary.entries().len());
            self.body.push(bits as u8);
            put_positions(&mut self.body, self.dictionary.positions(), bits);
            return Encoding::RLE_DICTIONARY;
        }
        self.values.put_lengths(&mut self.body);
        self.body.extend_from_slice(self.values.bytes());
        Encoding::DELTA_LENGTH_BYTE_ARRAY
    }

    /// The least and the greatest value of the page.
    fn page_bounds(&self, encoding: Encoding) -> Option<(&[u8], &[u8])> {
        if encoding != Encoding::RLE_DICTIONARY {
            return least_and_greatest(self.values.iter());
        }
        let entries = self.dictionary.entries();
        let mut is_used = vec![false; entries.len()];
        self.dictionary.positions().iter().for_each(|position| is_used[*position as usize] = true);
        least_and_greatest(entries.iter().zip(is_used).filter_map(|(entry, is_used)| is_used.then_some(entry)))
    }

    /// Ends the chunk and begins the next one.
    ///
    /// # Errors
    /// As [`Pages::add`].
    pub(super) fn finish(&mut self, codec: &mut Codec) -> Result<FinishedChunk> {
        self.end_page(codec)?;
        let (bounds, order) = std::mem::replace(&mut self.bounds, Bounds::new()).finish();
        let entries = self.dictionary.entries();
        let mut dictionary = Vec::new();
        entries.put_plain(&mut dictionary);
        let end = ChunkEnd {
            statistics: self.statistics(bounds),
            order,
            dictionary: (entries.len() > 0).then_some((dictionary, entries.len())),
        };
        let pages = std::mem::replace(&mut self.pages, Pages::new(self.column.clone(), Vec::new()));
        let chunk = pages.finish(end, codec)?;
        self.dictionary.clear();
        (self.uses_dictionary, self.nulls) = (None, 0);
        Ok(chunk)
    }

    fn statistics(&self, bounds: Option<(Vec<u8>, Vec<u8>)>) -> Statistics {
        let (least, greatest) = bounds.unzip();
        let least = least.map(|least| cut_least(&least, self.is_text));
        let greatest = greatest.map(|greatest| cut_greatest(&greatest, self.is_text));
        let is_whole = |bound: &Option<(Vec<u8>, bool)>| bound.as_ref().is_none_or(|(_, is_whole)| *is_whole);
        let (least_is_whole, greatest_is_whole) = (is_whole(&least), is_whole(&greatest));
        let value = |bound: Option<(Vec<u8>, bool)>| bound.map(|(bytes, _)| ByteArray::from(bytes));
        let nulls = Some(self.nulls as u64);
        let statistics = ValueStatistics::new(value(least), value(greatest), None, nulls, false);
        Statistics::ByteArray(statistics.with_min_is_exact(least_is_whole).with_max_is_exact(greatest_is_whole))
    }
}

/// Compares the first eight bytes of each, and the rest where those are not enough.
fn least_and_greatest<'t>(mut texts: impl Iterator<Item = &'t [u8]>) -> Option<(&'t [u8], &'t [u8])> {
    let first = texts.next()?;
    let (mut least, mut greatest) = (first, first);
    let (mut least_start, mut greatest_start) = (start_of(first), start_of(first));
    for text in texts {
        let start = start_of(text);
        if start <= least_start && text < least {
            (least, least_start) = (text, start);
        }
        if start >= greatest_start && text > greatest {
            (greatest, greatest_start) = (text, start);
        }
    }
    Some((least, greatest))
}

/// The first eight bytes of a text as a number in their order, zeros where it is shorter.
#[inline]
fn start_of(text: &[u8]) -> u64 {
    match text.first_chunk() {
        Some(start) => u64::from_be_bytes(*start),
        None => {
            let mut start = [0; 8];
            start[..text.len()].copy_from_slice(text);
            u64::from_be_bytes(start)
        }
    }
}
