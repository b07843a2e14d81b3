//! An asynchronous client as a session: each call is waited for.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use asofdb::storage::WriteBatch;
use asofdb::{
    Answer, Catalog, CheckpointFiles, Committed, Definitions, Durability, EntityKey, EntityRows, Erased, F32Matrix,
    FeatureView, Freshness, HistoryRow, JoinBatches, JoinOptions, Plan, Prepared, Question, Result, Scan, ScanSink,
    Session, Spine, Stats, Timestamp, Verified,
};
use asofdb_client::{AsyncClient, Client};
use tokio::runtime::Runtime;

/// What travels as a stream goes through the blocking client that an asynchronous one has for it.
pub struct Blocking {
    runtime: Runtime,
    client: AsyncClient,
    streams: Client,
}

impl Blocking {
    pub fn connect(socket: &Path) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let client = runtime.block_on(AsyncClient::connect(socket)).expect("a sidecar");
        let streams = runtime.block_on(client.blocking(|client| Ok(client.clone()))).expect("a blocking client");
        Blocking { runtime, client, streams }
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
        self.wait(async {
            match question {
                Question::Latest => self.client.latest(request, entities).await,
                Question::AsOf { at, known_at } => self.client.as_of(request, entities, at, known_at).await,
            }
        })
    }

    fn read_f32(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        question: Question,
        matrix: F32Matrix<'_>,
    ) -> Result<()> {
        self.wait(async {
            match question {
                Question::Latest => self.client.latest_f32(request, entities, matrix).await,
                Question::AsOf { at, known_at } => self.client.as_of_f32(request, entities, at, known_at, matrix).await,
            }
        })
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

    fn apply_to(&self, definitions: &Definitions, allow_drop: bool, revision: Option<u64>) -> Result<Plan> {
        self.wait(self.client.apply_to(definitions, allow_drop, revision))
    }

    fn scan(&self, scan: &Scan<'_>, sink: &mut dyn ScanSink) -> Result<u64> {
        self.streams.scan(scan, sink)
    }

    fn load(&self, view: &FeatureView, batch: WriteBatch) -> Result<()> {
        self.streams.load(view, batch)
    }

    fn load_bytes_max(&self) -> Result<usize> {
        self.streams.load_bytes_max()
    }

    fn note(&self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        self.streams.note(name)
    }

    fn join<'s>(
        &'s self,
        request: &Prepared,
        spine_schema: SchemaRef,
        spine: Spine<'s>,
        options: &JoinOptions,
    ) -> Result<Box<dyn JoinBatches + 's>> {
        self.streams.join(request, spine_schema, spine, options)
    }

    fn freshness(&self, view: &str) -> Result<Freshness> {
        self.wait(self.client.freshness(view))
    }

    fn stats(&self) -> Result<Stats> {
        self.wait(self.client.stats())
    }

    fn verify(&self) -> Result<Verified> {
        self.wait(self.client.verify())
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
}
