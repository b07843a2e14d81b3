//! Bulk work of an asynchronous client: what travels as a stream, takes long, or reads and writes files.
//!
//! It is done by a blocking client in threads, few at a time. Such work keeps a thread busy wherever it runs: batches
//! are decoded, files parsed and written, and file systems have no other calls than blocking ones; an executor's thread
//! must not do that. And the sidecar does little of it at a time, so that many streams in flight would only wait in its
//! line. Dropping a future ends its work: see [`Cancel`](crate::Cancel).

use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use asofdb::storage::WriteBatch;
use asofdb::{
    CheckpointFiles, ClockRepair, EntityKey, FeatureView, Freshness, HistoryRow, JoinOptions, ProfileSample, Result,
    Scan, Session, UsagePeriod, UsageRow, Value, Verified, ViewStatistics,
};
#[cfg(feature = "files")]
use asofdb::{ExportOptions, IngestOptions, IngestReport, Input, JoinReport, Manifest, Progress, TrainingSetOptions};
use asofdb_protocol::NoteRequest;

use crate::asynchronous::AsyncClient;
use crate::asynchronous::batches::{AsyncJoin, AsyncScan, Batches, Sending};
use crate::bulk::load_bytes_max;
use crate::client::Client;
use crate::failure::Failure;

impl AsyncClient {
    /// Does work with a blocking client, in a thread for such work: four at a time, the others wait. When the future is
    /// dropped the client's calls fail, and so the work ends.
    ///
    /// # Errors
    /// Those of `work`; `Unavailable` when the sidecar does not answer.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Client) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.inner.threads.start(&self.inner.others, work).await?.end().await
    }

    /// Reads rows of a view. See [`Session::scan`].
    ///
    /// # Errors
    /// As there.
    pub async fn scan(&self, scan: &Scan<'_>) -> Result<AsyncScan> {
        let (view, rows, limit) = (scan.view.to_owned(), scan.rows, scan.limit);
        let entity = scan.entity.map(owned);
        let work = move |client: &Client, mut sending| {
            let entity = entity.as_deref().map(borrowed);
            let scan = Scan { view: &view, rows, entity: entity.as_deref(), limit };
            client.scan(&scan, &mut sending)
        };
        Batches::start(&self.inner.threads, &self.inner.others, work).await
    }

    /// Reads every version of one entity in a view, newest first; at most `limit`. See [`Session::history`].
    ///
    /// # Errors
    /// As there.
    pub async fn history(&self, view: &str, entity: &EntityKey<'_>, limit: usize) -> Result<Vec<HistoryRow>> {
        let (view, entity) = (view.to_owned(), owned(entity));
        self.blocking(move |client| client.history(&view, &borrowed(&entity), limit)).await
    }

    /// Joins to each row of a spine the features as of its time. See [`Session::point_in_time_join`]. The spine is
    /// asked for its batches in a thread, where it may block: the receiving end of a channel will do.
    ///
    /// # Errors
    /// As there.
    pub async fn point_in_time_join<S: AsRef<str>>(
        &self,
        references: &[S],
        spine_schema: SchemaRef,
        spine: impl Iterator<Item = Result<RecordBatch>> + Send + 'static,
        options: &JoinOptions,
    ) -> Result<AsyncJoin> {
        let (request, options) = (self.prepare(references).await?, options.clone());
        let work = move |client: &Client, mut sending: Sending<SchemaRef>| {
            let mut join = client.join(&request, spine_schema, Box::new(spine), &options)?;
            sending.begin(join.schema())?;
            join.by_ref().try_for_each(|batch| sending.send(batch?))?;
            Ok(join.report().clone())
        };
        Batches::start(&self.inner.threads, &self.inner.others, work).await
    }

    /// Writes a large batch of one view with its notes, all of it or nothing. See [`Session::load`].
    ///
    /// # Errors
    /// As there.
    pub async fn load(&self, view: &FeatureView, batch: WriteBatch) -> Result<()> {
        let view = view.clone();
        self.blocking(move |client| client.load(&view, batch)).await
    }

    /// Returns the most bytes of keys and rows that one load should have.
    ///
    /// # Errors
    /// `Denied` when this caller may not load.
    pub async fn load_bytes_max(&self) -> Result<usize> {
        load_bytes_max(self.inner.others.link().await.map_err(Failure::into_error)?.welcome())
    }

    /// Reads a note that was written with rows.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    pub async fn note(&self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        self.ask(&NoteRequest { name: name.to_vec() }).await.map(|answer| answer.value)
    }

    /// Chooses entities of a view by a hash of their keys. See [`Session::sample_entities`].
    ///
    /// # Errors
    /// As there.
    pub async fn sample_entities(&self, view: &str, count: usize) -> Result<Vec<Vec<Value>>> {
        let view = view.to_owned();
        self.blocking(move |client| client.sample_entities(&view, count)).await
    }

    /// Lets the sidecar take the statistics of a view's values, and keep them. See [`Session::profile`].
    ///
    /// # Errors
    /// As there.
    pub async fn profile(&self, view: &str, sample: ProfileSample) -> Result<ViewStatistics> {
        let view = view.to_owned();
        self.blocking(move |client| client.profile(&view, sample, &mut |_| {})).await
    }

    /// Tells how fresh a view is. See [`Session::freshness`].
    ///
    /// # Errors
    /// As there.
    pub async fn freshness(&self, view: &str) -> Result<Freshness> {
        let view = view.to_owned();
        self.blocking(move |client| client.freshness(&view)).await
    }

    /// Tells what consumers have read in the last days. See [`Session::usage`].
    ///
    /// # Errors
    /// As there.
    pub async fn usage(&self, period: UsagePeriod) -> Result<Vec<UsageRow>> {
        self.blocking(move |client| client.usage(period)).await
    }

    /// Reads everything and checks it. See [`Session::verify`].
    ///
    /// # Errors
    /// As there.
    pub async fn verify(&self) -> Result<Verified> {
        self.blocking(Client::verify).await
    }

    /// Repairs what a wrong clock has left. See [`Session::repair_clock`].
    ///
    /// # Errors
    /// As there.
    pub async fn repair_clock(&self) -> Result<ClockRepair> {
        self.blocking(Session::repair_clock).await
    }

    /// Compacts everything. See [`Session::compact`].
    ///
    /// # Errors
    /// As there.
    pub async fn compact(&self) -> Result<()> {
        self.blocking(Client::compact).await
    }

    /// Writes a consistent copy of the store. See [`Session::checkpoint`].
    ///
    /// # Errors
    /// As there.
    pub async fn checkpoint(&self, to: &Path) -> Result<()> {
        let to = to.to_owned();
        self.blocking(move |client| client.checkpoint(&to)).await
    }

    /// Writes a consistent copy of the store that shares its files with it, or none. See [`Session::checkpoint_with`].
    ///
    /// # Errors
    /// As there.
    pub async fn checkpoint_with(&self, to: &Path, files: CheckpointFiles) -> Result<()> {
        let to = to.to_owned();
        self.blocking(move |client| client.checkpoint_with(&to, files)).await
    }
}

