//! The blocking client: a [`Store`](asofdb::Store) in another process.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use asofdb::parts::{ReadPlan, check_revision};
use asofdb::{
    Answer, Catalog, Committed, Definitions, Durability, EntityKey, EntityRows, Erased, Error, F32Matrix, Freshness,
    Plan as CatalogPlan, Prepared, Question, Result, Stats, Timestamp, Verified,
};
use asofdb_protocol::{
    ApplyRequest, CatalogMessage, CheckpointRequest, CommittedMessage, ConsumerReport, ErasedMessage, Form,
    FreshnessMessage, FreshnessRequest, Hello, Kind, MAGIC, Message, NamedValue, PROTOCOL_VERSION, PointHeader, Pong,
    RemoveEntity, StatsMessage, VerifiedMessage, WriteRequest, WriteView, decode_matrix, decode_records, write_stream,
};
use parking_lot::RwLock;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::handles::KnownHandle;
use crate::pipeline::Pipeline;
use crate::pool::Pool;

/// The number of times that a read follows a catalog that changes under it before it gives up.
pub(crate) const STALE_MAX: usize = 5;

/// Options of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectOptions {
    /// The name that the client gives itself, for limits and metrics; `None`: by its user.
    pub consumer: Option<String>,
    /// The longest time that an answer may take.
    pub timeout: Duration,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        ConnectOptions { consumer: None, timeout: Duration::from_secs(30) }
    }
}

impl ConnectOptions {
    pub(crate) fn hello(&self) -> Hello {
        let versions = (PROTOCOL_VERSION, PROTOCOL_VERSION);
        Hello { magic: MAGIC, versions, consumer: self.consumer.clone() }
    }
}

/// A store that a sidecar serves, with the methods, types and errors of an embedded [`Store`](asofdb::Store).
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
    /// The catalog as it was last read.
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

    pub(crate) fn pool(&self) -> &Pool {
        &self.inner.pool
    }

    pub(crate) fn ask<Q: Message, A: Message>(&self, kind: Kind, request: &Q) -> Result<A> {
        self.pool().read(|connection| connection.call(kind, request)).map_err(Failure::into_error)
    }

    fn tell<Q: Message, A: Message>(&self, kind: Kind, request: &Q) -> Result<A> {
        self.pool().write(|connection| connection.call(kind, request))
    }

    /// Reads what is defined, as of now.
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
    pub(crate) fn known_catalog(&self) -> Arc<Catalog> {
        self.inner.catalog.read().clone()
    }

    /// The present by the store's clock.
    ///
    /// # Errors
    /// `Unavailable` when the sidecar does not answer.
    pub fn now(&self) -> Result<Timestamp> {
        self.ask::<_, Pong>(Kind::Ping, &()).map(|pong| pong.now.into())
    }

    /// Resolves references once, to be read many times. See [`Store::prepare`](asofdb::Store::prepare).
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
    /// As [`Store::latest`](asofdb::Store::latest); `Unavailable` when the sidecar does not answer or a limit is
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
    /// As [`Store::latest_f32`](asofdb::Store::latest_f32), and as [`Client::latest`].
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
        mut decode: impl FnMut(&Arc<ReadPlan>, &[u8]) -> Result<T>,
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

    /// A connection of its own for many reads through one request, several of which may be in flight.
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

    /// Writes rows of one view. See [`Store::write`](asofdb::Store::write).
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

    /// Tells what [`Client::apply`] would do.
    ///
    /// # Errors
    /// As [`Store::plan`](asofdb::Store::plan).
    pub fn plan(&self, definitions: &Definitions) -> Result<CatalogPlan> {
        self.catalog()?.plan(definitions, self.now()?)
    }

    /// Makes the definitions the catalog. See [`Store::apply`](asofdb::Store::apply).
    ///
    /// # Errors
    /// As there; `Invalid` when this user may not change definitions.
    pub fn apply(&self, definitions: &Definitions, allow_drop: bool) -> Result<CatalogPlan> {
        self.apply_to(definitions, allow_drop, None)
    }

    /// [`Client::apply`] to the catalog of `revision` only. See [`Store::apply_to`](asofdb::Store::apply_to).
    ///
    /// # Errors
    /// As there.
    pub fn apply_to(&self, definitions: &Definitions, allow_drop: bool, revision: Option<u64>) -> Result<CatalogPlan> {
        let catalog = self.catalog()?;
        check_revision(&catalog, revision)?;
        let plan = catalog.plan(definitions, self.now()?)?;
        let request =
            ApplyRequest { definitions: definitions.clone().into(), allow_drop, catalog_revision: catalog.revision() };
        self.tell::<_, u64>(Kind::Apply, &request)?;
        self.catalog()?;
        Ok(plan)
    }

    /// Deletes an entity from views as of `at`. See [`Store::delete`](asofdb::Store::delete).
    ///
    /// # Errors
    /// As there.
    pub fn delete(&self, views: &[&str], entity: &EntityKey<'_>, at: Timestamp) -> Result<Committed> {
        let request = remove_entity(views, entity, at)?;
        self.tell::<_, CommittedMessage>(Kind::Delete, &request).map(Committed::from)
    }

    /// Removes every version of an entity from views. See [`Store::erase`](asofdb::Store::erase).
    ///
    /// # Errors
    /// As there; `Invalid` when this user may not.
    pub fn erase(&self, views: &[&str], entity: &EntityKey<'_>) -> Result<Vec<Erased>> {
        let erased: Vec<ErasedMessage> = self.tell(Kind::Erase, &remove_entity(views, entity, Timestamp::MIN)?)?;
        Ok(erased.into_iter().map(Erased::from).collect())
    }

    /// Tells how fresh a view is. See [`Store::freshness`](asofdb::Store::freshness).
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

    /// Reads what each consumer did with each view, since the sidecar began.
    ///
    /// # Errors
    /// As [`Client::stats`].
    pub fn consumers(&self) -> Result<Vec<ConsumerReport>> {
        let stats: StatsMessage = self.ask(Kind::Stats, &())?;
        Ok(stats.consumers.into_iter().map(ConsumerReport::from).collect())
    }

    /// Reads everything and checks it. See [`Store::verify`](asofdb::Store::verify).
    ///
    /// # Errors
    /// As there.
    pub fn verify(&self) -> Result<Verified> {
        self.ask::<_, VerifiedMessage>(Kind::Verify, &()).map(Verified::from)
    }

    /// Compacts everything. See [`Store::compact`](asofdb::Store::compact).
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
        self.tell(Kind::Checkpoint, &CheckpointRequest { directory: directory.to_owned() })
    }
}

