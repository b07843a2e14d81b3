//! The entity columns of a request.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, Int32Array, Int64Array, StringBuilder, UInt64Array};
use arrow::compute::{CastOptions, cast_with_options, take};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use asofdb::{Error, JoinKey, Result, ScalarType, ValueType, arrow_type};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyList, PyString};

use super::column::Column;
use super::wire::{Parsed, parse_value, put_value, seconds};
use crate::errors::OrRaise;

/// The values of one entity column, as Feast has them.
#[pyclass(frozen, module = "asofdb._native")]
pub(crate) struct FeastKey {
    values: ArrayRef,
    /// `None`: serialized values of a type that the store has not.
    ty: Option<ScalarType>,
}

#[pymethods]
impl FeastKey {
    /// A column of plain Python values of a type; `None` where one of them is anything else, so that Feast has to
    /// convert them.
    #[staticmethod]
    fn plain(ty: &str, values: &Bound<'_, PyList>) -> Option<FeastKey> {
        let (values, ty): (ArrayRef, _) = match ty {
            "int64" => (Arc::new(Int64Array::from(plain_numbers(values)?)), ScalarType::Int64),
            "int32" => (Arc::new(Int32Array::from(plain_numbers(values)?)), ScalarType::Int32),
            "string" => (plain_texts(values)?, ScalarType::String),
            "bytes" => (plain_bytes(values)?, ScalarType::Bytes),
            _ => return None,
        };
        Some(FeastKey { values, ty: Some(ty) })
    }

    /// A column of serialized `Value`s, all of one type.
    #[staticmethod]
    fn serialized(py: Python<'_>, values: Vec<Bound<'_, PyBytes>>) -> PyResult<FeastKey> {
        let messages: Vec<&[u8]> = values.iter().map(PyBytesMethods::as_bytes).collect();
        from_messages(&messages).or_raise(py)
    }

    fn __len__(&self) -> usize {
        self.values.len()
    }
}

impl FeastKey {
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The values as the join key that they are of; only those of `rows`, if given.
    ///
    /// # Errors
    /// `Invalid` when one of them is no value of its type.
    pub(super) fn column(&self, key: &JoinKey, rows: Option<&[usize]>) -> Result<ArrayRef> {
        let (name, given) = (&key.name, self.ty.unwrap_or(ScalarType::Bytes));
        let is_whole = |ty| matches!(ty, ScalarType::Int32 | ScalarType::Int64);
        if given != key.ty && !(is_whole(given) && is_whole(key.ty)) && !self.is_null() {
            return Err(Error::invalid(format!("join key {name:?} is {} in the store: got {given}", key.ty)));
        }
        let options = CastOptions { safe: false, ..CastOptions::default() };
        let column = cast_with_options(&self.values, &arrow_type(ValueType::Scalar(key.ty)), &options);
        let chosen = column.and_then(|column| match rows {
            None => Ok(column),
            Some(rows) => take(&column, &UInt64Array::from_iter_values(rows.iter().map(|row| *row as u64)), None),
        });
        chosen.map_err(|error| Error::invalid(format!("join key {name:?} is {}", key.ty)).with_source(error))
    }

    fn is_null(&self) -> bool {
        self.values.null_count() == self.values.len()
    }

    /// Appends the fields of the `Value` of a row; none where it is null.
    pub(super) fn put(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        if self.values.is_null(row) {
            return Ok(());
        }
        let mut put = |ty, stored: &[u8]| put_value(ValueType::Scalar(ty), stored, out);
        match self.ty {
            Some(ty @ ScalarType::Int32) => put(ty, &self.values.as_primitive::<Int32Type>().value(row).to_le_bytes()),
            Some(ty @ ScalarType::Int64) => put(ty, &self.values.as_primitive::<Int64Type>().value(row).to_le_bytes()),
            Some(ty @ ScalarType::Timestamp) => {
                put(ty, &self.values.as_primitive::<TimestampMicrosecondType>().value(row).to_le_bytes())
            }
            Some(ty @ ScalarType::String) => put(ty, self.values.as_string::<i32>().value(row).as_bytes()),
            Some(ty) => put(ty, self.values.as_binary::<i32>().value(row)),
            None => {
                out.extend_from_slice(self.values.as_binary::<i32>().value(row));
                Ok(())
            }
        }
    }

