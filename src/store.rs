//! The store: what an embedding process opens.

mod reads;
mod upkeep;

#[cfg(feature = "files")]
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use asofdb_storage::{
    Backend, Catalog, Clock, ClockRepair, ClockStatus, Committed, Definitions, Durability, Erased, Error, FeatureView,
    Lookup, MemoryBackend, Plan, Result, Stop, Timestamp, UsagePeriod, UsageRow, WriteBatch, key,
};
use parking_lot::Mutex;

use crate::allow::Allow;
use crate::definitions::reference::{find_stored_view, find_view, resolve};
use crate::definitions::suggest::did_you_mean;
use crate::derived::nulls::NullCounts;
#[cfg(feature = "files")]
use crate::feeds::{FedStore, FeedFiles, Feeder, LoadsUntil, OnFeedProgress, ViewRun};
use crate::feeds::{Feed, feeds};
use crate::govern::{ApplyOptions, planned};
use crate::policy::readers::{Guard, Readers};
use crate::policy::team::Actor;
use crate::precedence::GivenWay;
use crate::profile::keeper::ProfileKeeper;
use crate::read::request::Prepared;
use crate::rows::encode::ViewEncoder;
use crate::rows::keys::EntityKey;
use crate::rows::plain::check_plain;
use crate::rows::problems::Problems;
use crate::served::log::ServedLog;
#[cfg(feature = "files")]
use crate::served::options::ServedLogOptions;
use crate::usage::answers::{AnswerCounts, AnswerRow};
use crate::usage::consumer::check_consumer_name;
use crate::usage::meter::Meter;
use crate::usage::recorder::Recorder;
use crate::windows::sealer::Sealer;

/// Batches of fewer rows go through the write buffers: below this, files of their own cost more than they save.
const COMMIT_ROWS_MAX: usize = 50_000;

/// Bytes of such a batch: it shares the write buffers with other writers.
const COMMIT_BYTES_MAX: usize = 32 << 20;

/// A feature store. Cheap to clone; clones share one store, and any number of threads may use it.
#[derive(Clone)]
pub struct Store {
    /// Declared, and so dropped, before the backend.
    sealer: Arc<Sealer>,
    pub(crate) recorder: Arc<Recorder>,
    #[cfg(feature = "files")]
    feeder: Arc<Feeder>,
    backend: Arc<dyn Backend>,
    durability: Durability,
    /// The nulls that expressions made, in all reads and joins of this store and its clones.
    nulls: Arc<NullCounts>,
    /// The one that reads; `None`: reads are not counted.
    pub(crate) consumer: Option<Arc<str>>,
    /// The version of a model that it reads for.
    pub(crate) model: Option<Arc<str>>,
    /// The log of what reads answer; `None`: there is none.
    served: Option<Arc<ServedLog>>,
    /// Those who may read what the policy restricts.
    readers: Arc<Readers>,
    /// Knows what was erased while statistics were taken.
    pub(crate) profiles: Arc<ProfileKeeper>,
    /// Held while the catalog is changed, or a change of it approved.
    pub(crate) changing: Arc<Mutex<()>>,
    /// Whoever its bulk work gives way to; `None`: to nobody.
    pub(crate) giving: Option<Arc<GivenWay>>,
}

impl Store {
    /// A store over any backend.
    pub fn with_backend(backend: Arc<dyn Backend>, durability: Durability) -> Self {
        let (sealer, recorder) = (Sealer::new(backend.clone()), Recorder::new(backend.clone()));
        let (sealer, recorder) = (Arc::new(sealer), Arc::new(recorder));
        let (readers, profiles, changing) = Default::default();
        let store = Store {
            sealer,
            recorder,
            #[cfg(feature = "files")]
            feeder: Arc::default(),
            backend,
            durability,
            nulls: Arc::default(),
            consumer: None,
            model: None,
            served: None,
            readers,
            profiles,
            changing,
            giving: None,
        };
        store.share_hot();
        store
    }

