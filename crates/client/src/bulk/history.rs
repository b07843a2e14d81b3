//! Every version of one entity.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use asofdb::parts::value_at;
use asofdb::{EntityKey, ExportRows, Feature, FeatureView, HistoryRow, Result, Timestamp, Version};
use asofdb_protocol::{NamedValue, ScanRequest, ScanRows};

use crate::bulk::scan::ScanStream;
use crate::client::Client;

impl Client {
    /// Every version of one entity in a view, newest first; at most `limit`. See
    /// [`Store::history`](asofdb::Store::history).
    ///
    /// # Errors
    /// As there; `Unavailable` when the sidecar does not answer.
    pub fn history(&self, view: &str, entity: &EntityKey<'_>, limit: usize) -> Result<Vec<HistoryRow>> {
        let rows = ExportRows::Versions { from: None, to: None };
        let request = ScanRequest {
            view: view.to_owned(),
            rows: ScanRows::from(rows),
            entity: Some(NamedValue::from_entity(entity)?),
            limit: Some(limit as u64),
        };
        let stream = ScanStream::open(self, &request)?;
        let (view, _) = stream.view(self, view, &rows)?;
        let mut history = Vec::new();
        for batch in stream {
            append(&view, &batch?, &mut history);
        }
        Ok(history)
    }
}

/// The rows of an export of versions; its columns are the view's.
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
