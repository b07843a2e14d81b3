//! Requests of Feast, resolved once.

use std::collections::HashMap;
use std::sync::Arc;

use asofdb::{Answer, EntityRows, Error, ErrorKind, Prepared, Result, Session, Status, Timestamp};
use parking_lot::Mutex;
use pyo3::prelude::*;

use super::answer::{Expired, FeastAnswer, Found, Output};
use super::key::FeastKey;
use crate::engine::Engine;
use crate::errors::{OrRaise, invalid};
use crate::fork::generation;

/// The features that one call reads, in the order of its answer.
#[pyclass(frozen, module = "asofdb._native")]
pub(crate) struct FeastRequest {
    engine: Py<Engine>,
    /// The names of the entity columns of a call, in its order.
    inputs: Vec<String>,
    /// The number of them that the answer repeats.
    shown: usize,
    reads: Vec<Read>,
    outputs: Arc<Vec<Output>>,
    serve_expired: bool,
    /// Locked for moments only, and only with the GIL.
    resolved: Mutex<Arc<Resolved>>,
}

/// Features that are read together: their views take each join key from the same column.
struct Read {
    references: Vec<String>,
    /// The position of the column that the values of each join key of the store come from.
    inputs: HashMap<String, usize>,
}

/// The reads of a request with their names resolved, in this process.
struct Resolved {
    reads: Vec<ResolvedRead>,
    generation: u64,
}

struct ResolvedRead {
    prepared: Prepared,
    /// Each view by itself, for the values of another time; only where expired values are served.
    views: Vec<ViewRead>,
}

struct ViewRead {
    prepared: Prepared,
    /// Positions of its features among the read's.
    positions: Vec<usize>,
}

#[pymethods]
impl FeastRequest {
    /// `shown`: how many of the inputs the answer repeats. `reads`: references, and by join key the position of its column among `inputs`. `outputs`: the name of each
    /// feature in the answer, its read, and its position there.
    #[new]
    fn new(
        py: Python<'_>,
        engine: Py<Engine>,
        inputs: Vec<String>,
        shown: usize,
        reads: Vec<(Vec<String>, HashMap<String, usize>)>,
        outputs: Vec<(String, usize, usize)>,
        serve_expired: bool,
    ) -> PyResult<Self> {
        let reads: Vec<_> = reads.into_iter().map(|(references, inputs)| Read { references, inputs }).collect();
        let exists =
            |output: &(String, usize, usize)| reads.get(output.1).is_some_and(|read| output.2 < read.references.len());
        if let Some((name, ..)) = outputs.iter().find(|output| !exists(output)) {
            return Err(invalid(py, format!("nothing is read for {name:?}")));
        }
        let outputs = outputs.into_iter().map(|(name, read, position)| Output { name, read, position });
        let outputs = Arc::new(outputs.collect());
        let resolved = Mutex::new(resolve(py, engine.get(), &reads, serve_expired)?);
        Ok(FeastRequest { engine, inputs, shown, reads, outputs, serve_expired, resolved })
    }

    /// Reads the latest values of the entities that `keys` has, a column for each input.
    fn read(&self, py: Python<'_>, keys: Vec<Py<FeastKey>>) -> PyResult<FeastAnswer> {
        let rows = keys.first().map_or(0, |key| key.get().len());
        if keys.len() != self.inputs.len() || keys.iter().any(|key| key.get().len() != rows) {
            return Err(invalid(py, format!("a call has columns of one length: {}", self.inputs.join(", "))));
        }
        let columns: Vec<&FeastKey> = keys.iter().map(Py::get).collect();
        let engine = self.engine.get().reading(py)?;
        let mut resolved = self.resolved(py)?;
        for is_last in [false, true] {
            let found = py.detach(|| self.found(&engine, &resolved, &columns));
            match found {
                Err(error) if error.kind() == ErrorKind::Conflict && !is_last => resolved = self.resolve_again(py)?,
                found => {
                    let outputs = self.outputs.clone();
                    let inputs = self.inputs.iter().take(self.shown).cloned().collect();
                    return Ok(FeastAnswer::new(inputs, keys, outputs, found.or_raise(py)?, rows));
                }
            }
        }
        unreachable!("the last round returns")
    }
}

impl FeastRequest {
    fn resolved(&self, py: Python<'_>) -> PyResult<Arc<Resolved>> {
        let resolved = self.resolved.lock().clone();
        if resolved.generation == generation() { Ok(resolved) } else { self.resolve_again(py) }
    }

