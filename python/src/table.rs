//! Tables of Python as Arrow rows: Arrow streams as they are, dictionaries of columns and lists of rows by the types
//! that their columns are known to have.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Schema};
use asofdb::{FeatureView, ScalarType, ValueType};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use crate::capsule::{Rows, import_rows};
use crate::columns::column;
use crate::errors::invalid;

/// The type that a column must have, by its name; `None` for columns that nobody asks for.
pub(crate) type TypeOf<'t> = &'t dyn Fn(&str) -> Option<ValueType>;

/// The types of a view's columns.
pub(crate) fn column_type(view: &FeatureView, name: &str) -> Option<ValueType> {
    let is_time = name == view.event_column || view.created_column.as_deref() == Some(name);
    let key = || view.join_keys.iter().find(|key| key.name == name).map(|key| ValueType::Scalar(key.ty));
    let feature = || view.feature(name).map(|feature| feature.ty);
    if is_time { Some(ValueType::Scalar(ScalarType::Timestamp)) } else { key().or_else(feature) }
}

/// A table as one batch.
pub(crate) fn batch(table: &Bound<'_, PyAny>, type_of: TypeOf<'_>) -> PyResult<RecordBatch> {
    let py = table.py();
    if let Ok(columns) = table.cast::<PyDict>() {
        return batch_of_columns(columns, type_of);
    }
    if let Ok(rows) = table.cast::<PyList>() {
        return batch_of_columns(&transposed(rows)?, type_of);
    }
    match import_rows(table)? {
        Some(rows) => collected(py, rows),
        None => Err(not_a_table(table)),
    }
}

#[cold]
pub(crate) fn not_a_table(table: &Bound<'_, PyAny>) -> PyErr {
    let ty = table.get_type().name().map_or_else(|_| "an object".to_owned(), |name| name.to_string());
    invalid(
        table.py(),
        format!(
            "rows are a table that speaks Arrow (pyarrow, polars, pandas with pyarrow), a dict of columns or a list of \
             dicts, not {ty}"
        ),
    )
}

/// All of a stream as one batch. Reading it may run Python, so nothing waits for it with the GIL.
fn collected(py: Python<'_>, rows: Rows) -> PyResult<RecordBatch> {
    let all = py.detach(move || {
        let schema = rows.schema();
        let batches = rows.collect::<Result<Vec<_>, _>>()?;
        match batches.as_slice() {
            [one] => Ok(one.clone()),
            batches => concat_batches(&schema, batches),
        }
    });
    all.map_err(|error| invalid(py, format!("cannot read the rows: {error}")))
}

fn batch_of_columns(columns: &Bound<'_, PyDict>, type_of: TypeOf<'_>) -> PyResult<RecordBatch> {
    let py = columns.py();
    let (mut fields, mut arrays) = (Vec::new(), Vec::<ArrayRef>::new());
    for (name, values) in columns {
        let name: String = name.extract()?;
        let Some(ty) = type_of(&name) else { continue };
        let array = column(&values, ty, &name)?;
        if let Some(first) = arrays.first().filter(|first| first.len() != array.len()) {
            let message = format!("column {name:?} has {} rows, the first one {}", array.len(), first.len());
            return Err(invalid(py, message));
        }
        fields.push(Field::new(name, array.data_type().clone(), true));
        arrays.push(array);
    }
    if arrays.is_empty() && !columns.is_empty() {
        return Err(invalid(py, "the table has none of the columns that are asked for"));
    }
    let options = RecordBatchOptions::new().with_row_count(Some(arrays.first().map_or(0, Array::len)));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
        .map_err(|error| invalid(py, error.to_string()))
}

/// Rows as columns: every name that some row has, None where a row lacks it.
pub(crate) fn transposed<'py>(rows: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyDict>> {
    let py = rows.py();
    let columns = PyDict::new(py);
    let each = |index: usize, row: &Bound<'py, PyAny>| {
        row.cast::<PyDict>().cloned().map_err(|_| invalid(py, format!("row {index} is not a dict: {row}")))
    };
    let rows = rows.iter().enumerate().map(|(index, row)| each(index, &row)).collect::<PyResult<Vec<_>>>()?;
    for name in rows.iter().flat_map(PyDictMethods::keys) {
        if !name.is_instance_of::<PyString>() {
            return Err(invalid(py, format!("columns are named by texts: {name}")));
        }
        if !columns.contains(&name)? {
            let values = rows.iter().map(|row| row.get_item(&name)).collect::<PyResult<Vec<_>>>()?;
            columns.set_item(&name, PyList::new(py, values)?)?;
        }
    }
    Ok(columns)
}