/// Files are of this host. `progress` is called in the thread that works.
#[cfg(feature = "files")]
impl AsyncClient {
    /// Joins features to the spine in a file and writes the result to a Parquet file. See [`Session::training_set`].
    ///
    /// # Errors
    /// As there.
    pub async fn training_set<S: AsRef<str>>(
        &self,
        references: &[S],
        spine: &Path,
        out: &Path,
        options: &TrainingSetOptions,
        mut progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<JoinReport> {
        let references: Vec<String> = references.iter().map(|reference| reference.as_ref().to_owned()).collect();
        let (spine, out, options) = (spine.to_owned(), out.to_owned(), options.clone());
        self.blocking(move |client| client.training_set(&references, &spine, &out, &options, &mut progress)).await
    }

    /// Exports a view as Parquet files into a new directory. See [`Session::export`].
    ///
    /// # Errors
    /// As there.
    pub async fn export(
        &self,
        view: &str,
        out: &Path,
        options: &ExportOptions,
        mut progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<Manifest> {
        let (view, out, options) = (view.to_owned(), out.to_owned(), options.clone());
        self.blocking(move |client| client.export(&view, &out, &options, &mut progress)).await
    }

    /// Writes the rows of files into a view. See [`Session::ingest`]. When the future is dropped the rows written so
    /// far stay, and the next run goes on behind them.
    ///
    /// # Errors
    /// As there.
    pub async fn ingest(
        &self,
        view: &str,
        inputs: Vec<Input>,
        options: &IngestOptions,
        mut progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<IngestReport> {
        let (view, options) = (view.to_owned(), options.clone());
        self.blocking(move |client| client.ingest(&view, inputs, &options, &mut progress)).await
    }
}

fn owned(entity: &EntityKey<'_>) -> Vec<(String, Value)> {
    entity.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn borrowed(entity: &[(String, Value)]) -> Vec<(&str, Value)> {
    entity.iter().map(|(name, value)| (name.as_str(), value.clone())).collect()
}
