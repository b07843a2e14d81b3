//! The number of rows of a Parquet file that are decoded at a time, so that they stay small whatever the file says in
//! few bytes.
//!
//! A dictionary, runs and compression make of a few bytes as many values as they like. So the heads of the pages are
//! looked at before anything is decoded: how long they become is bounded, and of each column it is known how long its
//! values are usually, and how long they may be at most.

use std::sync::Arc;

use asofdb_storage::{Error, Result};
use parquet::basic::Type as PhysicalType;
use parquet::column::page::{Page, PageReader};
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::serialized_reader::SerializedPageReader;

use super::file::SourceFile;
use super::format::InputFormat;
use super::parquet_chunks::Chunks;
use super::parquet_page::PageHead;
use super::piece::{PIECE_BYTES, PIECE_ROWS_MAX};

/// Longest page, decompressed: some tens of the usual ones, as one of each column is in memory at a time.
const PAGE_BYTES_MAX: u64 = 64 << 20;

/// Most bytes of the largest pages of all columns.
const PAGES_BYTES_MAX: u64 = 1 << 30;

/// Most bytes of rows decoded at a time where every value is as long as any may be.
const WORST_BYTES_MAX: u64 = 64 << 20;

/// Most bytes of the items of lists of a column chunk, where they are not as many in the file: any of its rows may have
/// them all.
const LISTS_BYTES_MAX: u64 = 512 << 20;

/// Bytes that the items of lists may be of each byte of the file, in larger chunks.
const LISTS_BYTES_EACH: u64 = 8;

/// Bytes of a value at least.
const VALUE_BYTES: u64 = 8;

/// The values of a column.
#[derive(Debug, Clone, Copy, Default)]
struct Width {
    /// Bytes of a row, usually.
    usual: u64,
    /// Bytes of a row at most, but for what a single page has.
    worst: u64,
    /// Bytes of the longest page.
    page: u64,
}

/// Returns the rows to decode at a time.
///
/// # Errors
/// `Invalid` for pages that are longer than may be, `Corrupt` for a file that is damaged.
pub(super) fn rows_at_a_time(
    file: &Arc<SourceFile>,
    groups: &[RowGroupMetaData],
    is_read: impl Fn(usize) -> bool,
) -> Result<usize> {
    let (mut usual, mut worst) = (1, 1);
    for group in groups {
        let rows = u64::try_from(group.num_rows()).unwrap_or(0).max(1);
        let mut sum = Width::default();
        for (_, column) in group.columns().iter().enumerate().filter(|(leaf, _)| is_read(*leaf)) {
            let width = Leaf { file, column, rows }.width()?;
            sum.usual = sum.usual.saturating_add(width.usual);
            sum.worst = sum.worst.saturating_add(width.worst);
            sum.page = sum.page.saturating_add(width.page);
        }
        if sum.page > PAGES_BYTES_MAX {
            let (name, pages) = (file.name(), sum.page);
            return Err(Error::invalid(format!(
                "file {name}: the longest pages of all columns have at most {PAGES_BYTES_MAX} bytes together: {pages}; \
                 write row groups of fewer rows"
            )));
        }
        (usual, worst) = (usual.max(sum.usual), worst.max(sum.worst));
    }
    let rows = (PIECE_BYTES as u64 / usual).min(WORST_BYTES_MAX / worst);
    Ok(rows.clamp(1, PIECE_ROWS_MAX as u64) as usize)
}

/// A column of a row group.
struct Leaf<'f> {
    file: &'f Arc<SourceFile>,
    column: &'f ColumnChunkMetaData,
    /// Rows of the group.
    rows: u64,
}

