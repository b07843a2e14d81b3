//! A sidecar's store as a session.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use asofdb::parts::{check_revision, find_view, planned};
use asofdb::storage::key::decode_values;
use asofdb::storage::{Staging, WriteBatch};
use asofdb::{
    Answer, AnswerRow, ApplyOptions, Catalog, CatalogChange, CheckpointFiles, ClockRepair, ClockStatus, Committed,
    Definitions, Durability, EntityKey, EntityRows, Erased, F32Matrix, FeatureView, Feed, Freshness, JoinBatches,
    JoinOptions, ModelRow, OnProgress, Plan, Prepared, ProfileSample, Question, Result, Scan, ScanSink, Session, Spine,
    Stats, Timestamp, UsagePeriod, UsageRow, Value, Verified, ViewAges, ViewStatistics,
};
#[cfg(feature = "files")]
use asofdb::{Error, FeedFiles, OnFeedProgress, ViewRun};
#[cfg(feature = "files")]
use asofdb_protocol::MaterializeRequest;
use asofdb_protocol::{
    AgesRequest, AnswersRequest, ApproveRequest, ClockRequest, CompactRequest, CopyRequest, DeleteRequest,
    EraseRequest, FeedsRequest, Form, FreshnessRequest, LogRequest, ModelsRequest, NoteRequest, PingRequest,
    PolicyRequest, ProfileRequest, ProposePolicyRequest, ProposeRequest, RepairClockRequest, SampleRequest,
    StatisticsRequest, StatsMessage, StatsRequest, UsageRequest, VerifyRequest,
};

use crate::bulk::{begin_join, gather, load, load_bytes_max, scan};
use crate::client::Client;
use crate::handles::KnownHandle;
use crate::requests::{answer_of, apply_request, checkpoint_request, form_of, matrix_of, remove_entity, write_request};

/// Reads are tried once more where the connection broke. Whatever changes the store is not: its error says that the
/// outcome is unknown.
impl Session for Client {
    fn catalog(&self) -> Result<Arc<Catalog>> {
        self.latest_catalog()
    }

    fn known_catalog(&self) -> Arc<Catalog> {
        Client::known_catalog(self)
    }

    fn check_cancelled(&self) -> Result<()> {
        Client::check_cancelled(self)
    }

    fn now(&self) -> Result<Timestamp> {
        self.ask(&PingRequest).map(|pong| pong.now.into())
    }

    fn read(&self, request: &Prepared, entities: &EntityRows, question: Question) -> Result<Answer> {
        #[cfg(target_os = "linux")]
        if let (Question::Latest, Some(shared)) = (question, self.shared_memory()) {
            let ask = |others: &EntityRows| self.ask_rows(request, others, question).map(Answer::into_records);
            let answered = shared.answer(request, entities, &Client::known_catalog(self), ask)?;
            if let Some((plan, records)) = answered {
                return Ok(Answer::new(plan, records, entities.len()));
            }
        }
        self.ask_rows(request, entities, question)
    }

    fn read_f32(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        question: Question,
        mut matrix: F32Matrix<'_>,
    ) -> Result<()> {
        #[cfg(target_os = "linux")]
        if let (Question::Latest, Some(shared)) = (question, self.shared_memory()) {
            let ask = |others: &EntityRows, matrix: F32Matrix<'_>| self.ask_f32(request, others, question, matrix);
            if shared.fill(request, entities, &Client::known_catalog(self), &mut matrix, ask)? {
                return Ok(());
            }
        }
        self.ask_f32(request, entities, question, matrix)
    }

    fn commit(&self, rows: &[(&str, &RecordBatch)], durability: Option<Durability>) -> Result<Committed> {
        self.ask(&write_request(rows, durability)?).map(Committed::from)
    }

    fn delete(&self, views: &[&str], entity: &EntityKey<'_>, at: Timestamp) -> Result<Committed> {
        self.ask(&DeleteRequest(remove_entity(views, entity, at)?)).map(Committed::from)
    }

    fn erase(&self, views: &[&str], entity: &EntityKey<'_>) -> Result<Vec<Erased>> {
        let erased = self.ask(&EraseRequest(remove_entity(views, entity, Timestamp::MIN)?))?;
        Ok(erased.into_iter().map(Erased::from).collect())
    }

    fn apply_with(&self, definitions: &Definitions, options: &ApplyOptions) -> Result<Plan> {
        let catalog = self.latest_catalog()?;
        check_revision(&catalog, options.revision)?;
        let plan = planned(&catalog, definitions, self.now()?)?;
        options.allow.check(&plan)?;
        self.ask(&apply_request(definitions, options, &catalog)?)?;
        self.latest_catalog()?;
        Ok(plan)
    }

    fn apply_policy(&self, policy: &str, message: &str) -> Result<()> {
        self.ask(&PolicyRequest { policy: policy.to_owned(), message: message.to_owned() })?;
        self.latest_catalog().map(drop)
    }

    fn approve(&self, plan: &str) -> Result<()> {
        self.ask(&ApproveRequest { plan: plan.to_owned() })
    }

    fn propose(&self, definitions: &Definitions, message: &str) -> Result<String> {
        let options = ApplyOptions { message: message.to_owned(), ..ApplyOptions::default() };
        self.ask(&ProposeRequest(apply_request(definitions, &options, &*self.latest_catalog()?)?))
    }

    fn propose_policy(&self, policy: &str, message: &str) -> Result<String> {
        self.ask(&ProposePolicyRequest(PolicyRequest { policy: policy.to_owned(), message: message.to_owned() }))
    }

    fn catalog_changes(&self, before: u64, limit: usize) -> Result<Vec<CatalogChange>> {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        self.ask(&LogRequest { before, limit })?.into_iter().map(CatalogChange::try_from).collect()
    }

