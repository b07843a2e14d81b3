//! Rows gathered until they make a batch of columns.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, TimestampMicrosecondArray};
use asofdb_storage::row::{self, RowKind};
use asofdb_storage::{Error, Feature, Found, Result, Scanned, Status, Timestamp};

use super::keys::KeyColumns;
use super::task::Task;
use crate::arrow_types::UTC;
use crate::columns::{field_columns, status_array};
use crate::record::Records;

/// Most rows of a batch: enough that the cost of a call to the encoder for each column does not count.
const BATCH_ROWS_MAX: usize = 4096;

/// Bytes of records of fixed size in a batch: they are transposed while they are in the second-level cache.
const BATCH_RECORD_BYTES: usize = 1 << 20;

/// Bytes of values of variable length after which a batch is closed.
const BATCH_VARIABLE_BYTES: usize = 8 << 20;

/// Rows being gathered.
pub(super) struct Rows<'t> {
    task: &'t Task<'t>,
    capacity: usize,
    keys: KeyColumns,
    events: Vec<i64>,
    created: Vec<i64>,
    /// Of an export of versions: which are deletions.
    deleted: Vec<bool>,
    /// Of an export as of a time: the status of each row.
    statuses: Vec<i8>,
    records: Records,
}

impl<'t> Rows<'t> {
    pub(super) fn new(task: &'t Task<'t>) -> Self {
        let capacity = (BATCH_RECORD_BYTES / task.layout.stride()).clamp(1, BATCH_ROWS_MAX);
        Rows {
            task,
            capacity,
            keys: KeyColumns::new(task.view),
            events: Vec::with_capacity(capacity),
            created: Vec::with_capacity(capacity),
            deleted: Vec::new(),
            statuses: Vec::new(),
            records: Records::new(&task.layout, capacity),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.events.len() == self.capacity || self.records.variable_bytes() >= BATCH_VARIABLE_BYTES
    }

    /// The first and the last event of the rows gathered.
    pub(super) fn event_span(&self) -> Option<(Timestamp, Timestamp)> {
        let (first, last) = (self.events.iter().min()?, self.events.iter().max()?);
        Some((Timestamp::from_micros(*first), Timestamp::from_micros(*last)))
    }

    /// Adds a row; there must be room for it.
    #[inline]
    pub(super) fn push(&mut self, scanned: Scanned<'_>) -> Result<()> {
        debug_assert!(!self.is_full());
        let Scanned { key, version, row } = scanned;
        let view = self.task.view;
        let context = |error: Error| error.context(format!("view {:?} has a row that cannot be read", view.name));
        self.keys.push(key).map_err(context)?;
        // The versions themselves know no ttl: as of its own event none is expired.
        let at = match self.task.as_of {
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
        let (record, arena) = self.records.get_mut(self.events.len());
        self.task.layout.write(view, at, Some(Found { version, row }), record, arena).map_err(context)?;
        self.events.push(version.event.as_micros());
        self.created.push(version.created.as_micros());
        Ok(())
    }

    /// The rows gathered, as columns; `None` when there are none.
    pub(super) fn take(&mut self) -> Result<Option<RecordBatch>> {
        if self.events.is_empty() {
            return Ok(None);
        }
        let rows = self.events.len();
        let mut columns: Vec<ArrayRef> = self.keys.take().collect();
        columns.push(times(std::mem::replace(&mut self.events, Vec::with_capacity(self.capacity))));
        columns.push(times(std::mem::replace(&mut self.created, Vec::with_capacity(self.capacity))));
        columns.push(match self.task.as_of {
            Some(_) => status_array(std::mem::take(&mut self.statuses))?,
            None => Arc::new(BooleanArray::from(std::mem::take(&mut self.deleted))),
        });
        let default = |feature: &'t Feature| feature.default.as_ref().filter(|_| self.task.as_of.is_some());
        let defaults = self.task.view.features.iter().map(default);
        let fields: Vec<_> = self.task.layout.fields().iter().zip(defaults).collect();
        columns.extend(field_columns(&self.records, &fields, 0..rows)?);
        self.records.clear(rows);
        RecordBatch::try_new(self.task.schema.clone(), columns)
            .map(Some)
            .map_err(|error| Error::internal("cannot build a batch of an export").with_source(error))
    }
}

fn times(micros: Vec<i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(micros).with_timezone(UTC))
}
