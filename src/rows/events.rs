//! The ids of events, from their columns.
//!
//! The id tells a redelivery of an event from another event at the same microsecond. Where the view names columns for
//! it, it is their values as they stand in keys; where it names none, it is a hash over all columns. Columns that are
//! null are not part of that hash, so that a column which is added later leaves the events of before what they are.

use arrow::array::{Array, ArrayRef, BooleanArray};
use arrow::compute::nullif;
use asofdb_storage::key::{self, EVENT_ID_BYTES};
use asofdb_storage::row::RowRef;
use asofdb_storage::scalar::Scalar;
use asofdb_storage::{Error, FeatureId, FeatureView, Result, RowLayout, ScalarType, Slot, ValueType, dispatch_scalar};
use twox_hash::XxHash3_128;

use crate::rows::arrow_scalar::ArrowScalar;
use crate::rows::lists::encode_list;

/// The ids of the events of one view.
#[derive(Debug)]
pub(super) struct EventIds {
    columns: Vec<Column>,
    is_of_all: bool,
}

/// A column of an id.
#[derive(Debug)]
struct Column {
    id: FeatureId,
    name: String,
    ty: ValueType,
    /// Its position among the slots of the layout.
    slot: usize,
}

impl EventIds {
    /// The ids of a view's events; `None` when it is no event view.
    ///
    /// # Errors
    /// `Internal` when the view lacks a column of its own.
    pub(super) fn of(view: &FeatureView, layout: &RowLayout) -> Result<Option<Self>> {
        let Some(event_id) = &view.event_id else { return Ok(None) };
        let mut ids: Vec<FeatureId> = match event_id.is_empty() {
            true => view.features.iter().map(|feature| feature.id).collect(),
            false => event_id.clone(),
        };
        if event_id.is_empty() {
            ids.sort_unstable();
        }
        let columns = ids.into_iter().map(|id| {
            let feature = view.features.iter().find(|feature| feature.id == id);
            let slot = layout.slots().iter().position(|slot| slot.feature == id);
            let lacks = || Error::internal(format!("view {:?} lacks a column of its event id", view.name));
            let (feature, slot) = feature.zip(slot).ok_or_else(lacks)?;
            Ok(Column { id, name: feature.name.clone(), ty: feature.ty, slot })
        });
        Ok(Some(EventIds { columns: columns.collect::<Result<_>>()?, is_of_all: event_id.is_empty() }))
    }

    /// The id of the event in a row of columns that are in the order of the layout's slots. `scratch` is used again.
    ///
    /// # Errors
    /// `Invalid` when a column that the view names for it is null or NaN.
    pub(super) fn get(&self, columns: &[ArrayRef], row: usize, scratch: &mut Vec<u8>) -> Result<[u8; EVENT_ID_BYTES]> {
        scratch.clear();
        for column in &self.columns {
            let array = &columns[column.slot];
            match self.is_of_all {
                true => column.append_value(array, row, scratch),
                false => column.append_key(array, row, scratch)?,
            }
        }
        Ok(self.id_of(scratch))
    }

    /// The id of the event in a stored row, whose layout has these slots. `scratch` is used again.
    ///
    /// # Errors
    /// As [`EventIds::get`]; `Corrupt` when a value cannot be read.
    pub(super) fn of_row(
        &self,
        row: &RowRef<'_, '_>,
        slots: &[Slot],
        scratch: &mut Vec<u8>,
    ) -> Result<[u8; EVENT_ID_BYTES]> {
        scratch.clear();
        for column in &self.columns {
            let value = row.get(&slots[column.slot])?;
            match (self.is_of_all, value) {
                (true, Some(value)) => column.append_with_length(scratch, |out| out.extend_from_slice(value)),
                (true, None) => {}
                (false, value) => column.append_stored_key(value, scratch)?,
            }
        }
        Ok(self.id_of(scratch))
    }

    /// The id that the bytes of its columns make.
    fn id_of(&self, bytes: &[u8]) -> [u8; EVENT_ID_BYTES] {
        let short = if self.is_of_all { None } else { key::short_event_id(bytes) };
        short.unwrap_or_else(|| key::hashed_event_id(XxHash3_128::oneshot(bytes)))
    }
}

impl EventIds {
    /// Makes null in deletions what is not part of the id: they say which event it was, and nothing else.
    ///
    /// # Errors
    /// `Internal` when a column has another length.
    pub(super) fn keep_identity(&self, columns: &mut [ArrayRef], deleted: &BooleanArray) -> Result<()> {
        if self.is_of_all || deleted.true_count() == 0 {
            return Ok(());
        }
        for (slot, column) in columns.iter_mut().enumerate() {
            if self.columns.iter().all(|of_id| of_id.slot != slot) {
                *column = nullif(column, deleted)
                    .map_err(|error| Error::internal("cannot leave out the values of a deletion").with_source(error))?;
            }
        }
        Ok(())
    }
}

impl Column {
    /// Appends the value as it stands in a key: it delimits itself.
    fn append_key(&self, array: &ArrayRef, row: usize, out: &mut Vec<u8>) -> Result<()> {
        if array.is_null(row) {
            return Err(self.is_null());
        }
        match self.ty {
            ValueType::Scalar(ty) => dispatch_scalar!(ty, T => T::write_key(T::get(T::array(array), row), out))
                .map_err(|error| self.is_no_key(&error)),
            ValueType::List(_) => Err(self.is_list()),
        }
    }

    /// Appends a value as it stands in a row as it stands in a key.
    fn append_stored_key(&self, value: Option<&[u8]>, out: &mut Vec<u8>) -> Result<()> {
        let value = value.ok_or_else(|| self.is_null())?;
        match self.ty {
            ValueType::Scalar(ty) => dispatch_scalar!(ty, T => T::write_key(T::from_stored(value)?, out))
                .map_err(|error| self.is_no_key(&error)),
            ValueType::List(_) => Err(self.is_list()),
        }
    }

    #[cold]
    fn is_null(&self) -> Error {
        Error::invalid(format!("column {:?} is null: every event has its event id", self.name))
    }

    #[cold]
    fn is_no_key(&self, error: &Error) -> Error {
        Error::invalid(format!("column {:?} of the event id: {}", self.name, error.message()))
    }

    #[cold]
    fn is_list(&self) -> Error {
        Error::internal(format!("column {:?} of an event id is a list", self.name))
    }

    /// Appends the column's number and the value as it is stored, with its length between them; nothing for null.
    fn append_value(&self, array: &ArrayRef, row: usize, out: &mut Vec<u8>) {
        if array.is_null(row) {
            return;
        }
        self.append_with_length(out, |out| match self.ty {
            ValueType::Scalar(ty) => append_stored(ty, array, row, out),
            ValueType::List(item) => out.extend_from_slice(&encode_list(item, &list_at(array, row))),
        });
    }

    /// Appends the column's number and a value, with its length between them.
    fn append_with_length(&self, out: &mut Vec<u8>, append: impl FnOnce(&mut Vec<u8>)) {
        out.extend_from_slice(&self.id.0.to_le_bytes());
        let length_at = out.len();
        out.extend_from_slice(&[0; 4]);
        append(out);
        let length = (out.len() - length_at - 4) as u32;
        out[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
    }
}

fn append_stored(ty: ScalarType, array: &ArrayRef, row: usize, out: &mut Vec<u8>) {
    dispatch_scalar!(ty, T => out.extend_from_slice(T::stored(T::get(T::array(array), row)).as_ref()));
}

fn list_at(array: &ArrayRef, row: usize) -> ArrayRef {
    arrow::array::AsArray::as_list::<i32>(array).value(row)
}
