//! Exports: the whole view, as asked, readable by anything, or nothing at all.

mod contents;
mod files;
mod partitions;
mod questions;
mod round_trip;
mod whole;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use asofdb::{ExportOptions, ExportRows, MANIFEST_FILE, Manifest, Session, Store, Timestamp};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

/// An export with what was read back.
struct Exported {
    _parent: TempDir,
    path: PathBuf,
    manifest: Manifest,
    /// The rows of all files, in the order of the manifest.
    rows: RecordBatch,
}

fn versions() -> ExportOptions {
    ExportOptions::default()
}

fn rows_of(rows: ExportRows) -> ExportOptions {
    ExportOptions { rows, ..ExportOptions::default() }
}

/// Exports a view into a new directory and reads it back.
fn export(store: &Store, view: &str, options: &ExportOptions) -> Exported {
    let parent = TempDir::new().unwrap();
    let path = parent.path().join("out");
    let manifest = store.export(view, &path, options, &mut |_| ()).unwrap();
    let batches: Vec<RecordBatch> =
        manifest.files.iter().map(|file| read(&path.join(&file.path))).filter(|batch| batch.num_rows() > 0).collect();
    let schema = match manifest.files.first() {
        Some(file) => ParquetRecordBatchReaderBuilder::try_new(open(&path.join(&file.path))).unwrap().schema().clone(),
        None => arrow::datatypes::SchemaRef::new(arrow::datatypes::Schema::empty()),
    };
    let rows = concat_batches(&schema, &batches).unwrap();
    Exported { _parent: parent, path, manifest, rows }
}

fn open(path: &Path) -> File {
    File::open(path).unwrap()
}

/// All rows of one file.
fn read(path: &Path) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(open(path)).unwrap();
    let schema = builder.schema().clone();
    let batches = builder.build().unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    concat_batches(&schema, &batches).unwrap()
}

/// Every file below a directory but the manifest, as paths with `/`.
fn data_files(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => found.push(path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned()),
            }
        }
    }
    found.retain(|path| path != MANIFEST_FILE);
    found.sort();
    found
}

/// The names in a directory, hidden ones too.
fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn ints(rows: &RecordBatch, column: &str) -> Vec<Option<i64>> {
    rows.column_by_name(column).unwrap().as_primitive::<Int64Type>().iter().collect()
}

fn events(rows: &RecordBatch, column: &str) -> Vec<Timestamp> {
    let column = rows.column_by_name(column).unwrap();
    assert_eq!(column.null_count(), 0);
    column.as_primitive::<TimestampMicrosecondType>().values().iter().map(|v| Timestamp::from_micros(*v)).collect()
}

fn bools(rows: &RecordBatch, column: &str) -> Vec<bool> {
    rows.column_by_name(column).unwrap().as_boolean().iter().map(|value| value.unwrap()).collect()
}

fn texts(rows: &RecordBatch, column: &str) -> Vec<String> {
    let column = rows.column_by_name(column).unwrap();
    (0..column.len()).map(|row| arrow::util::display::array_value_to_string(column, row).unwrap()).collect()
}
