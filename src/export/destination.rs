//! The destination of an export's files, and the writing of them.

use std::error::Error as StdError;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::datatypes::SchemaRef;
use asofdb_storage::{Error, Result};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::WriterPropertiesBuilder;

use super::options::ExportOptions;
use crate::files::output::{OutputDirectory, cannot_write};
use crate::files::parquet::{Compression, parquet_properties};
use crate::scan::ExportSchema;

/// The directory and the properties of the files.
pub(super) struct Destination {
    pub(super) schema: SchemaRef,
    /// Position of the event timestamp among the columns.
    pub(super) event: usize,
    pub(super) properties: WriterPropertiesBuilder,
    pub(super) compression: Compression,
    /// The directory that the files are written into.
    pub(super) directory: PathBuf,
    /// The name that it will have.
    target: PathBuf,
    written: AtomicU64,
}

impl Destination {
    pub(super) fn new(output: &OutputDirectory, schema: &ExportSchema, options: &ExportOptions) -> Self {
        Destination {
            schema: schema.arrow.clone(),
            event: schema.event,
            properties: properties(schema, options.compression),
            compression: options.compression,
            directory: output.path().to_owned(),
            target: output.target().to_owned(),
            written: AtomicU64::new(0),
        }
    }

    /// Rows in all files so far.
    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    pub(super) fn wrote(&self, rows: u64) {
        self.written.fetch_add(rows, Ordering::Relaxed);
    }

    /// Makes sure of a directory within that of the export.
    pub(super) fn create_directory(&self, name: &str) -> Result<()> {
        fs::create_dir_all(self.directory.join(name)).map_err(|error| self.cannot_write(error))
    }

    pub(super) fn cannot_write(&self, error: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        cannot_write(&self.target, error)
    }
}

fn properties(schema: &ExportSchema, compression: Compression) -> WriterPropertiesBuilder {
    parquet_properties(&schema.arrow, compression).set_sorting_columns(Some(sorting(schema)))
}

/// Returns the order of rows: by join keys, then newest first. Parquet's order of every join-key type is that of
/// encoded keys.
fn sorting(schema: &ExportSchema) -> Vec<SortingColumn> {
    let column = |index: usize| SortingColumn {
        column_idx: index as i32,
        descending: index >= schema.event,
        nulls_first: false,
    };
    (0..schema.sorted).map(column).collect()
}
