//! The pages of one column chunk, compressed, and what the file says of them.

use std::io::{Cursor, Read};

use bytes::Bytes;
use parquet::basic::{BoundaryOrder, Compression as ParquetCompression, Encoding, EncodingMask, PageType};
use parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::Result;
use parquet::file::metadata::{ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use super::codec::Codec;

/// A data page with what its column index says.
pub(super) struct DataPage<'a> {
    /// Levels and values.
    pub(super) body: &'a [u8],
    pub(super) encoding: Encoding,
    pub(super) rows: usize,
    pub(super) nulls: usize,
    /// The least and the greatest value; `None` where all are null.
    pub(super) bounds: Option<(Vec<u8>, Vec<u8>)>,
    /// Values that are no number; `None` of other types than floats.
    pub(super) nans: Option<u64>,
    /// Bytes of texts.
    pub(super) text_bytes: Option<usize>,
    /// Bytes of the dictionary so far.
    pub(super) dictionary_bytes: usize,
}

/// The pages of a column chunk.
pub(super) struct Pages {
    column: ColumnDescPtr,
    sink: TrackedWrite<Vec<u8>>,
    /// True if pages are compressed, which the first one decides; `None` before it.
    compressed: Option<bool>,
    encodings: Vec<Encoding>,
    stats: Vec<PageEncodingStats>,
    index: ColumnIndexBuilder,
    offsets: OffsetIndexBuilder,
    rows: u64,
    text_bytes: Option<i64>,
    compressed_bytes: i64,
    plain_bytes: i64,
}

/// A column chunk that can be appended to a row group.
pub(super) struct FinishedChunk {
    /// The dictionary's page, or nothing.
    dictionary: Bytes,
    data: Bytes,
    close: ColumnCloseResult,
}

/// The outcome of a chunk once its last page is there.
pub(super) struct ChunkEnd {
    pub(super) statistics: Statistics,
    pub(super) order: BoundaryOrder,
    /// The bytes and the number of the dictionary's values.
    pub(super) dictionary: Option<(Vec<u8>, usize)>,
}

impl Pages {
    /// No pages yet, which will lie in `memory`.
    pub(super) fn new(column: ColumnDescPtr, mut memory: Vec<u8>) -> Self {
        memory.clear();
        Pages {
            sink: TrackedWrite::new(memory),
            compressed: None,
            encodings: Vec::new(),
            stats: Vec::new(),
            index: ColumnIndexBuilder::new(column.physical_type()),
            offsets: OffsetIndexBuilder::new(),
            rows: 0,
            text_bytes: None,
            compressed_bytes: 0,
            plain_bytes: 0,
            column,
        }
    }

    /// Bytes of the pages so far.
    pub(super) fn bytes(&self) -> usize {
        self.sink.bytes_written()
    }

