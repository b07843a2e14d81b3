//! The blocking client: a [`Store`](crate::Store) in another process.

mod asynchronous;
mod bulk;
mod connection;
mod failure;
mod handles;
mod pipeline;
mod pool;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use asofdb_storage::{
    Catalog, Committed, Definitions, Durability, Erased, Error, ErrorKind, Plan as CatalogPlan, Result, Stats,
    Timestamp, Verified,
};
use parking_lot::RwLock;

pub use self::asynchronous::AsyncClient;
pub use self::bulk::RemoteJoin;
use self::connection::Connection;
use self::failure::Failure;
use self::handles::KnownHandle;
pub use self::pipeline::Pipeline;
use self::pool::Pool;
use super::consumers::ConsumerReport;
use super::frame::Kind;
use super::ipc;
use super::message::{
    Apply, CatalogMessage, Checkpoint, CommittedMessage, ConsumerMessage, Decode, Encode, ErasedMessage, Form,
    FreshnessMessage, FreshnessRequest, Hello, MAGIC, NamedValue, PROTOCOL_VERSION, Pong, RemoveEntity, StatsMessage,
    VerifiedMessage, Write, WriteView,
};
use super::point::{PointHeader, decode_matrix, decode_records};
use crate::answer::Answer;
use crate::freshness::Freshness;
use crate::keys::EntityKey;
use crate::prepared::{EntityRows, Plan, Prepared};
use crate::read::{F32Matrix, Question};
use crate::store::check_revision;

/// How often a read follows a catalog that changes under it before it gives up.
const STALE_MAX: usize = 5;

/// How a client connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectOptions {
    /// What the client calls itself, for limits and metrics; `None`: by its user.
    pub consumer: Option<String>,
    /// How long an answer may take.
    pub timeout: Duration,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        ConnectOptions { consumer: None, timeout: Duration::from_secs(30) }
    }
}

impl ConnectOptions {
    pub(super) fn hello(&self) -> Hello {
        let versions = (PROTOCOL_VERSION, PROTOCOL_VERSION);
        Hello { magic: MAGIC, versions, consumer: self.consumer.clone() }
    }
}

/// A store that a sidecar serves, with the methods, types and errors of an embedded [`Store`](crate::Store).
///
/// Cheap to clone; clones share a pool of connections, and any number of threads may use it. A read whose connection
/// broke is tried once more; a write never is: its error says that the outcome is unknown.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    pool: Pool,
    /// As of the last time that somebody looked.
    catalog: RwLock<Arc<Catalog>>,
}

impl Client {
    /// Connects to the sidecar that listens on the socket `path`.
    ///
    /// # Errors
    /// `Unavailable` when none does; `Invalid` when this user may not; `Conflict` when it speaks another protocol.
    pub fn connect(path: impl AsRef<Path>) -> Result<Self> {
        Client::connect_with(path, ConnectOptions::default())
    }

    /// [`Client::connect`] with options.
    ///
    /// # Errors
    /// As [`Client::connect`]; `Invalid` also for a name that a consumer cannot have.
    pub fn connect_with(path: impl AsRef<Path>, options: ConnectOptions) -> Result<Self> {
        let pool = Pool::new(path.as_ref().to_owned(), options)?;
        let catalog = pool.read(read_catalog).map_err(Failure::into_error)?;
        Ok(Client { inner: Arc::new(Inner { pool, catalog: RwLock::new(catalog) }) })
    }

    fn pool(&self) -> &Pool {
        &self.inner.pool
    }

    fn ask<Q: Encode, A: Decode<()>>(&self, kind: Kind, request: &Q) -> Result<A> {
        self.pool().read(|connection| connection.call(kind, request)).map_err(Failure::into_error)
    }

    fn tell<Q: Encode, A: Decode<()>>(&self, kind: Kind, request: &Q) -> Result<A> {
        self.pool().write(|connection| connection.call(kind, request))
    }

    /// What is defined, as of now.
    ///
    /// # Errors
    /// `Unavailable` when the sidecar does not answer.
    pub fn catalog(&self) -> Result<Arc<Catalog>> {
        self.pool().read(|connection| self.refresh(connection)).map_err(Failure::into_error)
    }

    /// Reads the catalog again.
    fn refresh(&self, connection: &mut Connection) -> Result<Arc<Catalog>, Failure> {
        let fresh = read_catalog(connection)?;
        let mut known = self.inner.catalog.write();
        if fresh.revision() >= known.revision() {
            *known = fresh;
        }
        Ok(known.clone())
    }

