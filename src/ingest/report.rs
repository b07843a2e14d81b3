//! Reports of ingests.

use std::path::PathBuf;
use std::time::Duration;

/// The report of an ingest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IngestReport {
    /// Rows read, good and bad, without those an earlier run had read.
    pub rows_read: u64,
    /// Rows written.
    pub rows_written: u64,
    /// Bad rows set aside: as many as the rejects file has lines.
    pub rows_rejected: u64,
    /// Rows that an earlier run had read.
    pub rows_resumed: u64,
    /// The reports of single files, in the order of the inputs.
    pub files: Vec<IngestedFile>,
    /// The rejects file, if there is one.
    pub rejects: Option<PathBuf>,
    /// The duration.
    pub elapsed: Duration,
}

/// The report of one input of an ingest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IngestedFile {
    /// The path in quotes, or what the reader was called.
    pub name: String,
    /// Rows read, good and bad, without those an earlier run had read.
    pub rows_read: u64,
    /// Rows written.
    pub rows_written: u64,
    /// Bad rows set aside.
    pub rows_rejected: u64,
    /// Rows that an earlier run had read.
    pub rows_resumed: u64,
}

impl IngestReport {
    /// Rows read a second.
    pub fn rows_per_second(&self) -> f64 {
        self.rows_read as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    pub(super) fn new(files: Vec<IngestedFile>, rejects: Option<PathBuf>, elapsed: Duration) -> Self {
        let sum = |rows: fn(&IngestedFile) -> u64| files.iter().map(rows).sum();
        IngestReport {
            rows_read: sum(|file| file.rows_read),
            rows_written: sum(|file| file.rows_written),
            rows_rejected: sum(|file| file.rows_rejected),
            rows_resumed: sum(|file| file.rows_resumed),
            files,
            rejects,
            elapsed,
        }
    }
}