    /// Adds a data page.
    ///
    /// # Errors
    /// `General` where a page is longer than the format allows.
    pub(super) fn add(&mut self, page: DataPage<'_>, codec: &mut Codec) -> Result<()> {
        let buf = self.compress(&page, codec)?;
        let data = Page::DataPage {
            buf,
            num_values: page.rows as u32,
            encoding: page.encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let spec = SerializedPageWriter::new(&mut self.sink).write_page(CompressedPage::new(data, page.body.len()))?;
        self.count(&spec, page.encoding, PageType::DATA_PAGE);
        self.offsets.append_offset_and_size(spec.offset as i64, spec.compressed_size as i32);
        self.offsets.append_row_count(page.rows as i64);
        self.offsets.append_unencoded_byte_array_data_bytes(page.text_bytes.map(|bytes| bytes as i64));
        let is_null = page.bounds.is_none();
        let (least, greatest) = page.bounds.unwrap_or_default();
        let nans = page.nans.map(|nans| nans as i64);
        self.index.append(is_null, least, greatest, page.nulls as i64, nans);
        self.rows += page.rows as u64;
        self.text_bytes = page.text_bytes.map(|bytes| self.text_bytes.unwrap_or(0) + bytes as i64);
        Ok(())
    }

    /// Compresses a page, unless the first one of the chunk became hardly smaller and there is no large dictionary,
    /// which may become so.
    fn compress(&mut self, page: &DataPage<'_>, codec: &mut Codec) -> Result<Bytes> {
        let body = page.body;
        if self.compressed != Some(false)
            && let Some(compressed) = codec.compress(body)?
        {
            let is_worth_it = compressed.len() * 32 < body.len() * 31 || page.dictionary_bytes > body.len();
            if *self.compressed.get_or_insert(is_worth_it) {
                return Ok(compressed.into());
            }
        }
        self.compressed = Some(false);
        Ok(Bytes::copy_from_slice(body))
    }

    fn count(&mut self, spec: &PageWriteSpec, encoding: Encoding, page_type: PageType) {
        self.compressed_bytes += spec.compressed_size as i64;
        self.plain_bytes += spec.uncompressed_size as i64;
        if !self.encodings.contains(&encoding) {
            self.encodings.push(encoding);
        }
        match self.stats.iter_mut().find(|stats| stats.page_type == page_type && stats.encoding == encoding) {
            Some(stats) => stats.count += 1,
            None => self.stats.push(PageEncodingStats { page_type, encoding, count: 1 }),
        }
    }

    /// Ends the chunk.
    ///
    /// # Errors
    /// As [`Pages::add`].
    pub(super) fn finish(mut self, end: ChunkEnd, codec: &mut Codec) -> Result<FinishedChunk> {
        let is_compressed = self.compressed == Some(true);
        let dictionary = match end.dictionary {
            Some((values, count)) => self.dictionary_page(&values, count, codec)?,
            None => Vec::new(),
        };
        if !self.encodings.contains(&Encoding::RLE) {
            self.encodings.push(Encoding::RLE);
        }
        let codec = if is_compressed { codec.name() } else { ParquetCompression::UNCOMPRESSED };
        let metadata = ColumnChunkMetaData::builder(self.column)
            .set_compression(codec)
            .set_encodings_mask(EncodingMask::new_from_encodings(self.encodings.iter()))
            .set_page_encoding_stats(self.stats)
            .set_total_compressed_size(self.compressed_bytes)
            .set_total_uncompressed_size(self.plain_bytes)
            .set_num_values(self.rows as i64)
            .set_data_page_offset(0)
            .set_statistics(end.statistics)
            .set_unencoded_byte_array_data_bytes(self.text_bytes)
            .build()?;
        self.index.set_boundary_order(end.order);
        let close = ColumnCloseResult {
            bytes_written: self.compressed_bytes as u64,
            rows_written: self.rows,
            metadata,
            bloom_filter: None,
            column_index: Some(self.index.build()?),
            offset_index: Some(self.offsets.build()),
        };
        let close = close.update_dictionary_location(dictionary.len())?;
        Ok(FinishedChunk { dictionary: dictionary.into(), data: self.sink.into_inner()?.into(), close })
    }

    fn dictionary_page(&mut self, values: &[u8], count: usize, codec: &mut Codec) -> Result<Vec<u8>> {
        let buf = match self.compressed {
            Some(true) => codec.compress(values)?.map(Bytes::from),
            _ => None,
        };
        let page = Page::DictionaryPage {
            buf: buf.unwrap_or_else(|| Bytes::copy_from_slice(values)),
            num_values: count as u32,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        let mut sink = TrackedWrite::new(Vec::new());
        let spec = SerializedPageWriter::new(&mut sink).write_page(CompressedPage::new(page, values.len()))?;
        self.count(&spec, Encoding::PLAIN, PageType::DICTIONARY_PAGE);
        // Readers expect it where it lies in the file: before all others.
        self.stats.rotate_right(1);
        sink.into_inner()
    }
}

impl FinishedChunk {
    /// The bytes, and what is to be said of them.
    pub(super) fn into_parts(self) -> (ChunkBytes, ColumnCloseResult) {
        (ChunkBytes { dictionary: self.dictionary, data: self.data }, self.close)
    }
}

/// The bytes of a column chunk.
pub(super) struct ChunkBytes {
    dictionary: Bytes,
    data: Bytes,
}

impl ChunkBytes {
    /// Gives back the memory of the pages, for those of the next chunk.
    pub(super) fn into_memory(self) -> Vec<u8> {
        self.data.into()
    }
}

impl Length for ChunkBytes {
    fn len(&self) -> u64 {
        (self.dictionary.len() + self.data.len()) as u64
    }
}

impl ChunkReader for ChunkBytes {
    type T = std::io::Chain<Cursor<Bytes>, Cursor<Bytes>>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        let mut dictionary = Cursor::new(self.dictionary.clone());
        dictionary.set_position(start);
        Ok(dictionary.chain(Cursor::new(self.data.clone())))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let mut bytes = vec![0; length];
        self.get_read(start)?.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}
