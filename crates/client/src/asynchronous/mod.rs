//! The asynchronous client: many requests in flight over few connections, from any number of tasks.

mod lane;
mod link;

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use asofdb::parts::ReadPlan;
use asofdb::{
    Answer, Catalog, Committed, Definitions, Durability, EntityKey, EntityRows, Erased, Error, F32Matrix, Freshness,
    Plan as CatalogPlan, Prepared, Question, Result, Stats, Timestamp,
};
use asofdb_protocol::{
    ApplyRequest, CommittedMessage, ErasedMessage, Form, FreshnessMessage, FreshnessRequest, Kind, Message,
    PointHeader, Pong, StatsMessage,
};
use parking_lot::RwLock;
use tokio::sync::OnceCell;

use self::lane::Lane;
use self::link::Link;
use crate::client::{
    Client, ConnectOptions, STALE_MAX, answer_of, catalog_of, form_of, matrix_of, remove_entity, write_request,
};
use crate::failure::{Failure, unknown_outcome};

/// A [`Client`] whose methods are asynchronous, for tokio: a task that waits for its answer holds no thread, and any
/// number of them share two connections, one for point reads and one for the rest, so that reads wait for no other
/// request of this client.
///
/// Cheap to clone. A read whose connection broke is tried once more; a write never is: its error says that the outcome
/// is unknown. What a dropped future has asked is done nevertheless.
#[derive(Debug, Clone)]
pub struct AsyncClient {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    reads: Lane,
    others: Lane,
    /// The catalog as it was last read.
    catalog: RwLock<Arc<Catalog>>,
    blocking: OnceCell<Client>,
}

