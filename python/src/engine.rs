//! An open store or a connection to a sidecar.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use asofdb::parts::feature_meaning;
use asofdb::{
    Allow, ApplyOptions, AsJson, CatalogChange, CheckpointFiles, Definitions, Durability, Error, FeedFiles, Options,
    Plan, Policy, Precedence, ProfileSample, Result, ServedLogOptions, Session, Store, SystemClock, UsagePeriod,
    parse_definitions, plan_hash, policy_plan_hash, read_definitions, read_served_log,
};
use asofdb_client::{Cancel, Client, ConnectOptions, SharedReads};
use asofdb_platform::{AuditAgainst, AuditOptions, Discovery, Searcher, audit};
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::json;

use crate::clock::{clock_json, clock_repair_json};
use crate::errors::{OrRaise, exception};
use crate::fork::generation;
use crate::plans::{change_json, plans_json};
use crate::table::{batch, column_type};
use crate::time::{datetime, optional_timestamp, timestamp};
use crate::value::{answered, named_values};

/// An engine of `asofdb`, for as long as this process has it open.
#[pyclass(frozen, module = "asofdb._native")]
pub(crate) struct Engine {
    origin: Origin,
    /// Locked for moments only, and only with the GIL.
    state: Mutex<State>,
    /// Ends the calls of a client, where they can be cancelled.
    cancel: Option<Cancel>,
    searcher: Searcher,
    /// The precedence of reads over bulk work of a store, where it was asked for.
    precedence: Option<Arc<Precedence>>,
}

/// The way in which it was opened, to open it again after a fork.
#[derive(Clone)]
enum Origin {
    Store,
    Sidecar(PathBuf, ConnectOptions),
}

enum State {
    Open { engine: asofdb_client::Engine, generation: u64 },
    Closed,
}

impl Engine {
    fn new(origin: Origin, engine: asofdb_client::Engine) -> Self {
        let state = Mutex::new(State::Open { engine, generation: generation() });
        Engine { origin, state, cancel: None, searcher: Searcher::default(), precedence: None }
    }

    /// The engine, cheap to clone; connected anew in the child of a fork.
    ///
    /// # Errors
    /// `ClosedError` when it was closed, or is a store that belongs to the parent.
    pub(crate) fn get(&self, py: Python<'_>) -> PyResult<asofdb_client::Engine> {
        let mut state = self.state.lock();
        match &*state {
            State::Open { engine, generation: known } if *known == generation() => return Ok(engine.clone()),
            State::Closed => return Err(exception(py, &Error::closed("the store or client was closed"))),
            State::Open { .. } => {}
        }
        let Origin::Sidecar(socket, options) = &self.origin else {
            let message = "the store was opened before a fork: open it in the process that uses it, or use a sidecar";
            return Err(exception(py, &Error::closed(message)));
        };
        // The parent's connections are only forgotten. Connecting is quick and is done with the lock, and so with the
        // GIL: once a process.
        let client = Client::connect_with(socket, options.clone()).or_raise(py)?;
        let engine = asofdb_client::Engine::Sidecar(client);
        *state = State::Open { engine: engine.clone(), generation: generation() };
        Ok(engine)
    }

    /// [`Engine::get`] for a read, to which bulk work gives way.
    pub(crate) fn reading(&self, py: Python<'_>) -> PyResult<asofdb_client::Engine> {
        if let Some(precedence) = &self.precedence {
            precedence.point();
        }
        self.get(py)
    }

    /// Runs `work` without the GIL.
    pub(crate) fn run<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&asofdb_client::Engine) -> Result<T> + Send,
    ) -> PyResult<T> {
        let engine = self.get(py)?;
        py.detach(move || work(&engine)).or_raise(py)
    }

    /// Returns the sidecar's path and the options of the connection; `None` for a store.
    pub(crate) fn sidecar(&self) -> Option<(PathBuf, ConnectOptions)> {
        match &self.origin {
            Origin::Store => None,
            Origin::Sidecar(socket, options) => Some((socket.clone(), options.clone())),
        }
    }
}

/// A store must not be closed by the child of a fork: its threads are the parent's.
impl Drop for Engine {
    fn drop(&mut self) {
        let state = std::mem::replace(self.state.get_mut(), State::Closed);
        forget_if_forked(state);
    }
}

