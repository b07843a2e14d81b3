//! A request whose names were resolved once.

use std::sync::Arc;

use asofdb::{Error, F32Matrix, Prepared, Question, Result, Session};
use numpy::{IntoPyArray, PyArray2, PyArrayMethods, PyReadwriteArray2, PyUntypedArrayMethods};
use parking_lot::Mutex;
use pyo3::prelude::*;

use crate::answer::Answer;
use crate::engine::Engine;
use crate::entities::{Entities, entity_rows};
use crate::errors::{OrRaise, invalid};
use crate::fork::generation;
use crate::row_shape::RowShape;
use crate::time::{optional_timestamp, timestamp};

/// Names that were resolved.
pub(crate) struct Resolved {
    pub(crate) shape: RowShape,
    generation: u64,
}

/// The question of a read: of the present where `at` is not given.
pub(crate) fn question(at: Option<&Bound<'_, PyAny>>, known_at: Option<&Bound<'_, PyAny>>) -> PyResult<Question> {
    match at {
        None => Ok(Question::Latest),
        Some(at) => Ok(Question::AsOf { at: timestamp(at)?, known_at: optional_timestamp(known_at)? }),
    }
}

/// The rows that a caller asks about: entities, and values that are given beside them.
#[derive(Clone, Copy)]
struct Asked<'a, 'py> {
    entities: &'a Bound<'py, PyAny>,
    request: Option<&'a Bound<'py, PyAny>>,
}

/// References that are resolved once and read many times.
#[pyclass(frozen, module = "asofdb._native")]
pub(crate) struct Request {
    engine: Py<Engine>,
    references: Vec<String>,
    /// Locked for moments only, and only with the GIL.
    resolved: Mutex<Arc<Resolved>>,
}

fn resolve(py: Python<'_>, engine: &Engine, references: &[String]) -> PyResult<Arc<Resolved>> {
    let prepared = engine.run(py, |engine| engine.prepare(references))?;
    Ok(Arc::new(Resolved { shape: RowShape::of(py, prepared), generation: generation() }))
}

impl Request {
    /// The names as they were resolved last, in this process.
    pub(crate) fn resolved(&self, py: Python<'_>) -> PyResult<Arc<Resolved>> {
        let resolved = self.resolved.lock().clone();
        if resolved.generation == generation() { Ok(resolved) } else { self.resolve_again(py) }
    }

    fn resolve_again(&self, py: Python<'_>) -> PyResult<Arc<Resolved>> {
        let resolved = resolve(py, self.engine.get(), &self.references)?;
        *self.resolved.lock() = resolved.clone();
        Ok(resolved)
    }

    /// Asks with the entities as the names were resolved, and once more when what they mean has changed meanwhile.
    fn ask<T: Send>(
        &self,
        py: Python<'_>,
        asked: Asked<'_, '_>,
        mut work: impl FnMut(&asofdb_client::Engine, &Prepared, &Entities) -> Result<T> + Send,
    ) -> PyResult<(T, Entities)> {
        let resolved = self.resolved(py)?;
        let engine = self.engine.get().reading(py)?;
        let mut once = |resolved: &Resolved| {
            let rows = entity_rows(asked.entities, asked.request, &resolved.shape)?;
            let done = py.detach(|| work(&engine, &resolved.shape.prepared, &rows)).or_raise(py)?;
            Ok((done, rows))
        };
        once(&resolved).or_else(|error: PyErr| match self.resolve_again(py) {
            Ok(fresh) if !fresh.shape.is_same(&resolved.shape) => once(&fresh),
            _ => Err(error),
        })
    }
}

#[pymethods]
impl Request {
    #[new]
    fn new(py: Python<'_>, engine: Py<Engine>, references: Vec<String>) -> PyResult<Self> {
        let resolved = resolve(py, engine.get(), &references)?;
        Ok(Request { engine, references, resolved: Mutex::new(resolved) })
    }

    /// Returns the references as they were given.
    #[getter]
    fn references(&self) -> Vec<String> {
        self.references.clone()
    }

    /// The warnings to those who ask for what is deprecated.
    fn warnings(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        Ok(self.resolved(py)?.shape.prepared.warnings())
    }

    /// Name and type of each join key that entities have a value of.
    fn join_keys(&self, py: Python<'_>) -> PyResult<Vec<(String, &'static str)>> {
        Ok(self.resolved(py)?.shape.keys.iter().map(|key| (key.name_text.clone(), key.ty.name())).collect())
    }