    /// The value of a row for Python; timestamps as seconds, other types than the store's as serialized values.
    pub(super) fn to_python<'py>(&self, py: Python<'py>, row: usize) -> PyResult<Option<Bound<'py, PyAny>>> {
        if self.values.is_null(row) {
            return Ok(None);
        }
        let values = &self.values;
        let object = match self.ty {
            Some(ScalarType::Int32) => values.as_primitive::<Int32Type>().value(row).into_pyobject(py)?.into_any(),
            Some(ScalarType::Int64) => values.as_primitive::<Int64Type>().value(row).into_pyobject(py)?.into_any(),
            Some(ScalarType::Timestamp) => {
                let micros = values.as_primitive::<TimestampMicrosecondType>().value(row);
                seconds(micros).into_pyobject(py)?.into_any()
            }
            Some(ScalarType::String) => PyString::new(py, values.as_string::<i32>().value(row)).into_any(),
            _ => PyBytes::new(py, values.as_binary::<i32>().value(row)).into_any(),
        };
        Ok(Some(object))
    }

    /// Returns whether the values are timestamps.
    pub(super) fn is_timestamp(&self) -> bool {
        self.ty == Some(ScalarType::Timestamp)
    }

    /// Returns whether the values are serialized ones.
    pub(super) fn is_opaque(&self) -> bool {
        self.ty.is_none()
    }
}

fn plain_numbers<T: for<'py> FromPyObjectOwned<'py>>(values: &Bound<'_, PyList>) -> Option<Vec<Option<T>>> {
    let number = |value: Bound<'_, PyAny>| match value.is_none() {
        true => Some(None),
        false if value.is_exact_instance_of::<PyInt>() => value.extract().ok().map(Some),
        false => None,
    };
    values.iter().map(number).collect()
}

fn plain_texts(values: &Bound<'_, PyList>) -> Option<ArrayRef> {
    let mut texts = StringBuilder::with_capacity(values.len(), 16 * values.len());
    for value in values.iter() {
        match value.cast::<PyString>() {
            Ok(text) => texts.append_value(text.to_str().ok()?),
            Err(_) if value.is_none() => texts.append_null(),
            Err(_) => return None,
        }
    }
    Some(Arc::new(texts.finish()))
}

fn plain_bytes(values: &Bound<'_, PyList>) -> Option<ArrayRef> {
    let mut column = BinaryBuilder::with_capacity(values.len(), 16 * values.len());
    for value in values.iter() {
        match value.cast::<PyBytes>() {
            Ok(bytes) => column.append_value(bytes.as_bytes()),
            Err(_) if value.is_none() => column.append_null(),
            Err(_) => return None,
        }
    }
    Some(Arc::new(column.finish()))
}

/// A column of serialized values; its type is that of the first value that is not null.
fn from_messages(messages: &[&[u8]]) -> Result<FeastKey> {
    let mut ty = Some(ScalarType::String);
    for message in messages {
        let parsed = parse_value(message)?;
        if parsed != Parsed::Null {
            ty = key_type(parsed);
            break;
        }
    }
    let mut column = Column::new(ValueType::Scalar(ty.unwrap_or(ScalarType::Bytes)), ty.is_none());
    messages.iter().try_for_each(|message| column.push(message))?;
    Ok(FeastKey { values: column.finish(), ty })
}

/// The store's type of such keys; `None` where it has none.
fn key_type(value: Parsed<'_>) -> Option<ScalarType> {
    match value {
        Parsed::Int32(_) => Some(ScalarType::Int32),
        Parsed::Int64(_) => Some(ScalarType::Int64),
        Parsed::String(_) => Some(ScalarType::String),
        Parsed::Bytes(_) => Some(ScalarType::Bytes),
        Parsed::Timestamp(_) => Some(ScalarType::Timestamp),
        _ => None,
    }
}
