//! The values that come with a question, from whatever a caller has.

use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::compute::take;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::columns::{column, is_single, sequence};
use crate::errors::invalid;
use crate::row_shape::{RowShape, ValueColumn};
use crate::table::{batch, transposed};

/// A column for each request value that a caller gives beside the entities, in the order of the shape's values. Single
/// values go for all `rows`; where those are not known, there is one.
///
/// # Errors
/// `InvalidError` for names that are no request values, and for values of other types.
pub(crate) fn request_columns(
    request: &Bound<'_, PyAny>,
    shape: &RowShape,
    rows: Option<usize>,
) -> PyResult<Vec<Option<ArrayRef>>> {
    if let Ok(columns) = request.cast::<PyDict>() {
        let is_one = columns.values().iter().all(|value| is_single(&value));
        return of_dict(columns, shape, is_one.then(|| rows.unwrap_or(1)));
    }
    if let Ok(rows) = request.cast::<PyList>() {
        return of_dict(&transposed(rows)?, shape, None);
    }
    if shape.values.is_empty() {
        return Err(invalid(request.py(), "no feature of the request takes request values"));
    }
    let table = batch(request, &|name| shape.type_of_value(name))?;
    Ok(shape.values.iter().map(|value| table.column_by_name(&value.wanted.name).cloned()).collect())
}

/// Columns by name; with `repeated`, single values, each of which is repeated so many times.
fn of_dict(columns: &Bound<'_, PyDict>, shape: &RowShape, repeated: Option<usize>) -> PyResult<Vec<Option<ArrayRef>>> {
    let py = columns.py();
    for name in columns.keys() {
        let name: String = name.extract()?;
        if shape.type_of_value(&name).is_none() {
            let message = match shape.values.is_empty() {
                true => format!("no feature of the request takes request values: {name:?}"),
                false => {
                    format!("no feature of the request takes a request value {name:?} ({})", shape.value_names())
                }
            };
            return Err(invalid(py, message));
        }
    }
    let each = |value: &ValueColumn| {
        let Some(given) = columns.get_item(value.name.bind(py))? else { return Ok(None) };
        let (ty, name) = (value.wanted.ty, &value.wanted.name);
        match repeated {
            None => column(&given, ty, name).map(Some),
            Some(rows) => repeat(py, &sequence(&[given], ty, name)?, rows).map(Some),
        }
    };
    shape.values.iter().map(each).collect()
}

fn repeat(py: Python<'_>, one: &ArrayRef, rows: usize) -> PyResult<ArrayRef> {
    if rows == one.len() {
        return Ok(one.clone());
    }
    let zeros = UInt32Array::from(vec![0; rows]);
    take(one, &zeros, None).map_err(|error| invalid(py, error.to_string()))
}