    /// The catalog as it was last seen.
    fn known_catalog(&self) -> Arc<Catalog> {
        self.inner.catalog.read().clone()
    }

    /// The present by the store's clock.
    ///
    /// # Errors
    /// `Unavailable` when the sidecar does not answer.
    pub fn now(&self) -> Result<Timestamp> {
        self.ask::<_, Pong>(Kind::Ping, &()).map(|pong| pong.now.into())
    }

    /// Resolves references once, to be read many times. See [`Store::prepare`](crate::Store::prepare).
    ///
    /// # Errors
    /// `NotFound` for unknown names, `Invalid` when a feature is named twice.
    pub fn prepare<S: AsRef<str>>(&self, references: &[S]) -> Result<Prepared> {
        let references: Vec<String> = references.iter().map(|reference| reference.as_ref().to_owned()).collect();
        match Prepared::new(&self.known_catalog(), references.clone()) {
            Ok(prepared) => Ok(prepared),
            // What is not known may have been defined since.
            Err(_) => Prepared::new(&*self.catalog()?, references),
        }
    }

    /// The newest values of each entity's features, as of now.
    ///
    /// # Errors
    /// As [`Store::latest`](crate::Store::latest); `Unavailable` when the sidecar does not answer or a limit is
    /// reached.
    pub fn latest(&self, request: &Prepared, entities: &EntityRows) -> Result<Answer> {
        self.answer(request, entities, Question::Latest)
    }

    /// The values that were true at `at` (inclusive) and, with `known_at`, known by then.
    ///
    /// # Errors
    /// As [`Client::latest`].
    pub fn as_of(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        at: Timestamp,
        known_at: Option<Timestamp>,
    ) -> Result<Answer> {
        self.answer(request, entities, Question::AsOf { at, known_at })
    }

    /// [`Client::latest`] into a dense matrix, ready for a model.
    ///
    /// # Errors
    /// As [`Store::latest_f32`](crate::Store::latest_f32), and as [`Client::latest`].
    pub fn latest_f32(&self, request: &Prepared, entities: &EntityRows, matrix: F32Matrix<'_>) -> Result<()> {
        self.matrix(request, entities, Question::Latest, matrix)
    }

    /// [`Client::as_of`] into a dense matrix.
    ///
    /// # Errors
    /// As [`Client::latest_f32`].
    pub fn as_of_f32(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        at: Timestamp,
        known_at: Option<Timestamp>,
        matrix: F32Matrix<'_>,
    ) -> Result<()> {
        self.matrix(request, entities, Question::AsOf { at, known_at }, matrix)
    }

    fn answer(&self, request: &Prepared, entities: &EntityRows, question: Question) -> Result<Answer> {
        self.read(request, entities, question, Form::Rows, |plan, body| answer_of(plan, body, entities.len()))
    }

    fn matrix(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        question: Question,
        mut matrix: F32Matrix<'_>,
    ) -> Result<()> {
        let form = form_of(&matrix);
        self.read(request, entities, question, form, |plan, body| matrix_of(plan, body, entities.len(), &mut matrix))
    }

    /// Reads through a handle, which is prepared where the connection has none, and again where the catalog has
    /// changed.
    fn read<T>(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        question: Question,
        form: Form,
        mut decode: impl FnMut(&Arc<Plan>, &[u8]) -> Result<T>,
    ) -> Result<T> {
        let mut once = |connection: &mut Connection| {
            let handle = self.handle(connection, request, form)?;
            let groups = entities.groups_for(&handle.plan)?;
            let point = PointHeader { handle: handle.number, rows: entities.len(), question };
            let id = connection.queue_read(&point, groups)?;
            connection.flush()?;
            let body = connection.answer(point.kind(), id)?;
            Ok(decode(&handle.plan, body)?)
        };
        let work = |connection: &mut Connection| {
            for _ in 0..STALE_MAX {
                match once(connection) {
                    Err(Failure::Stale) => connection.forget(request, form).and(self.refresh(connection).map(drop))?,
                    done => return done,
                }
            }
            Err(Failure::Stale)
        };
        self.pool().read(work).map_err(Failure::into_error)
    }