    fn resolve_again(&self, py: Python<'_>) -> PyResult<Arc<Resolved>> {
        let resolved = resolve(py, self.engine.get(), &self.reads, self.serve_expired)?;
        *self.resolved.lock() = resolved.clone();
        Ok(resolved)
    }

    fn found(&self, engine: &asofdb_client::Engine, resolved: &Resolved, columns: &[&FeastKey]) -> Result<Vec<Found>> {
        let mut all = Vec::with_capacity(self.reads.len());
        for (read, resolved) in self.reads.iter().zip(&resolved.reads) {
            let entities = entities(&resolved.prepared, &read.inputs, columns, None)?;
            let answer = engine.latest(&resolved.prepared, &entities)?;
            let mut expired = Vec::new();
            for view in &resolved.views {
                find_expired(engine, view, &answer, &read.inputs, columns, &mut expired)?;
            }
            all.push(Found::new(answer, expired));
        }
        Ok(all)
    }
}

fn resolve(py: Python<'_>, engine: &Engine, reads: &[Read], serve_expired: bool) -> PyResult<Arc<Resolved>> {
    let resolve = |engine: &asofdb_client::Engine, read: &Read| {
        let prepared = engine.prepare(&read.references)?;
        let views = if serve_expired { views(engine, &read.references)? } else { Vec::new() };
        Ok(ResolvedRead { prepared, views })
    };
    let reads = engine.run(py, |engine| reads.iter().map(|read| resolve(engine, read)).collect::<Result<Vec<_>>>())?;
    Ok(Arc::new(Resolved { reads, generation: generation() }))
}

/// References apart by their views; without those to views that are computed.
fn views(engine: &asofdb_client::Engine, references: &[String]) -> Result<Vec<ViewRead>> {
    let view = |reference: &str| reference.split(':').next().unwrap_or_default().to_owned();
    let mut by_view: Vec<(String, Vec<usize>)> = Vec::new();
    for (position, reference) in references.iter().enumerate() {
        let name = view(reference);
        match by_view.iter_mut().find(|(known, _)| *known == name) {
            Some((_, positions)) => positions.push(position),
            None => by_view.push((name, vec![position])),
        }
    }
    let prepare = |(_, positions): (String, Vec<usize>)| {
        let references: Vec<_> = positions.iter().map(|position| references[*position].as_str()).collect();
        Ok(ViewRead { prepared: engine.prepare(&references)?, positions })
    };
    // What is computed is another value at another time: it is not one that was stored then.
    let catalog = engine.catalog()?;
    let is_stored = |name: &str| catalog.view(name).is_none_or(|view| view.computed.is_none());
    by_view.into_iter().filter(|(name, _)| is_stored(name)).map(prepare).collect()
}

/// The entities of a read; only those of `rows`, if given.
fn entities(
    prepared: &Prepared,
    inputs: &HashMap<String, usize>,
    columns: &[&FeastKey],
    rows: Option<&[usize]>,
) -> Result<EntityRows> {
    let column = |key: &asofdb::JoinKey| {
        let input = inputs.get(&key.name).ok_or_else(|| {
            // The view has other join keys than Feast's definitions say.
            Error::invalid(format!("the store needs join key {:?} ({}): run `feast apply`", key.name, key.ty))
        })?;
        columns[*input].column(key, rows)
    };
    let columns = prepared.join_keys().iter().map(column).collect::<Result<Vec<_>>>()?;
    let mut entities = prepared.entity_rows();
    entities.push_columns(&columns)?;
    Ok(entities)
}

/// Finds the values of a view's expired rows as of the times of their newest versions, when they were not expired yet.
fn find_expired(
    engine: &asofdb_client::Engine,
    view: &ViewRead,
    answer: &Answer,
    inputs: &HashMap<String, usize>,
    columns: &[&FeastKey],
    out: &mut Vec<Expired>,
) -> Result<()> {
    let Some(first) = view.positions.first() else { return Ok(()) };
    let mut by_time: HashMap<Timestamp, Vec<usize>> = HashMap::new();
    for row in 0..answer.rows() {
        if answer.status(row, *first) == Status::Expired
            && let Some(time) = answer.event_timestamp(row, *first)
        {
            by_time.entry(time).or_default().push(row);
        }
    }
    for (time, rows) in by_time {
        let entities = entities(&view.prepared, inputs, columns, Some(&rows))?;
        let answer = engine.as_of(&view.prepared, &entities, time, None)?;
        out.push(Expired { answer, rows, positions: view.positions.clone() });
    }
    Ok(())
}
