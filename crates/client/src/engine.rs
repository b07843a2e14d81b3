//! A store, wherever it is: in this process, or behind a sidecar. The same methods, types and errors.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use asofdb::parts::{JoinBatches, open_spine};
use asofdb::{
    Answer, Catalog, Committed, Definitions, Durability, EntityKey, EntityRows, Erased, Error, ExportOptions,
    F32Matrix, Freshness, HistoryRow, IngestOptions, IngestReport, Input, Join, JoinOptions, JoinReport, Manifest,
    OnProgress, Plan, Prepared, Result, Source, Stats, Store, Timestamp, TrainingSetOptions, Verified,
};
use asofdb_protocol::ConsumerReport;

use crate::bulk::RemoteJoin;
use crate::client::Client;

/// A store, wherever it is: for code that works on either, such as the command line and the Python package.
///
/// Its methods are those of [`Store`] and [`Client`], and so are their errors.
#[derive(Debug, Clone)]
pub enum Engine {
    /// Open in this process.
    Store(Store),
    /// Served by another.
    Sidecar(Client),
}

impl Engine {
    /// Reads what is defined, as of now.
    ///
    /// # Errors
    /// As [`Store::catalog`] and [`Client::catalog`].
    pub fn catalog(&self) -> Result<Arc<Catalog>> {
        match self {
            Engine::Store(store) => Ok(store.catalog()),
            Engine::Sidecar(client) => client.catalog(),
        }
    }

    /// The present by the store's clock.
    ///
    /// # Errors
    /// As [`Store::now`] and [`Client::now`].
    pub fn now(&self) -> Result<Timestamp> {
        match self {
            Engine::Store(store) => Ok(store.now()),
            Engine::Sidecar(client) => client.now(),
        }
    }

    /// Resolves references once, to be read many times.
    ///
    /// # Errors
    /// As [`Store::prepare`] and [`Client::prepare`].
    pub fn prepare<S: AsRef<str>>(&self, references: &[S]) -> Result<Prepared> {
        match self {
            Engine::Store(store) => store.prepare(references),
            Engine::Sidecar(client) => client.prepare(references),
        }
    }

    /// The newest values of each entity's features, as of now.
    ///
    /// # Errors
    /// As [`Store::latest`] and [`Client::latest`].
    pub fn latest(&self, request: &Prepared, entities: &EntityRows) -> Result<Answer> {
        match self {
            Engine::Store(store) => store.latest(request, entities),
            Engine::Sidecar(client) => client.latest(request, entities),
        }
    }

    /// The values that were true at `at` and, with `known_at`, known by then.
    ///
    /// # Errors
    /// As [`Store::as_of`] and [`Client::as_of`].
    pub fn as_of(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        at: Timestamp,
        known_at: Option<Timestamp>,
    ) -> Result<Answer> {
        match self {
            Engine::Store(store) => store.as_of(request, entities, at, known_at),
            Engine::Sidecar(client) => client.as_of(request, entities, at, known_at),
        }
    }

    /// [`Engine::latest`] into a dense matrix, ready for a model.
    ///
    /// # Errors
    /// As [`Store::latest_f32`] and [`Client::latest_f32`].
    pub fn latest_f32(&self, request: &Prepared, entities: &EntityRows, matrix: F32Matrix<'_>) -> Result<()> {
        match self {
            Engine::Store(store) => store.latest_f32(request, entities, matrix),
            Engine::Sidecar(client) => client.latest_f32(request, entities, matrix),
        }
    }

    /// [`Engine::as_of`] into a dense matrix.
    ///
    /// # Errors
    /// As [`Store::as_of_f32`] and [`Client::as_of_f32`].
    pub fn as_of_f32(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        at: Timestamp,
        known_at: Option<Timestamp>,
        matrix: F32Matrix<'_>,
    ) -> Result<()> {
        match self {
            Engine::Store(store) => store.as_of_f32(request, entities, at, known_at, matrix),
            Engine::Sidecar(client) => client.as_of_f32(request, entities, at, known_at, matrix),
        }
    }

    /// Writes rows of several views in one atomic step; `durability` is the store's own where it is `None`.
    ///
    /// # Errors
    /// As [`Store::write_all`] and [`Client::write_all`].
    pub fn write_all(&self, rows: &[(&str, &RecordBatch)], durability: Option<Durability>) -> Result<Committed> {
        match self {
            Engine::Store(store) => store.write_all(rows, durability.unwrap_or(store.durability())),
            Engine::Sidecar(client) => client.write_views(rows, durability.map(|asked| asked == Durability::Sync)),
        }
    }

