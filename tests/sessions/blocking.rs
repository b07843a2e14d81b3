//! An asynchronous client as a session: each call is waited for.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use asofdb::storage::WriteBatch;
use asofdb::{
    Answer, AnswerRow, ApplyOptions, Catalog, CatalogChange, CheckpointFiles, ClockRepair, ClockStatus, Committed,
    Definitions, Durability, EntityKey, EntityRows, Erased, ExportOptions, F32Matrix, FeatureView, Feed, FeedFiles,
    Freshness, HistoryRow, IngestOptions, IngestReport, Input, JoinBatches, JoinOptions, JoinReport, Manifest,
    ModelRow, OnFeedProgress, OnProgress, Plan, Prepared, ProfileSample, Question, Result, Scan, ScanBegin, ScanSink,
    Session, Spine, Stats, Timestamp, TrainingSetOptions, UsagePeriod, UsageRow, Value, Verified, ViewAges, ViewRun,
    ViewStatistics,
};
use asofdb_client::{AsyncClient, AsyncJoin};
use tokio::runtime::Runtime;

/// Waits for every call of an asynchronous client.
pub struct Blocking {
    runtime: Runtime,
    client: AsyncClient,
}

impl Blocking {
    pub fn connect(socket: &Path) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let client = runtime.block_on(AsyncClient::connect(socket)).expect("a sidecar");
        Blocking { runtime, client }
    }

    fn wait<T>(&self, call: impl Future<Output = T>) -> T {
        self.runtime.block_on(call)
    }
}

impl Session for Blocking {
    fn catalog(&self) -> Result<Arc<Catalog>> {
        self.wait(self.client.catalog())
    }

    fn known_catalog(&self) -> Arc<Catalog> {
        self.wait(self.client.catalog()).expect("a catalog")
    }

    fn now(&self) -> Result<Timestamp> {
        self.wait(self.client.now())
    }

    fn read(&self, request: &Prepared, entities: &EntityRows, question: Question) -> Result<Answer> {
        self.wait(self.client.read(request, entities, question))
    }

    fn read_f32(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        question: Question,
        matrix: F32Matrix<'_>,
    ) -> Result<()> {
        self.wait(self.client.read_f32(request, entities, question, matrix))
    }

    fn commit(&self, rows: &[(&str, &RecordBatch)], durability: Option<Durability>) -> Result<Committed> {
        self.wait(self.client.commit(rows, durability))
    }

    fn delete(&self, views: &[&str], entity: &EntityKey<'_>, at: Timestamp) -> Result<Committed> {
        self.wait(self.client.delete(views, entity, at))
    }

    fn erase(&self, views: &[&str], entity: &EntityKey<'_>) -> Result<Vec<Erased>> {
        self.wait(self.client.erase(views, entity))
    }

    fn apply_with(&self, definitions: &Definitions, options: &ApplyOptions) -> Result<Plan> {
        self.wait(self.client.apply_with(definitions, options))
    }

    fn apply_policy(&self, policy: &str, message: &str) -> Result<()> {
        self.wait(self.client.apply_policy(policy, message))
    }

    fn approve(&self, plan: &str) -> Result<()> {
        self.wait(self.client.approve(plan))
    }

    fn propose(&self, definitions: &Definitions, message: &str) -> Result<String> {
        self.wait(self.client.propose(definitions, message))
    }

    fn propose_policy(&self, policy: &str, message: &str) -> Result<String> {
        self.wait(self.client.propose_policy(policy, message))
    }

    fn catalog_changes(&self, before: u64, limit: usize) -> Result<Vec<CatalogChange>> {
        self.wait(self.client.catalog_changes(before, limit))
    }

    fn scan(&self, scan: &Scan<'_>, sink: &mut dyn ScanSink) -> Result<u64> {
        self.wait(async {
            let mut rows = self.client.scan(scan).await?;
            let ScanBegin { view, schema, snapshot, versions_estimate } = rows.begin();
            let (view, schema) = (view.clone(), schema.clone());
            let begin = ScanBegin { view, schema, snapshot: *snapshot, versions_estimate: *versions_estimate };
            sink.begin(begin)?;
            while let Some(batch) = rows.next().await? {
                sink.take(batch)?;
            }
            Ok(*rows.end().expect("the last batch was taken"))
        })
    }

    fn load(&self, view: &FeatureView, batch: WriteBatch) -> Result<()> {
        self.wait(self.client.load(view, batch))
    }

    fn load_bytes_max(&self) -> Result<usize> {
        self.wait(self.client.load_bytes_max())
    }

