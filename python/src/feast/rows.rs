//! Rows of Feast, written into the store.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, TimestampMicrosecondArray};
use asofdb::{Error, FeatureView, JoinKey, Result, Session, ValueType};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use super::answer::OPAQUE_TAG;
use super::column::Column;
use super::wire::{Payload, each_field, text};
use crate::engine::Engine;
use crate::errors::{OrRaise, invalid};

/// Most rows of one write, and most bytes of their serialized values: well within what a sidecar takes at once.
const WRITE_ROWS_MAX: usize = 10_000;
const WRITE_BYTES_MAX: usize = 8 << 20;

/// The names of a view's columns in Feast, in the store's order.
#[pyclass(frozen, module = "asofdb._native")]
pub(crate) struct FeastWriter {
    engine: Py<Engine>,
    view: Arc<FeatureView>,
    keys: Vec<WrittenKey>,
    features: Vec<WrittenFeature>,
    created_column: String,
}

struct WrittenKey {
    feast_name: String,
    key: JoinKey,
    is_opaque: bool,
}

struct WrittenFeature {
    feast_name: Py<PyString>,
    name: String,
    ty: ValueType,
    is_opaque: bool,
}

#[pymethods]
impl FeastWriter {
    /// `feast_name` gives the column of Feast for one of the store.
    #[new]
    fn new(py: Python<'_>, engine: Py<Engine>, view: &str, feast_name: &Bound<'_, PyAny>) -> PyResult<Self> {
        let catalog = engine.get().run(py, asofdb_client::Engine::catalog)?;
        let Some(view) = catalog.view(view).cloned() else {
            let error = Error::not_found(format!("the store has no feature view {view:?}: run `feast apply`"));
            return Err(error).or_raise(py);
        };
        let Some(created_column) = view.created_column.clone() else {
            return Err(invalid(
                py,
                format!("feature view {:?} has no column of created timestamps: run `feast apply`", view.name),
            ));
        };
        let name = |column: &str| feast_name.call1((column,))?.extract::<String>();
        let is_opaque = |entity: &String| catalog.entity(entity).is_some_and(|one| one.tags.contains_key(OPAQUE_TAG));
        let mut keys = Vec::new();
        for entity in &view.entities {
            let Some(defined) = catalog.entity(entity) else { continue };
            for key in &defined.join_keys {
                let feast_name = name(&key.name)?;
                keys.push(WrittenKey { feast_name, key: key.clone(), is_opaque: is_opaque(entity) });
            }
        }
        let mut features = Vec::new();
        for feature in &view.features {
            features.push(WrittenFeature {
                feast_name: PyString::intern(py, &name(&feature.name)?).unbind(),
                name: feature.name.clone(),
                ty: feature.ty,
                is_opaque: feature.tags.contains_key(OPAQUE_TAG),
            });
        }
        Ok(FeastWriter { engine, view, keys, features, created_column })
    }

    /// Writes rows from position `from` on, as many as go into one write, and tells how many those were. `events` and
    /// `created` are microseconds.
    fn write(
        &self,
        py: Python<'_>,
        rows: Vec<(Bound<'_, PyAny>, Bound<'_, PyDict>)>,
        events: Vec<i64>,
        created: Vec<Option<i64>>,
    ) -> PyResult<usize> {
        let mut batch = Batch::new(self);
        for (key, values) in rows.iter().take(WRITE_ROWS_MAX) {
            let row = batch.rows;
            let added = self.add(&mut batch, key, values);
            added.map_err(|error| invalid(py, format!("{}: row {row}: {}", self.view.name, error.value(py))))?;
            if batch.bytes > WRITE_BYTES_MAX {
                break;
            }
        }
        let written = batch.rows;
        let times = |values: Vec<Option<i64>>| -> ArrayRef {
            Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
        };
        let events = times(events.into_iter().take(written).map(Some).collect());
        let created = times(created.into_iter().take(written).collect());
        let batch = batch.finish(self, events, created).or_raise(py)?;
        self.engine.get().run(py, |engine| engine.commit(&[(&self.view.name, &batch)], None))?;
        Ok(written)
    }
}

