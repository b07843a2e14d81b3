//! The asynchronous client: many requests in flight over few connections, from any number of tasks.

mod batches;
mod bulk;
mod lane;
mod link;
mod threads;

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use asofdb::parts::{check_revision, deletions, find_stored_view, planned};
use asofdb::{
    Allow, Answer, AnswerRow, ApplyOptions, Catalog, CatalogChange, ClockStatus, Committed, Definitions, Durability,
    EntityKey, EntityRows, Erased, F32Matrix, Feed, ModelRow, Plan, Prepared, Question, Result, Stats, Timestamp,
    ViewAges, ViewRun, ViewStatistics,
};
use asofdb_protocol::{
    AgesRequest, AlertsReport, AlertsRequest, AnswersRequest, ApproveRequest, AuditRequest, AuditsRequest, Call,
    CatalogRequest, ClockRequest, ConsumerReport, ConsumersRequest, DeleteRequest, EraseRequest, FeedsRequest, Form,
    LimitsReport, LimitsRequest, LogRequest, MaterializeRequest, ModelsRequest, PingRequest, PointHeader,
    PolicyRequest, ProposePolicyRequest, ProposeRequest, StatisticsRequest, StatsRequest,
};
use parking_lot::RwLock;

pub use self::batches::{AsyncJoin, AsyncScan, Batches};
use self::lane::Lane;
use self::link::{Link, LinkHandle};
use self::threads::Threads;
use crate::client::STALE_MAX;
use crate::failure::{Failure, unknown_outcome};
use crate::handles::KnownHandle;
use crate::options::ConnectOptions;
use crate::requests::{answer_of, apply_request, catalog_of, form_of, matrix_of, remove_entity, write_request};

/// A [`Client`](crate::Client) whose methods are asynchronous, for tokio, and otherwise those of
/// [`Session`](asofdb::Session). A task that waits for a read or a write holds no thread, and any number of them share
/// two connections, one for point reads and one for the rest, so that reads wait for no other request of this client.
/// Bulk work (scans, joins, loads, files, and what takes long) has a thread and a connection each, four at a time.
///
/// Cheap to clone. A read whose connection broke is tried once more; a write never is: its error says that the outcome
/// is unknown. A read or write whose future is dropped is done nevertheless; bulk work ends.
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
    threads: Threads,
}

impl AsyncClient {
    /// Connects to the sidecar that listens on the socket `path`. The runtime needs its drivers for I/O and time.
    ///
    /// # Errors
    /// As [`Client::connect`](crate::Client::connect).
    pub async fn connect(path: impl AsRef<Path>) -> Result<Self> {
        AsyncClient::connect_with(path, ConnectOptions::default()).await
    }

    /// [`AsyncClient::connect`] with options.
    ///
    /// # Errors
    /// As [`Client::connect_with`](crate::Client::connect_with).
    pub async fn connect_with(path: impl AsRef<Path>, options: ConnectOptions) -> Result<Self> {
        let lane = || Lane::new(path.as_ref(), &options);
        let (reads, others) = (lane(), lane());
        let link = others.link().await.map_err(Failure::into_error)?;
        let catalog = catalog_of(link.call(&CatalogRequest).await.map_err(Failure::into_error)?)?;
        let inner = Inner { reads, others, catalog: RwLock::new(catalog), threads: Threads::new() };
        Ok(AsyncClient { inner: Arc::new(inner) })
    }

    /// Makes a call: again on a new connection where the first broke and the call is idempotent.
    async fn ask<C: Call>(&self, call: &C) -> Result<C::Answer> {
        let lane = &self.inner.others;
        let link = lane.link().await.map_err(Failure::into_error)?;
        let answer = match link.call(call).await {
            Err(Failure::Broken { .. }) if C::IS_IDEMPOTENT => {
                lane.link().await.map_err(Failure::into_error)?.call(call).await
            }
            Err(Failure::Broken { error, sent: true }) => return Err(unknown_outcome(&error)),
            answered => answered,
        };
        answer.map_err(Failure::into_error)
    }