    fn handle(&self, connection: &mut Connection, request: &Prepared, form: Form) -> Result<KnownHandle, Failure> {
        let catalog = self.known_catalog();
        let plan = request.plan(catalog.revision(), || catalog.clone())?;
        connection.handle(request, form, &plan)
    }

    /// A connection of its own for many reads through one request, several of which may be on their way.
    ///
    /// # Errors
    /// As [`Client::latest_f32`].
    pub fn pipeline<'c>(&'c self, request: &Prepared, statuses: bool, fill: f32) -> Result<Pipeline<'c>> {
        let form = Form::Matrix { statuses, fill };
        let mut connection = self.pool().take_open()?;
        let mut handle = self.handle(&mut connection, request, form);
        if matches!(handle, Err(Failure::Stale)) {
            self.refresh(&mut connection).map_err(Failure::into_error)?;
            handle = self.handle(&mut connection, request, form);
        }
        let handle = handle.map_err(Failure::into_error)?;
        handle.plan.check_numeric()?;
        Ok(Pipeline::new(self.pool(), connection, handle, statuses))
    }

    /// Writes rows of one view. See [`Store::write`](crate::Store::write).
    ///
    /// # Errors
    /// As there; `Unavailable` when the connection breaks: whether the rows were written is then not known.
    pub fn write(&self, view: &str, rows: &RecordBatch) -> Result<Committed> {
        self.write_views(&[(view, rows)], None)
    }

    /// Writes rows of several views in one atomic step.
    ///
    /// # Errors
    /// As [`Client::write`].
    pub fn write_all(&self, rows: &[(&str, &RecordBatch)], durability: Durability) -> Result<Committed> {
        self.write_views(rows, Some(durability == Durability::Sync))
    }

    pub(crate) fn write_views(&self, rows: &[(&str, &RecordBatch)], sync: Option<bool>) -> Result<Committed> {
        self.tell::<_, CommittedMessage>(Kind::Write, &write_request(rows, sync)?).map(Committed::from)
    }

    /// What [`Client::apply`] would do.
    ///
    /// # Errors
    /// As [`Store::plan`](crate::Store::plan).
    pub fn plan(&self, definitions: &Definitions) -> Result<CatalogPlan> {
        self.catalog()?.plan(definitions, self.now()?)
    }

    /// Makes the definitions the catalog. See [`Store::apply`](crate::Store::apply).
    ///
    /// # Errors
    /// As there; `Invalid` when this user may not change definitions.
    pub fn apply(&self, definitions: &Definitions, allow_drop: bool) -> Result<CatalogPlan> {
        self.apply_to(definitions, allow_drop, None)
    }

    /// [`Client::apply`] to the catalog of `revision` only. See [`Store::apply_to`](crate::Store::apply_to).
    ///
    /// # Errors
    /// As there.
    pub fn apply_to(&self, definitions: &Definitions, allow_drop: bool, revision: Option<u64>) -> Result<CatalogPlan> {
        let catalog = self.catalog()?;
        check_revision(&catalog, revision)?;
        let plan = catalog.plan(definitions, self.now()?)?;
        let request =
            Apply { definitions: definitions.clone().into(), allow_drop, catalog_revision: catalog.revision() };
        self.tell::<_, u64>(Kind::Apply, &request)?;
        self.catalog()?;
        Ok(plan)
    }

    /// Deletes an entity from views as of `at`. See [`Store::delete`](crate::Store::delete).
    ///
    /// # Errors
    /// As there.
    pub fn delete(&self, views: &[&str], entity: &EntityKey<'_>, at: Timestamp) -> Result<Committed> {
        let request = remove_entity(views, entity, at)?;
        self.tell::<_, CommittedMessage>(Kind::Delete, &request).map(Committed::from)
    }

    /// Removes every version of an entity from views. See [`Store::erase`](crate::Store::erase).
    ///
    /// # Errors
    /// As there; `Invalid` when this user may not.
    pub fn erase(&self, views: &[&str], entity: &EntityKey<'_>) -> Result<Vec<Erased>> {
        let erased: Vec<ErasedMessage> = self.tell(Kind::Erase, &remove_entity(views, entity, Timestamp::MIN)?)?;
        Ok(erased.into_iter().map(Erased::from).collect())
    }

    /// How fresh a view is. See [`Store::freshness`](crate::Store::freshness).
    ///
    /// # Errors
    /// As there.
    pub fn freshness(&self, view: &str) -> Result<Freshness> {
        let request = FreshnessRequest { view: view.to_owned() };
        self.ask::<_, FreshnessMessage>(Kind::Freshness, &request).map(Freshness::from)
    }

    /// Figures about the store.
    ///
    /// # Errors
    /// `Unavailable` when the sidecar does not answer.
    pub fn stats(&self) -> Result<Stats> {
        self.ask::<_, StatsMessage>(Kind::Stats, &()).map(|stats| stats.store.into())
    }

    /// What each consumer did with each view, since the sidecar began.
    ///
    /// # Errors
    /// As [`Client::stats`].
    pub fn consumers(&self) -> Result<Vec<ConsumerReport>> {
        let stats: StatsMessage = self.ask(Kind::Stats, &())?;
        Ok(stats.consumers.into_iter().map(ConsumerReport::from).collect())
    }

    /// Reads everything and checks it. See [`Store::verify`](crate::Store::verify).
    ///
    /// # Errors
    /// As there.
    pub fn verify(&self) -> Result<Verified> {
        self.ask::<_, VerifiedMessage>(Kind::Verify, &()).map(Verified::from)
    }

    /// Compacts everything. See [`Store::compact`](crate::Store::compact).
    ///
    /// # Errors
    /// As there; `Invalid` when this user may not.
    pub fn compact(&self) -> Result<()> {
        self.ask(Kind::Compact, &())
    }

    /// Writes a consistent copy of the store into the new directory `to`, an absolute path that the sidecar can write.
    ///
    /// # Errors
    /// `Conflict` when it exists; `Invalid` when this user may not.
    pub fn checkpoint(&self, to: &Path) -> Result<()> {
        let directory = to.to_str().ok_or_else(|| Error::invalid(format!("a path is not UTF-8: {}", to.display())))?;
        self.tell(Kind::Checkpoint, &Checkpoint { directory: directory.to_owned() })
    }
}