    /// Lets the rows of the hot table lie in memory that other processes read, but those of views of which the policy
    /// restricts anything. Where it cannot be read, none do.
    pub(crate) fn share_hot(&self) {
        if !self.backend.shares_memory() {
            return;
        }
        let catalog = self.backend.catalog();
        if let Ok(but) = self.readers.restricted_views(&catalog) {
            self.backend.share_hot(catalog.revision(), but);
        }
    }

    /// A clone of the store whose reads, training sets and exports are counted as those of a consumer, such as a
    /// service or a model: see [`Store::usage`]. Counting costs a read two additions.
    ///
    /// # Errors
    /// `Invalid` for a name that is not of 1 to 64 letters, digits and `_ . : -`.
    pub fn for_consumer(&self, consumer: &str) -> Result<Store> {
        check_consumer_name(consumer)?;
        Ok(Store { consumer: Some(consumer.into()), model: None, ..self.clone() })
    }

    /// A clone of the store that logs what its reads, and those of its clones, answer, or a share of them, to Parquet
    /// files in a directory: by the hour, within bounds, in the background. See [`ServedLogOptions`].
    ///
    /// # Errors
    /// `Invalid` for options that mean nothing; `Unavailable` when the directory cannot be made.
    #[cfg(feature = "files")]
    pub fn log_served(&self, directory: &Path, options: ServedLogOptions) -> Result<Store> {
        let log = crate::served::start(directory, options, self.now())?;
        Ok(Store { served: Some(Arc::new(log)), ..self.clone() })
    }

    /// A clone of the store whose reads are nobody's: neither counted nor logged, and of everything.
    pub(crate) fn reading_for_itself(&self) -> Store {
        Store { consumer: None, ..self.unlogged() }
    }

    /// A clone of the store whose reads are not logged, such as those of an audit.
    pub fn unlogged(&self) -> Store {
        Store { served: None, ..self.clone() }
    }

    /// The log of what this clone's reads answer, if there is one.
    pub fn served_log(&self) -> Option<&ServedLog> {
        self.served.as_deref()
    }

    /// Tells what consumers have read in the last days: by day if asked, then by thing and consumer. Days are those of
    /// UTC; 400 are kept.
    ///
    /// # Errors
    /// `Invalid` for more days than can be told day by day at once; `Unavailable` when the store cannot be read.
    pub fn usage(&self, period: UsagePeriod) -> Result<Vec<UsageRow>> {
        self.recorder.rows(period)
    }

    /// Tells what consumers got in the last day, by view, feature and consumer: how many values were present, and why
    /// the others were not. Kept in memory, since the store was opened, for 4,096 of these; the rest counts together as
    /// `(others)`.
    pub fn answers(&self) -> Vec<AnswerRow> {
        self.recorder.answers()
    }

    /// Tells what consumers got since the store was opened, by view.
    pub fn answer_totals(&self) -> Vec<(String, AnswerCounts)> {
        self.recorder.answer_totals()
    }

    /// Tells of the feeds of views, all that have a source where none is named: their last runs, and whether they are
    /// late.
    ///
    /// # Errors
    /// `NotFound` for an unknown view; `Invalid` for one without a source; `Unavailable` when the store cannot be read.
    pub fn feeds(&self, views: &[&str]) -> Result<Vec<Feed>> {
        feeds(&*self.backend, views)
    }

    /// [`Session::materialize`](crate::Session::materialize), until it is stopped: what was loaded then goes on with the
    /// next run.
    ///
    /// # Errors
    /// As there; `Unavailable` when it was stopped.
    #[cfg(feature = "files")]
    pub fn materialize_until(
        &self,
        views: &[&str],
        files: &FeedFiles,
        stop: &Stop,
        progress: &mut OnFeedProgress<'_>,
    ) -> Result<Vec<ViewRun>> {
        let loads = LoadsUntil { store: self, stop };
        let store = FedStore { backend: &*self.backend, loads: &loads, durability: self.durability };
        self.feeder.run(&store, views, files, progress)
    }

