//! Sessions: what can be asked of a store, wherever it is, in this process or behind a sidecar.

mod deletions;
mod evaluate;
#[cfg(feature = "files")]
mod files;
mod history;
mod local;
mod scan;

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use asofdb_storage::{
    Approvals, Catalog, CatalogChange, CheckpointFiles, ClockRepair, ClockStatus, Committed, Definitions, Durability,
    Erased, FeatureView, ModelRow, Plan, Proposals, Result, Staging, Stats, StoreId, Timestamp, UsagePeriod, UsageRow,
    Value, Verified, WriteBatch,
};

pub use self::deletions::deletions;
pub use self::evaluate::{Evaluated, EvaluatedRow, EvaluatedValue};
pub use self::local::scan_until;
pub use self::scan::{Scan, ScanBegin, ScanSink};
use crate::ages::ViewAges;
use crate::allow::Allow;
use crate::definitions::reference::find_stored_view;
#[cfg(feature = "files")]
use crate::export::{ExportOptions, Manifest};
use crate::feeds::Feed;
#[cfg(feature = "files")]
use crate::feeds::{FeedFiles, OnFeedProgress, ViewRun};
use crate::freshness::Freshness;
use crate::govern::{ApplyOptions, approvals_of, catalog_at, catalog_log, planned};
#[cfg(feature = "files")]
use crate::ingest::{IngestOptions, IngestReport, Input};
use crate::join::{JoinBatches, JoinOptions, Spine};
#[cfg(feature = "files")]
use crate::join::{JoinReport, TrainingSetOptions};
use crate::profile::sample::ProfileSample;
use crate::profile::statistics::ViewStatistics;
use crate::progress::OnProgress;
use crate::proposals::proposals_of;
use crate::read::answer::Answer;
use crate::read::history::HistoryRow;
use crate::read::matrix::F32Matrix;
use crate::read::question::Question;
use crate::read::request::{EntityRows, Prepared};
use crate::rows::keys::EntityKey;
#[cfg(feature = "files")]
use crate::source::Source;
use crate::usage::answers::AnswerRow;
use crate::usage::impact::Impact;

/// A store, wherever it is: [`Store`](crate::Store) in this process, the clients of the crate `asofdb-client` in
/// another.
///
/// Implementations give the first methods, which cannot be made from each other. The rest is made from them, once,
/// and so means the same everywhere. Those that take files exist with the feature `files`.
///
/// Every method may fail with `Unavailable` where the store is in a process that does not answer, and with `Denied`
/// or `Limited` where it restricts its callers; that is not repeated below.
pub trait Session: Send + Sync {
    /// Reads what is defined, as of now.
    ///
    /// # Errors
    /// None of its own.
    fn catalog(&self) -> Result<Arc<Catalog>>;

    /// Returns what was defined when this session last looked, without asking anybody.
    fn known_catalog(&self) -> Arc<Catalog>;

    /// Lets the reads of a request be counted, where this session counts those of a consumer itself. Behind a sidecar
    /// that does it.
    fn metered(&self, request: Prepared) -> Prepared {
        request
    }

    /// Reads the present by the store's clock.
    ///
    /// # Errors
    /// None of its own.
    fn now(&self) -> Result<Timestamp>;

    /// Reads the features of entities.
    ///
    /// # Errors
    /// `NotFound` when a feature of the request was dropped; `Conflict` when the entity rows belong to another
    /// request; `Corrupt` when stored bytes cannot be read.
    fn read(&self, request: &Prepared, entities: &EntityRows, question: Question) -> Result<Answer>;

    /// Reads the features of entities into a dense matrix. Numbers wider than `f32` are rounded to it.
    ///
    /// # Errors
    /// `Invalid` when a feature is not a number or the matrix has another size; else as [`Session::read`].
    fn read_f32(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        question: Question,
        matrix: F32Matrix<'_>,
    ) -> Result<()>;

    /// Writes rows of several views in one atomic step: columns named as join keys, timestamps and features.
    /// `durability` is the store's own where it is `None`.
    ///
    /// # Errors
    /// `Invalid`, naming view, row, column and rule; nothing of the batch is written.
    fn commit(&self, rows: &[(&str, &RecordBatch)], durability: Option<Durability>) -> Result<Committed>;

