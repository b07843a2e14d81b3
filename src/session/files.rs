//! Training sets and exports: what a session gives, in files of this host.

use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use asofdb_storage::{Catalog, Result};

use super::scan::{Scan, ScanBegin, ScanSink};
use crate::definitions::reference::find_stored_view;
use crate::export::{BatchExport, ExportOptions, Manifest, check_partitions};
use crate::files::output::{OutputDirectory, OutputFile};
use crate::join::{JoinBatches, JoinReport, Spine, TrainingSetOptions, open_spine, write_training_set};
use crate::progress::{OnProgress, Progress};
use crate::read::request::Prepared;

/// Joins the spine in a file into a file.
///
/// # Errors
/// As [`Session::training_set`](crate::Session::training_set).
pub(super) fn training_set<'s>(
    join: impl FnOnce(SchemaRef, Spine<'s>) -> Result<Box<dyn JoinBatches + 's>>,
    request: &Prepared,
    spine: &Path,
    out: &Path,
    options: &TrainingSetOptions,
    progress: &mut OnProgress<'_>,
) -> Result<JoinReport> {
    let output = OutputFile::create(out)?;
    let source = open_spine(request, spine, options)?;
    let joined = join(source.schema(), Box::new(source.batches()?))?;
    write_training_set(output, out, options.compression, source.rows_total(), joined, progress)
}

/// Writes the rows of a scan as Parquet files.
///
/// # Errors
/// As [`Session::export`](crate::Session::export).
pub(super) fn export(
    scan: &dyn Fn(&Scan<'_>, &mut dyn ScanSink) -> Result<u64>,
    catalog: &Catalog,
    view: &str,
    out: &Path,
    options: &ExportOptions,
    progress: &mut OnProgress<'_>,
) -> Result<Manifest> {
    options.check()?;
    check_partitions(find_stored_view(catalog, view)?, options.partition_by)?;
    let output = OutputDirectory::create(out)?;
    let mut export = Export { export: BatchExport::new(output, options), total: None, rows: 0, options, progress };
    scan(&Scan { view, rows: options.rows, entity: None, limit: None }, &mut export)?;
    let manifest = export.export.finish(view)?;
    progress(Progress { rows: manifest.rows, done: manifest.rows, total: Some(manifest.rows) });
    Ok(manifest)
}

/// An export whose rows are arriving.
struct Export<'e, 'p> {
    export: BatchExport<'e>,
    total: Option<u64>,
    rows: u64,
    options: &'e ExportOptions,
    progress: &'e mut OnProgress<'p>,
}

impl ScanSink for Export<'_, '_> {
    fn begin(&mut self, begin: ScanBegin) -> Result<()> {
        self.total = self.options.rows.is_everything().then_some(begin.versions_estimate);
        self.export.begin(begin.schema, begin.snapshot)
    }

    fn take(&mut self, batch: RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        let (rows, total) = (self.rows, self.total);
        (self.progress)(Progress { rows, done: rows, total: total.map(|total| total.max(rows)) });
        self.export.take(batch)
    }
}