impl Leaf<'_> {
    fn width(&self) -> Result<Width> {
        let is_text = self.column.column_type() == PhysicalType::BYTE_ARRAY;
        let (start, stored) = self.place()?;
        let (mut at, mut values, mut width) = (start, 0u64, Width::default());
        let mut value = Width { usual: self.fixed_bytes(), worst: self.fixed_bytes(), page: 0 };
        while at < start + stored {
            let head = PageHead::read(self.file.glance(at)).map_err(|error| self.broken(error))?;
            let (plain, count) = self.check(&head, start + stored - at)?;
            width.page = width.page.max(plain);
            if is_text && head.is_dictionary() {
                value.usual = value.usual.max(plain / count.max(1));
                value.worst = value.worst.max(self.longest()?);
            } else if is_text && head.is_data() {
                let longest = if head.is_delta() { plain } else { plain / count.max(1) };
                value.usual = value.usual.max(plain / count.max(1));
                value.worst = value.worst.max(longest);
            }
            values = values.saturating_add(if head.is_data() { count } else { 0 });
            at += head.head_bytes + head.stored_bytes as u64;
        }
        match self.column.column_descr().max_rep_level() {
            0 => Ok(Width { page: width.page, ..value }),
            _ => self.list_width(values, value, width.page, stored),
        }
    }

    /// The width of a row of lists, which have `values` items in all.
    fn list_width(&self, values: u64, value: Width, page: u64, stored: u64) -> Result<Width> {
        let worst = values.saturating_mul(value.worst);
        let bytes = match self.column.column_type() {
            PhysicalType::BYTE_ARRAY => worst.min(values.saturating_mul(value.usual).saturating_mul(LISTS_BYTES_EACH)),
            _ => worst,
        };
        let most = LISTS_BYTES_MAX.max(stored.saturating_mul(LISTS_BYTES_EACH));
        if bytes > most {
            return Err(self.refuse(&format!(
                "the lists of a row group have at most {most} bytes once they are decoded: {bytes}; write row groups of \
                 fewer rows"
            )));
        }
        let row = |bytes: u64| bytes / self.rows + VALUE_BYTES;
        Ok(Width { usual: row(values.saturating_mul(value.usual)), worst: row(worst), page })
    }

    /// The column's beginning in the file, and its length there.
    fn place(&self) -> Result<(u64, u64)> {
        let start = self.column.dictionary_page_offset().filter(|start| *start > 0);
        let start = u64::try_from(start.unwrap_or_else(|| self.column.data_page_offset()));
        let place = start.ok().zip(u64::try_from(self.column.compressed_size()).ok());
        let is_in_file =
            |(start, length): &(u64, u64)| start.checked_add(*length).is_some_and(|end| end <= self.file.len());
        place.filter(is_in_file).ok_or_else(|| self.broken("a column lies outside of it"))
    }

    /// The bytes of a page once it is decompressed and its values; it has at most `left` bytes in the file.
    fn check(&self, head: &PageHead, left: u64) -> Result<(u64, u64)> {
        let all = (u64::try_from(head.plain_bytes), u64::try_from(head.values), u64::try_from(head.stored_bytes));
        let (Ok(plain), Ok(values), Ok(stored)) = all else {
            return Err(self.broken("a page has fewer bytes than none"));
        };
        if head.head_bytes + stored > left {
            return Err(self.broken("a page goes beyond its column"));
        }
        if plain > PAGE_BYTES_MAX {
            return Err(self.refuse(&format!("a page has at most {PAGE_BYTES_MAX} bytes, decompressed: {plain}")));
        }
        Ok((plain, values))
    }

    /// Bytes of a value of fixed length.
    fn fixed_bytes(&self) -> u64 {
        match self.column.column_type() {
            PhysicalType::FIXED_LEN_BYTE_ARRAY => {
                let length = self.column.column_descr().type_length();
                u64::try_from(length).unwrap_or(0).max(VALUE_BYTES)
            }
            PhysicalType::INT96 => 2 * VALUE_BYTES,
            _ => VALUE_BYTES,
        }
    }

    /// Bytes of the longest text of the dictionary.
    fn longest(&self) -> Result<u64> {
        let chunks = Arc::new(Chunks(self.file.clone()));
        let pages = SerializedPageReader::new(chunks, self.column, self.rows as usize, None);
        let first = pages.and_then(|mut pages| pages.get_next_page()).map_err(|error| self.broken(error))?;
        let Some(Page::DictionaryPage { buf, .. }) = first else {
            return Err(self.broken("a dictionary is not first"));
        };
        let (mut rest, mut longest) = (&buf[..], 0);
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let length = u32::from_le_bytes(*length);
            rest = after.get(length as usize..).unwrap_or_default();
            longest = longest.max(u64::from(length));
        }
        Ok(longest.min(buf.len() as u64) + VALUE_BYTES)
    }

    fn broken(&self, why: impl std::fmt::Display) -> Error {
        self.file.unreadable(InputFormat::Parquet, why)
    }

    fn refuse(&self, rule: &str) -> Error {
        Error::invalid(format!("file {}, column {:?}: {rule}", self.file.name(), self.column.column_path().string()))
    }
}