    /// Deletes an entity from views as of `at`: earlier reads still see it, later ones find it missing.
    ///
    /// # Errors
    /// `NotFound` for an unknown view, `Invalid` for a key that is not the view's or a time too far ahead.
    fn delete(&self, views: &[&str], entity: &EntityKey<'_>, at: Timestamp) -> Result<Committed>;

    /// Removes every version of an entity from views, physically, and tells what was removed.
    ///
    /// # Errors
    /// `NotFound` for an unknown view, `Invalid` for a key that is not the view's.
    fn erase(&self, views: &[&str], entity: &EntityKey<'_>) -> Result<Vec<Erased>>;

    /// Makes the definitions the catalog, in one step, and tells what changed. The definitions are the whole wanted
    /// state: what they do not name is dropped, which the options must permit, as well as features that are computed in
    /// another way. The change is logged with who makes it.
    ///
    /// # Errors
    /// As [`Session::plan`]; `Conflict` also when something would be dropped that may not be, when the catalog has
    /// another revision by now, or when the policy wants approvals that the plan does not have.
    fn apply_with(&self, definitions: &Definitions, options: &ApplyOptions) -> Result<Plan>;

    /// Makes a text the policy of the store: see [`Policy`](crate::Policy). What is defined already may break it.
    ///
    /// # Errors
    /// `Invalid` for what is no policy, with the place; `Conflict` when the policy that there is wants approvals that
    /// the change does not have.
    fn apply_policy(&self, policy: &str, message: &str) -> Result<()>;

    /// Approves a plan by its hash ([`plan_hash`](crate::plan_hash)), for somebody else to apply. The approval ends with
    /// the next change of the catalog.
    ///
    /// # Errors
    /// `Invalid` for what is no hash; `Conflict` when too many approvals wait.
    fn approve(&self, plan: &str) -> Result<()>;

    /// Makes a plan known to those who may approve it, with the reason, and gives the hash by which it is approved.
    /// Nothing is changed. It waits until the next change of the catalog, at most eight of one person at a time.
    ///
    /// # Errors
    /// As [`Session::plan`]; `Invalid` also when there is nothing to change; `Conflict` when too many plans wait.
    fn propose(&self, definitions: &Definitions, message: &str) -> Result<String>;

    /// Makes a change of the policy known to those who may approve it, with the reason, and gives the hash by which it is
    /// approved ([`policy_plan_hash`](crate::policy_plan_hash)). Nothing is changed: an operator applies it. It waits as
    /// other plans do.
    ///
    /// # Errors
    /// `Invalid` for what is no policy, with the place, and for the policy that there is; `Conflict` when too many plans
    /// wait.
    fn propose_policy(&self, policy: &str, message: &str) -> Result<String>;

    /// Reads the plans that wait for the catalog of now, the oldest first.
    ///
    /// # Errors
    /// `Corrupt` when they cannot be read.
    fn proposals(&self) -> Result<Proposals> {
        proposals_of(self.note(Proposals::NOTE)?.as_deref(), self.catalog()?.revision())
    }

    /// Reads the newest changes of the catalog that led to a revision before the given one, newest first: at most
    /// `limit`, and fewer where they are long.
    ///
    /// # Errors
    /// `Corrupt` when the log of changes cannot be read.
    fn catalog_changes(&self, before: u64, limit: usize) -> Result<Vec<CatalogChange>>;

    /// Reads the newest changes of the catalog, newest first; of a view with its features, or of another thing, where one
    /// is named. What was there before is left out.
    ///
    /// # Errors
    /// As [`Session::catalog_changes`].
    fn catalog_log(&self, name: Option<&str>, limit: usize) -> Result<Vec<CatalogChange>> {
        self.catalog_log_before(u64::MAX, name, limit)
    }

    /// [`Session::catalog_log`] of the changes that led to a revision before the given one.
    ///
    /// # Errors
    /// As there.
    fn catalog_log_before(&self, before: u64, name: Option<&str>, limit: usize) -> Result<Vec<CatalogChange>> {
        let before = before.min(self.catalog()?.revision().saturating_add(1));
        catalog_log(before, name, limit, |before, limit| self.catalog_changes(before, limit))
    }

    /// Makes the catalog as it was at a time, by the log of its changes.
    ///
    /// # Errors
    /// `NotFound` when the log begins later; `Corrupt` when it cannot be read.
    fn catalog_at(&self, at: Timestamp) -> Result<Catalog> {
        catalog_at(&*self.catalog()?, at, |before, limit| self.catalog_changes(before, limit))
    }

    /// Reads the approvals of plans for the catalog of now.
    ///
    /// # Errors
    /// `Corrupt` when they cannot be read.
    fn approvals(&self) -> Result<Approvals> {
        approvals_of(self.note(Approvals::NOTE)?.as_deref(), self.catalog()?.revision())
    }

    /// [`Session::apply_with`] permissions, and, with `revision`, to the catalog of that revision only.
    ///
    /// # Errors
    /// As there.
    fn apply_to(&self, definitions: &Definitions, allow: Allow, revision: Option<u64>) -> Result<Plan> {
        self.apply_with(definitions, &ApplyOptions { allow, revision, message: String::new() })
    }

    /// Hands rows of a view to `sink`, batch by batch, and tells how many there were. All are of one state.
    ///
    /// # Errors
    /// `NotFound` for an unknown view; `Invalid` for a key that is not the view's, or a window that ends before it
    /// begins; `Corrupt` when stored bytes cannot be read; else what the sink returns.
    fn scan(&self, scan: &Scan<'_>, sink: &mut dyn ScanSink) -> Result<u64>;

    /// Writes a large batch of one view with its notes, all of it or nothing. The rows are encoded for the view as
    /// `view` has it.
    ///
    /// # Errors
    /// `Conflict` when the view was changed meanwhile; else as a commit.
    fn load(&self, view: &FeatureView, batch: WriteBatch) -> Result<()>;

    /// Begins to gather rows of a view on disk, for a load of more than fits into memory; `None` where that cannot be, as
    /// in memory, or behind a sidecar that has no room for more: then each load is a step by itself.
    fn stage<'s>(&'s self, _view: &FeatureView) -> Option<Box<dyn Staging + 's>> {
        None
    }

    /// Returns the most bytes of keys and rows that one load should have.
    ///
    /// # Errors
    /// `Denied` when this caller may not load.
    fn load_bytes_max(&self) -> Result<usize>;

    /// Reads a note that was written with rows.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    fn note(&self, name: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Reads the id of the store, which stays the same over restarts and in copies; `None` for one that was made before
    /// stores had ids and was not opened since.
    ///
    /// # Errors
    /// As [`Session::note`]; `Corrupt` when it cannot be read.
    fn store_id(&self) -> Result<Option<StoreId>> {
        self.note(StoreId::NOTE)?.map(|note| StoreId::decode(&note)).transpose()
    }

    /// Joins to each row of a spine the features as of its time. [`Session::point_in_time_join`] takes any iterator.
    ///
    /// # Errors
    /// `NotFound` when a feature was dropped; `Invalid` when the spine lacks a join key or the time column, or when a
    /// column of the result would have the name of another.
    fn join<'s>(
        &'s self,
        request: &Prepared,
        spine_schema: SchemaRef,
        spine: Spine<'s>,
        options: &JoinOptions,
    ) -> Result<Box<dyn JoinBatches + 's>>;

