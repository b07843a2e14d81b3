//! A store in this process as a session.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use asofdb_storage::{
    Catalog, CatalogChange, CheckpointFiles, ClockRepair, ClockStatus, Committed, Definitions, Durability, Erased,
    FeatureView, KeyRange, ModelRow, Plan, Result, Staging, Stats, Stop, Timestamp, UsagePeriod, UsageRow, Value,
    Verified, WriteBatch,
};

use super::{Scan, ScanBegin, ScanSink, Session};
use crate::ages::ViewAges;
use crate::definitions::reference::find_stored_view;
#[cfg(feature = "files")]
use crate::export::{ExportOptions, Manifest};
use crate::feeds::Feed;
#[cfg(feature = "files")]
use crate::feeds::{FeedFiles, OnFeedProgress, ViewRun};
use crate::freshness::Freshness;
use crate::govern::ApplyOptions;
use crate::join::{JoinBatches, JoinOptions, Spine, join_until};
use crate::policy::team::Actor;
use crate::profile::sample::ProfileSample;
use crate::profile::statistics::ViewStatistics;
use crate::progress::OnProgress;
use crate::read::answer::Answer;
use crate::read::matrix::F32Matrix;
use crate::read::question::Question;
use crate::read::request::{EntityRows, Prepared};
use crate::rows::keys::EntityKey;
use crate::scan::{Counts, Selection};
use crate::store::{Store, encode_entity_key};
use crate::usage::answers::AnswerRow;

impl Session for Store {
    fn catalog(&self) -> Result<Arc<Catalog>> {
        Ok(Store::catalog(self))
    }

    fn known_catalog(&self) -> Arc<Catalog> {
        Store::catalog(self)
    }

    fn metered(&self, request: Prepared) -> Prepared {
        Store::metered(self, request)
    }

    fn now(&self) -> Result<Timestamp> {
        Ok(Store::now(self))
    }

    fn read(&self, request: &Prepared, entities: &EntityRows, question: Question) -> Result<Answer> {
        self.answer(request, entities, question)
    }

    fn read_f32(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        question: Question,
        matrix: F32Matrix<'_>,
    ) -> Result<()> {
        self.matrix(request, entities, question, matrix)
    }

    fn commit(&self, rows: &[(&str, &RecordBatch)], durability: Option<Durability>) -> Result<Committed> {
        Store::write_all(self, rows, durability.unwrap_or(self.durability()))
    }

    fn delete(&self, views: &[&str], entity: &EntityKey<'_>, at: Timestamp) -> Result<Committed> {
        Store::delete(self, views, entity, at)
    }

    fn erase(&self, views: &[&str], entity: &EntityKey<'_>) -> Result<Vec<Erased>> {
        Store::erase(self, views, entity)
    }

    fn apply_with(&self, definitions: &Definitions, options: &ApplyOptions) -> Result<Plan> {
        self.apply_by(&Actor::of_process(), definitions, options)
    }

    fn apply_policy(&self, policy: &str, message: &str) -> Result<()> {
        self.apply_policy_by(&Actor::of_process(), policy, message, None)
    }

    fn approve(&self, plan: &str) -> Result<()> {
        self.approve_by(&Actor::of_process(), plan)
    }

    fn propose(&self, definitions: &Definitions, message: &str) -> Result<String> {
        self.propose_by(&Actor::of_process(), definitions, message, None)
    }

    fn propose_policy(&self, policy: &str, message: &str) -> Result<String> {
        self.propose_policy_by(&Actor::of_process(), policy, message)
    }

    fn catalog_changes(&self, before: u64, limit: usize) -> Result<Vec<CatalogChange>> {
        self.backend().catalog_changes(before, limit)
    }

    fn scan(&self, scan: &Scan<'_>, sink: &mut dyn ScanSink) -> Result<u64> {
        scan_until(self, scan, &self.bulk_stop(), sink)
    }

    fn load(&self, _view: &FeatureView, batch: WriteBatch) -> Result<()> {
        Store::load(self, batch).map(drop)
    }

