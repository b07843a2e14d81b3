//! A scan: rows of a view, of one state, and who takes them.

use std::sync::Arc;

use arrow::array::RecordBatch;
use asofdb_storage::{FeatureView, Result, Timestamp};

use crate::rows::keys::EntityKey;
use crate::scan::{ExportRows, ExportSchema};

/// The rows that a scan gives.
#[derive(Debug, Clone, Copy)]
pub struct Scan<'a> {
    /// Name of the view.
    pub view: &'a str,
    /// Every version, or those that a time finds.
    pub rows: ExportRows,
    /// The only entity whose rows are wanted; `None`: all.
    pub entity: Option<&'a EntityKey<'a>>,
    /// Most rows; `None`: all.
    pub limit: Option<usize>,
}

/// The beginning of a scan.
#[derive(Debug)]
pub struct ScanBegin {
    /// The view, as the rows are read.
    pub view: Arc<FeatureView>,
    /// The columns of every batch.
    pub schema: ExportSchema,
    /// The time of the state that is read.
    pub snapshot: Timestamp,
    /// About how many versions the view has.
    pub versions_estimate: u64,
}

/// The taker of a scan's rows: told the beginning once, then each batch.
pub trait ScanSink {
    /// Takes the beginning.
    ///
    /// # Errors
    /// Whatever ends the scan.
    fn begin(&mut self, begin: ScanBegin) -> Result<()>;

    /// Takes some rows, which are of the beginning's schema.
    ///
    /// # Errors
    /// Whatever ends the scan.
    fn take(&mut self, batch: RecordBatch) -> Result<()>;
}