#[allow(
    clippy::mem_forget,
    reason = "closing the parent's store in its child would wait for threads that are not there"
)]
fn forget_if_forked(state: State) {
    match state {
        State::Open { engine: asofdb_client::Engine::Store(store), generation: known } if known != generation() => {
            std::mem::forget(store);
        }
        state => drop(state),
    }
}

/// Durability by its name.
pub(crate) fn durability(py: Python<'_>, name: &str) -> PyResult<Durability> {
    match name {
        "os" => Ok(Durability::Os),
        "sync" => Ok(Durability::Sync),
        _ => Err(exception(py, &Error::invalid(format!("a durability is \"os\" or \"sync\": {name:?}")))),
    }
}

/// The precedence of reads over bulk work that gets a share of its time, in percent.
fn precedence(py: Python<'_>, share: i64) -> PyResult<Arc<Precedence>> {
    let refused = || exception(py, &Error::invalid(format!("bulk_share is from 1 to 100 percent: {share}")));
    let percent = u8::try_from(share).ok().filter(|share| (1..=100).contains(share)).ok_or_else(refused)?;
    Ok(Arc::new(Precedence::new(percent)))
}

fn plan_json(plan: &Plan) -> String {
    json!(plan.changes.iter().map(change_json).collect::<Vec<_>>()).to_string()
}

fn definitions(py: Python<'_>, text: Option<&str>, path: Option<PathBuf>, origin: &str) -> PyResult<Definitions> {
    match (text, path) {
        (Some(text), _) => parse_definitions(text, origin).or_raise(py),
        (None, Some(path)) => read_definitions(path).or_raise(py),
        (None, None) => Err(exception(py, &Error::internal("definitions are a text or a path"))),
    }
}

/// JSON that is ours: text that Python reads.
pub(crate) fn text(bytes: Result<Vec<u8>>) -> Result<String> {
    String::from_utf8(bytes?).map_err(|error| Error::internal("JSON is UTF-8").with_source(error))
}

/// A report as JSON.
fn written(json: serde_json::Result<String>) -> Result<String> {
    json.map_err(|error| Error::internal("a report cannot be written as JSON").with_source(error))
}

#[pymethods]
impl Engine {
    /// Opens the store in a directory; `memory` are the bytes of its budget and those of its hot table, `modes` say
    /// whether it is created, and left open to others, and the share of its time in percent that its bulk work gets beside
    /// reads; `reader` is the consumer and the version of a model that it reads for.
    #[staticmethod]
    fn open(
        py: Python<'_>,
        path: PathBuf,
        durability: &str,
        memory: (Option<usize>, Option<usize>),
        modes: (bool, bool, Option<i64>),
        reader: (Option<String>, Option<String>),
        log_served: Option<(PathBuf, f64)>,
    ) -> PyResult<Self> {
        let durability = self::durability(py, durability)?;
        let ((create, shared, bulk_share), (consumer, model)) = (modes, reader);
        let precedence = bulk_share.map(|share| precedence(py, share)).transpose()?;
        let giving = precedence.clone();
        let mut options = Options { create, shared, ..Options::default() };
        options.memory_budget_bytes = memory.0.unwrap_or(options.memory_budget_bytes);
        options.hot_bytes = memory.1;
        let open = move || {
            let mut store = Store::open_with(path, options, Arc::new(SystemClock), durability)?;
            if let Some((directory, share)) = log_served {
                store = store.log_served(&directory, ServedLogOptions { share, ..ServedLogOptions::default() })?;
            }
            if let Some(precedence) = giving {
                store = store.giving_way(precedence);
            }
            let store = consumer.map_or(Ok(store.clone()), |consumer| store.for_consumer(&consumer))?;
            model.map_or(Ok(store.clone()), |model| store.for_model(&model))
        };
        let store = py.detach(open).or_raise(py)?;
        let mut opened = Engine::new(Origin::Store, asofdb_client::Engine::Store(store));
        opened.precedence = precedence;
        Ok(opened)
    }

