//! Rows gathered until they make a batch of columns.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, TimestampMicrosecondArray};
use asofdb_storage::row::{self, RowKind};
use asofdb_storage::{Error, Feature, Found, Result, Scanned, Sink, Status};

use super::keys::KeyColumns;
use super::selection::Selection;
use crate::read::columns::{field_columns, status_array};
use crate::read::found::write_found;
use crate::read::record::Records;
use crate::rows::types::UTC;

/// Most rows of a batch: enough that the cost of a call to the encoder for each column does not count.
const BATCH_ROWS_MAX: usize = 4096;

/// Bytes of records of fixed size in a batch: they are transposed while they are in the second-level cache.
const BATCH_RECORD_BYTES: usize = 1 << 20;

/// Bytes of values of variable length after which a batch is closed.
const BATCH_VARIABLE_BYTES: usize = 8 << 20;

/// Rows being gathered.
pub(crate) struct Rows<'t> {
    selection: &'t Selection<'t>,
    capacity: usize,
    keys: KeyColumns,
    events: Vec<i64>,
    created: Vec<i64>,
    /// The rows that are deletions, in an export of versions.
    deleted: Vec<bool>,
    /// The status of each row, in an export as of a time.
    statuses: Vec<i8>,
    records: Records,
}

impl<'t> Rows<'t> {
    /// Rows of which there will be at most `rows_max`.
    pub(crate) fn new(selection: &'t Selection<'t>, rows_max: usize) -> Self {
        let capacity = (BATCH_RECORD_BYTES / selection.rows.record().stride()).clamp(1, BATCH_ROWS_MAX);
        let capacity = capacity.min(rows_max.max(1));
        Rows {
            selection,
            capacity,
            keys: KeyColumns::new(selection.view),
            events: Vec::with_capacity(capacity),
            created: Vec::with_capacity(capacity),
            deleted: Vec::new(),
            statuses: Vec::new(),
            records: Records::new(selection.rows.record(), capacity),
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.events.len() == self.capacity || self.records.variable_bytes() >= BATCH_VARIABLE_BYTES
    }

    /// Adds a row; there must be room for it.
    #[inline]
    pub(crate) fn push(&mut self, scanned: Scanned<'_>) -> Result<()> {
        debug_assert!(!self.is_full());
        let Scanned { key, version, row } = scanned;
        let view = self.selection.view;
        let context = |error: Error| error.context(format!("view {:?} has a row that cannot be read", view.name));
        self.keys.push(key).map_err(context)?;
        // The versions themselves know no ttl: as of its own event none is expired.
        let at = match self.selection.as_of {
            Some(at) => {
                let expired = view.is_expired(version.event, at);
                self.statuses.push(if expired { Status::Expired } else { Status::Present } as i8);
                at
            }
            None => {
                self.deleted.push(row::kind(row).map_err(context)? == RowKind::Tombstone);
                version.event
            }
        };
        let (plan, mut record) = (&self.selection.rows, self.records.get_mut(self.events.len()));
        match plan.open_deletion(row).map_err(context)? {
            Some(deletion) => record.present(&deletion, version.event).map_err(context)?,
            None => write_found(view, plan, at, Some(Found { version, row }), &mut record).map_err(context)?,
        }
        self.events.push(version.event.as_micros());
        self.created.push(version.created.as_micros());
        Ok(())
    }

    /// The rows gathered, as columns; `None` when there are none.
    pub(crate) fn take(&mut self) -> Result<Option<RecordBatch>> {
        if self.events.is_empty() {
            return Ok(None);
        }
        let rows = self.events.len();
        let mut columns: Vec<ArrayRef> = self.keys.take().collect();
        columns.push(times(std::mem::replace(&mut self.events, Vec::with_capacity(self.capacity))));
        columns.push(times(std::mem::replace(&mut self.created, Vec::with_capacity(self.capacity))));
        columns.push(match self.selection.as_of {
            Some(_) => status_array(std::mem::take(&mut self.statuses))?,
            None => Arc::new(BooleanArray::from(std::mem::take(&mut self.deleted))),
        });
        let default = |feature: &'t Feature| feature.default.as_ref().filter(|_| self.selection.as_of.is_some());
        let defaults = self.selection.view.features.iter().map(default);
        let fields: Vec<_> = self.selection.rows.record().fields().iter().zip(defaults).collect();
        columns.extend(field_columns(&self.records, &fields, 0..rows)?);
        self.records.clear(rows);
        RecordBatch::try_new(self.selection.schema.arrow.clone(), columns)
            .map(Some)
            .map_err(|error| Error::internal("cannot build a batch of an export").with_source(error))
    }
}

fn times(micros: Vec<i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(micros).with_timezone(UTC))
}