impl AsyncClient {
    /// Connects to the sidecar that listens on the socket `path`. The runtime needs its drivers for I/O and time.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub async fn connect(path: impl AsRef<Path>) -> Result<Self> {
        AsyncClient::connect_with(path, ConnectOptions::default()).await
    }

    /// [`AsyncClient::connect`] with options.
    ///
    /// # Errors
    /// As [`Client::connect_with`].
    pub async fn connect_with(path: impl AsRef<Path>, options: ConnectOptions) -> Result<Self> {
        let lane = || Lane::new(path.as_ref(), &options);
        let (reads, others) = (lane(), lane());
        let link = others.link().await.map_err(Failure::into_error)?;
        let catalog = catalog_of(link.call(Kind::Catalog, &()).await.map_err(Failure::into_error)?)?;
        let inner = Inner { reads, others, catalog: RwLock::new(catalog), blocking: OnceCell::new() };
        Ok(AsyncClient { inner: Arc::new(inner) })
    }

    /// Asks what may be asked twice.
    async fn ask<Q: Message, A: Message>(&self, kind: Kind, request: &Q) -> Result<A, Failure> {
        let lane = &self.inner.others;
        match lane.link().await?.call(kind, request).await {
            Err(Failure::Broken { .. }) => lane.link().await?.call(kind, request).await,
            done => done,
        }
    }

    /// Asks what must not be asked twice.
    async fn tell<Q: Message, A: Message>(&self, kind: Kind, request: &Q) -> Result<A> {
        let link = self.inner.others.link().await.map_err(Failure::into_error)?;
        match link.call(kind, request).await {
            Err(Failure::Broken { error, sent: true }) => Err(unknown_outcome(&error)),
            done => done.map_err(Failure::into_error),
        }
    }

    /// Reads what is defined, as of now.
    ///
    /// # Errors
    /// `Unavailable` when the sidecar does not answer.
    pub async fn catalog(&self) -> Result<Arc<Catalog>> {
        let fresh = catalog_of(self.ask(Kind::Catalog, &()).await.map_err(Failure::into_error)?)?;
        let mut known = self.inner.catalog.write();
        if fresh.revision() >= known.revision() {
            *known = fresh;
        }
        Ok(known.clone())
    }

    fn known_catalog(&self) -> Arc<Catalog> {
        self.inner.catalog.read().clone()
    }

    /// The present by the store's clock.
    ///
    /// # Errors
    /// `Unavailable` when the sidecar does not answer.
    pub async fn now(&self) -> Result<Timestamp> {
        let pong: Pong = self.ask(Kind::Ping, &()).await.map_err(Failure::into_error)?;
        Ok(pong.now.into())
    }

    /// Resolves references once, to be read many times. See [`Store::prepare`](asofdb::Store::prepare).
    ///
    /// # Errors
    /// `NotFound` for unknown names, `Invalid` when a feature is named twice.
    pub async fn prepare<S: AsRef<str>>(&self, references: &[S]) -> Result<Prepared> {
        let references: Vec<String> = references.iter().map(|reference| reference.as_ref().to_owned()).collect();
        let known = self.known_catalog();
        match Prepared::new(&known, references.clone()) {
            Ok(prepared) => Ok(prepared),
            // What is not known may have been defined since.
            Err(_) => Prepared::new(&*self.catalog().await?, references),
        }
    }

    /// The newest values of each entity's features, as of now.
    ///
    /// # Errors
    /// As [`Client::latest`].
    pub async fn latest(&self, request: &Prepared, entities: &EntityRows) -> Result<Answer> {
        self.answer(request, entities, Question::Latest).await
    }

    /// The values that were true at `at` (inclusive) and, with `known_at`, known by then.
    ///
    /// # Errors
    /// As [`AsyncClient::latest`].
    pub async fn as_of(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        at: Timestamp,
        known_at: Option<Timestamp>,
    ) -> Result<Answer> {
        self.answer(request, entities, Question::AsOf { at, known_at }).await
    }

    /// [`AsyncClient::latest`] into a dense matrix, ready for a model.
    ///
    /// # Errors
    /// As [`Client::latest_f32`].
    pub async fn latest_f32(&self, request: &Prepared, entities: &EntityRows, matrix: F32Matrix<'_>) -> Result<()> {
        self.matrix(request, entities, Question::Latest, matrix).await
    }

    /// [`AsyncClient::as_of`] into a dense matrix.
    ///
    /// # Errors
    /// As [`AsyncClient::latest_f32`].
    pub async fn as_of_f32(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        at: Timestamp,
        known_at: Option<Timestamp>,
        matrix: F32Matrix<'_>,
    ) -> Result<()> {
        self.matrix(request, entities, Question::AsOf { at, known_at }, matrix).await
    }

    async fn answer(&self, request: &Prepared, entities: &EntityRows, question: Question) -> Result<Answer> {
        let decode = |plan: &Arc<ReadPlan>, body: &[u8]| answer_of(plan, body, entities.len());
        self.read(request, entities, question, Form::Rows, decode).await
    }

    async fn matrix(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        question: Question,
        mut matrix: F32Matrix<'_>,
    ) -> Result<()> {
        let form = form_of(&matrix);
        let decode = |plan: &Arc<ReadPlan>, body: &[u8]| matrix_of(plan, body, entities.len(), &mut matrix);
        self.read(request, entities, question, form, decode).await
    }

    /// Reads through a handle, which is prepared where the connection has none, and again where the catalog has
    /// changed; once more where the connection has broken.
    async fn read<T>(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        question: Question,
        form: Form,
        mut decode: impl FnMut(&Arc<ReadPlan>, &[u8]) -> Result<T>,
    ) -> Result<T> {
        let (mut stale, mut broken) = (0, 0);
        loop {
            let link = self.inner.reads.link().await.map_err(Failure::into_error)?;
            let failure = match self.read_once(&link, request, entities, question, form).await {
                Ok((plan, body)) => return decode(&plan, &body),
                Err(failure) => failure,
            };
            match &failure {
                Failure::Stale if stale < STALE_MAX => {
                    stale += 1;
                    self.catalog().await?;
                }
                Failure::Broken { .. } if broken == 0 => broken += 1,
                _ => return Err(failure.into_error()),
            }
        }
    }

    async fn read_once(
        &self,
        link: &Arc<Link>,
        request: &Prepared,
        entities: &EntityRows,
        question: Question,
        form: Form,
    ) -> Result<(Arc<ReadPlan>, Vec<u8>), Failure> {
        let catalog = self.known_catalog();
        let plan = request.plan(catalog.revision(), || catalog.clone())?;
        let handle = link.handle(request, form, &plan).await?;
        let groups = entities.groups_for(handle.plan())?;
        let point = PointHeader { handle: handle.number(), rows: entities.len(), question };
        let answer = link.ask(point.kind(), |id, out| {
            point.encode(id, groups, out);
            Ok(())
        });
        let body = answer.await.inspect_err(|failure| {
            if matches!(failure, Failure::Stale) {
                link.forget(request, form, &handle);
            }
        })?;
        Ok((handle.plan().clone(), body))
    }

    /// Writes rows of one view. See [`Store::write`](asofdb::Store::write).
    ///
    /// # Errors
    /// As there; `Unavailable` when the connection breaks: whether the rows were written is then not known.
    pub async fn write(&self, view: &str, rows: &RecordBatch) -> Result<Committed> {
        self.write_views(&[(view, rows)], None).await
    }

    /// Writes rows of several views in one atomic step.
    ///
    /// # Errors
    /// As [`AsyncClient::write`].
    pub async fn write_all(&self, rows: &[(&str, &RecordBatch)], durability: Durability) -> Result<Committed> {
        self.write_views(rows, Some(durability == Durability::Sync)).await
    }

    async fn write_views(&self, rows: &[(&str, &RecordBatch)], sync: Option<bool>) -> Result<Committed> {
        let committed: CommittedMessage = self.tell(Kind::Write, &write_request(rows, sync)?).await?;
        Ok(committed.into())
    }

    /// Makes the definitions the catalog. See [`Store::apply`](asofdb::Store::apply).
    ///
    /// # Errors
    /// As there; `Invalid` when this user may not change definitions.
    pub async fn apply(&self, definitions: &Definitions, allow_drop: bool) -> Result<CatalogPlan> {
        let catalog = self.catalog().await?;
        let plan = catalog.plan(definitions, self.now().await?)?;
        let request =
            ApplyRequest { definitions: definitions.clone().into(), allow_drop, catalog_revision: catalog.revision() };
        self.tell::<_, u64>(Kind::Apply, &request).await?;
        self.catalog().await?;
        Ok(plan)
    }

    /// Deletes an entity from views as of `at`. See [`Store::delete`](asofdb::Store::delete).
    ///
    /// # Errors
    /// As there.
    pub async fn delete(&self, views: &[&str], entity: &EntityKey<'_>, at: Timestamp) -> Result<Committed> {
        let committed: CommittedMessage = self.tell(Kind::Delete, &remove_entity(views, entity, at)?).await?;
        Ok(committed.into())
    }

    /// Removes every version of an entity from views. See [`Store::erase`](asofdb::Store::erase).
    ///
    /// # Errors
    /// As there; `Invalid` when this user may not.
    pub async fn erase(&self, views: &[&str], entity: &EntityKey<'_>) -> Result<Vec<Erased>> {
        let erased: Vec<ErasedMessage> = self.tell(Kind::Erase, &remove_entity(views, entity, Timestamp::MIN)?).await?;
        Ok(erased.into_iter().map(Erased::from).collect())
    }

    /// Tells how fresh a view is. See [`Store::freshness`](asofdb::Store::freshness).
    ///
    /// # Errors
    /// As there.
    pub async fn freshness(&self, view: &str) -> Result<Freshness> {
        let request = FreshnessRequest { view: view.to_owned() };
        let freshness: FreshnessMessage = self.ask(Kind::Freshness, &request).await.map_err(Failure::into_error)?;
        Ok(freshness.into())
    }

    /// Figures about the store.
    ///
    /// # Errors
    /// `Unavailable` when the sidecar does not answer.
    pub async fn stats(&self) -> Result<Stats> {
        let stats: StatsMessage = self.ask(Kind::Stats, &()).await.map_err(Failure::into_error)?;
        Ok(stats.store.into())
    }

    /// Does bulk work (histories, exports, joins, ingests) with a blocking client, in a thread for such work.
    ///
    /// # Errors
    /// Those of `work`; `Unavailable` when the sidecar does not answer.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Client) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let lane = &self.inner.others;
        let connect = || async {
            let (path, options) = (lane.path().to_owned(), lane.options().clone());
            in_thread(move || Client::connect_with(path, options)).await
        };
        let client = self.inner.blocking.get_or_try_init(connect).await?.clone();
        in_thread(move || work(&client)).await
    }
}

async fn in_thread<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::unavailable("the runtime is being shut down")),
        },
    }
}