    fn scan(&self, asked: &Scan<'_>, sink: &mut dyn ScanSink) -> Result<u64> {
        scan(self, asked, sink)
    }

    fn load(&self, view: &FeatureView, batch: WriteBatch) -> Result<()> {
        load(self, view, &batch)
    }

    fn stage<'s>(&'s self, view: &FeatureView) -> Option<Box<dyn Staging + 's>> {
        Some(Box::new(gather(self.pool(), view)?))
    }

    fn load_bytes_max(&self) -> Result<usize> {
        self.pool().welcome(load_bytes_max)?
    }

    fn note(&self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        self.ask(&NoteRequest { name: name.to_vec() }).map(|answer| answer.value)
    }

    fn join<'s>(
        &'s self,
        request: &Prepared,
        spine_schema: SchemaRef,
        spine: Spine<'s>,
        options: &JoinOptions,
    ) -> Result<Box<dyn JoinBatches + 's>> {
        Ok(Box::new(begin_join(self, request.references(), &spine_schema, spine, options)?))
    }

    fn sample_entities(&self, view: &str, count: usize) -> Result<Vec<Vec<Value>>> {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let sampled = self.ask(&SampleRequest { view: view.to_owned(), count })?;
        let types = find_view(&*self.latest_catalog()?, view)?.key_types();
        sampled.keys.iter().map(|key| decode_values(&types, key)).collect()
    }

    fn freshness(&self, view: &str) -> Result<Freshness> {
        self.ask(&FreshnessRequest { view: view.to_owned() }).map(Freshness::from)
    }

    fn ages(&self, views: &[&str]) -> Result<Vec<ViewAges>> {
        let views = views.iter().map(|view| (*view).to_owned()).collect();
        self.ask(&AgesRequest { views })?.into_iter().map(ViewAges::try_from).collect()
    }

    fn models(&self) -> Result<Vec<ModelRow>> {
        Ok(self.ask(&ModelsRequest)?.into_iter().map(ModelRow::from).collect())
    }

    fn answers(&self) -> Result<Vec<AnswerRow>> {
        Ok(self.ask(&AnswersRequest)?.into_iter().map(AnswerRow::from).collect())
    }

    fn feeds(&self, views: &[&str]) -> Result<Vec<Feed>> {
        let views = views.iter().map(|view| (*view).to_owned()).collect();
        Ok(self.ask(&FeedsRequest { views })?.into_iter().map(Feed::from).collect())
    }

    #[cfg(feature = "files")]
    fn materialize(&self, views: &[&str], files: &FeedFiles, _: &mut OnFeedProgress<'_>) -> Result<Vec<ViewRun>> {
        if *files != FeedFiles::default() {
            let rule = "a sidecar reads its own files, below the directory that it was started with (--sources)";
            return Err(Error::invalid(format!("{rule}: say no other here")));
        }
        let views = views.iter().map(|view| (*view).to_owned()).collect();
        Ok(self.ask(&MaterializeRequest { views })?.into_iter().map(ViewRun::from).collect())
    }

    fn usage(&self, period: UsagePeriod) -> Result<Vec<UsageRow>> {
        let UsagePeriod { last_days, by_day } = period;
        self.ask(&UsageRequest { last_days, by_day })?.into_iter().map(UsageRow::try_from).collect()
    }

    fn statistics(&self, view: &str) -> Result<ViewStatistics> {
        self.ask(&StatisticsRequest { view: view.to_owned() })?.try_into()
    }

    fn profile(&self, view: &str, sample: ProfileSample, _: &mut OnProgress<'_>) -> Result<ViewStatistics> {
        self.ask(&ProfileRequest::new(view, sample))?.try_into()
    }

    fn stats(&self) -> Result<Stats> {
        self.ask(&StatsRequest).map(StatsMessage::into_stats)
    }

    fn verify(&self) -> Result<Verified> {
        self.ask(&VerifyRequest).map(Verified::from)
    }

    fn clock(&self) -> Result<ClockStatus> {
        self.ask(&ClockRequest { confirm: false }).map(ClockStatus::from)
    }

    fn confirm_clock(&self) -> Result<()> {
        self.ask(&ClockRequest { confirm: true }).map(drop)
    }

    fn repair_clock(&self) -> Result<ClockRepair> {
        self.ask(&RepairClockRequest).map(ClockRepair::from)
    }

    /// A sidecar sees to that itself.
    fn flush(&self) -> Result<()> {
        Ok(())
    }

    fn compact(&self) -> Result<()> {
        self.ask(&CompactRequest)
    }

    fn checkpoint_with(&self, to: &Path, files: CheckpointFiles) -> Result<()> {
        let request = checkpoint_request(to)?;
        match files {
            CheckpointFiles::Shared => self.ask(&request),
            CheckpointFiles::Copied => self.ask(&CopyRequest(request)),
        }
    }
}

impl Client {
    /// Asks the sidecar for an answer.
    fn ask_rows(&self, request: &Prepared, entities: &EntityRows, question: Question) -> Result<Answer> {
        let rows = entities.len();
        self.read_with(request, entities, question, Form::Identified, |handle, body| answer_of(handle, body, rows))
    }

    /// Asks the sidecar for a matrix.
    fn ask_f32(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        question: Question,
        mut matrix: F32Matrix<'_>,
    ) -> Result<()> {
        let (form, rows) = (form_of(&matrix), entities.len());
        let decode = |handle: &KnownHandle, body: &[u8]| matrix_of(&handle.plan, body, rows, &mut matrix);
        self.read_with(request, entities, question, form, decode)
    }
}
