//! Options of an export.

use asofdb_storage::{Error, FeatureView, Result};
use serde::{Deserialize, Serialize};

use crate::files::parquet::Compression;
use crate::scan::{ExportRows, own_names};

/// Threads of an export unless told otherwise: scanning and encoding scale over cores until the disk is busy.
pub const EXPORT_THREADS_DEFAULT: usize = 2;

/// Most threads of an export. Each holds up to [`EXPORT_THREAD_MEMORY_BYTES_MAX`].
pub const EXPORT_THREADS_MAX: usize = 64;

/// Memory that one thread of an export may hold, above the store's own budget: a row group being encoded, rows that
/// wait for their partition, and a batch of columns.
pub const EXPORT_THREAD_MEMORY_BYTES_MAX: usize = 192 << 20;

/// The distribution of an export's files over directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartitionBy {
    /// `event_date=2013-01-01`, by the UTC day of the event.
    Day,
    /// `event_month=2013-01`, by the UTC month of the event.
    Month,
}

impl PartitionBy {
    /// The name of the column that the directories stand for.
    pub const fn column(self) -> &'static str {
        match self {
            PartitionBy::Day => "event_date",
            PartitionBy::Month => "event_month",
        }
    }
}

/// Options of an export of one view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportOptions {
    /// The rows to export.
    pub rows: ExportRows,
    /// Directories by event time; `None`: all files in one.
    pub partition_by: Option<PartitionBy>,
    /// Compression of the files.
    pub compression: Compression,
    /// Threads, from 1 to [`EXPORT_THREADS_MAX`]; each may hold [`EXPORT_THREAD_MEMORY_BYTES_MAX`].
    pub threads: usize,
}

impl Default for ExportOptions {
    fn default() -> Self {
        ExportOptions {
            rows: ExportRows::Versions { from: None, to: None },
            partition_by: None,
            compression: Compression::default(),
            threads: EXPORT_THREADS_DEFAULT,
        }
    }
}

impl ExportOptions {
    /// Refuses options out of range.
    ///
    /// # Errors
    /// `Invalid`, naming the rule.
    pub fn check(&self) -> Result<()> {
        if !(1..=EXPORT_THREADS_MAX).contains(&self.threads) {
            return Err(Error::invalid(format!("an export has 1 to {EXPORT_THREADS_MAX} threads: {}", self.threads)));
        }
        self.rows.check()
    }
}

/// Refuses partitions whose column has the name of a column of the view.
///
/// # Errors
/// `Conflict`, naming the column.
pub(crate) fn check_partitions(view: &FeatureView, partition_by: Option<PartitionBy>) -> Result<()> {
    match partition_by.map(PartitionBy::column).filter(|column| own_names(view).any(|name| name == *column)) {
        None => Ok(()),
        Some(column) => Err(Error::conflict(format!(
            "view {:?} has a column of the partition's name; export it without partitions: {column:?}",
            view.name
        ))),
    }
}
