//! One Parquet file of an export.

use std::fs::{self, File};

use arrow::datatypes::{DataType, Schema};
use asofdb_storage::{Result, Scanned, Timestamp};
use parquet::arrow::ArrowWriter;
use parquet::basic::ZstdLevel;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use super::manifest::ManifestFile;
use super::options::Compression;
use super::rows::Rows;
use super::task::Task;
use crate::output::cannot_write;

/// Most rows of a row group: readers divide work by row groups, and half a megabyte of a column is worth a read.
/// Groups twice as large cost a twentieth more time, in fresh memory.
const ROW_GROUP_ROWS_MAX: usize = 1 << 17;

/// Most bytes of a row group; it is held in memory until it is whole.
const ROW_GROUP_BYTES_MAX: usize = 64 << 20;

/// How the files of an export are written.
pub(super) fn properties(schema: &Schema, join_keys: usize, compression: Compression) -> WriterProperties {
    let metadata = schema.metadata().iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    let mut metadata: Vec<KeyValue> = metadata.collect();
    metadata.sort_by(|a, b| a.key.cmp(&b.key));
    let builder = WriterProperties::builder()
        .set_created_by(concat!("asofdb ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(match compression {
            Compression::Zstd => parquet::basic::Compression::ZSTD(ZstdLevel::default()),
            Compression::Snappy => parquet::basic::Compression::SNAPPY,
            Compression::None => parquet::basic::Compression::UNCOMPRESSED,
        })
        .set_key_value_metadata(Some(metadata))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS_MAX))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES_MAX))
        .set_sorting_columns(Some(sorting(join_keys)))
        .set_dictionary_enabled(false);
    dictionaries(builder, schema).build()
}

/// By join keys, then newest first. Parquet's order of every join-key type is the order of encoded keys.
fn sorting(join_keys: usize) -> Vec<SortingColumn> {
    let column =
        |index: usize| SortingColumn { column_idx: index as i32, descending: index >= join_keys, nulls_first: false };
    (0..join_keys + 2).map(column).collect()
}

/// Dictionaries for strings only: numbers repeat too little to be worth twice the time.
fn dictionaries(mut builder: WriterPropertiesBuilder, schema: &Schema) -> WriterPropertiesBuilder {
    let is_string = |ty: &DataType| matches!(ty, DataType::Utf8 | DataType::Dictionary(..));
    for field in schema.fields() {
        let path = match field.data_type() {
            DataType::List(item) if is_string(item.data_type()) => vec![field.name(), "list", item.name()],
            ty if is_string(ty) => vec![field.name().as_str()],
            _ => continue,
        };
        let path = path.into_iter().map(str::to_owned).collect::<Vec<_>>();
        builder = builder.set_column_dictionary_enabled(ColumnPath::new(path), true);
    }
    builder
}

/// A file that was written.
pub(super) struct Written {
    pub(super) file: ManifestFile,
    /// The first and the last event; `None` when it has no rows.
    pub(super) span: Option<(Timestamp, Timestamp)>,
}

/// A file being written. Rows come in the order of the scan.
pub(super) struct Part<'t> {
    task: &'t Task<'t>,
    path: String,
    writer: ArrowWriter<File>,
    rows: Rows<'t>,
    written: u64,
    span: Option<(Timestamp, Timestamp)>,
}

impl<'t> Part<'t> {
    /// Starts the file at `path` within the export's directory.
    pub(super) fn create(task: &'t Task<'t>, path: String) -> Result<Self> {
        let file = File::create_new(task.directory.join(&path)).map_err(|error| cannot_write(task.target, error))?;
        let writer = ArrowWriter::try_new(file, task.schema.clone(), Some(task.properties.clone()))
            .map_err(|error| cannot_write(task.target, error))?;
        Ok(Part { task, path, writer, rows: Rows::new(task), written: 0, span: None })
    }

    #[inline]
    pub(super) fn push(&mut self, scanned: Scanned<'_>) -> Result<()> {
        self.rows.push(scanned)?;
        if self.rows.is_full() { self.write_batch() } else { Ok(()) }
    }

    fn write_batch(&mut self) -> Result<()> {
        let span = self.rows.event_span();
        let Some((first, last)) = span else { return Ok(()) };
        self.span = Some(self.span.map_or((first, last), |(a, b)| (a.min(first), b.max(last))));
        let Some(batch) = self.rows.take()? else { return Ok(()) };
        self.written += batch.num_rows() as u64;
        self.task.counts.wrote(batch.num_rows() as u64);
        self.writer.write(&batch).map_err(|error| cannot_write(self.task.target, error))
    }

    /// Closes the file.
    pub(super) fn finish(mut self) -> Result<Written> {
        self.write_batch()?;
        let Part { task, path, writer, written, span, .. } = self;
        writer.close().map_err(|error| cannot_write(task.target, error))?;
        let bytes = fs::metadata(task.directory.join(&path)).map_err(|error| cannot_write(task.target, error))?.len();
        Ok(Written { file: ManifestFile { path, rows: written, bytes }, span })
    }
}
