//! asofdb, in process.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use asofdb::{
    Definitions, Durability, EntityDefinition, EntityRows, F32Matrix, FeatureDefinition, JoinKey, Options, Prepared,
    ScalarType, Store, SystemClock, Timestamp, Value, ValueType, ViewDefinition,
};

use crate::contender::{Fallible, Reader, Request, Writer, Written};
use crate::data::{event, row};
use crate::embedded::kv::CACHE_BYTES;
use crate::scenario::{Setting, Shape};

/// Rows of one write while loading.
const LOAD_ROWS: u64 = 20_000;

/// What is defined: an entity, and its views.
pub fn definitions(shape: &Shape) -> Definitions {
    let ty = if shape.text_keys { ScalarType::String } else { ScalarType::Int64 };
    let join_keys = vec![JoinKey { name: "user_id".into(), ty }];
    let user = EntityDefinition { name: "user".into(), join_keys, ..EntityDefinition::default() };
    let feature = |view, n| FeatureDefinition::new(format!("v{view}_f{n}"), ValueType::Scalar(ScalarType::Float32));
    let view = |view| ViewDefinition {
        name: format!("v{view}"),
        entities: vec!["user".into()],
        features: (0..shape.features).map(|n| feature(view, n)).collect(),
        ..ViewDefinition::default()
    };
    Definitions { entities: vec![user], views: (0..shape.views).map(view).collect(), services: vec![] }
}

/// The features that are asked for: all.
pub fn references(shape: &Shape) -> Vec<String> {
    (0..shape.views).map(|view| format!("v{view}:*")).collect()
}

/// Rows of a view as a store takes them.
fn arrow_rows(rows: &[Written], view: usize, shape: &Shape) -> Fallible<RecordBatch> {
    let keys: ArrayRef = match shape.text_keys {
        true => Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.entity.to_string()))),
        false => Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.entity as i64))),
    };
    let events = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.event()));
    let mut columns = vec![("user_id".to_owned(), keys)];
    columns.push(("event_timestamp".to_owned(), Arc::new(events.with_timezone("UTC"))));
    let values: Vec<Vec<f32>> =
        rows.iter().map(|written| row(written.entity, written.version, view, shape.features).collect()).collect();
    for n in 0..shape.features {
        let column = Float32Array::from_iter_values(values.iter().map(|row| row[n]));
        columns.push((format!("v{view}_f{n}"), Arc::new(column)));
    }
    Ok(RecordBatch::try_from_iter(columns)?)
}

/// Opens an empty store with what is defined.
fn create(directory: &Path, shape: &Shape) -> Fallible<Store> {
    let options = Options { memory_budget_bytes: CACHE_BYTES, ..Options::default() };
    let store = Store::open_with(directory, options, Arc::new(SystemClock), Durability::Os)?;
    store.apply(&definitions(shape), false)?;
    Ok(store)
}

/// Makes a store with the data, compacted.
///
/// # Errors
/// What the store says.
pub fn fill(directory: &Path, setting: &Setting) -> Fallible<Store> {
    let shape = setting.scenario.shape();
    let store = create(directory, &shape)?;
    for version in 0..shape.versions {
        for view in 0..shape.views {
            for first in (0..setting.entities()).step_by(LOAD_ROWS as usize) {
                let entities = first..(first + LOAD_ROWS).min(setting.entities());
                let rows: Vec<Written> = entities.map(|entity| Written { entity, version }).collect();
                store.write(&format!("v{view}"), &arrow_rows(&rows, view, &shape)?)?;
            }
        }
    }
    store.compact()?;
    Ok(store)
}

/// Puts the entities of a request into rows.
///
/// # Errors
/// What the request says.
pub fn ask(request: &Request, rows: &mut EntityRows) -> Fallible<()> {
    rows.clear();
    if !request.texts.is_empty() {
        let keys: ArrayRef = Arc::new(StringArray::from_iter_values(&request.texts));
        return Ok(rows.push_columns(&[keys])?);
    }
    for entity in &request.entities {
        rows.push(&[Some(Value::Int64(*entity as i64))])?;
    }
    Ok(())
}

/// An open store.
pub struct Embedded {
    store: Store,
    request: Prepared,
    rows: EntityRows,
    at: Option<Timestamp>,
}

impl Embedded {
    /// Loads the data.
    ///
    /// # Errors
    /// What the store says.
    pub fn load(setting: &Setting) -> Fallible<Self> {
        let shape = setting.scenario.shape();
        let store = fill(&setting.directory, setting)?;
        let request = store.prepare(&references(&shape))?;
        let rows = request.entity_rows();
        let at = shape.as_of.then(|| Timestamp::from_micros(event(shape.version())));
        Ok(Embedded { store, request, rows, at })
    }
}

impl Reader for Embedded {
    fn answer(&mut self, request: &Request, out: &mut [f32]) -> Fallible<()> {
        ask(request, &mut self.rows)?;
        let matrix = F32Matrix { values: out, statuses: None, fill: f32::NAN };
        match self.at {
            Some(at) => self.store.as_of_f32(&self.request, &self.rows, at, None, matrix)?,
            None => self.store.latest_f32(&self.request, &self.rows, matrix)?,
        }
        Ok(())
    }
}

/// The same store, whose answers are Arrow columns.
pub struct EmbeddedArrow(pub Embedded);

impl Reader for EmbeddedArrow {
    fn answer(&mut self, request: &Request, out: &mut [f32]) -> Fallible<()> {
        use arrow::array::AsArray;
        use arrow::datatypes::Float32Type;
        let Embedded { store, request: prepared, rows, .. } = &mut self.0;
        ask(request, rows)?;
        let answer = store.latest(prepared, rows)?.to_record_batch(asofdb::AnswerColumns::default())?;
        let features = answer.num_columns();
        // As for murr, whose answers are columns too: the caller's own loop over them.
        for (n, column) in answer.columns().iter().enumerate() {
            let values = column.as_primitive::<Float32Type>().values();
            out.iter_mut().skip(n).step_by(features).zip(values).for_each(|(out, value)| *out = *value);
        }
        Ok(())
    }
}

/// A store that is written to.
pub struct EmbeddedWriter {
    store: Store,
    shape: Shape,
    request: Prepared,
    ready: Option<RecordBatch>,
}

impl EmbeddedWriter {
    /// Begins with an empty store.
    ///
    /// # Errors
    /// What the store says.
    pub fn open(setting: &Setting) -> Fallible<Self> {
        let shape = setting.scenario.shape();
        let store = create(&setting.directory, &shape)?;
        let request = store.prepare(&references(&shape))?;
        Ok(EmbeddedWriter { store, shape, request, ready: None })
    }
}

impl Writer for EmbeddedWriter {
    fn prepare(&mut self, rows: &[Written]) -> Fallible<()> {
        self.ready = Some(arrow_rows(rows, 0, &self.shape)?);
        Ok(())
    }

    fn write(&mut self) -> Fallible<()> {
        let batch = self.ready.take().ok_or("nothing is ready")?;
        self.store.write("v0", &batch)?;
        Ok(())
    }

    fn latest(&mut self, entity: u64, out: &mut [f32]) -> Fallible<bool> {
        let mut rows = self.request.entity_rows();
        rows.push(&[Some(Value::Int64(entity as i64))])?;
        let matrix = F32Matrix { values: out, statuses: None, fill: f32::NAN };
        self.store.latest_f32(&self.request, &rows, matrix)?;
        Ok(!out.iter().all(|value| value.is_nan()))
    }
}