    /// Connects to the sidecar on a socket, for a consumer and a version of a model, and reads the memory that it shares if
    /// it is to; `timeout` in seconds.
    #[staticmethod]
    fn connect(
        py: Python<'_>,
        socket: PathBuf,
        reader: (Option<String>, Option<String>),
        timeout: f64,
        shared_memory: bool,
    ) -> PyResult<Self> {
        let given = Duration::try_from_secs_f64(timeout).ok().filter(|timeout| !timeout.is_zero());
        let refused = || exception(py, &Error::invalid(format!("a time-out is in seconds, above zero: {timeout}")));
        let timeout = given.ok_or_else(refused)?;
        let (consumer, model) = reader;
        let options = ConnectOptions { consumer, model, timeout, shared_memory };
        let connect = || Client::connect_with(&socket, options.clone());
        let client = py.detach(connect).or_raise(py)?;
        Ok(Engine::new(Origin::Sidecar(socket, options), asofdb_client::Engine::Sidecar(client)))
    }

    /// Figures about reads of the sidecar's memory as a mapping.
    fn shared_reads<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let figures = PyDict::new(py);
        let asofdb_client::Engine::Sidecar(client) = self.get(py)? else { return Ok(figures) };
        let SharedReads { is_shared, refused, answered, passed_on } = client.shared_reads();
        figures.set_item("is_shared", is_shared)?;
        figures.set_item("refused", refused)?;
        figures.set_item("answered", answered)?;
        figures.set_item("passed_on", passed_on)?;
        Ok(figures)
    }

    /// Lets go of the store or the connections; what is still running finishes.
    fn close(&self, py: Python<'_>) {
        let state = std::mem::replace(&mut *self.state.lock(), State::Closed);
        py.detach(move || forget_if_forked(state));
    }

    /// A client over the same connections, with calls that `cancel` ends.
    fn cancellable(&self, py: Python<'_>) -> PyResult<Self> {
        let asofdb_client::Engine::Sidecar(client) = self.get(py)? else {
            return Err(exception(py, &Error::internal("only the calls of clients can be cancelled")));
        };
        let cancel = Cancel::default();
        let engine = asofdb_client::Engine::Sidecar(client.cancelled_by(&cancel));
        let mut cancellable = Engine::new(self.origin.clone(), engine);
        cancellable.cancel = Some(cancel);
        Ok(cancellable)
    }

    /// Ends the calls under way and fails those to come.
    fn cancel(&self, py: Python<'_>) {
        if let Some(cancel) = &self.cancel {
            py.detach(|| cancel.cancel());
        }
    }

    #[getter]
    fn is_closed(&self) -> bool {
        matches!(*self.state.lock(), State::Closed)
    }

    fn catalog_json(&self, py: Python<'_>) -> PyResult<String> {
        self.run(py, |engine| text(AsJson(&*engine.catalog()?).to_bytes()))
    }

    /// A list of hits.
    fn search_json(&self, py: Python<'_>, query: &str, limit: usize) -> PyResult<String> {
        let hits = self.run(py, |engine| self.searcher.search(engine, &*engine.catalog()?, query, limit))?;
        Ok(json!(hits).to_string())
    }

    /// A list of pairs; `at` is a time, or none for now.
    fn duplicates_json(&self, py: Python<'_>, views: Vec<String>, at: Option<&Bound<'_, PyAny>>) -> PyResult<String> {
        let (views, at): (Vec<&str>, _) = (views.iter().map(String::as_str).collect(), at.map(timestamp).transpose()?);
        let found = self.run(py, |engine| match at {
            Some(at) => engine.duplicates_at(&views, at),
            None => engine.duplicates(&views),
        });
        Ok(json!(found?).to_string())
    }

    /// The revision of the catalog, and of each feature that references name its reference and its meaning.
    fn meanings_json(&self, py: Python<'_>, references: Vec<String>) -> PyResult<String> {
        self.run(py, |engine| {
            let catalog = engine.catalog()?;
            let features = engine.prepare(&references)?.features();
            let of = |feature: &asofdb::ResolvedFeature| {
                let reference = feature.reference();
                Ok((reference.clone(), feature_meaning(&catalog, &reference)?))
            };
            let features = features.iter().map(of).collect::<Result<Vec<_>>>()?;
            Ok(json!({"catalog_revision": catalog.revision(), "features": features}).to_string())
        })
    }

    /// The id of the store.
    fn store_id(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.run(py, |engine| Ok(engine.store_id()?.map(|id| id.to_string())))
    }

    fn now<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.run(py, asofdb_client::Engine::now)?)
    }

    /// The findings of an audit of what was served.
    fn audit_json(&self, py: Python<'_>, log: PathBuf, known: &str, examples: usize) -> PyResult<String> {
        let against = match known {
            "now" => AuditAgainst::Now,
            "then" => AuditAgainst::Then,
            _ => {
                let rule = "an audit compares with what is known \"now\", or was known \"then\"";
                return Err(exception(py, &Error::invalid(format!("{rule}: {known:?}"))));
            }
        };
        let options = AuditOptions { against, examples };
        self.run(py, |engine| {
            let engine = match engine {
                // What an audit asks was not served.
                asofdb_client::Engine::Store(store) => asofdb_client::Engine::Store(store.unlogged()),
                sidecar => sidecar.clone(),
            };
            let found = audit(&engine as &dyn Session, read_served_log(&log)?, &options, &mut |_| {})?;
            Ok(found.to_json()?.to_string())
        })
    }

    fn begin_audit(
        &self,
        py: Python<'_>,
        known: &str,
        consumer: Option<String>,
        service: Option<String>,
        examples: u32,
    ) -> PyResult<u64> {
        let known_then = known == "then";
        let wanted = asofdb_client::AuditRequest { known_then, consumer, service, examples };
        self.run(py, |engine| match known {
            "now" | "then" => engine.begin_audit(&wanted),
            _ => {
                let rule = "an audit compares with what is known \"now\", or was known \"then\"";
                Err(Error::invalid(format!("{rule}: {known:?}")))
            }
        })
    }

    fn audits_json(&self, py: Python<'_>, number: Option<u64>) -> PyResult<String> {
        self.run(py, |engine| engine.audits_json(number))
    }

    /// The state of the clock.
    fn clock_json(&self, py: Python<'_>) -> PyResult<String> {
        self.run(py, asofdb_client::Engine::clock).map(|status| clock_json(&status))
    }

    fn confirm_clock(&self, py: Python<'_>) -> PyResult<()> {
        self.run(py, asofdb_client::Engine::confirm_clock)
    }

    fn repair_clock_json(&self, py: Python<'_>) -> PyResult<String> {
        self.run(py, asofdb_client::Engine::repair_clock).map(|repair| clock_repair_json(&repair))
    }

    /// Findings of opening the store; those of a sidecar's are in its log.
    fn notices(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        match self.get(py)? {
            asofdb_client::Engine::Store(store) => Ok(py.detach(|| store.notices())),
            asofdb_client::Engine::Sidecar(_) => Ok(Vec::new()),
        }
    }

    fn plan_json(&self, py: Python<'_>, text: Option<&str>, path: Option<PathBuf>, origin: &str) -> PyResult<String> {
        let definitions = definitions(py, text, path, origin)?;
        self.run(py, |engine| engine.plan(&definitions).map(|plan| plan_json(&plan)))
    }

    fn apply_json(
        &self,
        py: Python<'_>,
        text: Option<&str>,
        path: Option<PathBuf>,
        origin: &str,
        allow: (bool, bool, Vec<String>),
        condition: (Option<u64>, String),
    ) -> PyResult<String> {
        let definitions = definitions(py, text, path, origin)?;
        let ((drop, redefine, names), (revision, message)) = (allow, condition);
        self.run(py, |engine| {
            // Names are of what is planned with this catalog.
            let (revision, used) = match names.is_empty() {
                true => (revision, false),
                false => {
                    let catalog = engine.catalog()?.revision();
                    let impacts = engine.impacts(&engine.plan(&definitions)?)?;
                    (Some(revision.unwrap_or(catalog)), impacts.iter().all(|impact| impact.is_named(&names)))
                }
            };
            let allow = Allow { drop, redefine, used };
            let plan = engine.apply_with(&definitions, &ApplyOptions { allow, revision, message })?;
            Ok(plan_json(&plan))
        })
    }

    fn plan_hash(&self, py: Python<'_>, text: Option<&str>, path: Option<PathBuf>, origin: &str) -> PyResult<String> {
        let definitions = definitions(py, text, path, origin)?;
        self.run(py, |engine| plan_hash(&*engine.catalog()?, &definitions))
    }

    fn propose(
        &self,
        py: Python<'_>,
        text: Option<&str>,
        path: Option<PathBuf>,
        origin: &str,
        message: &str,
    ) -> PyResult<String> {
        let definitions = definitions(py, text, path, origin)?;
        self.run(py, |engine| engine.propose(&definitions, message))
    }

    fn policy_plan_hash(&self, py: Python<'_>, policy: &str) -> PyResult<String> {
        self.run(py, |engine| {
            Policy::parse(policy, "policy")?;
            policy_plan_hash(&*engine.catalog()?, policy)
        })
    }

    fn propose_policy(&self, py: Python<'_>, policy: &str, message: &str) -> PyResult<String> {
        self.run(py, |engine| engine.propose_policy(policy, message))
    }

    /// A list of plans that wait.
    fn plans_json(&self, py: Python<'_>) -> PyResult<String> {
        self.run(py, |engine| Ok(plans_json(&engine.proposals()?, &engine.approvals()?)))
    }

    fn approve(&self, py: Python<'_>, plan: &str) -> PyResult<()> {
        self.run(py, |engine| engine.approve(plan))
    }

    fn policy(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.run(py, |engine| Ok(engine.catalog()?.policy().map(|policy| (**policy).to_owned())))
    }

    fn apply_policy(&self, py: Python<'_>, policy: &str, message: &str) -> PyResult<()> {
        self.run(py, |engine| engine.apply_policy(policy, message))
    }

    fn log_json(&self, py: Python<'_>, name: Option<&str>, limit: usize) -> PyResult<String> {
        let changes = self.run(py, |engine| engine.catalog_log(name, limit))?;
        let line = |change: &CatalogChange| {
            let mut json = AsJson(change).to_tree()?;
            json["changes"] = change.cause.changes.iter().map(change_json).collect();
            Ok(json)
        };
        let lines: Result<Vec<_>> = changes.iter().map(line).collect();
        lines.map(|lines| json!(lines).to_string()).or_raise(py)
    }

    /// Writes tables of views in one atomic step; gives the created timestamp.
    fn write<'py>(
        &self,
        py: Python<'py>,
        tables: Vec<(String, Bound<'py, PyAny>)>,
        durability: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let durability = durability.map(|name| self::durability(py, name)).transpose()?;
        let catalog = self.run(py, asofdb_client::Engine::catalog)?;
        let mut batches = Vec::with_capacity(tables.len());
        for (name, table) in &tables {
            let view = catalog.view(name);
            let type_of = |column: &str| view.and_then(|view| column_type(view, column));
            // A view that is not there is refused by the engine, with a hint.
            let rows =
                if view.is_some() { batch(table, &type_of)? } else { RecordBatch::new_empty(Schema::empty().into()) };
            batches.push((name.as_str(), rows));
        }
        let committed = self.run(py, |engine| {
            let rows: Vec<_> = batches.iter().map(|(name, rows)| (*name, rows)).collect();
            engine.commit(&rows, durability)
        })?;
        datetime(py, committed.created)
    }

    /// Deletes events of an event view; gives the created timestamp.
    fn delete_events<'py>(
        &self,
        py: Python<'py>,
        view: &str,
        table: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let catalog = self.run(py, asofdb_client::Engine::catalog)?;
        let defined = catalog.view(view);
        let type_of = |column: &str| defined.and_then(|view| column_type(view, column));
        let events = match defined {
            Some(_) => batch(table, &type_of)?,
            // A view that is not there is refused by the engine, with a hint.
            None => RecordBatch::new_empty(Schema::empty().into()),
        };
        let committed = self.run(py, |engine| engine.delete_events(view, &events))?;
        datetime(py, committed.created)
    }

    /// Versions of one entity as tuples: event, created, deleted, values by feature.
    fn history<'py>(
        &self,
        py: Python<'py>,
        view: &str,
        entity: &Bound<'py, PyDict>,
        limit: Option<usize>,
    ) -> PyResult<Vec<VersionTuple<'py>>> {
        let catalog = self.run(py, asofdb_client::Engine::catalog)?;
        let keys = catalog.view(view).map_or_else(Vec::new, |view| key_types([&**view]));
        let named = if keys.is_empty() { Vec::new() } else { named_values(entity, &keys)? };
        let rows = self.run(py, |engine| {
            let entity: Vec<_> = named.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
            engine.history(view, &entity, limit.unwrap_or(usize::MAX))
        })?;
        let features = catalog.view(view).map_or_else(Vec::new, |view| view.features.clone());
        rows.into_iter()
            .map(|row| {
                let values = PyDict::new(py);
                for (feature, value) in features.iter().zip(row.values) {
                    values.set_item(&feature.name, answered(py, Ok(value))?)?;
                }
                Ok((datetime(py, row.version.event)?, datetime(py, row.version.created)?, row.deleted, values))
            })
            .collect()
    }

    /// Deletes an entity from views as of a time; gives the created timestamp.
    fn delete<'py>(
        &self,
        py: Python<'py>,
        views: Vec<String>,
        entity: &Bound<'py, PyDict>,
        at: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let at = optional_timestamp(at)?;
        let named = self.entity(py, &views, entity)?;
        let committed = self.run(py, |engine| {
            let (views, entity) = borrowed(&views, &named);
            engine.delete(&views, &entity, at.map_or_else(|| engine.now(), Ok)?)
        })?;
        datetime(py, committed.created)
    }

    /// Removes every version of an entity from views: view, versions and bytes of each.
    fn erase(
        &self,
        py: Python<'_>,
        views: Vec<String>,
        entity: &Bound<'_, PyDict>,
    ) -> PyResult<Vec<(String, u64, u64)>> {
        let named = self.entity(py, &views, entity)?;
        let receipts = self.run(py, |engine| {
            let (views, entity) = borrowed(&views, &named);
            engine.erase(&views, &entity)
        })?;
        Ok(receipts.into_iter().map(|one| (one.view, one.versions, one.bytes)).collect())
    }

    fn freshness_json(&self, py: Python<'_>, view: &str) -> PyResult<String> {
        self.run(py, |engine| text(AsJson(&engine.freshness(view)?).to_bytes()))
    }

    fn ages_json(&self, py: Python<'_>, views: Vec<String>) -> PyResult<String> {
        let views: Vec<&str> = views.iter().map(String::as_str).collect();
        self.run(py, |engine| text(AsJson(&engine.ages(&views)?[..]).to_bytes()))
    }

    fn answers_json(&self, py: Python<'_>) -> PyResult<String> {
        self.run(py, |engine| text(AsJson(engine.answers()?.as_slice()).to_bytes()))
    }

    fn feeds_json(&self, py: Python<'_>, views: Vec<String>) -> PyResult<String> {
        let views: Vec<&str> = views.iter().map(String::as_str).collect();
        self.run(py, |engine| text(AsJson(engine.feeds(&views)?.as_slice()).to_bytes()))
    }

    fn materialize_json(
        &self,
        py: Python<'_>,
        views: Vec<String>,
        sources: Option<PathBuf>,
        rejects: Option<PathBuf>,
    ) -> PyResult<String> {
        let views: Vec<&str> = views.iter().map(String::as_str).collect();
        let default = FeedFiles::default();
        let files = FeedFiles { root: sources.unwrap_or(default.root), rejects, ..default };
        self.run(py, |engine| text(AsJson(engine.materialize(&views, &files, &mut |_, _| {})?.as_slice()).to_bytes()))
    }

    fn statistics_json(&self, py: Python<'_>, view: &str) -> PyResult<String> {
        self.run(py, |engine| text(AsJson(&engine.statistics(view)?).to_bytes()))
    }

    fn profile_json(&self, py: Python<'_>, view: &str, entities: Option<usize>) -> PyResult<String> {
        let sample = entities.map_or(ProfileSample::All, ProfileSample::Entities);
        self.run(py, |engine| text(AsJson(&engine.profile(view, sample, &mut |_| {})?).to_bytes()))
    }

    fn alerts_json(&self, py: Python<'_>) -> PyResult<String> {
        self.run(py, |engine| written(serde_json::to_string(&engine.alerts()?)))
    }

    fn consumers_json(&self, py: Python<'_>) -> PyResult<String> {
        self.run(py, |engine| written(serde_json::to_string(&engine.consumers()?)))
    }

    fn limits_json(&self, py: Python<'_>) -> PyResult<String> {
        self.run(py, |engine| written(serde_json::to_string(&engine.limits()?)))
    }

    fn set_limits_json(&self, py: Python<'_>, limits: &str) -> PyResult<String> {
        self.run(py, |engine| written(serde_json::to_string(&engine.set_limits(limits)?)))
    }

    /// The reads of models.
    fn models_json(&self, py: Python<'_>) -> PyResult<String> {
        self.run(py, |engine| text(AsJson(engine.models()?.as_slice()).to_bytes()))
    }

    fn usage_json(&self, py: Python<'_>, last_days: u32, by_day: bool) -> PyResult<String> {
        let period = UsagePeriod { last_days, by_day };
        self.run(py, |engine| text(AsJson(engine.usage(period)?.as_slice()).to_bytes()))
    }

    fn stats_json(&self, py: Python<'_>) -> PyResult<String> {
        let stats = self.run(py, asofdb_client::Engine::stats)?;
        let family = |family: &asofdb::storage::FamilyStats| json!({"name": family.name, "rows_estimate": family.rows_estimate, "disk_bytes": family.disk_bytes});
        let hot = |hot: &asofdb::storage::HotStats| {
            json!({
                "hits": hot.hits, "misses": hot.misses, "fills": hot.fills, "evictions": hot.evictions, "rows": hot.rows,
                "bytes": hot.bytes, "bytes_max": hot.bytes_max, "pinned_rows": hot.pinned_rows,
                "pinned_bytes": hot.pinned_bytes, "is_warm": hot.warming.is_over,
                "rows_returned": hot.warming.rows, "rows_wanted": hot.warming.rows_wanted,
            })
        };
        Ok(json!({
            "disk_bytes": stats.disk_bytes,
            "memory_bytes": stats.memory_bytes,
            "memory_budget_bytes": stats.memory_budget_bytes,
            "bulk_paused_seconds": self.precedence.as_ref().map(|precedence| precedence.paused().as_secs_f64()),
            "families": stats.families.iter().map(family).collect::<Vec<_>>(),
            "batches": stats.batches,
            "rows": stats.rows,
            "stalls": stats.stalls,
            "background_error": stats.background_error,
            "hot": stats.hot.as_ref().map(hot),
        })
        .to_string())
    }

    /// Versions and entities read, and the problems found.
    fn verify(&self, py: Python<'_>) -> PyResult<(u64, u64, Vec<String>)> {
        let found = self.run(py, asofdb_client::Engine::verify)?;
        Ok((found.versions, found.entities, found.problems))
    }

    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        self.run(py, asofdb_client::Engine::flush)
    }

    fn compact(&self, py: Python<'_>) -> PyResult<()> {
        self.run(py, asofdb_client::Engine::compact)
    }

    fn checkpoint(&self, py: Python<'_>, to: PathBuf, copy: bool) -> PyResult<()> {
        let files = if copy { CheckpointFiles::Copied } else { CheckpointFiles::Shared };
        self.run(py, |engine| engine.checkpoint_with(&to, files))
    }
}

