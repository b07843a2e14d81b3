//! The rows of a request, from whatever a caller has: entities, and the values that come with the question.

use arrow::array::{Array, ArrayRef, RecordBatch};
use asofdb::{EntityRows, ScalarType, ValueType, arrow_type};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::columns::{column, is_single, sequence};
use crate::errors::{OrRaise, invalid};
use crate::request_columns::request_columns;
use crate::row_shape::{KeyColumn, RowShape, ValueColumn};
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

/// The columns of a caller, in the order of the shape.
struct Given {
    /// Each of exactly its type.
    keys: Vec<ArrayRef>,
    /// `None` for what is not given.
    values: Vec<Option<ArrayRef>>,
    /// `None` where no column says it.
    rows: Option<usize>,
}

/// Entity rows from a dict of columns, a dict of single values (one row), a list of dicts, or a table; with the values
/// of the request among their columns, or in `request`, or some here and some there.
///
/// # Errors
/// `InvalidError` for columns that are missing, unknown, given twice, or of another type or length.
pub(crate) fn entity_rows(
    entities: &Bound<'_, PyAny>,
    request: Option<&Bound<'_, PyAny>>,
    shape: &RowShape,
) -> PyResult<Entities> {
    let mut given = given(entities, shape)?;
    if let Some(request) = request {
        let beside = request_columns(request, shape, given.rows)?;
        given.add(entities.py(), beside, shape)?;
    }
    given.encoded(entities.py(), shape)
}

fn given(entities: &Bound<'_, PyAny>, shape: &RowShape) -> PyResult<Given> {
    if let Ok(columns) = entities.cast::<PyDict>() {
        let is_one = !columns.is_empty() && columns.values().iter().all(|value| is_single(&value));
        return of_dict(columns, shape, is_one);
    }
    if let Ok(rows) = entities.cast::<PyList>() {
        return of_rows(rows, shape);
    }
    let table = batch(entities, &|name| shape.type_of(name))?;
    let keys = shape.prepared.key_columns(&table).or_raise(entities.py())?;
    let values = shape.values.iter().map(|value| table.column_by_name(&value.wanted.name).cloned()).collect();
    Ok(Given { keys, values, rows: Some(table.num_rows()) })
}

/// Columns by name, or single values of one row.
fn of_dict(columns: &Bound<'_, PyDict>, shape: &RowShape, is_one: bool) -> PyResult<Given> {
    check_names(columns, shape)?;
    let array = |value: Bound<'_, PyAny>, ty: ValueType, name: &str| match is_one {
        true => sequence(&[value], ty, name),
        false => column(&value, ty, name),
    };
    let key = |key: &KeyColumn| array(key_values(columns, key)?, ValueType::Scalar(key.ty), &key.name_text);
    let value = |value: &ValueColumn| {
        let given = columns.get_item(value.name.bind(columns.py()))?;
        given.map(|given| array(given, value.wanted.ty, &value.wanted.name)).transpose()
    };
    let keys = exact(columns.py(), shape.keys.iter().map(key).collect::<PyResult<_>>()?, shape)?;
    let values = shape.values.iter().map(value).collect::<PyResult<Vec<_>>>()?;
    let rows = keys.iter().chain(values.iter().flatten()).next().map(Array::len);
    Ok(Given { keys, values, rows })
}

/// A list of dicts; an empty one has no columns, and no rows.
fn of_rows(rows: &Bound<'_, PyList>, shape: &RowShape) -> PyResult<Given> {
    let columns = transposed(rows)?;
    let given = match columns.is_empty() && !shape.keys.is_empty() {
        true => {
            let empty = |key: &KeyColumn| sequence(&[], ValueType::Scalar(key.ty), &key.name_text);
            let keys = shape.keys.iter().map(empty).collect::<PyResult<_>>()?;
            Given { keys, values: vec![None; shape.values.len()], rows: None }
        }
        false => of_dict(&columns, shape, false)?,
    };
    Ok(Given { rows: Some(rows.len()), ..given })
}

