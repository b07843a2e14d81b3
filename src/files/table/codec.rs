//! The compression of pages, with memory that is kept from page to page.

use parquet::basic::{Compression as ParquetCompression, ZstdLevel};
use parquet::errors::{ParquetError, Result};

use crate::files::parquet::Compression;

/// The level of zstd: higher ones cost much time for few per cent.
const ZSTD_LEVEL: i32 = 1;

/// A compressor of pages.
pub(super) enum Codec {
    /// Leaves pages as they are.
    None,
    /// Snappy.
    Snappy(Box<snap::raw::Encoder>),
    /// Zstandard.
    Zstd(zstd::bulk::Compressor<'static>),
}

impl Codec {
    /// Makes the compressor.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(super) fn new(compression: Compression) -> Result<Self> {
        Ok(match compression {
            Compression::None => Codec::None,
            Compression::Snappy => Codec::Snappy(Box::new(snap::raw::Encoder::new())),
            Compression::Zstd => Codec::Zstd(zstd::bulk::Compressor::new(ZSTD_LEVEL)?),
        })
    }

    /// Returns its name in the metadata of a column chunk.
    pub(super) fn name(&self) -> ParquetCompression {
        match self {
            Codec::None => ParquetCompression::UNCOMPRESSED,
            Codec::Snappy(_) => ParquetCompression::SNAPPY,
            Codec::Zstd(_) => ParquetCompression::ZSTD(ZstdLevel::default()),
        }
    }

    /// Compresses a page; `None` where pages are left as they are.
    ///
    /// # Errors
    /// `General` where the page is longer than the codec allows.
    pub(super) fn compress(&mut self, page: &[u8]) -> Result<Option<Vec<u8>>> {
        match self {
            Codec::None => Ok(None),
            Codec::Snappy(encoder) => {
                encoder.compress_vec(page).map(Some).map_err(|error| ParquetError::External(Box::new(error)))
            }
            Codec::Zstd(compressor) => Ok(Some(compressor.compress(page)?)),
        }
    }
}
