//! The answer to a call of Feast, as its response message and as Python values.

use std::sync::Arc;

use asofdb::{Answer, Error, Result, ScalarType, Status, Timestamp, ValueType};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use super::key::FeastKey;
use super::object::object;
use super::wire::{put_field, put_timestamp, put_value, seconds};
use crate::errors::OrRaise;

/// The tag of features that hold serialized values.
pub(super) const OPAQUE_TAG: &str = "feast_type";

/// One feature of the answer.
pub(super) struct Output {
    /// Its name there.
    pub(super) name: String,
    /// The read that finds it, and its position there.
    pub(super) read: usize,
    pub(super) position: usize,
}

/// The result of a read.
pub(super) struct Found {
    answer: Answer,
    /// The versions that answer for expired ones, where those are served.
    expired: Vec<Expired>,
    /// The place of each value that was served though expired, by feature and row: which of `expired`, and which of its
    /// rows.
    served: Vec<Vec<Option<(usize, usize)>>>,
}

/// The values of rows as of the time of their newest version.
pub(super) struct Expired {
    pub(super) answer: Answer,
    /// Its rows among those that were asked.
    pub(super) rows: Vec<usize>,
    /// Its features among those of the read.
    pub(super) positions: Vec<usize>,
}

/// The status, value and time of one feature of one entity.
#[derive(Clone, Copy)]
struct Cell<'a> {
    status: Status,
    event: Option<Timestamp>,
    stored: Option<&'a [u8]>,
}

impl Found {
    pub(super) fn new(answer: Answer, expired: Vec<Expired>) -> Self {
        let mut served = Vec::new();
        if !expired.is_empty() {
            served = vec![Vec::new(); answer.features()];
        }
        for (index, one) in expired.iter().enumerate() {
            for position in &one.positions {
                let of_feature = &mut served[*position];
                of_feature.resize(answer.rows(), None);
                one.rows.iter().enumerate().for_each(|(within, row)| of_feature[*row] = Some((index, within)));
            }
        }
        Found { answer, expired, served }
    }

    fn cell(&self, row: usize, position: usize) -> Cell<'_> {
        let instead = self.served.get(position).and_then(|rows| rows.get(row)).copied().flatten();
        let (answer, row, position) = match instead {
            None => (&self.answer, row, position),
            Some((index, within)) => {
                let one = &self.expired[index];
                let feature = one.positions.iter().position(|known| *known == position).unwrap_or_default();
                (&one.answer, within, feature)
            }
        };
        Cell {
            status: answer.status(row, position),
            event: answer.event_timestamp(row, position),
            stored: answer.bytes(row, position),
        }
    }

    fn column(&self, position: usize) -> Result<Column<'_>> {
        let resolved = self.answer.resolved().nth(position);
        let Some(resolved) = resolved else { return Err(Error::internal("an answer has the features asked")) };
        let feature = &resolved.feature;
        let default = feature.default.as_ref().map(|value| {
            let mut stored = Vec::new();
            value.encode(&mut stored);
            stored
        });
        let is_opaque = feature.tags.contains_key(OPAQUE_TAG);
        Ok(Column { found: self, position, view: resolved.view.id, ty: feature.ty, is_opaque, default })
    }
}

/// A feature of the answer, for every row.
struct Column<'a> {
    found: &'a Found,
    position: usize,
    view: u32,
    ty: ValueType,
    is_opaque: bool,
    /// The value that stands in where there is none.
    default: Option<Vec<u8>>,
}

impl Column<'_> {
    fn cell(&self, row: usize) -> Cell<'_> {
        let cell = self.found.cell(row, self.position);
        Cell { stored: cell.stored.or(self.default.as_deref()), ..cell }
    }

    /// Appends the `FeatureVector` of this feature.
    fn put(&self, rows: usize, timestamps: &[u8], scratch: &mut Scratch, out: &mut Vec<u8>) -> Result<()> {
        scratch.clear();
        for row in 0..rows {
            let cell = self.cell(row);
            scratch.value.clear();
            match cell.stored {
                Some(stored) if self.is_opaque => scratch.value.extend_from_slice(stored),
                Some(stored) => put_value(self.ty, stored, &mut scratch.value)?,
                None => {}
            }
            put_field(VALUES, &scratch.value, &mut scratch.vector);
            scratch.statuses.push(feast_status(cell.status));
        }
        put_field(STATUSES, &scratch.statuses, &mut scratch.vector);
        scratch.vector.extend_from_slice(timestamps);
        put_field(RESULTS, &scratch.vector, out);
        Ok(())
    }
}

