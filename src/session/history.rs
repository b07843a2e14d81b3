//! Every version of one entity.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use asofdb_storage::{Feature, FeatureView, Result, Timestamp, Version};

use super::scan::{Scan, ScanBegin, ScanSink};
use crate::read::history::HistoryRow;
use crate::rows::keys::EntityKey;
use crate::rows::values::value_at;
use crate::scan::ExportRows;

/// Scans one entity.
///
/// # Errors
/// As the scan.
pub(super) fn history(
    scan: &dyn Fn(&Scan<'_>, &mut dyn ScanSink) -> Result<u64>,
    view: &str,
    entity: &EntityKey<'_>,
    limit: usize,
) -> Result<Vec<HistoryRow>> {
    let rows = ExportRows::Versions { from: None, to: None };
    let mut history = History::default();
    scan(&Scan { view, rows, entity: Some(entity), limit: Some(limit) }, &mut history)?;
    Ok(history.rows)
}

#[derive(Default)]
struct History {
    view: Option<Arc<FeatureView>>,
    rows: Vec<HistoryRow>,
}

impl ScanSink for History {
    fn begin(&mut self, begin: ScanBegin) -> Result<()> {
        self.view = Some(begin.view);
        Ok(())
    }

    fn take(&mut self, batch: RecordBatch) -> Result<()> {
        if let Some(view) = &self.view {
            append(view, &batch, &mut self.rows);
        }
        Ok(())
    }
}

/// Adds the rows of a scan of versions; its columns are the view's.
fn append(view: &FeatureView, batch: &RecordBatch, history: &mut Vec<HistoryRow>) {
    let [events, created, deleted] = [0, 1, 2].map(|after| batch.column(view.join_keys.len() + after));
    let features = &batch.columns()[view.join_keys.len() + 3..];
    let time =
        |column: &dyn Array, row| Timestamp::from_micros(column.as_primitive::<TimestampMicrosecondType>().value(row));
    let values = |row| {
        let value = |(feature, column): (&Feature, &ArrayRef)| value_at(column, feature.ty, row);
        view.features.iter().zip(features).map(value).collect()
    };
    history.extend((0..batch.num_rows()).map(|row| {
        let deleted = deleted.as_boolean().value(row);
        HistoryRow {
            version: Version::new(time(events, row), time(created, row)),
            deleted,
            values: if deleted { Vec::new() } else { values(row) },
        }
    }));
}
