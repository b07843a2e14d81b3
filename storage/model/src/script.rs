//! The effect of operations on a store: the same on every store with the same history.

use std::sync::Arc;

use asofdb_storage::row::{self, TOMBSTONE_ROW};
use asofdb_storage::{
    Backend, Catalog, Committed, Durability, EventCopies, FeatureView, Lookup, Result, ScalarType, Slot, Timestamp,
    Value, ValueType, Version, WriteBatch, key,
};

use crate::catalog::{ITEM, Shape, encoded_key, item_of, row_key};
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
            let (event, second) = (row.event.resolve(now), row.created.is_some());
            let item = item_of(row.key, second);
            let number = (!row.tombstone).then_some(self.writes * 100 + index as i64);
            let bytes = match number.is_some() || view.holds_events() {
                true => encoded_row(&view, number, item, self.text_bytes),
                false => TOMBSTONE_ROW.to_vec(),
            };
            let key = row_key(&view, row.key, event, second);
            Some(Row { key, event, created: row.created.map(|c| c.resolve(now)), bytes, item, view })
        };
        Write { rows: chosen.filter_map(encode).collect(), number: self.writes, bulk, sync }
    }
}

/// Rows of a part of a load that comes in parts.
const PART_ROWS: usize = 3;

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
    /// The item by which it is also found, if it is an event of an indexed view.
    item: Option<i64>,
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
            true if self.number % 2 == 0 => self.gather(backend, batch, now),
            true => backend.bulk_load(batch),
            false => backend.commit(batch, durability),
        };
        committed.map(Some)
    }

    /// Loads its rows in parts, where the store gathers such.
    fn gather(&self, backend: &dyn Backend, batch: WriteBatch, now: Timestamp) -> Result<Committed> {
        let stage = self.rows.first().and_then(|row| backend.stage(&row.view));
        let Some(mut stage) = stage else { return backend.bulk_load(batch) };
        for rows in self.rows.chunks(PART_ROWS) {
            let mut part = WriteBatch::bulk();
            for row in rows {
                part.put(&row.view, &row.key, row.event, row.created, &row.bytes, now)?;
            }
            stage.add(part)?;
        }
        stage.load(batch.notes().to_vec(), &|_| Ok(()))
    }

    /// Adds its rows to a log.
    pub fn log(&self, log: &mut Log, created: Timestamp) {
        for row in &self.rows {
            let version = Version::new(row.event, row.created.unwrap_or(created));
            log.push(row.view.id, &row.key, version, &row.bytes);
            for (index, key) in row.copies() {
                log.push_copy(row.view.id, &row.key, index, &key, version, &row.bytes);
            }
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

impl Row {
    /// The index and the row key of each of its copies.
    ///
    /// # Panics
    /// If there are copies of other entities than there should be.
    fn copies(&self) -> Vec<(u32, Vec<u8>)> {
        let Some(mut copies) = EventCopies::of(&self.view).expect("the view has its columns") else {
            return Vec::new();
        };
        let mut made = Vec::new();
        let take = |copy: asofdb_storage::EventCopy<'_>| {
            made.push((copy.index, copy.key.to_vec()));
            Ok(())
        };
        copies.each(&self.key, &self.bytes, take).expect("the row is an event of the view");
        let mut wanted = Vec::new();
        if let Some(item) = self.item {
            let mut key = Vec::new();
            key::encode_i64(item, &mut key);
            wanted.push((self.view.also_by[0].id, key));
        }
        let entities = |(index, key): &(u32, Vec<u8>)| (*index, key::entity_of(*index, key).to_vec());
        assert_eq!(made.iter().map(entities).collect::<Vec<_>>(), wanted, "copies of other entities");
        made
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

/// A row that no other write has: `number` is in its first feature, and nulls are here and there. Without a number, the
/// deletion of an event.
fn encoded_row(view: &FeatureView, number: Option<i64>, item: Option<i64>, text_bytes: usize) -> Vec<u8> {
    let layout = view.current_layout();
    let item_column = view.feature(ITEM).map(|column| column.id);
    let of_number = |slot: &Slot, number: i64| match slot.ty {
        ValueType::Scalar(ScalarType::Int64) => Some(Value::Int64(number)),
        _ if (number + slot.bit as i64) % 3 == 0 => None,
        ValueType::Scalar(ScalarType::Float64) => Some(Value::Float64(number as f64 / 2.0)),
        ValueType::Scalar(ScalarType::String) => Some(Value::String("x".repeat(number as usize % text_bytes))),
        _ => Some(Value::List(ScalarType::Float32, vec![Value::Float32(0.5); number as usize % 5])),
    };
    let value = |slot: &Slot| match Some(slot.feature) == item_column {
        true => item.map(Value::Int64),
        false => number.and_then(|number| of_number(slot, number)),
    };
    let values: Vec<_> = layout.slots().iter().map(value).collect();
    let mut bytes = Vec::new();
    match number {
        Some(_) => row::encode(&layout, &values, &mut bytes),
        None => row::encode_deletion(&layout, &values, &mut bytes),
    }
    bytes
}
