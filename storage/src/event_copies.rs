//! The copies of events under the keys of their indexes.
//!
//! The keys of the copies follow from the event alone: the join keys of an index are columns of it. All that writes or
//! erases events of an indexed view goes through here, so that a copy can neither be forgotten nor be another's.

use twox_hash::XxHash3_128;

use crate::catalog::FeatureView;
use crate::dispatch_scalar;
use crate::error::{Error, Result};
use crate::key::{self, EVENT_ID_BYTES, EVENT_TAIL_BYTES};
use crate::row::{self, RowRef, TOMBSTONE_ROW};
use crate::scalar::Scalar;
use crate::schema::{RowLayout, Slot};
use crate::value_type::{ScalarType, ValueType};

/// Bytes of the hash of an entity key at the start of the id of a copy.
const OWNER_BYTES: usize = EVENT_ID_BYTES / 2;

/// Makes the keys of copies of the events of one view.
#[derive(Debug)]
pub struct EventCopies {
    view: u32,
    name: String,
    layouts: Vec<RowLayout>,
    indexes: Vec<Index>,
    key: Vec<u8>,
}

/// One index.
#[derive(Debug)]
struct Index {
    id: u32,
    key_space: u32,
    /// By schema version: the columns that are its join keys.
    columns: Vec<Vec<Column>>,
}

/// A column that is a join key of an index.
#[derive(Debug)]
struct Column {
    name: String,
    ty: ScalarType,
    slot: Slot,
}

/// A copy of an event.
#[derive(Debug, Clone, Copy)]
pub struct EventCopy<'c> {
    /// Id of the index.
    pub index: u32,
    /// Key space of the index.
    pub key_space: u32,
    /// The row key of the copy.
    pub key: &'c [u8],
}

impl EventCopies {
    /// The copies of the events of a view; `None` where it has no indexes.
    ///
    /// # Errors
    /// `Internal` when the view lacks a column of an index.
    pub fn of(view: &FeatureView) -> Result<Option<Self>> {
        if view.also_by.is_empty() {
            return Ok(None);
        }
        let layouts = view.layouts();
        let index = |index: &crate::EventIndex| {
            let columns = layouts.iter().map(|layout| columns_of(view, index, layout)).collect::<Result<_>>()?;
            Ok(Index { id: index.id, key_space: index.key_space, columns })
        };
        let indexes = view.also_by.iter().map(index).collect::<Result<_>>()?;
        Ok(Some(EventCopies { view: view.id, name: view.name.clone(), layouts, indexes, key: Vec::new() }))
    }

    /// Returns whether these are the copies of events of a view with rows of all of its schemas.
    pub(crate) fn are_of(&self, view: &FeatureView) -> bool {
        self.view == view.id && self.layouts.len() == view.schemas.len()
    }

    /// Calls `take` with each copy of an event, whose row may be that of a deletion. There is none in an index of which
    /// a join key is null.
    ///
    /// # Errors
    /// `Invalid` when a join key of an index is NaN, or its key too long; `Corrupt` when the bytes are no event of the
    /// view, with its columns; and what `take` returned.
    pub fn each(
        &mut self,
        row_key: &[u8],
        row: &[u8],
        mut take: impl FnMut(EventCopy<'_>) -> Result<()>,
    ) -> Result<()> {
        let (entity_key, _, id) = key::split_event_key(row_key).ok_or_else(|| no_event(&self.name, "its key"))?;
        if *row == TOMBSTONE_ROW {
            let rule = "a deletion of an event names it by the columns of its event id";
            return Err(Error::invalid(format!("view {:?}: {rule}", self.name)));
        }
        let schema = usize::from(row::schema_of(row)?);
        let layout = self.layouts.get(schema).ok_or_else(|| no_event(&self.name, "its schema"))?;
        let row = RowRef::new(layout, row)?;
        let id = copy_id(entity_key, id);
        let event = &row_key[row_key.len() - EVENT_TAIL_BYTES..row_key.len() - EVENT_ID_BYTES];
        for index in &self.indexes {
            self.key.clear();
            if !append_key(&index.columns[schema], &row, &mut self.key)? {
                continue;
            }
            self.key.extend_from_slice(event);
            self.key.extend_from_slice(&id);
            take(EventCopy { index: index.id, key_space: index.key_space, key: &self.key })?;
        }
        Ok(())
    }
}

/// Returns whether an event, by the row key of its copy, is of an entity of the view; of another one only if their
/// hashes meet.
pub(crate) fn is_copy_of(copy_key: &[u8], entity_key: &[u8]) -> bool {
    key::split_event_key(copy_key).is_some_and(|(_, _, id)| id[..OWNER_BYTES] == half_hash(entity_key))
}

/// The event id of a copy: the hash of the entity whose event it is, by which an erasure finds it, and that of the id
/// which the event has there, since those of two entities may be the same.
fn copy_id(entity_key: &[u8], id: &[u8; EVENT_ID_BYTES]) -> [u8; EVENT_ID_BYTES] {
    let mut copy = [0; EVENT_ID_BYTES];
    copy[..OWNER_BYTES].copy_from_slice(&half_hash(entity_key));
    copy[OWNER_BYTES..].copy_from_slice(&half_hash(id));
    copy
}

fn half_hash(bytes: &[u8]) -> [u8; OWNER_BYTES] {
    (XxHash3_128::oneshot(bytes) as u64).to_be_bytes()
}

/// Appends the key of an index; false where a join key is null.
fn append_key(columns: &[Column], row: &RowRef<'_, '_>, key: &mut Vec<u8>) -> Result<bool> {
    for Column { name, ty, slot } in columns {
        let Some(value) = row.get(slot)? else { return Ok(false) };
        let written = dispatch_scalar!(*ty, T => T::write_key(T::from_stored(value)?, key));
        written.map_err(|error| Error::invalid(format!("column {name:?} of also_by: {}", error.message())))?;
    }
    key::check_entity_key_length(key.len())
        .map_err(|error| Error::invalid(format!("also_by {}: {}", names(columns), error.message())))?;
    Ok(true)
}

fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
}

#[cold]
fn no_event(view: &str, what: &str) -> Error {
    Error::corrupt(format!("{what} is not that of an event of view {view:?}"))
}

fn columns_of(view: &FeatureView, index: &crate::EventIndex, layout: &RowLayout) -> Result<Vec<Column>> {
    let column = |key: &crate::JoinKey| {
        let slot = view.feature(&key.name).and_then(|column| layout.slot(column.id)).copied();
        let slot = slot.filter(|slot| slot.ty == ValueType::Scalar(key.ty));
        let lacks = || Error::internal(format!("view {:?} lacks column {:?} of an index", view.name, key.name));
        Ok(Column { name: key.name.clone(), ty: key.ty, slot: slot.ok_or_else(lacks)? })
    };
    index.join_keys.iter().map(column).collect()
}
