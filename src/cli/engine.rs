//! The store that a command works on: in this process, or behind a sidecar. The same methods, types and errors.

use std::path::Path;
use std::sync::Arc;

use asofdb::{
    Answer, Catalog, Client, Committed, ConsumerReport, Definitions, EntityKey, EntityRows, Erased, ExportOptions,
    Freshness, HistoryRow, IngestOptions, IngestReport, Input, JoinReport, Manifest, OnProgress, Plan, Prepared,
    Result, Stats, Store, Timestamp, TrainingSetOptions, Verified,
};

/// A store, wherever it is.
pub(crate) enum Engine {
    /// Open in this process.
    Store(Store),
    /// Served by another.
    Sidecar(Client),
}

impl Engine {
    pub(crate) fn catalog(&self) -> Result<Arc<Catalog>> {
        match self {
            Engine::Store(store) => Ok(store.catalog()),
            Engine::Sidecar(client) => client.catalog(),
        }
    }

    pub(crate) fn now(&self) -> Result<Timestamp> {
        match self {
            Engine::Store(store) => Ok(store.now()),
            Engine::Sidecar(client) => client.now(),
        }
    }

    pub(crate) fn prepare<S: AsRef<str>>(&self, references: &[S]) -> Result<Prepared> {
        match self {
            Engine::Store(store) => store.prepare(references),
            Engine::Sidecar(client) => client.prepare(references),
        }
    }

    pub(crate) fn latest(&self, request: &Prepared, entities: &EntityRows) -> Result<Answer> {
        match self {
            Engine::Store(store) => store.latest(request, entities),
            Engine::Sidecar(client) => client.latest(request, entities),
        }
    }

    pub(crate) fn as_of(
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

    pub(crate) fn plan(&self, definitions: &Definitions) -> Result<Plan> {
        match self {
            Engine::Store(store) => store.plan(definitions),
            Engine::Sidecar(client) => client.plan(definitions),
        }
    }

    pub(crate) fn apply(&self, definitions: &Definitions, allow_drop: bool) -> Result<Plan> {
        match self {
            Engine::Store(store) => store.apply(definitions, allow_drop),
            Engine::Sidecar(client) => client.apply(definitions, allow_drop),
        }
    }

    pub(crate) fn delete(&self, views: &[&str], entity: &EntityKey<'_>, at: Timestamp) -> Result<Committed> {
        match self {
            Engine::Store(store) => store.delete(views, entity, at),
            Engine::Sidecar(client) => client.delete(views, entity, at),
        }
    }

    pub(crate) fn erase(&self, views: &[&str], entity: &EntityKey<'_>) -> Result<Vec<Erased>> {
        match self {
            Engine::Store(store) => store.erase(views, entity),
            Engine::Sidecar(client) => client.erase(views, entity),
        }
    }

    pub(crate) fn freshness(&self, view: &str) -> Result<Freshness> {
        match self {
            Engine::Store(store) => store.freshness(view),
            Engine::Sidecar(client) => client.freshness(view),
        }
    }

    pub(crate) fn history(&self, view: &str, entity: &EntityKey<'_>, limit: usize) -> Result<Vec<HistoryRow>> {
        match self {
            Engine::Store(store) => store.history(view, entity, limit),
            Engine::Sidecar(client) => client.history(view, entity, limit),
        }
    }

    pub(crate) fn export(
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

    pub(crate) fn training_set<S: AsRef<str>>(
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

    pub(crate) fn ingest(
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

    /// Writes what is in memory to disk, so that figures tell of it. A sidecar's figures are those of the moment.
    pub(crate) fn flush(&self) -> Result<()> {
        match self {
            Engine::Store(store) => store.flush(),
            Engine::Sidecar(_) => Ok(()),
        }
    }

    pub(crate) fn stats(&self) -> Result<Stats> {
        match self {
            Engine::Store(store) => store.stats(),
            Engine::Sidecar(client) => client.stats(),
        }
    }

    /// What the consumers of a sidecar did; a store has none.
    pub(crate) fn consumers(&self) -> Result<Vec<ConsumerReport>> {
        match self {
            Engine::Store(_) => Ok(Vec::new()),
            Engine::Sidecar(client) => client.consumers(),
        }
    }

    pub(crate) fn verify(&self) -> Result<Verified> {
        match self {
            Engine::Store(store) => store.verify(),
            Engine::Sidecar(client) => client.verify(),
        }
    }

    pub(crate) fn compact(&self) -> Result<()> {
        match self {
            Engine::Store(store) => store.compact(),
            Engine::Sidecar(client) => client.compact(),
        }
    }

    pub(crate) fn checkpoint(&self, to: &Path) -> Result<()> {
        match self {
            Engine::Store(store) => store.checkpoint(to),
            // The sidecar may have another working directory.
            Engine::Sidecar(client) => match std::path::absolute(to) {
                Ok(to) => client.checkpoint(&to),
                Err(error) => Err(asofdb::Error::invalid(format!("not a path: {}", to.display())).with_source(error)),
            },
        }
    }
}
