//! The effect of operations on a store: the same on every store with the same history.

use std::sync::Arc;

use asofdb_storage::row::{self, TOMBSTONE_ROW};
use asofdb_storage::{
    Backend, Catalog, Committed, Durability, FeatureView, Lookup, Result, ScalarType, Slot, Timestamp, Value,
    ValueType, Version, WriteBatch,
};

use crate::catalog::{Shape, encoded_key, row_key};
use crate::log::Log;
use crate::op::{Change, OpRow};

/// The note that writes set or remove.
pub const NOTE: &[u8] = b"progress";

/// The note that every write sets to its number.
pub const LAST: &[u8] = b"last";

/// The state of a history that does not depend on the store: the wanted catalog, and the number of writes.
#[derive(Debug, Clone)]
pub struct Script {
    shape: Shape,
    writes: i64,
    text_bytes: usize,
}

impl Script {
    /// The beginning of a history whose texts have less than so many bytes.
    pub fn new(text_bytes: usize) -> Self {
        Script { shape: Shape::default(), writes: 0, text_bytes }
    }

    /// The number of writes so far.
    pub fn writes(&self) -> i64 {
        self.writes
    }

    /// Makes a change of the catalog; false when it changes nothing.
    pub fn change(&mut self, change: Change) -> bool {
        self.shape.change(change)
    }

    /// The catalog that is wanted now, to follow `current`.
    ///
    /// # Panics
    /// When the plan is refused: every shape is a compatible change of every other.
    pub fn plan(&self, current: &Catalog, now: Timestamp) -> Catalog {
        self.shape.plan(current, now)
    }

    /// Counts a write that is not made again.
    pub fn skip_write(&mut self) {
        self.writes += 1;
    }

    /// The next write, of those rows whose views exist; a bulk load has those of the first row's view.
    pub fn write(&mut self, rows: &[OpRow], bulk: bool, sync: bool, catalog: &Catalog, now: Timestamp) -> Write {
        self.writes += 1;
        let of_one_view = rows.first().map(|row| row.view).filter(|_| bulk);
        let chosen = rows.iter().enumerate().filter(|(_, row)| of_one_view.is_none_or(|view| row.view == view));
        let encode = |(index, row): (usize, &OpRow)| {
            let view = catalog.view(Shape::name(row.view))?.clone();
            let bytes = match row.tombstone {
                true => TOMBSTONE_ROW.to_vec(),
                false => encoded_row(&view, self.writes * 100 + index as i64, self.text_bytes),
            };
            let event = row.event.resolve(now);
            let key = row_key(&view, row.key, event, row.created.is_some());
            Some(Row { key, event, created: row.created.map(|c| c.resolve(now)), bytes, view })
        };
        Write { rows: chosen.filter_map(encode).collect(), number: self.writes, bulk, sync }
    }
}

/// One write, with all that it writes.
#[derive(Debug)]
pub struct Write {
    rows: Vec<Row>,
    number: i64,
    bulk: bool,
    sync: bool,
}

/// One row to write.
#[derive(Debug)]
struct Row {
    view: Arc<FeatureView>,
    key: Vec<u8>,
    event: Timestamp,
    created: Option<Timestamp>,
    bytes: Vec<u8>,
}

impl Write {
    /// Returns whether it is on disk when it returns.
    pub fn is_synced(&self) -> bool {
        self.bulk || self.sync
    }

    /// The fate of [`NOTE`].
    pub fn note(&self) -> Option<Vec<u8>> {
        (self.number % 4 != 0).then(|| self.number.to_le_bytes().to_vec())
    }

    /// Makes the write at the present `now`; `None` where a rule refuses it whole.
    ///
    /// # Errors
    /// Those of the store.
    pub fn commit(&self, backend: &dyn Backend, now: Timestamp) -> Result<Option<Committed>> {
        let Ok(batch) = self.batch(now) else { return Ok(None) };
        let durability = if self.sync { Durability::Sync } else { Durability::Os };
        let committed = match self.bulk {
            true => backend.bulk_load(batch),
            false => backend.commit(batch, durability),
        };
        committed.map(Some)
    }

    /// Adds its rows to a log.
    pub fn log(&self, log: &mut Log, created: Timestamp) {
        for row in &self.rows {
            log.push(row.view.id, &row.key, Version::new(row.event, row.created.unwrap_or(created)), &row.bytes);
        }
    }

    fn batch(&self, now: Timestamp) -> Result<WriteBatch> {
        let mut batch = if self.bulk { WriteBatch::bulk() } else { WriteBatch::new() };
        for row in &self.rows {
            batch.put(&row.view, &row.key, row.event, row.created, &row.bytes, now)?;
        }
        batch.note(NOTE, self.note());
        batch.note(LAST, Some(self.number.to_le_bytes().to_vec()));
        Ok(batch)
    }
}

/// The rows of entity `key`, one a view that there is.
pub struct EntityRows(Vec<(Arc<FeatureView>, Vec<u8>)>);

impl EntityRows {
    /// Those of the views of a catalog.
    pub fn of(catalog: &Catalog, key: u8) -> Self {
        EntityRows(catalog.views().map(|view| (view.clone(), encoded_key(view, key))).collect())
    }

    /// The rows, as they are asked about.
    pub fn lookups(&self) -> Vec<Lookup<'_>> {
        self.0.iter().map(|(view, key)| Lookup { view, key }).collect()
    }
}

/// A row that no other write has: `number` is in its first feature, and nulls are here and there.
fn encoded_row(view: &FeatureView, number: i64, text_bytes: usize) -> Vec<u8> {
    let layout = view.current_layout();
    let value = |slot: &Slot| match slot.ty {
        ValueType::Scalar(ScalarType::Int64) => Some(Value::Int64(number)),
        _ if (number + slot.bit as i64) % 3 == 0 => None,
        ValueType::Scalar(ScalarType::Float64) => Some(Value::Float64(number as f64 / 2.0)),
        ValueType::Scalar(ScalarType::String) => Some(Value::String("x".repeat(number as usize % text_bytes))),
        _ => Some(Value::List(ScalarType::Float32, vec![Value::Float32(0.5); number as usize % 5])),
    };
    let values: Vec<_> = layout.slots().iter().map(value).collect();
    let mut bytes = Vec::new();
    row::encode(&layout, &values, &mut bytes);
    bytes
}
