//! A Parquet file, as the library reads it.

use std::io::BufReader;
use std::sync::Arc;

use parquet::file::reader::{ChunkReader, Length};

use super::file::{FileReader, SourceFile};

/// The file, as the library reads it.
pub(super) struct Chunks(pub(super) Arc<SourceFile>);

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl ChunkReader for Chunks {
    type T = BufReader<FileReader>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(self.0.glance(start))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<bytes::Bytes> {
        Ok(self.0.bytes(start, length)?.into())
    }
}
