//! A view as a Parquet data set, written by the client.

use std::path::Path;

use asofdb::parts::{BatchExport, OutputDirectory, check_partitions, find_view};
use asofdb::{ExportOptions, Manifest, OnProgress, Progress, Result};
use asofdb_protocol::{ScanRequest, ScanRows};

use crate::bulk::scan::ScanStream;
use crate::client::Client;

impl Client {
    /// Exports a view as Parquet files into the new directory `out` of this host. See
    /// [`Store::export`](asofdb::Store::export); one thread of the sidecar reads and one of the client writes, whatever
    /// the options say.
    ///
    /// # Errors
    /// As there; `Unavailable` also when the sidecar does not answer.
    pub fn export(
        &self,
        view: &str,
        out: &Path,
        options: &ExportOptions,
        progress: &mut OnProgress<'_>,
    ) -> Result<Manifest> {
        options.check()?;
        check_partitions(find_view(&*self.catalog()?, view)?, options.partition_by)?;
        let output = OutputDirectory::create(out)?;
        let request =
            ScanRequest { view: view.to_owned(), rows: ScanRows::from(options.rows), entity: None, limit: None };
        let stream = ScanStream::open(self, &request)?;
        let (_, schema) = stream.view(self, view, &options.rows)?;
        let begin = stream.begin;
        let estimate = options.rows.is_everything().then_some(begin.versions_estimate);
        let mut rows = 0;
        let batches = stream.inspect(|batch| {
            rows += batch.as_ref().map_or(0, |batch| batch.num_rows() as u64);
            progress(Progress { rows, done: rows, total: estimate.map(|estimate| estimate.max(rows)) });
        });
        let manifest = BatchExport { view, output, schema, snapshot: begin.snapshot.into(), options }.write(batches)?;
        progress(Progress { rows: manifest.rows, done: manifest.rows, total: Some(manifest.rows) });
        Ok(manifest)
    }
}