    /// Tells how fresh a view is. Reads the keys of every version of the view once: some seconds for ten million.
    ///
    /// # Errors
    /// `NotFound` for an unknown view; `Corrupt` when stored bytes cannot be read.
    fn freshness(&self, view: &str) -> Result<Freshness>;

    /// Tells how fresh views are over all of their entities, every stored view where none is named. It reads no rows.
    /// See [`Store::ages`](crate::Store::ages).
    ///
    /// # Errors
    /// As there.
    fn ages(&self, views: &[&str]) -> Result<Vec<ViewAges>>;

    /// Tells what consumers have read in the last days: by day if asked, then by thing and consumer. Days are those of
    /// UTC; 400 are kept.
    ///
    /// # Errors
    /// `Invalid` for more days than can be told day by day at once; `Unavailable` when the store cannot be read.
    fn usage(&self, period: UsagePeriod) -> Result<Vec<UsageRow>>;

    /// Tells which versions of models have read which views and services. See [`Store::models`](crate::Store::models).
    ///
    /// # Errors
    /// As there.
    fn models(&self) -> Result<Vec<ModelRow>>;

    /// Tells what consumers got in the last day, by view, feature and consumer: how many values were present, and why
    /// the others were not. See [`Store::answers`](crate::Store::answers).
    ///
    /// # Errors
    /// `Unavailable` when a sidecar cannot be asked.
    fn answers(&self) -> Result<Vec<AnswerRow>>;