/// Key columns of exactly their types: others are cast where that loses nothing.
fn exact(py: Python<'_>, arrays: Vec<ArrayRef>, shape: &RowShape) -> PyResult<Vec<ArrayRef>> {
    let is_exact = |(key, array): (&KeyColumn, &ArrayRef)| *array.data_type() == arrow_type(ValueType::Scalar(key.ty));
    if shape.keys.iter().zip(&arrays).all(is_exact) {
        return Ok(arrays);
    }
    let named = shape.keys.iter().zip(arrays).map(|(key, array)| (&key.name_text, array, true));
    let batch = RecordBatch::try_from_iter_with_nullable(named)
        .map_err(|error| invalid(py, format!("entity rows have columns of one length: {error}")))?;
    shape.prepared.key_columns(&batch).or_raise(py)
}

impl Given {
    /// Adds values that are given beside the entities.
    fn add(&mut self, py: Python<'_>, beside: Vec<Option<ArrayRef>>, shape: &RowShape) -> PyResult<()> {
        for ((own, beside), value) in self.values.iter_mut().zip(beside).zip(&shape.values) {
            if own.is_some() && beside.is_some() {
                let name = &value.wanted.name;
                return Err(invalid(
                    py,
                    format!("request value {name:?} is given twice: with the entities, and apart"),
                ));
            }
            self.rows = self.rows.or(beside.as_ref().map(Array::len));
            *own = own.take().or(beside);
        }
        Ok(())
    }

    fn encoded(self, py: Python<'_>, shape: &RowShape) -> PyResult<Entities> {
        let mut rows = shape.prepared.entity_rows();
        if shape.values.is_empty() && !shape.keys.is_empty() {
            rows.push_columns(&self.keys).or_raise(py)?;
        } else {
            self.push(py, shape, &mut rows)?;
        }
        let keys = shape.keys.iter().zip(self.keys);
        let keys = keys.map(|(key, column)| EntityColumn { name: key.name_text.clone(), ty: key.ty, column });
        Ok(Entities { rows, keys: keys.collect() })
    }

    /// Adds the rows with their values, and rows that have no columns at all.
    fn push(&self, py: Python<'_>, shape: &RowShape, rows: &mut EntityRows) -> PyResult<()> {
        let values = self.exact_values(py, shape)?;
        if !self.keys.is_empty() || values.iter().any(Option::is_some) {
            return rows.push_columns_with(&self.keys, &values).or_raise(py);
        }
        let none = vec![None; values.len()];
        for _ in 0..self.rows.unwrap_or(1) {
            rows.push_with(&[], &none).or_raise(py)?;
        }
        Ok(())
    }

    /// The values, each of exactly its type.
    fn exact_values(&self, py: Python<'_>, shape: &RowShape) -> PyResult<Vec<Option<ArrayRef>>> {
        let rows = self.rows.unwrap_or(0);
        for (value, array) in shape.values.iter().zip(&self.values) {
            if let Some(array) = array.as_ref().filter(|array| array.len() != rows) {
                let (name, has) = (&value.wanted.name, array.len());
                return Err(invalid(py, format!("request value {name:?} has {has} rows, the entities have {rows}")));
            }
        }
        if self.values.iter().all(Option::is_none) {
            return Ok(self.values.clone());
        }
        let named = shape.values.iter().zip(&self.values);
        let named = named.filter_map(|(value, array)| Some((&value.wanted.name, array.clone()?, true)));
        let batch = RecordBatch::try_from_iter_with_nullable(named).map_err(|error| invalid(py, error.to_string()))?;
        shape.prepared.request_columns(&batch).or_raise(py)
    }
}

fn key_values<'py>(columns: &Bound<'py, PyDict>, key: &KeyColumn) -> PyResult<Bound<'py, PyAny>> {
    let py = columns.py();
    columns
        .get_item(key.name.bind(py))?
        .ok_or_else(|| invalid(py, format!("the request needs join key {:?} ({})", key.name_text, key.ty)))
}

/// Refuses names that are no columns of the request, which would be passed over in silence.
fn check_names(columns: &Bound<'_, PyDict>, shape: &RowShape) -> PyResult<()> {
    if columns.len() == shape.keys.len() {
        return Ok(());
    }
    for name in columns.keys() {
        let name: String = name.extract()?;
        if shape.type_of(&name).is_none() {
            let names = shape.names();
            let message = match shape.values.is_empty() {
                true => format!("no view of the request has join key {name:?} ({names})"),
                false => format!(
                    "no view of the request has join key {name:?}, and no feature takes a request value of that name \
                     ({names})"
                ),
            };
            return Err(invalid(columns.py(), message));
        }
    }
    Ok(())
}
