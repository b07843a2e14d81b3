//! Arrow IPC files for tests.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::ipc::writer::{FileWriter, StreamWriter};

/// Writes an Arrow IPC file of these batches.
pub fn file(path: impl AsRef<Path>, batches: &[RecordBatch]) -> PathBuf {
    let file = File::create(&path).expect("a new file");
    let mut writer = FileWriter::try_new(file, &batches[0].schema()).expect("a writer");
    batches.iter().for_each(|batch| writer.write(batch).expect("a batch written"));
    writer.finish().expect("a footer written");
    path.as_ref().to_owned()
}

/// Writes an Arrow IPC stream of these batches.
pub fn stream(path: impl AsRef<Path>, batches: &[RecordBatch]) -> PathBuf {
    let file = File::create(&path).expect("a new file");
    let mut writer = StreamWriter::try_new(file, &batches[0].schema()).expect("a writer");
    batches.iter().for_each(|batch| writer.write(batch).expect("a batch written"));
    writer.finish().expect("an end written");
    path.as_ref().to_owned()
}