    /// Name, type, whether it is required, and description of each value that comes with the question.
    fn request_values(&self, py: Python<'_>) -> PyResult<Vec<(String, String, bool, String)>> {
        let values = self.resolved(py)?.shape.prepared.request_values();
        let of = |one: asofdb::RequestValue| (one.name, one.ty.to_string(), one.required, one.description);
        Ok(values.into_iter().map(of).collect())
    }

    /// View, name and type of each feature, in the order of answers.
    fn features(&self, py: Python<'_>) -> PyResult<Vec<(String, String, String)>> {
        let features = self.resolved(py)?.shape.prepared.features();
        let of = |one: asofdb::ResolvedFeature| (one.view.name.clone(), one.feature.name, one.feature.ty.to_string());
        Ok(features.into_iter().map(of).collect())
    }

    /// The name of each feature's column beside the join keys.
    fn names(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let resolved = self.resolved(py)?;
        let taken: Vec<&str> = resolved.shape.keys.iter().map(|key| key.name_text.as_str()).collect();
        Ok(resolved.shape.prepared.column_names(false, &taken))
    }

    /// The values as of now, or as of `at`.
    #[pyo3(signature = (entities, at=None, known_at=None, request=None))]
    fn read(
        &self,
        py: Python<'_>,
        entities: &Bound<'_, PyAny>,
        at: Option<&Bound<'_, PyAny>>,
        known_at: Option<&Bound<'_, PyAny>>,
        request: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Answer> {
        let question = question(at, known_at)?;
        let asked = Asked { entities, request };
        let (answer, entities) =
            self.ask(py, asked, |engine, prepared, entities| engine.read(prepared, &entities.rows, question))?;
        Ok(Answer::new(answer, entities.keys))
    }

    /// The values as a float32 matrix of entities × features: a new one, or `out`.
    #[pyo3(signature = (entities, out, fill, at=None, known_at=None, request=None))]
    #[allow(clippy::too_many_arguments, reason = "one call a read")]
    fn read_matrix<'py>(
        &self,
        py: Python<'py>,
        entities: &Bound<'py, PyAny>,
        out: Option<Bound<'py, PyArray2<f32>>>,
        fill: f32,
        at: Option<&Bound<'py, PyAny>>,
        known_at: Option<&Bound<'py, PyAny>>,
        request: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let question = question(at, known_at)?;
        let asked = Asked { entities, request };
        if let Some(out) = out {
            self.read_into(py, asked, out.try_readwrite()?, fill, question)?;
            return Ok(out);
        }
        let (values, _) = self.ask(py, asked, |engine, prepared, entities| {
            let mut values = vec![0.0; entities.rows.len() * prepared.width()];
            let matrix = F32Matrix { values: &mut values, statuses: None, fill };
            engine.read_f32(prepared, &entities.rows, question, matrix)?;
            Ok(values)
        })?;
        let width = self.resolved(py)?.shape.prepared.width();
        let matrix = numpy::ndarray::Array2::from_shape_vec((values.len() / width, width), values);
        Ok(matrix.map_err(|error| invalid(py, error.to_string()))?.into_pyarray(py))
    }
}

impl Request {
    /// Reads into an array of the caller, which others may read meanwhile but not write through us.
    fn read_into(
        &self,
        py: Python<'_>,
        asked: Asked<'_, '_>,
        mut out: PyReadwriteArray2<'_, f32>,
        fill: f32,
        question: Question,
    ) -> PyResult<()> {
        let shape = (out.shape()[0], out.shape()[1]);
        let is_by_row = out.is_c_contiguous();
        let values = out.as_slice_mut().ok().filter(|_| is_by_row);
        let values = values.ok_or_else(|| invalid(py, "the matrix `out` must be contiguous, row by row"))?;
        let read = |engine: &asofdb_client::Engine, prepared: &Prepared, entities: &Entities| {
            check_shape(shape, (entities.rows.len(), prepared.width()))?;
            let matrix = F32Matrix { values: &mut *values, statuses: None, fill };
            engine.read_f32(prepared, &entities.rows, question, matrix)
        };
        self.ask(py, asked, read).map(drop)
    }
}

fn check_shape(given: (usize, usize), wanted: (usize, usize)) -> Result<()> {
    match given == wanted {
        true => Ok(()),
        false => Err(Error::invalid(format!("the matrix `out` must be of the shape {wanted:?}, not {given:?}"))),
    }
}