    fn note(&self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        self.wait(self.client.note(name))
    }

    fn join<'s>(
        &'s self,
        request: &Prepared,
        spine_schema: SchemaRef,
        spine: Spine<'s>,
        options: &JoinOptions,
    ) -> Result<Box<dyn JoinBatches + 's>> {
        // What the thread asks for batches must live as long as it.
        let spine = spine.collect::<Vec<_>>().into_iter();
        let join = self.client.point_in_time_join(request.references(), spine_schema, spine, options);
        Ok(Box::new(Joined { session: self, join: self.wait(join)?, report: JoinReport::default(), ended: false }))
    }

    fn sample_entities(&self, view: &str, count: usize) -> Result<Vec<Vec<Value>>> {
        self.wait(self.client.sample_entities(view, count))
    }

    fn freshness(&self, view: &str) -> Result<Freshness> {
        self.wait(self.client.freshness(view))
    }

    fn ages(&self, views: &[&str]) -> Result<Vec<ViewAges>> {
        self.wait(self.client.ages(views))
    }

    fn models(&self) -> Result<Vec<ModelRow>> {
        self.wait(self.client.models())
    }

    fn answers(&self) -> Result<Vec<AnswerRow>> {
        self.wait(self.client.answers())
    }

    fn feeds(&self, views: &[&str]) -> Result<Vec<Feed>> {
        self.wait(self.client.feeds(views))
    }

    fn materialize(&self, views: &[&str], _: &FeedFiles, _: &mut OnFeedProgress<'_>) -> Result<Vec<ViewRun>> {
        self.wait(self.client.materialize(views))
    }

    fn statistics(&self, view: &str) -> Result<ViewStatistics> {
        self.wait(self.client.statistics(view))
    }

    fn profile(&self, view: &str, sample: ProfileSample, _: &mut OnProgress<'_>) -> Result<ViewStatistics> {
        self.wait(self.client.profile(view, sample))
    }

    fn usage(&self, period: UsagePeriod) -> Result<Vec<UsageRow>> {
        self.wait(self.client.usage(period))
    }

    fn stats(&self) -> Result<Stats> {
        self.wait(self.client.stats())
    }

    fn verify(&self) -> Result<Verified> {
        self.wait(self.client.verify())
    }

    fn clock(&self) -> Result<ClockStatus> {
        self.wait(self.client.clock())
    }

    fn confirm_clock(&self) -> Result<()> {
        self.wait(self.client.confirm_clock())
    }

    fn repair_clock(&self) -> Result<ClockRepair> {
        self.wait(self.client.repair_clock())
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }

    fn compact(&self) -> Result<()> {
        self.wait(self.client.compact())
    }

    fn checkpoint_with(&self, to: &Path, files: CheckpointFiles) -> Result<()> {
        self.wait(self.client.checkpoint_with(to, files))
    }

    fn history(&self, view: &str, entity: &EntityKey<'_>, limit: usize) -> Result<Vec<HistoryRow>> {
        self.wait(self.client.history(view, entity, limit))
    }

    fn training_set<S: AsRef<str>>(
        &self,
        references: &[S],
        spine: &Path,
        out: &Path,
        options: &TrainingSetOptions,
        _progress: &mut OnProgress<'_>,
    ) -> Result<JoinReport> {
        self.wait(self.client.training_set(references, spine, out, options, |_| ()))
    }

    fn export(
        &self,
        view: &str,
        out: &Path,
        options: &ExportOptions,
        _progress: &mut OnProgress<'_>,
    ) -> Result<Manifest> {
        self.wait(self.client.export(view, out, options, |_| ()))
    }

    fn ingest(
        &self,
        view: &str,
        inputs: Vec<Input>,
        options: &IngestOptions,
        _progress: &mut OnProgress<'_>,
    ) -> Result<IngestReport> {
        self.wait(self.client.ingest(view, inputs, options, |_| ()))
    }
}

/// A join whose batches are waited for.
struct Joined<'s> {
    session: &'s Blocking,
    join: AsyncJoin,
    report: JoinReport,
    ended: bool,
}

impl Iterator for Joined<'_> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.session.wait(self.join.next()).transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        if let Some(report) = self.join.end() {
            self.report = report.clone();
        }
        next
    }
}

impl JoinBatches for Joined<'_> {
    fn schema(&self) -> SchemaRef {
        self.join.begin().clone()
    }

    fn report(&self) -> &JoinReport {
        &self.report
    }
}
