//! A store, wherever it is: in this process, or behind a sidecar.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use asofdb::storage::{Staging, WriteBatch, refuse_url};
use asofdb::{
    Answer, AnswerRow, ApplyOptions, Catalog, CatalogChange, CheckpointFiles, ClockRepair, ClockStatus, Committed,
    Definitions, Durability, EntityKey, EntityRows, Erased, Error, F32Matrix, FeatureView, Feed, Freshness,
    JoinBatches, JoinOptions, ModelRow, OnProgress, Plan, Prepared, ProfileSample, Question, Result, Scan, ScanSink,
    Session, Spine, Stats, Store, Timestamp, UsagePeriod, UsageRow, Value, Verified, ViewAges, ViewStatistics,
};
#[cfg(feature = "files")]
use asofdb::{ExportOptions, FeedFiles, Manifest, OnFeedProgress, ViewRun};
use asofdb_protocol::{AlertsReport, AuditRequest, ConsumerReport, LimitsReport};

use crate::client::Client;

/// A store, wherever it is: for code that works on either, such as the command line and the Python package. Its methods
/// are those of [`Session`], which is to be imported.
#[derive(Debug, Clone)]
pub enum Engine {
    /// Open in this process.
    Store(Store),
    /// Served by another.
    Sidecar(Client),
}

impl Engine {
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

    /// Reads the alerts of a sidecar.
    ///
    /// # Errors
    /// `Invalid` for a store in this process, which has none; else as [`Client::alerts`].
    pub fn alerts(&self) -> Result<AlertsReport> {
        match self {
            Engine::Store(_) => Err(Error::invalid("alerts are a sidecar's; ask one that was started with --alerts")),
            Engine::Sidecar(client) => client.alerts(),
        }
    }

    /// Reads the limits of the consumers of a sidecar.
    ///
    /// # Errors
    /// `Invalid` for a store in this process, which has no consumers; else as [`Client::limits`].
    pub fn limits(&self) -> Result<LimitsReport> {
        self.sidecar("limits")?.limits()
    }

    /// Makes a text the limits of the consumers of a sidecar.
    ///
    /// # Errors
    /// `Invalid` for a store in this process, which has no consumers; else as [`Client::set_limits`].
    pub fn set_limits(&self, limits: &str) -> Result<LimitsReport> {
        self.sidecar("limits")?.set_limits(limits)
    }

    /// Begins an audit of what a sidecar has served.
    ///
    /// # Errors
    /// `Invalid` for a store in this process, whose log is audited by its directory; else as [`Client::begin_audit`].
    pub fn begin_audit(&self, wanted: &AuditRequest) -> Result<u64> {
        self.sidecar("audits on the server")?.begin_audit(wanted)
    }

    /// Reads what audits of a sidecar have found, as JSON.
    ///
    /// # Errors
    /// `Invalid` for a store in this process; else as [`Client::audits_json`].
    pub fn audits_json(&self, number: Option<u64>) -> Result<String> {
        self.sidecar("audits on the server")?.audits_json(number)
    }

    fn sidecar(&self, what: &str) -> Result<&Client> {
        match self {
            Engine::Store(_) => {
                Err(Error::invalid(format!("{what} are a sidecar's; connect to it (asof --connect SOCKET)")))
            }
            Engine::Sidecar(client) => Ok(client),
        }
    }

    fn session(&self) -> &dyn Session {
        match self {
            Engine::Store(store) => store,
            Engine::Sidecar(client) => client,
        }
    }
}

impl Session for Engine {
    fn catalog(&self) -> Result<Arc<Catalog>> {
        self.session().catalog()
    }

    fn known_catalog(&self) -> Arc<Catalog> {
        self.session().known_catalog()
    }

    fn check_cancelled(&self) -> Result<()> {
        self.session().check_cancelled()
    }

    fn metered(&self, request: Prepared) -> Prepared {
        self.session().metered(request)
    }

    fn now(&self) -> Result<Timestamp> {
        self.session().now()
    }

    fn read(&self, request: &Prepared, entities: &EntityRows, question: Question) -> Result<Answer> {
        self.session().read(request, entities, question)
    }

    fn read_f32(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        question: Question,
        matrix: F32Matrix<'_>,
    ) -> Result<()> {
        self.session().read_f32(request, entities, question, matrix)
    }

    fn commit(&self, rows: &[(&str, &RecordBatch)], durability: Option<Durability>) -> Result<Committed> {
        self.session().commit(rows, durability)
    }

    fn delete(&self, views: &[&str], entity: &EntityKey<'_>, at: Timestamp) -> Result<Committed> {
        self.session().delete(views, entity, at)
    }

