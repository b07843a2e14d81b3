//! The entities of a request, from whatever a caller has.

use arrow::array::{ArrayRef, RecordBatch};
use asofdb::{EntityRows, Prepared, ScalarType, ValueType, arrow_type};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyList, PyString};

use crate::columns::{column, sequence};
use crate::errors::{OrRaise, invalid};
use crate::key_column::KeyColumn;
use crate::table::{batch, transposed};

/// Entities, encoded and as they were given.
pub(crate) struct Entities {
    pub(crate) rows: EntityRows,
    pub(crate) keys: Vec<EntityColumn>,
}

/// The values of a join key.
pub(crate) struct EntityColumn {
    pub(crate) name: String,
    pub(crate) ty: ScalarType,
    /// The column, of exactly that type.
    pub(crate) column: ArrayRef,
}

/// Entity rows from a dict of columns, a dict of single values (one row), a list of dicts, or a table.
pub(crate) fn entity_rows(entities: &Bound<'_, PyAny>, prepared: &Prepared, keys: &[KeyColumn]) -> PyResult<Entities> {
    if let Ok(columns) = entities.cast::<PyDict>() {
        return of_dict(columns, prepared, keys);
    }
    if let Ok(rows) = entities.cast::<PyList>() {
        return of_columns(&transposed(rows)?, prepared, keys);
    }
    let type_of = |name: &str| keys.iter().find(|key| key.name_text == name).map(|key| ValueType::Scalar(key.ty));
    of_batch(entities.py(), &batch(entities, &type_of)?, prepared, keys)
}

fn of_dict(columns: &Bound<'_, PyDict>, prepared: &Prepared, keys: &[KeyColumn]) -> PyResult<Entities> {
    let is_one = !columns.is_empty() && columns.values().iter().all(|value| is_single(&value));
    check_names(columns, keys)?;
    let column = |key: &KeyColumn, ty: ValueType, value: Bound<'_, PyAny>| match is_one {
        true => sequence(&[value], ty, &key.name_text),
        false => column(&value, ty, &key.name_text),
    };
    let each = |key: &KeyColumn| column(key, ValueType::Scalar(key.ty), given(columns, key)?);
    of_arrays(columns.py(), keys.iter().map(each).collect::<PyResult<_>>()?, prepared, keys)
}

/// Entities of a list of dicts; an empty one has no columns, and no rows.
fn of_columns(columns: &Bound<'_, PyDict>, prepared: &Prepared, keys: &[KeyColumn]) -> PyResult<Entities> {
    if columns.is_empty() {
        let arrays = keys.iter().map(|key| sequence(&[], ValueType::Scalar(key.ty), &key.name_text));
        return of_arrays(columns.py(), arrays.collect::<PyResult<_>>()?, prepared, keys);
    }
    check_names(columns, keys)?;
    let each = |key: &KeyColumn| column(&given(columns, key)?, ValueType::Scalar(key.ty), &key.name_text);
    of_arrays(columns.py(), keys.iter().map(each).collect::<PyResult<_>>()?, prepared, keys)
}

fn of_arrays(py: Python<'_>, arrays: Vec<ArrayRef>, prepared: &Prepared, keys: &[KeyColumn]) -> PyResult<Entities> {
    let is_exact = |(key, array): (&KeyColumn, &ArrayRef)| *array.data_type() == arrow_type(ValueType::Scalar(key.ty));
    if keys.iter().zip(&arrays).all(is_exact) {
        return of_exact(py, arrays, prepared, keys);
    }
    let named = keys.iter().zip(arrays).map(|(key, array)| (&key.name_text, array, true));
    let batch = RecordBatch::try_from_iter_with_nullable(named)
        .map_err(|error| invalid(py, format!("entity rows have columns of one length: {error}")))?;
    of_batch(py, &batch, prepared, keys)
}

/// Columns of another type are cast where that loses nothing.
fn of_batch(py: Python<'_>, batch: &RecordBatch, prepared: &Prepared, keys: &[KeyColumn]) -> PyResult<Entities> {
    of_exact(py, prepared.key_columns(batch).or_raise(py)?, prepared, keys)
}

fn of_exact(py: Python<'_>, columns: Vec<ArrayRef>, prepared: &Prepared, keys: &[KeyColumn]) -> PyResult<Entities> {
    let mut rows = prepared.entity_rows();
    rows.push_columns(&columns).or_raise(py)?;
    let keys =
        keys.iter().zip(columns).map(|(key, column)| EntityColumn { name: key.name_text.clone(), ty: key.ty, column });
    Ok(Entities { rows, keys: keys.collect() })
}

/// Returns whether this is one value, not a column of them.
fn is_single(value: &Bound<'_, PyAny>) -> bool {
    let is_text = || {
        value.is_instance_of::<PyString>() || value.is_instance_of::<PyBytes>() || value.is_instance_of::<PyByteArray>()
    };
    !value.is_instance_of::<PyList>() && (is_text() || value.is_none() || value.len().is_err())
}

fn given<'py>(columns: &Bound<'py, PyDict>, key: &KeyColumn) -> PyResult<Bound<'py, PyAny>> {
    let py = columns.py();
    columns
        .get_item(key.name.bind(py))?
        .ok_or_else(|| invalid(py, format!("the request needs join key {:?} ({})", key.name_text, key.ty)))
}

/// Refuses names that are no join keys, which would be passed over in silence.
fn check_names(columns: &Bound<'_, PyDict>, keys: &[KeyColumn]) -> PyResult<()> {
    if columns.len() == keys.len() {
        return Ok(());
    }
    for name in columns.keys() {
        let name: String = name.extract()?;
        if keys.iter().all(|key| key.name_text != name) {
            let names: Vec<_> = keys.iter().map(|key| key.name_text.as_str()).collect();
            let message = format!("no view of the request has join key {name:?} ({})", names.join(", "));
            return Err(invalid(columns.py(), message));
        }
    }
    Ok(())
}