fn answer_of(plan: &Arc<Plan>, body: &[u8], rows: usize) -> Result<Answer> {
    Ok(Answer::new(plan.clone(), decode_records(plan, body, rows)?, rows))
}

fn form_of(matrix: &F32Matrix<'_>) -> Form {
    Form::Matrix { statuses: matrix.statuses.is_some(), fill: matrix.fill }
}

fn matrix_of(plan: &Plan, body: &[u8], rows: usize, matrix: &mut F32Matrix<'_>) -> Result<()> {
    let F32Matrix { values, statuses, .. } = matrix;
    plan.check_matrix(rows, values.len(), statuses.as_ref().map(|statuses| statuses.len()))?;
    decode_matrix(body, rows, plan.features.len(), values, statuses.as_deref_mut())
}

fn read_catalog(connection: &mut Connection) -> Result<Arc<Catalog>, Failure> {
    Ok(catalog_of(connection.call(Kind::Catalog, &())?)?)
}

fn catalog_of(message: CatalogMessage) -> Result<Arc<Catalog>> {
    Catalog::from_records(message.records).map(Arc::new)
}

fn write_request(rows: &[(&str, &RecordBatch)], sync: Option<bool>) -> Result<Write> {
    let view = |(view, rows): &(&str, &RecordBatch)| {
        Ok(WriteView { view: (*view).to_owned(), rows: ipc::write_stream(rows)? })
    };
    Ok(Write { sync, views: rows.iter().map(view).collect::<Result<_>>()? })
}

fn remove_entity(views: &[&str], entity: &EntityKey<'_>, at: Timestamp) -> Result<RemoveEntity> {
    let views = views.iter().map(|view| (*view).to_owned()).collect();
    Ok(RemoveEntity { views, entity: NamedValue::from_entity(entity)?, at: at.into() })
}

impl From<ConsumerMessage> for ConsumerReport {
    fn from(message: ConsumerMessage) -> Self {
        let kind = |(name, count): (String, u64)| {
            let kind = ErrorKind::ALL.into_iter().find(|kind| kind.as_str() == name);
            (kind.unwrap_or(ErrorKind::Internal), count)
        };
        ConsumerReport {
            consumer: message.consumer,
            operation: message.operation,
            view: message.view,
            requests: message.requests,
            rows: message.rows,
            errors: message.errors.into_iter().map(kind).collect(),
            p50: Duration::from_micros(message.p50_us),
            p99: Duration::from_micros(message.p99_us),
        }
    }
}