/// Memory for one column, used again.
#[derive(Default)]
struct Scratch {
    vector: Vec<u8>,
    statuses: Vec<u8>,
    value: Vec<u8>,
}

impl Scratch {
    fn clear(&mut self) {
        self.vector.clear();
        self.statuses.clear();
    }
}

// The fields of `GetOnlineFeaturesResponse` and of its `FeatureVector`.
const METADATA: u32 = 1;
const RESULTS: u32 = 2;
const VALUES: u32 = 1;
const STATUSES: u32 = 2;
const EVENT_TIMESTAMPS: u32 = 3;
const FEATURE_NAMES: u32 = 1;
const LIST_ITEMS: u32 = 1;

/// The number that Feast's `FieldStatus` has for a status.
fn feast_status(status: Status) -> u8 {
    match status {
        Status::Present => 1,
        Status::Null => 2,
        Status::Missing => 3,
        Status::Expired => 4,
    }
}

/// The answer for each entity, feature by feature.
#[pyclass(frozen, module = "asofdb._native")]
pub(crate) struct FeastAnswer {
    inputs: Vec<String>,
    keys: Vec<Py<FeastKey>>,
    outputs: Arc<Vec<Output>>,
    found: Vec<Found>,
    rows: usize,
}

impl FeastAnswer {
    pub(super) fn new(
        inputs: Vec<String>,
        keys: Vec<Py<FeastKey>>,
        outputs: Arc<Vec<Output>>,
        found: Vec<Found>,
        rows: usize,
    ) -> Self {
        FeastAnswer { inputs, keys, outputs, found, rows }
    }

    fn column(&self, output: &Output) -> Result<Column<'_>> {
        self.found[output.read].column(output.position)
    }

    /// Appends names, then columns, as `GetOnlineFeaturesResponse` has them.
    fn put(&self, out: &mut Vec<u8>) -> Result<()> {
        let (mut names, mut metadata) = (Vec::new(), Vec::new());
        let all = self.inputs.iter().chain(self.outputs.iter().map(|output| &output.name));
        all.for_each(|name| put_field(LIST_ITEMS, name.as_bytes(), &mut names));
        put_field(FEATURE_NAMES, &names, &mut metadata);
        put_field(METADATA, &metadata, out);
        let mut scratch = Scratch::default();
        for (_, key) in self.inputs.iter().zip(&self.keys) {
            self.put_key(key.get(), &mut scratch, out)?;
        }
        self.put_features(&mut scratch, out)
    }

    fn put_features(&self, scratch: &mut Scratch, out: &mut Vec<u8>) -> Result<()> {
        // Every feature of a view has the same event timestamps.
        let mut known: Vec<((usize, u32), Vec<u8>)> = Vec::new();
        for output in self.outputs.iter() {
            let column = self.column(output)?;
            let view = (output.read, column.view);
            let at = match known.iter().position(|(of, _)| *of == view) {
                Some(at) => at,
                None => {
                    known.push((view, self.timestamps(&column)));
                    known.len() - 1
                }
            };
            column.put(self.rows, &known[at].1, scratch, out)?;
        }
        Ok(())
    }

    fn timestamps(&self, column: &Column<'_>) -> Vec<u8> {
        let (mut out, mut one) = (Vec::with_capacity(16 * self.rows), Vec::new());
        for row in 0..self.rows {
            one.clear();
            if let Some(time) = column.cell(row).event {
                put_timestamp(time, &mut one);
            }
            put_field(EVENT_TIMESTAMPS, &one, &mut out);
        }
        out
    }

    fn put_key(&self, key: &FeastKey, scratch: &mut Scratch, out: &mut Vec<u8>) -> Result<()> {
        scratch.clear();
        for row in 0..self.rows {
            scratch.value.clear();
            key.put(row, &mut scratch.value)?;
            put_field(VALUES, &scratch.value, &mut scratch.vector);
        }
        scratch.statuses.resize(self.rows, feast_status(Status::Present));
        put_field(STATUSES, &scratch.statuses, &mut scratch.vector);
        (0..self.rows).for_each(|_| put_field(EVENT_TIMESTAMPS, &[], &mut scratch.vector));
        put_field(RESULTS, &scratch.vector, out);
        Ok(())
    }
}

#[pymethods]
impl FeastAnswer {
    fn __len__(&self) -> usize {
        self.rows
    }