/// Event, created, deleted, values by feature.
type VersionTuple<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, bool, Bound<'py, PyDict>);

type Named = Vec<(String, asofdb::Value)>;

impl Engine {
    /// The key of an entity by the types that views have for it.
    fn entity(&self, py: Python<'_>, views: &[String], entity: &Bound<'_, PyDict>) -> PyResult<Named> {
        let catalog = self.run(py, asofdb_client::Engine::catalog)?;
        let known = views.iter().filter_map(|name| catalog.view(name)).map(|view| &**view);
        let keys = key_types(known);
        // No view is known: the engine says so, whatever the entity.
        if keys.is_empty() { Ok(Vec::new()) } else { named_values(entity, &keys) }
    }
}

fn key_types<'v>(views: impl IntoIterator<Item = &'v asofdb::FeatureView>) -> Vec<(String, asofdb::ScalarType)> {
    views.into_iter().flat_map(|view| &view.join_keys).map(|key| (key.name.clone(), key.ty)).collect()
}

fn borrowed<'a>(views: &'a [String], entity: &'a Named) -> (Vec<&'a str>, Vec<(&'a str, asofdb::Value)>) {
    let views = views.iter().map(String::as_str).collect();
    (views, entity.iter().map(|(name, value)| (name.as_str(), value.clone())).collect())
}