    fn stage<'s>(&'s self, view: &FeatureView) -> Option<Box<dyn Staging + 's>> {
        self.backend().stage(view)
    }

    fn load_bytes_max(&self) -> Result<usize> {
        Ok(usize::MAX)
    }

    fn note(&self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        self.backend().note(name)
    }

    fn join<'s>(
        &'s self,
        request: &Prepared,
        spine_schema: SchemaRef,
        spine: Spine<'s>,
        options: &JoinOptions,
    ) -> Result<Box<dyn JoinBatches + 's>> {
        Ok(Box::new(join_until(self, request, &spine_schema, spine, options, &self.bulk_stop())?))
    }

    fn sample_entities(&self, view: &str, count: usize) -> Result<Vec<Vec<Value>>> {
        Store::sample_entities(self, view, count)
    }

    fn freshness(&self, view: &str) -> Result<Freshness> {
        Store::freshness(self, view)
    }

    fn ages(&self, views: &[&str]) -> Result<Vec<ViewAges>> {
        Store::ages(self, views)
    }

    fn usage(&self, period: UsagePeriod) -> Result<Vec<UsageRow>> {
        Store::usage(self, period)
    }

    fn models(&self) -> Result<Vec<ModelRow>> {
        Store::models(self)
    }

    fn answers(&self) -> Result<Vec<AnswerRow>> {
        Ok(Store::answers(self))
    }

    fn feeds(&self, views: &[&str]) -> Result<Vec<Feed>> {
        Store::feeds(self, views)
    }

    #[cfg(feature = "files")]
    fn materialize(
        &self,
        views: &[&str],
        files: &FeedFiles,
        progress: &mut OnFeedProgress<'_>,
    ) -> Result<Vec<ViewRun>> {
        self.materialize_until(views, files, &self.bulk_stop(), progress)
    }

    fn statistics(&self, view: &str) -> Result<ViewStatistics> {
        Store::statistics(self, view)
    }

    fn profile(&self, view: &str, sample: ProfileSample, progress: &mut OnProgress<'_>) -> Result<ViewStatistics> {
        self.profile_until(view, sample, &self.bulk_stop(), progress)
    }

    fn stats(&self) -> Result<Stats> {
        Store::stats(self)
    }

    fn verify(&self) -> Result<Verified> {
        Store::verify(self)
    }

    fn clock(&self) -> Result<ClockStatus> {
        Ok(Store::clock(self))
    }

    fn confirm_clock(&self) -> Result<()> {
        Store::confirm_clock(self)
    }

    fn repair_clock(&self) -> Result<ClockRepair> {
        Store::repair_clock(self)
    }

    fn flush(&self) -> Result<()> {
        Store::flush(self)
    }

    fn compact(&self) -> Result<()> {
        Store::compact(self)
    }

    fn checkpoint_with(&self, to: &Path, files: CheckpointFiles) -> Result<()> {
        Store::checkpoint_with(self, to, files)
    }

    #[cfg(feature = "files")]
    fn export(
        &self,
        view: &str,
        out: &Path,
        options: &ExportOptions,
        progress: &mut OnProgress<'_>,
    ) -> Result<Manifest> {
        let manifest = crate::export::export(self, view, out, options, progress)?;
        self.count_export(view, manifest.rows);
        Ok(manifest)
    }
}

/// [`Session::scan`] of a store that ends soon when it is told to.
///
/// # Errors
/// As there; `Unavailable` also when it was stopped.
pub fn scan_until(store: &Store, scan: &Scan<'_>, stop: &Stop, sink: &mut dyn ScanSink) -> Result<u64> {
    scan.rows.check()?;
    // The catalog is read after the snapshot is taken, so that it knows the schema of every row in it.
    let snapshot = store.backend().snapshot();
    let catalog = store.catalog();
    let view = find_stored_view(&catalog, scan.view)?;
    store.check_reader(&catalog, view)?;
    let range = match scan.entity {
        Some(entity) => KeyRange::only(&encode_entity_key(view, entity)?),
        None => KeyRange::default(),
    };
    let selection = Selection::new(view, &scan.rows, snapshot.now())?;
    sink.begin(ScanBegin {
        view: view.clone(),
        schema: selection.schema.clone(),
        snapshot: snapshot.now(),
        versions_estimate: snapshot.versions_estimate(view)?,
    })?;
    let (mut rows, counts) = (0, Counts::new(stop.clone()));
    selection.each_batch(&*snapshot, &range, scan.limit.unwrap_or(usize::MAX), &counts, |batch| {
        rows += batch.num_rows() as u64;
        sink.take(batch)
    })?;
    stop.check()?;
    if scan.entity.is_none() {
        store.count_export(scan.view, rows);
    }
    Ok(rows)
}
