//! Files of rows for tests.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

/// Writes a Parquet file with row groups of `group_rows` rows.
pub fn parquet(path: impl AsRef<Path>, batch: &RecordBatch, group_rows: usize) -> PathBuf {
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group_rows)).build();
    let file = File::create(&path).expect("a new file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a writer");
    writer.write(batch).expect("a batch written");
    writer.close().expect("a footer written");
    path.as_ref().to_owned()
}

/// Writes a text file.
pub fn text(path: impl AsRef<Path>, text: &str) -> PathBuf {
    fs::write(&path, text).expect("a new file");
    path.as_ref().to_owned()
}