impl FeastWriter {
    fn add(&self, batch: &mut Batch, key: &Bound<'_, PyAny>, values: &Bound<'_, PyDict>) -> PyResult<()> {
        let py = key.py();
        let message = serialize(key)?;
        batch.bytes += message.as_bytes().len();
        self.add_key(batch, message.as_bytes()).or_raise(py)?;
        let mut known = 0;
        for (feature, column) in self.features.iter().zip(&mut batch.features) {
            let Some(value) = values.get_item(feature.feast_name.bind(py))? else {
                column.push_null();
                continue;
            };
            known += 1;
            let message = serialize(&value)?;
            batch.bytes += message.as_bytes().len();
            let pushed = column.push(message.as_bytes());
            pushed.map_err(|error| error.context(format!("feature {:?}", feature.name))).or_raise(py)?;
        }
        if known < values.len() {
            self.refuse_unknown(values)?;
        }
        batch.rows += 1;
        Ok(())
    }

    /// Join keys may come among the values, as those of stream feature views do: the entity key has them already.
    fn refuse_unknown(&self, values: &Bound<'_, PyDict>) -> PyResult<()> {
        let py = values.py();
        for name in values.keys() {
            let name = name.extract::<String>()?;
            let is_feature = self.features.iter().any(|feature| *feature.feast_name.bind(py) == *name);
            if !is_feature && !self.keys.iter().any(|key| key.feast_name == name) {
                return Err(invalid(py, format!("the store has no feature {name:?}: run `feast apply`")));
            }
        }
        Ok(())
    }

    /// Appends the values of a serialized `EntityKey` to the columns of the join keys.
    fn add_key(&self, batch: &mut Batch, message: &[u8]) -> Result<()> {
        let (mut names, mut values) = (Vec::new(), Vec::new());
        each_field(message, |number, payload| {
            match (number, payload) {
                (1, Payload::Bytes(name)) => names.push(text(name)?),
                (2, Payload::Bytes(value)) => values.push(value),
                _ => {}
            }
            Ok(())
        })?;
        for (key, column) in self.keys.iter().zip(&mut batch.keys) {
            let given = names.iter().position(|name| *name == key.feast_name).and_then(|at| values.get(at));
            let value = given.copied().or((key.feast_name == DUMMY_JOIN_KEY).then_some(DUMMY_VALUE));
            let Some(value) = value else {
                return Err(Error::invalid(format!("join key {:?} is not given", key.feast_name)));
            };
            column.push(value).map_err(|error| error.context(format!("join key {:?}", key.feast_name)))?;
        }
        Ok(())
    }
}

/// The join key of Feast's views without entities, which callers may leave out, and its one value: an empty text.
const DUMMY_JOIN_KEY: &str = "__dummy_id";
const DUMMY_VALUE: &[u8] = &[0x12, 0];

fn serialize<'py>(message: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let bytes = message.call_method0(intern!(message.py(), "SerializeToString"))?;
    Ok(bytes.cast_into::<PyBytes>()?)
}

/// The columns of one write.
struct Batch {
    keys: Vec<Column>,
    features: Vec<Column>,
    rows: usize,
    bytes: usize,
}

impl Batch {
    fn new(writer: &FeastWriter) -> Self {
        let key = |key: &WrittenKey| Column::new(ValueType::Scalar(key.key.ty), key.is_opaque);
        let feature = |feature: &WrittenFeature| Column::new(feature.ty, feature.is_opaque);
        Batch {
            keys: writer.keys.iter().map(key).collect(),
            features: writer.features.iter().map(feature).collect(),
            rows: 0,
            bytes: 0,
        }
    }

    fn finish(self, writer: &FeastWriter, events: ArrayRef, created: ArrayRef) -> Result<RecordBatch> {
        let mut columns: Vec<(String, ArrayRef)> = Vec::with_capacity(self.keys.len() + self.features.len() + 2);
        for (key, column) in writer.keys.iter().zip(self.keys) {
            columns.push((key.key.name.clone(), column.finish()));
        }
        columns.push((writer.view.event_column.clone(), events));
        columns.push((writer.created_column.clone(), created));
        for (feature, column) in writer.features.iter().zip(self.features) {
            columns.push((feature.name.clone(), column.finish()));
        }
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
            .map_err(|error| Error::internal("cannot build the rows").with_source(error))
    }
}