    /// Counts an export of a view, for the consumer of this clone.
    pub(crate) fn count_export(&self, view: &str, rows: u64) {
        if let Some(consumer) = &self.consumer {
            let references = [format!("{view}:*")];
            let model = self.model.as_deref();
            let meter = || Meter::of_view(&self.catalog(), consumer, view).for_model(model);
            self.recorder.meter((consumer, model), &references, self.catalog().revision(), meter).export(rows);
        }
    }

    /// A store in memory, which forgets everything when it is dropped. For tests.
    pub fn in_memory(clock: Arc<dyn Clock>) -> Self {
        Store::with_backend(Arc::new(MemoryBackend::new(clock)), Durability::Os)
    }

    /// The backend.
    pub fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    /// The durability of writes that do not name one.
    pub fn durability(&self) -> Durability {
        self.durability
    }

    /// Reads what is defined, as of now.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.backend.catalog()
    }

    /// The present by the store's clock.
    pub fn now(&self) -> Timestamp {
        self.backend.now()
    }

    /// The reading of the system's clock, and what the store believes of it.
    pub fn clock(&self) -> ClockStatus {
        self.backend.clock()
    }

    /// Believes what the system's clock shows, although it has jumped ahead.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot write.
    pub fn confirm_clock(&self) -> Result<()> {
        self.backend.confirm_clock()
    }

    /// Repairs what a wrong clock has left, once the system's clock is right. Reads every version once.
    ///
    /// # Errors
    /// `Conflict` while the clock is an hour or more ahead of what is believed; `Unavailable` when the store cannot
    /// write.
    pub fn repair_clock(&self) -> Result<ClockRepair> {
        self.repair_clock_until(&Stop::NEVER)
    }

    /// [`Store::repair_clock`] that ends soon when it is told to; a second repair goes on from there.
    ///
    /// # Errors
    /// As there; `Unavailable` also when it was stopped.
    pub fn repair_clock_until(&self, stop: &Stop) -> Result<ClockRepair> {
        self.backend.repair_clock_until(stop)
    }

    /// Tells what [`Store::apply`] would do.
    ///
    /// # Errors
    /// `Invalid`, `NotFound` or `Conflict` when the definitions break a rule, naming the thing and the rule.
    pub fn plan(&self, definitions: &Definitions) -> Result<Plan> {
        planned(&self.catalog(), definitions, self.backend.believed())
    }

    /// Makes the definitions the catalog, in one step, and tells what changed. The definitions are the whole
    /// wanted state: what they do not name is dropped, which `allow_drop` must permit.
    ///
    /// # Errors
    /// As [`Store::plan`]; `Conflict` also when something would be dropped that may not be, or computed in another way.
    pub fn apply(&self, definitions: &Definitions, allow_drop: bool) -> Result<Plan> {
        self.apply_to(definitions, Allow::drops(allow_drop), None)
    }

    /// [`Store::apply`] with other permissions, and, with `revision`, to the catalog of that revision only: for
    /// definitions that were made from what it had, so that nothing is dropped that was defined meanwhile.
    ///
    /// # Errors
    /// As there; `Conflict` also when the catalog has another revision by now.
    pub fn apply_to(&self, definitions: &Definitions, allow: Allow, revision: Option<u64>) -> Result<Plan> {
        let options = ApplyOptions { allow, revision, message: String::new() };
        self.apply_by(&Actor::of_process(), definitions, &options)
    }

    /// Writes rows of one view: columns named as its join keys, timestamps and features. Columns the view
    /// does not know are ignored, but for those that the metadata of an export mark as the created timestamp or
    /// as what tells deletions (see `Session::export`).
    ///
    /// # Errors
    /// `Invalid`, naming view, row, column and rule; nothing of the batch is written.
    pub fn write(&self, view: &str, rows: &RecordBatch) -> Result<Committed> {
        self.write_all(&[(view, rows)], self.durability)
    }

    /// Writes rows of several views in one atomic step.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write_all(&self, rows: &[(&str, &RecordBatch)], durability: Durability) -> Result<Committed> {
        let catalog = self.catalog();
        let now = self.now();
        let mut batch = WriteBatch::new();
        for (view, rows) in rows {
            let encoder = ViewEncoder::new(find_stored_view(&catalog, view)?.clone())?;
            check_plain(rows).map_err(|error| error.context(format!("view {view:?}")))?;
            let mut problems = Problems::first();
            encoder.encode(rows, now, &mut problems, &mut batch)?;
            if let Some(error) = problems.to_error(view) {
                return Err(error);
            }
        }
        self.backend.commit(batch, durability)
    }

    /// Resolves references (`view:feature`, `view:*`, a view or a service) once, to be read many times.
    ///
    /// # Errors
    /// `NotFound` for unknown names, `Invalid` when a feature is named twice.
    pub fn prepare<S: AsRef<str>>(&self, references: &[S]) -> Result<Prepared> {
        let references: Vec<_> = references.iter().map(|reference| reference.as_ref().to_owned()).collect();
        let catalog = self.catalog();
        let prepared = Prepared::new(&catalog, references)?;
        if let Some(guard) = self.guard().filter(|_| catalog.policy().is_some()) {
            let features = prepared.features();
            guard.check(&catalog, || features.iter().map(|one| (&*one.view, &one.feature)))?;
        }
        Ok(self.metered(prepared))
    }

    /// The guard of what the consumer of this clone reads.
    pub(crate) fn guard(&self) -> Option<Guard> {
        let consumer = self.consumer.clone();
        consumer.map(|consumer| Guard { readers: self.readers.clone(), consumer })
    }

    /// Refuses references (as in [`Store::prepare`]) to what the consumer of this clone may not read. Nothing is counted.
    ///
    /// # Errors
    /// `Denied`, naming the feature; `NotFound` for unknown names.
    pub fn check_readable<S: AsRef<str>>(&self, references: &[S]) -> Result<()> {
        let catalog = self.catalog();
        let Some(guard) = self.guard().filter(|_| catalog.policy().is_some()) else { return Ok(()) };
        let features = resolve(&catalog, references)?;
        guard.check(&catalog, || features.iter().map(|one| (&*one.view, &one.feature)))
    }

    /// Refuses a view, of events too, of which the consumer of this clone may not read all. Nothing is counted.
    ///
    /// # Errors
    /// `Denied`, naming the feature; `NotFound` for an unknown view.
    pub fn check_view_readable(&self, view: &str) -> Result<()> {
        let catalog = self.catalog();
        self.check_reader(&catalog, find_view(&catalog, view)?)
    }

    /// Refuses a view of which the consumer of this clone may not read all.
    pub(crate) fn check_reader(&self, catalog: &Catalog, view: &FeatureView) -> Result<()> {
        let Some(guard) = self.guard() else { return Ok(()) };
        guard.check(catalog, || view.features.iter().map(|feature| (view, feature)))
    }

    /// Counts the reads of a request, if this clone reads for a consumer.
    pub(crate) fn metered(&self, request: Prepared) -> Prepared {
        let meter = self.consumer.as_ref().map(|consumer| {
            let (references, model) = (request.references(), self.model.as_deref());
            let make = || Meter::new(&self.catalog(), consumer, references, &request.features()).for_model(model);
            self.recorder.meter((consumer, model), references, request.revision(), make)
        });
        request.with_meter(meter).with_guard(self.guard())
    }

    /// Deletes an entity from a view as of `at`: earlier reads still see it, later ones find it missing.
    ///
    /// # Errors
    /// `NotFound` for an unknown view, `Invalid` for a key that is not the view's or a time too far ahead.
    pub fn delete(&self, views: &[&str], entity: &EntityKey<'_>, at: Timestamp) -> Result<Committed> {
        let catalog = self.catalog();
        let now = self.now();
        let mut batch = WriteBatch::new();
        for view in views {
            let view = find_stored_view(&catalog, view)?;
            if view.holds_events() {
                let rule = "is an event view, whose events are deleted one by one, or erased with their entity";
                return Err(Error::invalid(format!("{:?} {rule}", view.name)));
            }
            batch.delete(view, &encode_entity_key(view, entity)?, at, now)?;
        }
        self.backend.commit(batch, self.durability)
    }

    /// Removes every version of an entity from the views, physically, and tells what was removed.
    ///
    /// # Errors
    /// `NotFound` for an unknown view, `Invalid` for a key that is not the view's.
    pub fn erase(&self, views: &[&str], entity: &EntityKey<'_>) -> Result<Vec<Erased>> {
        let catalog = self.catalog();
        let views = views.iter().map(|view| find_stored_view(&catalog, view)).collect::<Result<Vec<_>>>()?;
        let keys = views.iter().map(|view| encode_entity_key(view, entity)).collect::<Result<Vec<_>>>()?;
        let lookups: Vec<_> = views.iter().zip(&keys).map(|(view, key)| Lookup { view, key }).collect();
        // Statistics that were taken before may show values of the entity.
        let _erasing = self.erasing(&catalog, views.iter().map(|view| view.id))?;
        self.backend.erase(&lookups)
    }

    /// Writes a large batch of one view, through the write buffers or by way of files, whichever is cheaper.
    ///
    /// # Errors
    /// As a commit.
    pub fn load(&self, batch: WriteBatch) -> Result<Committed> {
        let is_small = batch.written_len() < COMMIT_ROWS_MAX && batch.written_bytes() < COMMIT_BYTES_MAX;
        match is_small {
            true => self.backend.commit(batch, self.durability),
            false => self.backend.bulk_load(batch),
        }
    }

    /// Findings of opening the store that its operator should hear of, a line each. Nothing of it is wrong.
    pub fn notices(&self) -> Vec<String> {
        self.backend.notices()
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("catalog_revision", &self.catalog().revision()).finish_non_exhaustive()
    }
}