    /// Tells of the feeds of views, all that have a source where none is named: their last runs, and whether they are
    /// late.
    ///
    /// # Errors
    /// `NotFound` for an unknown view; `Invalid` for one without a source; `Unavailable` when the store cannot be read.
    fn feeds(&self, views: &[&str]) -> Result<Vec<Feed>>;

    /// Loads what is new in the sources of views, all that have one where none is named, and keeps what came of it. What
    /// goes wrong with a view is in its run, and keeps no other view from being loaded. A sidecar reads its own files,
    /// and takes no `files` but the default.
    ///
    /// # Errors
    /// `NotFound` for an unknown view; `Invalid` for one without a source; `Unavailable` when the store cannot be
    /// written.
    #[cfg(feature = "files")]
    fn materialize(&self, views: &[&str], files: &FeedFiles, progress: &mut OnFeedProgress<'_>)
    -> Result<Vec<ViewRun>>;

    /// Tells who has read, in the last [`Allow::USED_DAYS`] days, what a plan drops or redefines.
    ///
    /// # Errors
    /// As [`Session::usage`].
    fn impacts(&self, plan: &Plan) -> Result<Vec<Impact>> {
        let is_harmless = plan.drops().next().is_none() && plan.redefinitions().next().is_none();
        if is_harmless { Ok(Vec::new()) } else { Ok(Impact::of(plan, &self.usage(Allow::USED)?)) }
    }
    /// Chooses entities of a view by a hash of their keys, at most `count`, and gives the values of their join keys, in
    /// key order: of views with the same entities mostly the same ones. Of a window view they are those of its events.
    /// It reads some hundred thousand versions at most, however large the view is.
    ///
    /// # Errors
    /// `NotFound` for an unknown view; `Invalid` for a view of expressions, or more entities than
    /// [`SAMPLE_ENTITIES_MAX`](crate::SAMPLE_ENTITIES_MAX); `Corrupt` when stored bytes cannot be read.
    fn sample_entities(&self, view: &str, count: usize) -> Result<Vec<Vec<Value>>>;

    /// Reads the statistics that are kept of a view's values, with the time when they were taken. Of features that
    /// whoever asks may not read there are none.
    ///
    /// # Errors
    /// `NotFound` for an unknown view; `Unavailable` when the store cannot be read.
    fn statistics(&self, view: &str) -> Result<ViewStatistics>;

    /// Takes the statistics of a view's values as of now, an entity's newest each, and keeps them in the place of those
    /// that there were. Features that need values of the request are left out. Of an event view they are of the columns
    /// of its events: of a sample the newest [`PROFILE_EVENTS_MAX`](crate::PROFILE_EVENTS_MAX) of each entity, of all
    /// entities all of them. A sidecar tells no progress.
    ///
    /// # Errors
    /// `NotFound` for an unknown view; `Invalid` for a sample out of range, or where no input has all join keys of a
    /// view that is computed; `Conflict` when an entity of it was erased meanwhile; `Unavailable` when the store cannot
    /// write.
    fn profile(&self, view: &str, sample: ProfileSample, progress: &mut OnProgress<'_>) -> Result<ViewStatistics>;

    /// Reads figures about the store.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    fn stats(&self) -> Result<Stats>;

    /// Reads everything and checks that it can be read and that the answers agree.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read; what is wrong with the data is in the answer.
    fn verify(&self) -> Result<Verified>;

    /// Reads what the clock of the store's host shows, and what the store believes of it.
    ///
    /// # Errors
    /// None of its own.
    fn clock(&self) -> Result<ClockStatus>;

    /// Believes what that clock shows, although it has jumped ahead.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot write.
    fn confirm_clock(&self) -> Result<()>;

    /// Repairs what a wrong clock has left, once it is right. Reads every version once. See
    /// [`asofdb_storage::Timekeeping::repair_clock`].
    ///
    /// # Errors
    /// `Conflict` while the clock is an hour or more ahead of what is believed; `Unavailable` when the store cannot
    /// write.
    fn repair_clock(&self) -> Result<ClockRepair>;

    /// Writes what is in memory to disk. A sidecar sees to that itself.
    ///
    /// # Errors
    /// `Unavailable` when the disk is full.
    fn flush(&self) -> Result<()>;

    /// Compacts everything, reclaiming what retention, drops and erasures left.
    ///
    /// # Errors
    /// `Unavailable` when the disk is full.
    fn compact(&self) -> Result<()>;

    /// Writes a consistent copy of the store into the new directory `to`, of the host that the store is on; it shares
    /// its data files with the store, or none.
    ///
    /// # Errors
    /// `Conflict` when it exists or is being written; `Corrupt` when a file is not what it was.
    fn checkpoint_with(&self, to: &Path, files: CheckpointFiles) -> Result<()>;

    /// [`Session::checkpoint_with`] shared files, which takes next to no room.
    ///
    /// # Errors
    /// As there.
    fn checkpoint(&self, to: &Path) -> Result<()> {
        self.checkpoint_with(to, CheckpointFiles::Shared)
    }

    /// Fails once the work of this session was cancelled. Long work that reads files looks before each batch: what
    /// asks the store fails by itself.
    ///
    /// # Errors
    /// `Unavailable` when nobody waits for the work any more.
    fn check_cancelled(&self) -> Result<()> {
        Ok(())
    }

    /// Resolves references (`view:feature`, `view:*`, a view or a service) once, to be read many times.
    ///
    /// # Errors
    /// `NotFound` for unknown names, `Invalid` when a feature is named twice.
    fn prepare<S: AsRef<str>>(&self, references: &[S]) -> Result<Prepared>
    where
        Self: Sized,
    {
        let references: Vec<String> = references.iter().map(|reference| reference.as_ref().to_owned()).collect();
        match Prepared::new(&self.known_catalog(), references.clone()) {
            Ok(prepared) => Ok(self.metered(prepared)),
            // What is not known may have been defined since.
            Err(_) => Ok(self.metered(Prepared::new(&*self.catalog()?, references)?)),
        }
    }

    /// Reads the newest values of each entity's features, as of now.
    ///
    /// # Errors
    /// As [`Session::read`].
    fn latest(&self, request: &Prepared, entities: &EntityRows) -> Result<Answer> {
        self.read(request, entities, Question::Latest)
    }

    /// Reads the values that were true at `at` (inclusive) and, with `known_at`, known by then.
    ///
    /// # Errors
    /// As [`Session::read`].
    fn as_of(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        at: Timestamp,
        known_at: Option<Timestamp>,
    ) -> Result<Answer> {
        self.read(request, entities, Question::AsOf { at, known_at })
    }

    /// [`Session::latest`] into a dense matrix, ready for a model.
    ///
    /// # Errors
    /// As [`Session::read_f32`].
    fn latest_f32(&self, request: &Prepared, entities: &EntityRows, matrix: F32Matrix<'_>) -> Result<()> {
        self.read_f32(request, entities, Question::Latest, matrix)
    }

    /// [`Session::as_of`] into a dense matrix.
    ///
    /// # Errors
    /// As [`Session::read_f32`].
    fn as_of_f32(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        at: Timestamp,
        known_at: Option<Timestamp>,
        matrix: F32Matrix<'_>,
    ) -> Result<()> {
        self.read_f32(request, entities, Question::AsOf { at, known_at }, matrix)
    }

    /// Writes rows of one view, with the store's own durability. Columns that the view does not know are ignored, but
    /// for those that the metadata of an export mark as the created timestamp or as what tells deletions.
    ///
    /// # Errors
    /// As [`Session::commit`].
    fn write(&self, view: &str, rows: &RecordBatch) -> Result<Committed> {
        self.commit(&[(view, rows)], None)
    }

    /// Deletes events of an event view. `events` has the columns that identify each: join keys, event timestamp, and
    /// those of the event id; all of the view's where the view names none for it. An event that is not there is deleted
    /// too: it does not count when it comes late, unless its created timestamp is later.
    ///
    /// # Errors
    /// As [`Session::commit`]; `Invalid` when the view is no event view.
    fn delete_events(&self, view: &str, events: &RecordBatch) -> Result<Committed> {
        let catalog = self.catalog()?;
        self.write(view, &deletions(find_stored_view(&catalog, view)?, events)?)
    }

    /// Writes rows of several views in one atomic step.
    ///
    /// # Errors
    /// As [`Session::commit`].
    fn write_all(&self, rows: &[(&str, &RecordBatch)], durability: Durability) -> Result<Committed> {
        self.commit(rows, Some(durability))
    }

    /// Evaluates an expression over features of one entity and values of a request, as of a time: to try what a
    /// definition would give. docs/expressions.md has the language.
    ///
    /// # Errors
    /// `Invalid` or `NotFound` for the expression, with its place in lines below; otherwise as [`Session::as_of`].
    fn evaluate(&self, expression: &str, row: &EvaluatedRow<'_>) -> Result<Evaluated>
    where
        Self: Sized,
    {
        evaluate::evaluate(self, expression, row)
    }

    /// Tells what [`Session::apply`] would do.
    ///
    /// # Errors
    /// `Invalid`, `NotFound` or `Conflict` when the definitions break a rule, naming the thing and the rule.
    fn plan(&self, definitions: &Definitions) -> Result<Plan> {
        planned(&*self.catalog()?, definitions, self.now()?)
    }

    /// [`Session::apply_to`] whatever catalog there is.
    ///
    /// # Errors
    /// As there.
    fn apply(&self, definitions: &Definitions, allow_drop: bool) -> Result<Plan> {
        self.apply_to(definitions, Allow::drops(allow_drop), None)
    }

    /// Reads every version of one entity in a view, newest first; at most `limit`.
    ///
    /// # Errors
    /// `NotFound` for an unknown view, `Invalid` for a key that is not the view's.
    fn history(&self, view: &str, entity: &EntityKey<'_>, limit: usize) -> Result<Vec<HistoryRow>> {
        history::history(&|scan, sink| self.scan(scan, sink), view, entity, limit)
    }

    /// Joins to each row of a spine the features as of its time: the version with the greatest event timestamp up to
    /// it, ties by the greatest created timestamp, within the view's ttl.
    ///
    /// The result has the spine's rows in their order and all its columns, then a column a feature, null (or the
    /// feature's default) where the status is not `present`. The spine may be larger than memory.
    ///
    /// # Errors
    /// As [`Session::prepare`] and [`Session::join`].
    fn point_in_time_join<'s, S, I>(
        &'s self,
        references: &[S],
        spine_schema: SchemaRef,
        spine: I,
        options: &JoinOptions,
    ) -> Result<Box<dyn JoinBatches + 's>>
    where
        Self: Sized,
        S: AsRef<str>,
        I: Iterator<Item = Result<RecordBatch>> + 's,
    {
        self.join(&self.prepare(references)?, spine_schema, Box::new(spine), options)
    }

    /// Opens a file with a spine: join keys and times in text formats have the types that the request says.
    ///
    /// # Errors
    /// `NotFound` for unknown features or a file that is not there, `Corrupt` when it cannot be read.
    #[cfg(feature = "files")]
    fn open_spine<S: AsRef<str>>(&self, references: &[S], spine: &Path, options: &TrainingSetOptions) -> Result<Source>
    where
        Self: Sized,
    {
        crate::join::open_spine(&self.prepare(references)?, spine, options)
    }

    /// Joins features to the spine in the file `spine` and writes the result to the Parquet file `out`, which appears
    /// when it is complete. Both are of this host. See [`Session::point_in_time_join`].
    ///
    /// # Errors
    /// `Conflict` when `out` exists; `Corrupt` when the spine cannot be read; else as the join.
    #[cfg(feature = "files")]
    fn training_set<S: AsRef<str>>(
        &self,
        references: &[S],
        spine: &Path,
        out: &Path,
        options: &TrainingSetOptions,
        progress: &mut OnProgress<'_>,
    ) -> Result<JoinReport>
    where
        Self: Sized,
    {
        let request = self.prepare(references)?;
        let join = |schema, batches| self.join(&request, schema, batches, &options.join);
        files::training_set(join, &request, spine, out, options, progress)
    }

    /// Exports a view as Parquet files into the new directory `out` of this host, which appears whole, with its
    /// manifest, or not at all. The columns are the join keys, the event and the created timestamp, a deletion mark
    /// (of versions) or a status (as of a time), and the features. All of it is of one moment, whatever is written
    /// meanwhile. A store in this process uses the threads of the options, a sidecar one.
    ///
    /// An export of versions has values as they were stored, and its columns say in their metadata what they are
    /// ([`ColumnRole`](crate::ColumnRole)): ingested into an empty store of the same definitions it gives the same
    /// history, deletions included. Exports as of a time answer as reads do: features of expired rows are null, and
    /// defaults stand in.
    ///
    /// A view that is computed is exported as of a time: a row an entity of its inputs of which anything was known,
    /// with a status a feature. The entities are those at the beginning, and the values are of one state a moment
    /// later.
    ///
    /// # Errors
    /// `NotFound` for an unknown view; `Conflict` when `out` exists, or when a column of the view has the name of
    /// the partition's; `Invalid` for options out of range; `Unavailable` when the disk is full.
    #[cfg(feature = "files")]
    fn export(
        &self,
        view: &str,
        out: &Path,
        options: &ExportOptions,
        progress: &mut OnProgress<'_>,
    ) -> Result<Manifest> {
        let catalog = self.catalog()?;
        match catalog.view(view).filter(|view| !view.is_stored()) {
            Some(view) => crate::export::export_computed(self, &catalog, view, out, options, progress),
            None => files::export(&|scan, sink| self.scan(scan, sink), &catalog, view, out, options, progress),
        }
    }

    /// Writes the rows of files of this host into a view: columns named as its join keys, timestamps and features,
    /// other columns being ignored. `progress` counts bytes: those of the inputs thrice, to check, to encode and
    /// to write them.
    ///
    /// Files of [`Session::export`] say themselves which column is the created timestamp and which rows are
    /// deletions: an export of versions, ingested into an empty store of the same definitions, gives the same history.
    ///
    /// Rows that an earlier run has written of the same content are not written again; an ingest that was
    /// interrupted, or killed, goes on where it was.
    ///
    /// # Errors
    /// `NotFound` for an unknown view or a file that is not there; `Invalid` naming the file, the row and the rule
    /// for bad rows (unless `rejects` is given) and missing columns, `Corrupt` for damaged files, `Conflict` when
    /// the rejects file exists: nothing is written then. `Unavailable` when the store cannot write or a file was
    /// changed meanwhile: run it again to go on.
    #[cfg(feature = "files")]
    fn ingest(
        &self,
        view: &str,
        inputs: Vec<Input>,
        options: &IngestOptions,
        progress: &mut OnProgress<'_>,
    ) -> Result<IngestReport>
    where
        Self: Sized,
    {
        crate::ingest::ingest(self, view, inputs, options, progress)
    }
}

/// Every session takes the rows of an ingest.
#[cfg(feature = "files")]
impl<S: Session> crate::ingest::Loads for S {
    fn catalog(&self) -> Result<Arc<Catalog>> {
        Session::catalog(self)
    }

    fn now(&self) -> Result<Timestamp> {
        Session::now(self)
    }

    fn note(&self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        Session::note(self, name)
    }

    fn load_bytes_max(&self) -> Result<usize> {
        Session::load_bytes_max(self)
    }

    fn check_cancelled(&self) -> Result<()> {
        Session::check_cancelled(self)
    }

    fn load(&self, view: &FeatureView, batch: WriteBatch) -> Result<()> {
        Session::load(self, view, batch)
    }

    fn stage<'s>(&'s self, view: &FeatureView) -> Option<Box<dyn Staging + 's>> {
        Session::stage(self, view)
    }
}