    /// Opens a file with a spine: join keys and times in text formats have the types that the request says.
    ///
    /// # Errors
    /// `NotFound` for unknown features or a file that is not there, `Corrupt` when it cannot be read.
    pub fn open_spine<S: AsRef<str>>(
        &self,
        references: &[S],
        spine: &Path,
        options: &TrainingSetOptions,
    ) -> Result<Source> {
        open_spine(&*self.catalog()?, references, spine, options)
    }

    /// Joins to each row of a spine the features as of its time.
    ///
    /// # Errors
    /// As [`Store::point_in_time_join`] and [`Client::point_in_time_join`].
    pub fn point_in_time_join<'e, S, I>(
        &'e self,
        references: &[S],
        spine_schema: SchemaRef,
        spine: I,
        options: &JoinOptions,
    ) -> Result<EngineJoin<'e, I>>
    where
        S: AsRef<str>,
        I: Iterator<Item = Result<RecordBatch>>,
    {
        match self {
            Engine::Store(store) => {
                let join = store.point_in_time_join(references, spine_schema, spine, options)?;
                Ok(EngineJoin::Store(Box::new(join)))
            }
            Engine::Sidecar(client) => {
                let join = client.point_in_time_join(references, spine_schema, spine, options)?;
                Ok(EngineJoin::Sidecar(Box::new(join)))
            }
        }
    }

    /// Tells what [`Engine::apply`] would do.
    ///
    /// # Errors
    /// As [`Store::plan`] and [`Client::plan`].
    pub fn plan(&self, definitions: &Definitions) -> Result<Plan> {
        match self {
            Engine::Store(store) => store.plan(definitions),
            Engine::Sidecar(client) => client.plan(definitions),
        }
    }

    /// Makes the definitions the catalog.
    ///
    /// # Errors
    /// As [`Store::apply`] and [`Client::apply`].
    pub fn apply(&self, definitions: &Definitions, allow_drop: bool) -> Result<Plan> {
        match self {
            Engine::Store(store) => store.apply(definitions, allow_drop),
            Engine::Sidecar(client) => client.apply(definitions, allow_drop),
        }
    }

    /// [`Engine::apply`] to the catalog of `revision` only, if one is given.
    ///
    /// # Errors
    /// As [`Store::apply_to`] and [`Client::apply_to`].
    pub fn apply_to(&self, definitions: &Definitions, allow_drop: bool, revision: Option<u64>) -> Result<Plan> {
        match self {
            Engine::Store(store) => store.apply_to(definitions, allow_drop, revision),
            Engine::Sidecar(client) => client.apply_to(definitions, allow_drop, revision),
        }
    }

    /// Deletes an entity from views as of `at`.
    ///
    /// # Errors
    /// As [`Store::delete`] and [`Client::delete`].
    pub fn delete(&self, views: &[&str], entity: &EntityKey<'_>, at: Timestamp) -> Result<Committed> {
        match self {
            Engine::Store(store) => store.delete(views, entity, at),
            Engine::Sidecar(client) => client.delete(views, entity, at),
        }
    }

    /// Removes every version of an entity from views.
    ///
    /// # Errors
    /// As [`Store::erase`] and [`Client::erase`].
    pub fn erase(&self, views: &[&str], entity: &EntityKey<'_>) -> Result<Vec<Erased>> {
        match self {
            Engine::Store(store) => store.erase(views, entity),
            Engine::Sidecar(client) => client.erase(views, entity),
        }
    }

    /// Tells how fresh a view is.
    ///
    /// # Errors
    /// As [`Store::freshness`] and [`Client::freshness`].
    pub fn freshness(&self, view: &str) -> Result<Freshness> {
        match self {
            Engine::Store(store) => store.freshness(view),
            Engine::Sidecar(client) => client.freshness(view),
        }
    }

    /// Every version of one entity in a view, newest first; at most `limit`.
    ///
    /// # Errors
    /// As [`Store::history`] and [`Client::history`].
    pub fn history(&self, view: &str, entity: &EntityKey<'_>, limit: usize) -> Result<Vec<HistoryRow>> {
        match self {
            Engine::Store(store) => store.history(view, entity, limit),
            Engine::Sidecar(client) => client.history(view, entity, limit),
        }
    }

    /// Exports a view as Parquet files into the new directory `out`.
    ///
    /// # Errors
    /// As [`Store::export`] and [`Client::export`].
    pub fn export(
        &self,
        view: &str,
        out: &Path,
        options: &ExportOptions,
        progress: &mut OnProgress<'_>,
    ) -> Result<Manifest> {
        match self {
            Engine::Store(store) => store.export(view, out, options, progress),
            Engine::Sidecar(client) => client.export(view, out, options, progress),
        }
    }

    /// Joins features to the spine in a file and writes the result to a Parquet file.
    ///
    /// # Errors
    /// As [`Store::training_set`] and [`Client::training_set`].
    pub fn training_set<S: AsRef<str>>(
        &self,
        references: &[S],
        spine: &Path,
        out: &Path,
        options: &TrainingSetOptions,
        progress: &mut OnProgress<'_>,
    ) -> Result<JoinReport> {
        match self {
            Engine::Store(store) => store.training_set(references, spine, out, options, progress),
            Engine::Sidecar(client) => client.training_set(references, spine, out, options, progress),
        }
    }

    /// Writes the rows of files into a view.
    ///
    /// # Errors
    /// As [`Store::ingest`] and [`Client::ingest`].
    pub fn ingest(
        &self,
        view: &str,
        inputs: Vec<Input>,
        options: &IngestOptions,
        progress: &mut OnProgress<'_>,
    ) -> Result<IngestReport> {
        match self {
            Engine::Store(store) => store.ingest(view, inputs, options, progress),
            Engine::Sidecar(client) => client.ingest(view, inputs, options, progress),
        }
    }

    /// Writes what is in memory to disk. A sidecar sees to that itself.
    ///
    /// # Errors
    /// As [`Store::flush`].
    pub fn flush(&self) -> Result<()> {
        match self {
            Engine::Store(store) => store.flush(),
            Engine::Sidecar(_) => Ok(()),
        }
    }

    /// Figures about the store.
    ///
    /// # Errors
    /// As [`Store::stats`] and [`Client::stats`].
    pub fn stats(&self) -> Result<Stats> {
        match self {
            Engine::Store(store) => store.stats(),
            Engine::Sidecar(client) => client.stats(),
        }
    }

    /// Reads what the consumers of a sidecar did; a store has none.
    ///
    /// # Errors
    /// As [`Client::consumers`].
    pub fn consumers(&self) -> Result<Vec<ConsumerReport>> {
        match self {
            Engine::Store(_) => Ok(Vec::new()),
            Engine::Sidecar(client) => client.consumers(),
        }
    }

    /// Reads everything and checks it.
    ///
    /// # Errors
    /// As [`Store::verify`] and [`Client::verify`].
    pub fn verify(&self) -> Result<Verified> {
        match self {
            Engine::Store(store) => store.verify(),
            Engine::Sidecar(client) => client.verify(),
        }
    }

    /// Compacts everything.
    ///
    /// # Errors
    /// As [`Store::compact`] and [`Client::compact`].
    pub fn compact(&self) -> Result<()> {
        match self {
            Engine::Store(store) => store.compact(),
            Engine::Sidecar(client) => client.compact(),
        }
    }

    /// Writes a consistent copy of the store into the new directory `to`.
    ///
    /// # Errors
    /// As [`Store::checkpoint`] and [`Client::checkpoint`].
    pub fn checkpoint(&self, to: &Path) -> Result<()> {
        match self {
            Engine::Store(store) => store.checkpoint(to),
            // The sidecar may have another working directory.
            Engine::Sidecar(client) => match std::path::absolute(to) {
                Ok(to) => client.checkpoint(&to),
                Err(error) => Err(Error::invalid(format!("not a path: {}", to.display())).with_source(error)),
            },
        }
    }
}

/// A point-in-time join under way, wherever it is made: an iterator over the batches of its result.
pub enum EngineJoin<'e, I> {
    /// A join in this process.
    Store(Box<Join<'e, I>>),
    /// A join in a sidecar.
    Sidecar(Box<RemoteJoin<'e, I>>),
}

impl<I: Iterator<Item = Result<RecordBatch>>> EngineJoin<'_, I> {
    /// The schema of the result.
    pub fn schema(&self) -> SchemaRef {
        match self {
            EngineJoin::Store(join) => JoinBatches::schema(&**join),
            EngineJoin::Sidecar(join) => JoinBatches::schema(&**join),
        }
    }

    /// Returns the counts so far; of all rows at the end.
    pub fn report(&self) -> &JoinReport {
        match self {
            EngineJoin::Store(join) => JoinBatches::report(&**join),
            EngineJoin::Sidecar(join) => JoinBatches::report(&**join),
        }
    }
}

impl<I: Iterator<Item = Result<RecordBatch>>> Iterator for EngineJoin<'_, I> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            EngineJoin::Store(join) => join.next(),
            EngineJoin::Sidecar(join) => join.next(),
        }
    }
}
