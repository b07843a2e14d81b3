//! The answer to a read, in the forms that Python wants.

use std::sync::Arc;

use arrow::array::{Array, RecordBatch, RecordBatchIterator};
use asofdb::{AnswerColumns, MatrixNumber, Timestamp, key_value};
use numpy::ndarray::Array2;
use numpy::{Element, IntoPyArray, PyArray2};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyList};

use crate::capsule::export_stream;
use crate::entities::EntityColumn;
use crate::errors::{OrRaise, invalid};
use crate::value::{answered, optional_object};

/// The answer for each entity, feature by feature.
#[pyclass(frozen, module = "asofdb._native")]
pub(crate) struct Answer {
    answer: Arc<asofdb::Answer>,
    /// The entities that were asked about.
    keys: Vec<EntityColumn>,
}

impl Answer {
    pub(crate) fn new(answer: asofdb::Answer, keys: Vec<EntityColumn>) -> Self {
        Answer { answer: Arc::new(answer), keys }
    }

    fn taken(&self, entities: bool) -> Vec<&str> {
        if entities { self.keys.iter().map(|key| key.name.as_str()).collect() } else { Vec::new() }
    }

    fn batch(&self, py: Python<'_>, columns: AnswerColumns, entities: bool) -> PyResult<RecordBatch> {
        let beside: Vec<_> = match entities {
            true => self.keys.iter().map(|key| (key.name.as_str(), key.column.clone())).collect(),
            false => Vec::new(),
        };
        py.detach(|| self.answer.to_record_batch_beside(&beside, columns)).or_raise(py)
    }

    /// A matrix of entities × features, cell by cell.
    fn cells<'py, T: Element>(&self, py: Python<'py>, cell: impl Fn(usize, usize) -> T) -> Bound<'py, PyArray2<T>> {
        let shape = (self.answer.rows(), self.answer.features());
        Array2::from_shape_fn(shape, |(row, feature)| cell(row, feature)).into_pyarray(py)
    }

    fn matrix<'py, N: MatrixNumber + Element>(&self, py: Python<'py>, fill: N) -> PyResult<Bound<'py, PyArray2<N>>> {
        let shape = (self.answer.rows(), self.answer.features());
        let mut values = vec![fill; shape.0 * shape.1];
        py.detach(|| self.answer.write_matrix(&mut values, fill)).or_raise(py)?;
        let matrix = Array2::from_shape_vec(shape, values).map_err(|error| invalid(py, error.to_string()))?;
        Ok(matrix.into_pyarray(py))
    }
}

#[pymethods]
impl Answer {
    fn __len__(&self) -> usize {
        self.answer.rows()
    }

    /// Its id in the log of served features, where it was logged.
    fn id(&self) -> Option<&str> {
        self.answer.id()
    }

    /// `view:feature` of each feature.
    fn references(&self) -> Vec<String> {
        self.answer.references()
    }

    /// The names of the features' columns.
    fn names(&self, full_names: bool, entities: bool) -> Vec<String> {
        self.answer.column_names(full_names, &self.taken(entities))
    }

    fn to_float32<'py>(&self, py: Python<'py>, fill: f32) -> PyResult<Bound<'py, PyArray2<f32>>> {
        self.matrix(py, fill)
    }

    fn to_float64<'py>(&self, py: Python<'py>, fill: f64) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.matrix(py, fill)
    }

    /// The number of each value's status.
    fn statuses<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<u8>> {
        self.cells(py, |row, feature| self.answer.status(row, feature) as u8)
    }

    /// Microseconds of each value's event timestamp; the least `i64`, which is NaT, where there is none.
    fn event_micros<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<i64>> {
        let micros = |row, feature| self.answer.event_timestamp(row, feature).map_or(i64::MIN, Timestamp::as_micros);
        self.cells(py, micros)
    }

    /// The values of a feature as Python objects.
    fn values<'py>(&self, py: Python<'py>, feature: usize) -> PyResult<Bound<'py, PyList>> {
        if feature >= self.answer.features() {
            return Err(invalid(py, format!("the answer has {} features: {feature}", self.answer.features())));
        }
        let values = (0..self.answer.rows()).map(|row| answered(py, self.answer.value(row, feature)));
        PyList::new(py, values.collect::<PyResult<Vec<_>>>()?)
    }

    /// Columns by name as lists of Python objects.
    fn to_dict<'py>(&self, py: Python<'py>, full_names: bool, entities: bool) -> PyResult<Bound<'py, PyDict>> {
        let columns = PyDict::new(py);
        if entities {
            for EntityColumn { name, ty, column } in &self.keys {
                let value = |row| optional_object(py, key_value(*ty, column, row).as_ref());
                let values = (0..column.len()).map(value).collect::<PyResult<Vec<_>>>()?;
                columns.set_item(name, PyList::new(py, values)?)?;
            }
        }
        for (feature, name) in self.names(full_names, entities).into_iter().enumerate() {
            columns.set_item(name, self.values(py, feature)?)?;
        }
        Ok(columns)
    }

    /// All columns as a stream of one Arrow batch.
    fn stream<'py>(
        &self,
        py: Python<'py>,
        statuses: bool,
        event_timestamps: bool,
        full_names: bool,
        entities: bool,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let columns = AnswerColumns { full_names, statuses, event_timestamps };
        let batch = self.batch(py, columns, entities)?;
        let schema = batch.schema();
        export_stream(py, Box::new(RecordBatchIterator::new([Ok(batch)], schema)))
    }
}