    /// The serialized `GetOnlineFeaturesResponse`: entity columns, then features.
    fn message<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let mut out = Vec::with_capacity(20 * self.rows * (self.outputs.len() + self.inputs.len()));
        py.detach(|| self.put(&mut out)).or_raise(py)?;
        Ok(PyBytes::new(py, &out))
    }

    /// Columns by name as lists: entities, then features. Values are Python's, but that timestamps are seconds and
    /// types that the store has not are serialized values; the names of both are given too.
    #[allow(clippy::type_complexity, reason = "three parts of one answer")]
    fn columns<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyDict>, Vec<String>, Vec<String>)> {
        let (columns, mut timestamps, mut opaque) = (PyDict::new(py), Vec::new(), Vec::new());
        for (name, key) in self.inputs.iter().zip(&self.keys) {
            let key = key.get();
            let values = (0..self.rows).map(|row| key.to_python(py, row)).collect::<PyResult<Vec<_>>>()?;
            columns.set_item(name, PyList::new(py, values)?)?;
            timestamps.extend(key.is_timestamp().then(|| name.clone()));
            opaque.extend(key.is_opaque().then(|| name.clone()));
        }
        for output in self.outputs.iter() {
            let column = self.column(output).or_raise(py)?;
            columns.set_item(&output.name, column_values(py, &column, self.rows)?)?;
            let (ValueType::Scalar(scalar) | ValueType::List(scalar)) = column.ty;
            let is_time = matches!(scalar, ScalarType::Timestamp | ScalarType::Date);
            timestamps.extend(is_time.then(|| output.name.clone()));
            opaque.extend(column.is_opaque.then(|| output.name.clone()));
        }
        Ok((columns, timestamps, opaque))
    }

    /// The event timestamps of a feature by its position, in whole seconds, zero where there is none; and the names of
    /// the features.
    fn event_seconds(&self, py: Python<'_>) -> PyResult<Vec<(String, Vec<i64>)>> {
        let of = |output: &Output| {
            let column = self.column(output).or_raise(py)?;
            let second = |row| column.cell(row).event.map_or(0, |time| seconds(time.as_micros()));
            Ok((output.name.clone(), (0..self.rows).map(second).collect()))
        };
        let entities = self.inputs.iter().map(|name| Ok((name.clone(), vec![0; self.rows])));
        entities.chain(self.outputs.iter().map(of)).collect()
    }

    /// Counts the values of each feature that are there, present or null.
    fn counts(&self) -> Vec<usize> {
        let count = |output: &Output| {
            let found = &self.found[output.read];
            let is_there =
                |row: &usize| matches!(found.cell(*row, output.position).status, Status::Present | Status::Null);
            (0..self.rows).filter(is_there).count()
        };
        self.outputs.iter().map(count).collect()
    }

    /// For each entity the microseconds of the first feature's event timestamp, and of each feature the serialized
    /// value; `None` where there is none.
    #[allow(clippy::type_complexity, reason = "rows of Feast")]
    fn rows<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Option<i64>, Vec<Option<Bound<'py, PyBytes>>>)>> {
        let columns = self.outputs.iter().map(|output| self.column(output)).collect::<Result<Vec<_>>>().or_raise(py)?;
        let mut rows = Vec::with_capacity(self.rows);
        let mut message = Vec::new();
        for row in 0..self.rows {
            let event = columns.first().and_then(|column| column.cell(row).event).map(Timestamp::as_micros);
            let mut values = Vec::with_capacity(columns.len());
            for column in &columns {
                values.push(serialized(py, column, row, &mut message).or_raise(py)?);
            }
            rows.push((event, values));
        }
        Ok(rows)
    }
}

/// The serialized value of a row, empty where it is null; `None` where it is missing or expired.
fn serialized<'py>(
    py: Python<'py>,
    column: &Column<'_>,
    row: usize,
    message: &mut Vec<u8>,
) -> Result<Option<Bound<'py, PyBytes>>> {
    let cell = column.cell(row);
    message.clear();
    match (cell.stored, cell.status) {
        (Some(stored), _) if column.is_opaque => message.extend_from_slice(stored),
        (Some(stored), _) => put_value(column.ty, stored, message)?,
        (None, Status::Null) => {}
        (None, _) => return Ok(None),
    }
    Ok(Some(PyBytes::new(py, message)))
}

fn column_values<'py>(py: Python<'py>, column: &Column<'_>, rows: usize) -> PyResult<Bound<'py, PyList>> {
    let value = |row: usize| match column.cell(row).stored {
        None => Ok(None),
        Some(stored) if column.is_opaque => Ok(Some(PyBytes::new(py, stored).into_any())),
        Some(stored) => object(py, column.ty, stored).map(Some),
    };
    PyList::new(py, (0..rows).map(value).collect::<PyResult<Vec<_>>>()?)
}