/// Refuses a catalog of another revision than is asked for, if one is.
pub fn check_revision(catalog: &Catalog, revision: Option<u64>) -> Result<()> {
    match revision.filter(|revision| *revision != catalog.revision()) {
        None => Ok(()),
        Some(asked) => Err(Error::conflict(format!(
            "the catalog was changed meanwhile; read it and try again: its revision is {}, not {asked}",
            catalog.revision()
        ))),
    }
}

/// Encodes an entity given by name, in the order of the view's join keys.
pub fn encode_entity_key(view: &FeatureView, entity: &EntityKey<'_>) -> Result<Vec<u8>> {
    let names = || view.join_keys.iter().map(|key| key.name.as_str());
    if let Some((unknown, _)) = entity.iter().find(|(name, _)| !names().any(|known| known == *name)) {
        let hint = did_you_mean(unknown, names());
        return Err(Error::invalid(format!("view {:?} has no join key {unknown:?}{hint}", view.name)));
    }
    let value = |name: &str| entity.iter().find(|(given, _)| *given == name).map(|(_, value)| value.clone());
    let mut out = Vec::new();
    for join_key in &view.join_keys {
        let value = value(&join_key.name)
            .ok_or_else(|| Error::invalid(format!("view {:?} needs join key {:?}", view.name, join_key.name)))?;
        key::encode_entity(&[join_key.ty], &[Some(value)], &mut out)
            .map_err(|error| Error::invalid(format!("join key {:?}: {}", join_key.name, error.message())))?;
    }
    Ok(out)
}
