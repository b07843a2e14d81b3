//! What can be asked of an export.

use asofdb_storage::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};

use crate::parquet_files::Compression;
use crate::rfc3339;

/// Threads of an export unless told otherwise: scanning and encoding scale over cores until the disk is busy.
pub const EXPORT_THREADS_DEFAULT: usize = 2;

/// Most threads of an export. Each holds up to [`EXPORT_THREAD_MEMORY_BYTES_MAX`].
pub const EXPORT_THREADS_MAX: usize = 64;

/// Memory that one thread of an export may hold, above the store's own budget: a row group being encoded, rows that
/// wait for their partition, and a batch of columns.
pub const EXPORT_THREAD_MEMORY_BYTES_MAX: usize = 192 << 20;

/// Which rows of a view are exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportRows {
    /// Every version with an event from `from`, inclusive, to `to`, exclusive, so that consecutive exports share
    /// none. Deletions are among them.
    Versions {
        /// First event; `None`: from the beginning.
        #[serde(with = "rfc3339::option")]
        from: Option<Timestamp>,
        /// First event after them; `None`: to the end, also what is dated in the future.
        #[serde(with = "rfc3339::option")]
        to: Option<Timestamp>,
    },
    /// Of each entity, the version that a read as of this time finds. Deleted entities are left out.
    AsOf(#[serde(with = "rfc3339")] Timestamp),
    /// As of now.
    Latest,
}

/// How the files of an export are distributed over directories.
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

/// How a view is exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportOptions {
    /// Which rows.
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
    pub(crate) fn check(&self) -> Result<()> {
        if !(1..=EXPORT_THREADS_MAX).contains(&self.threads) {
            return Err(Error::invalid(format!("an export has 1 to {EXPORT_THREADS_MAX} threads: {}", self.threads)));
        }
        self.rows.check()
    }
}

impl ExportRows {
    /// Whether every version is among them.
    pub(crate) fn is_everything(&self) -> bool {
        matches!(self, ExportRows::Versions { from: None, to: None })
    }

    pub(crate) fn check(&self) -> Result<()> {
        match self {
            ExportRows::Versions { from: Some(from), to: Some(to) } if from >= to => {
                Err(Error::invalid(format!("an export is from a time to a later one (exclusive): {from} to {to}")))
            }
            _ => Ok(()),
        }
    }
}