pub(crate) fn answer_of(plan: &Arc<ReadPlan>, body: &[u8], rows: usize) -> Result<Answer> {
    Ok(Answer::new(plan.clone(), decode_records(plan, body, rows)?, rows))
}

pub(crate) fn form_of(matrix: &F32Matrix<'_>) -> Form {
    Form::Matrix { statuses: matrix.statuses.is_some(), fill: matrix.fill }
}

pub(crate) fn matrix_of(plan: &ReadPlan, body: &[u8], rows: usize, matrix: &mut F32Matrix<'_>) -> Result<()> {
    let F32Matrix { values, statuses, .. } = matrix;
    plan.check_matrix(rows, values.len(), statuses.as_ref().map(|statuses| statuses.len()))?;
    decode_matrix(body, rows, plan.features.len(), values, statuses.as_deref_mut())
}

fn read_catalog(connection: &mut Connection) -> Result<Arc<Catalog>, Failure> {
    Ok(catalog_of(connection.call(Kind::Catalog, &())?)?)
}

pub(crate) fn catalog_of(message: CatalogMessage) -> Result<Arc<Catalog>> {
    Catalog::from_records(message.records).map(Arc::new)
}

pub(crate) fn write_request(rows: &[(&str, &RecordBatch)], sync: Option<bool>) -> Result<WriteRequest> {
    let view =
        |(view, rows): &(&str, &RecordBatch)| Ok(WriteView { view: (*view).to_owned(), rows: write_stream(rows)? });
    Ok(WriteRequest { sync, views: rows.iter().map(view).collect::<Result<_>>()? })
}

pub(crate) fn remove_entity(views: &[&str], entity: &EntityKey<'_>, at: Timestamp) -> Result<RemoveEntity> {
    let views = views.iter().map(|view| (*view).to_owned()).collect();
    Ok(RemoveEntity { views, entity: NamedValue::from_entity(entity)?, at: at.into() })
}