    fn erase(&self, views: &[&str], entity: &EntityKey<'_>) -> Result<Vec<Erased>> {
        self.session().erase(views, entity)
    }

    fn apply_with(&self, definitions: &Definitions, options: &ApplyOptions) -> Result<Plan> {
        self.session().apply_with(definitions, options)
    }

    fn apply_policy(&self, policy: &str, message: &str) -> Result<()> {
        self.session().apply_policy(policy, message)
    }

    fn approve(&self, plan: &str) -> Result<()> {
        self.session().approve(plan)
    }

    fn propose(&self, definitions: &Definitions, message: &str) -> Result<String> {
        self.session().propose(definitions, message)
    }

    fn propose_policy(&self, policy: &str, message: &str) -> Result<String> {
        self.session().propose_policy(policy, message)
    }

    fn catalog_changes(&self, before: u64, limit: usize) -> Result<Vec<CatalogChange>> {
        self.session().catalog_changes(before, limit)
    }

    fn scan(&self, scan: &Scan<'_>, sink: &mut dyn ScanSink) -> Result<u64> {
        self.session().scan(scan, sink)
    }

    fn load(&self, view: &FeatureView, batch: WriteBatch) -> Result<()> {
        self.session().load(view, batch)
    }

    fn stage<'s>(&'s self, view: &FeatureView) -> Option<Box<dyn Staging + 's>> {
        self.session().stage(view)
    }

    fn load_bytes_max(&self) -> Result<usize> {
        self.session().load_bytes_max()
    }

    fn note(&self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        self.session().note(name)
    }

    fn join<'s>(
        &'s self,
        request: &Prepared,
        spine_schema: SchemaRef,
        spine: Spine<'s>,
        options: &JoinOptions,
    ) -> Result<Box<dyn JoinBatches + 's>> {
        self.session().join(request, spine_schema, spine, options)
    }

    fn sample_entities(&self, view: &str, count: usize) -> Result<Vec<Vec<Value>>> {
        self.session().sample_entities(view, count)
    }

    fn freshness(&self, view: &str) -> Result<Freshness> {
        self.session().freshness(view)
    }

    fn ages(&self, views: &[&str]) -> Result<Vec<ViewAges>> {
        self.session().ages(views)
    }

    fn models(&self) -> Result<Vec<ModelRow>> {
        self.session().models()
    }

    fn answers(&self) -> Result<Vec<AnswerRow>> {
        self.session().answers()
    }

    fn feeds(&self, views: &[&str]) -> Result<Vec<Feed>> {
        self.session().feeds(views)
    }

    #[cfg(feature = "files")]
    fn materialize(
        &self,
        views: &[&str],
        files: &FeedFiles,
        progress: &mut OnFeedProgress<'_>,
    ) -> Result<Vec<ViewRun>> {
        self.session().materialize(views, files, progress)
    }

    fn usage(&self, period: UsagePeriod) -> Result<Vec<UsageRow>> {
        self.session().usage(period)
    }

    fn statistics(&self, view: &str) -> Result<ViewStatistics> {
        self.session().statistics(view)
    }

    fn profile(&self, view: &str, sample: ProfileSample, progress: &mut OnProgress<'_>) -> Result<ViewStatistics> {
        self.session().profile(view, sample, progress)
    }

    fn stats(&self) -> Result<Stats> {
        self.session().stats()
    }

    fn verify(&self) -> Result<Verified> {
        self.session().verify()
    }

    fn clock(&self) -> Result<ClockStatus> {
        self.session().clock()
    }

    fn confirm_clock(&self) -> Result<()> {
        self.session().confirm_clock()
    }

    fn repair_clock(&self) -> Result<ClockRepair> {
        self.session().repair_clock()
    }

    fn flush(&self) -> Result<()> {
        self.session().flush()
    }

    fn compact(&self) -> Result<()> {
        self.session().compact()
    }

    fn checkpoint_with(&self, to: &Path, files: CheckpointFiles) -> Result<()> {
        match self {
            Engine::Store(store) => store.checkpoint_with(to, files),
            Engine::Sidecar(client) => {
                refuse_url(to)?;
                // The sidecar may have another working directory.
                match std::path::absolute(to) {
                    Ok(to) => client.checkpoint_with(&to, files),
                    Err(error) => Err(Error::invalid(format!("not a path: {}", to.display())).with_source(error)),
                }
            }
        }
    }

    /// A store exports in several threads, which only it can.
    #[cfg(feature = "files")]
    fn export(
        &self,
        view: &str,
        out: &Path,
        options: &ExportOptions,
        progress: &mut OnProgress<'_>,
    ) -> Result<Manifest> {
        self.session().export(view, out, options, progress)
    }
}