    /// Reads what is defined, as of now.
    ///
    /// # Errors
    /// `Unavailable` when the sidecar does not answer.
    pub async fn catalog(&self) -> Result<Arc<Catalog>> {
        let fresh = catalog_of(self.ask(&CatalogRequest).await?)?;
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
        self.ask(&PingRequest).await.map(|pong| pong.now.into())
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
    /// As [`Session::read`](asofdb::Session::read).
    pub async fn latest(&self, request: &Prepared, entities: &EntityRows) -> Result<Answer> {
        self.read(request, entities, Question::Latest).await
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
        self.read(request, entities, Question::AsOf { at, known_at }).await
    }

    /// [`AsyncClient::latest`] into a dense matrix, ready for a model.
    ///
    /// # Errors
    /// As [`Session::read_f32`](asofdb::Session::read_f32).
    pub async fn latest_f32(&self, request: &Prepared, entities: &EntityRows, matrix: F32Matrix<'_>) -> Result<()> {
        self.read_f32(request, entities, Question::Latest, matrix).await
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
        self.read_f32(request, entities, Question::AsOf { at, known_at }, matrix).await
    }

    /// Reads the features of entities. See [`Session::read`](asofdb::Session::read).
    ///
    /// # Errors
    /// As there.
    pub async fn read(&self, request: &Prepared, entities: &EntityRows, question: Question) -> Result<Answer> {
        let decode = |handle: &KnownHandle, body: &[u8]| answer_of(handle, body, entities.len());
        self.read_with(request, entities, question, Form::Identified, decode).await
    }

    /// Reads the features of entities into a dense matrix. See [`Session::read_f32`](asofdb::Session::read_f32).
    ///
    /// # Errors
    /// As there.
    pub async fn read_f32(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        question: Question,
        mut matrix: F32Matrix<'_>,
    ) -> Result<()> {
        let form = form_of(&matrix);
        let decode = |handle: &KnownHandle, body: &[u8]| matrix_of(&handle.plan, body, entities.len(), &mut matrix);
        self.read_with(request, entities, question, form, decode).await
    }

    /// Reads through a handle, which is prepared where the connection has none, and again where the catalog has
    /// changed; once more where the connection has broken.
    async fn read_with<T>(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        question: Question,
        form: Form,
        mut decode: impl FnMut(&KnownHandle, &[u8]) -> Result<T>,
    ) -> Result<T> {
        let (mut stale, mut broken) = (0, 0);
        loop {
            let link = self.inner.reads.link().await.map_err(Failure::into_error)?;
            let failure = match self.read_once(&link, request, entities, question, form).await {
                Ok((handle, body)) => return decode(handle.known(), &body),
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
    ) -> Result<(Arc<LinkHandle>, Vec<u8>), Failure> {
        let catalog = self.known_catalog();
        let plan = request.plan(catalog.revision(), || catalog.clone())?;
        let handle = link.handle(request, form, &plan).await?;
        let asked = entities.asked_of(&handle.known().plan)?;
        let point = PointHeader { handle: handle.known().number, rows: entities.len(), question };
        let answer = link.ask(point.kind(), |id, out| {
            point.encode(id, asked, out);
            Ok(())
        });
        let body = answer.await.inspect_err(|failure| {
            if matches!(failure, Failure::Stale) {
                link.forget(request, form, &handle);
            }
        })?;
        Ok((handle, body))
    }

    /// Writes rows of one view. See [`Session::write`](asofdb::Session::write).
    ///
    /// # Errors
    /// As there; `Unavailable` when the connection breaks: whether the rows were written is then not known.
    pub async fn write(&self, view: &str, rows: &RecordBatch) -> Result<Committed> {
        self.commit(&[(view, rows)], None).await
    }

    /// Deletes events of an event view. See [`Session::delete_events`](asofdb::Session::delete_events).
    ///
    /// # Errors
    /// As there.
    pub async fn delete_events(&self, view: &str, events: &RecordBatch) -> Result<Committed> {
        let catalog = self.catalog().await?;
        self.write(view, &deletions(find_stored_view(&catalog, view)?, events)?).await
    }

    /// Writes rows of several views in one atomic step.
    ///
    /// # Errors
    /// As [`AsyncClient::write`].
    pub async fn write_all(&self, rows: &[(&str, &RecordBatch)], durability: Durability) -> Result<Committed> {
        self.commit(rows, Some(durability)).await
    }

    /// Writes rows of several views in one atomic step; `durability` is the store's own where it is `None`.
    ///
    /// # Errors
    /// As [`AsyncClient::write`].
    pub async fn commit(&self, rows: &[(&str, &RecordBatch)], durability: Option<Durability>) -> Result<Committed> {
        self.ask(&write_request(rows, durability)?).await.map(Committed::from)
    }

    /// Tells what [`AsyncClient::apply`] would do. See [`Session::plan`](asofdb::Session::plan).
    ///
    /// # Errors
    /// As there.
    pub async fn plan(&self, definitions: &Definitions) -> Result<Plan> {
        planned(&*self.catalog().await?, definitions, self.now().await?)
    }

    /// Makes the definitions the catalog. See [`Session::apply`](asofdb::Session::apply).
    ///
    /// # Errors
    /// As there.
    pub async fn apply(&self, definitions: &Definitions, allow_drop: bool) -> Result<Plan> {
        self.apply_to(definitions, Allow::drops(allow_drop), None).await
    }

    /// [`AsyncClient::apply`] to the catalog of `revision` only. See [`Session::apply_to`](asofdb::Session::apply_to).
    ///
    /// # Errors
    /// As there.
    pub async fn apply_to(&self, definitions: &Definitions, allow: Allow, revision: Option<u64>) -> Result<Plan> {
        self.apply_with(definitions, &ApplyOptions { allow, revision, message: String::new() }).await
    }

    /// [`AsyncClient::apply`] with options. See [`Session::apply_with`](asofdb::Session::apply_with).
    ///
    /// # Errors
    /// As there.
    pub async fn apply_with(&self, definitions: &Definitions, options: &ApplyOptions) -> Result<Plan> {
        let catalog = self.catalog().await?;
        check_revision(&catalog, options.revision)?;
        let plan = planned(&catalog, definitions, self.now().await?)?;
        options.allow.check(&plan)?;
        self.ask(&apply_request(definitions, options, &catalog)?).await?;
        self.catalog().await?;
        Ok(plan)
    }

    /// Makes a text the policy of the store. See [`Session::apply_policy`](asofdb::Session::apply_policy).
    ///
    /// # Errors
    /// As there.
    pub async fn apply_policy(&self, policy: &str, message: &str) -> Result<()> {
        self.ask(&PolicyRequest { policy: policy.to_owned(), message: message.to_owned() }).await?;
        self.catalog().await.map(drop)
    }

    /// Approves a plan by its hash. See [`Session::approve`](asofdb::Session::approve).
    ///
    /// # Errors
    /// As there.
    pub async fn approve(&self, plan: &str) -> Result<()> {
        self.ask(&ApproveRequest { plan: plan.to_owned() }).await
    }

    /// Makes a plan known to those who may approve it. See [`Session::propose`](asofdb::Session::propose).
    ///
    /// # Errors
    /// As there.
    pub async fn propose(&self, definitions: &Definitions, message: &str) -> Result<String> {
        let options = ApplyOptions { message: message.to_owned(), ..ApplyOptions::default() };
        self.ask(&ProposeRequest(apply_request(definitions, &options, &*self.catalog().await?)?)).await
    }

    /// Makes a change of the policy known to those who may approve it. See
    /// [`Session::propose_policy`](asofdb::Session::propose_policy).
    ///
    /// # Errors
    /// As there.
    pub async fn propose_policy(&self, policy: &str, message: &str) -> Result<String> {
        self.ask(&ProposePolicyRequest(PolicyRequest { policy: policy.to_owned(), message: message.to_owned() })).await
    }

    /// Reads the newest changes of the catalog. See [`Session::catalog_changes`](asofdb::Session::catalog_changes).
    ///
    /// # Errors
    /// As there.
    pub async fn catalog_changes(&self, before: u64, limit: usize) -> Result<Vec<CatalogChange>> {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        self.ask(&LogRequest { before, limit }).await?.into_iter().map(CatalogChange::try_from).collect()
    }

    /// Deletes an entity from views as of `at`. See [`Session::delete`](asofdb::Session::delete).
    ///
    /// # Errors
    /// As there.
    pub async fn delete(&self, views: &[&str], entity: &EntityKey<'_>, at: Timestamp) -> Result<Committed> {
        self.ask(&DeleteRequest(remove_entity(views, entity, at)?)).await.map(Committed::from)
    }

    /// Removes every version of an entity from views. See [`Session::erase`](asofdb::Session::erase).
    ///
    /// # Errors
    /// As there.
    pub async fn erase(&self, views: &[&str], entity: &EntityKey<'_>) -> Result<Vec<Erased>> {
        let erased = self.ask(&EraseRequest(remove_entity(views, entity, Timestamp::MIN)?)).await?;
        Ok(erased.into_iter().map(Erased::from).collect())
    }

    /// Tells how fresh views are over all of their entities. See [`Session::ages`](asofdb::Session::ages).
    ///
    /// # Errors
    /// As there.
    pub async fn ages(&self, views: &[&str]) -> Result<Vec<ViewAges>> {
        let views = views.iter().map(|view| (*view).to_owned()).collect();
        self.ask(&AgesRequest { views }).await?.into_iter().map(ViewAges::try_from).collect()
    }

    /// Tells what consumers got in the last day. See [`Session::answers`](asofdb::Session::answers).
    ///
    /// # Errors
    /// As there.
    pub async fn answers(&self) -> Result<Vec<AnswerRow>> {
        Ok(self.ask(&AnswersRequest).await?.into_iter().map(AnswerRow::from).collect())
    }

    /// Tells which versions of models have read which views and services. See
    /// [`Session::models`](asofdb::Session::models).
    ///
    /// # Errors
    /// As there.
    pub async fn models(&self) -> Result<Vec<ModelRow>> {
        Ok(self.ask(&ModelsRequest).await?.into_iter().map(ModelRow::from).collect())
    }

    /// Tells of the feeds of views, all that have a source where none is named. See
    /// [`Session::feeds`](asofdb::Session::feeds).
    ///
    /// # Errors
    /// As there.
    pub async fn feeds(&self, views: &[&str]) -> Result<Vec<Feed>> {
        let views = views.iter().map(|view| (*view).to_owned()).collect();
        Ok(self.ask(&FeedsRequest { views }).await?.into_iter().map(Feed::from).collect())
    }

    /// Lets the sidecar load what is new in the sources of views, all where none is named. See
    /// [`Session::materialize`](asofdb::Session::materialize).
    ///
    /// # Errors
    /// As there.
    pub async fn materialize(&self, views: &[&str]) -> Result<Vec<ViewRun>> {
        let views = views.iter().map(|view| (*view).to_owned()).collect();
        Ok(self.ask(&MaterializeRequest { views }).await?.into_iter().map(ViewRun::from).collect())
    }

    /// Reads the statistics that are kept of a view's values. See [`Session::statistics`](asofdb::Session::statistics).
    ///
    /// # Errors
    /// As there.
    pub async fn statistics(&self, view: &str) -> Result<ViewStatistics> {
        self.ask(&StatisticsRequest { view: view.to_owned() }).await?.try_into()
    }

    /// Reads figures about the store.
    ///
    /// # Errors
    /// `Unavailable` when the sidecar does not answer.
    pub async fn stats(&self) -> Result<Stats> {
        self.ask(&StatsRequest).await.map(|stats| stats.store.into())
    }

    /// Reads what each consumer did with each view, since the sidecar began.
    ///
    /// # Errors
    /// `Unavailable` when the sidecar does not answer.
    pub async fn consumers(&self) -> Result<Vec<ConsumerReport>> {
        Ok(self.ask(&ConsumersRequest).await?.into_iter().map(ConsumerReport::from).collect())
    }

    /// Reads the limits of consumers and views that are in force.
    ///
    /// # Errors
    /// `Unavailable` when the sidecar does not answer.
    pub async fn limits(&self) -> Result<LimitsReport> {
        self.ask(&LimitsRequest { limits: None }).await.map(LimitsReport::from)
    }

    /// Makes a text (TOML) the limits of consumers and views. See [`Client::set_limits`](crate::Client::set_limits).
    ///
    /// # Errors
    /// As there.
    pub async fn set_limits(&self, limits: &str) -> Result<LimitsReport> {
        self.ask(&LimitsRequest { limits: Some(limits.to_owned()) }).await.map(LimitsReport::from)
    }

    /// Begins an audit of what the sidecar has served and logged, and gives its number. It runs in the sidecar, one at a
    /// time.
    ///
    /// # Errors
    /// `Denied` for who is no operator; `Invalid` when the sidecar logs nothing; `Conflict` when an audit runs.
    pub async fn begin_audit(&self, wanted: &AuditRequest) -> Result<u64> {
        self.ask(wanted).await
    }

    /// Reads what audits of the sidecar have found, as JSON: all that are kept, in short, or one with its findings.
    ///
    /// # Errors
    /// `NotFound` when the audit of the number is not kept.
    pub async fn audits_json(&self, number: Option<u64>) -> Result<String> {
        self.ask(&AuditsRequest { number }).await
    }

    /// Reads what is wrong with the store and its views by the sidecar's alerts, and who was told.
    ///
    /// # Errors
    /// `Unavailable` when the sidecar does not answer.
    pub async fn alerts(&self) -> Result<AlertsReport> {
        self.ask(&AlertsRequest).await.map(AlertsReport::from)
    }

    /// Reads what the clock of the store's host shows, and what the store believes of it. See [`Session::clock`].
    ///
    /// # Errors
    /// As there.
    ///
    /// [`Session::clock`]: asofdb::Session::clock
    pub async fn clock(&self) -> Result<ClockStatus> {
        self.ask(&ClockRequest { confirm: false }).await.map(ClockStatus::from)
    }

    /// Believes what that clock shows. See [`Session::confirm_clock`].
    ///
    /// # Errors
    /// As there.
    ///
    /// [`Session::confirm_clock`]: asofdb::Session::confirm_clock
    pub async fn confirm_clock(&self) -> Result<()> {
        self.ask(&ClockRequest { confirm: true }).await.map(drop)
    }
}
