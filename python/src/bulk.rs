//! Loading and exporting whole views.

use std::fs::File;
use std::path::PathBuf;

use asofdb::{
    Compression, Delimiter, Error, ExportOptions, ExportRows, INGEST_STEP_BYTES_DEFAULT, IngestOptions, IngestReport,
    Input, InputFormat, PartitionBy, Session,
};
use pyo3::prelude::*;
use serde_json::json;

use crate::capsule::import_rows;
use crate::engine::Engine;
use crate::errors::{exception, invalid};
use crate::progress::Callback;
use crate::spooled::Spooled;
use crate::table::not_a_table;
use crate::time::{optional_timestamp, timestamp};

fn report_json(report: &IngestReport) -> String {
    let file = |file: &asofdb::IngestedFile| {
        json!({
            "name": file.name,
            "rows_read": file.rows_read,
            "rows_written": file.rows_written,
            "rows_rejected": file.rows_rejected,
            "rows_resumed": file.rows_resumed,
        })
    };
    json!({
        "rows_read": report.rows_read,
        "rows_written": report.rows_written,
        "rows_rejected": report.rows_rejected,
        "rows_resumed": report.rows_resumed,
        "rejects": report.rejects.as_ref().map(|path| path.display().to_string()),
        "seconds": report.elapsed.as_secs_f64(),
        "files": report.files.iter().map(file).collect::<Vec<_>>(),
    })
    .to_string()
}

fn input_format(py: Python<'_>, name: &str) -> PyResult<InputFormat> {
    name.parse().map_err(|error: Error| exception(py, &error))
}

/// The delimiter between the fields of CSV, if one is given.
pub(crate) fn delimiter(py: Python<'_>, text: Option<&str>) -> PyResult<Option<Delimiter>> {
    text.map(|text| text.parse().map_err(|error: Error| exception(py, &error))).transpose()
}

/// Loads files into a view.
#[pyfunction]
#[allow(clippy::too_many_arguments, reason = "the options of one call, which Python names")]
pub(crate) fn ingest_files(
    py: Python<'_>,
    engine: &Engine,
    view: &str,
    paths: Vec<PathBuf>,
    format: Option<&str>,
    rejects: Option<PathBuf>,
    from_scratch: bool,
    progress: Option<Py<PyAny>>,
    delimiter: Option<&str>,
    step_bytes: Option<u64>,
) -> PyResult<String> {
    let input_format = format.map(|name| input_format(py, name)).transpose()?;
    let delimiter = self::delimiter(py, delimiter)?;
    let step_bytes = step_bytes.unwrap_or(INGEST_STEP_BYTES_DEFAULT);
    let options =
        IngestOptions { input_format, delimiter, rejects, from_scratch, step_bytes, ..IngestOptions::default() };
    let mut callback = Callback::new(progress);
    let done = engine.run(py, |engine| {
        let inputs = paths.into_iter().map(Input::Path).collect();
        engine.ingest(view, inputs, &options, &mut |progress| callback.call(progress))
    });
    callback.finish(done.map(|report| report_json(&report)))
}

/// Loads a file of Arrow IPC into a view and tells how many rows were written. Messages call the file `name`: it holds
/// the rows of another file, and nobody has seen it.
#[pyfunction]
pub(crate) fn ingest_named(py: Python<'_>, engine: &Engine, view: &str, name: String, path: PathBuf) -> PyResult<u64> {
    let options = IngestOptions { input_format: Some(InputFormat::Ipc), ..IngestOptions::default() };
    let report = engine.run(py, |engine| {
        let unreadable =
            |error| Error::unavailable(format!("the rows of {name} cannot be read back")).with_source(error);
        let file = File::open(&path).map_err(unreadable)?;
        engine.ingest(view, vec![Input::File { name, file }], &options, &mut |_| ())
    })?;
    Ok(report.rows_written)
}

/// Loads the rows of a table or stream of any size into a view: by way of a file, because they are read twice.
#[pyfunction]
pub(crate) fn ingest_rows(
    py: Python<'_>,
    engine: &Engine,
    view: &str,
    table: &Bound<'_, PyAny>,
    rejects: Option<PathBuf>,
    progress: Option<Py<PyAny>>,
    step_bytes: Option<u64>,
) -> PyResult<String> {
    let rows = import_rows(table)?.ok_or_else(|| not_a_table(table))?;
    // What is in memory has no content by which it would be known again.
    let input_format = Some(InputFormat::Ipc);
    let step_bytes = step_bytes.unwrap_or(INGEST_STEP_BYTES_DEFAULT);
    let options = IngestOptions { input_format, rejects, from_scratch: true, step_bytes, ..IngestOptions::default() };
    let mut callback = Callback::new(progress);
    let done = engine.run(py, |engine| {
        let spooled = Spooled::new(rows)?;
        let inputs = vec![Input::File { name: "the table".to_owned(), file: spooled.file()? }];
        engine.ingest(view, inputs, &options, &mut |progress| callback.call(progress))
    });
    callback.finish(done.map(|report| report_json(&report)))
}

/// The rows, the partitions and the compression of an export.
#[derive(FromPyObject)]
pub(crate) struct ExportQuestion<'py> {
    start: Option<Bound<'py, PyAny>>,
    end: Option<Bound<'py, PyAny>>,
    as_of: Option<Bound<'py, PyAny>>,
    latest: bool,
    partition_by: Option<String>,
    compression: String,
}

impl ExportQuestion<'_> {
    fn rows(&self, py: Python<'_>) -> PyResult<ExportRows> {
        let (from, to) = (optional_timestamp(self.start.as_ref())?, optional_timestamp(self.end.as_ref())?);
        match (&self.as_of, self.latest, from.is_some() || to.is_some()) {
            (Some(at), false, false) => Ok(ExportRows::AsOf(timestamp(at)?)),
            (None, true, false) => Ok(ExportRows::Latest),
            (None, false, _) => Ok(ExportRows::Versions { from, to }),
            _ => Err(invalid(py, "an export is of a range (start, end), or as_of a time, or latest: give one of them")),
        }
    }

    fn options(&self, py: Python<'_>) -> PyResult<ExportOptions> {
        let partition_by = match self.partition_by.as_deref() {
            None => None,
            Some("day") => Some(PartitionBy::Day),
            Some("month") => Some(PartitionBy::Month),
            Some(other) => return Err(invalid(py, format!("partition_by is \"day\" or \"month\": {other:?}"))),
        };
        let compression = match self.compression.as_str() {
            "zstd" => Compression::Zstd,
            "snappy" => Compression::Snappy,
            "none" => Compression::None,
            other => return Err(invalid(py, format!("compression is \"zstd\", \"snappy\" or \"none\": {other:?}"))),
        };
        Ok(ExportOptions { rows: self.rows(py)?, partition_by, compression, ..ExportOptions::default() })
    }
}

/// Exports a view into a new directory; gives the manifest.
#[pyfunction]
pub(crate) fn export(
    py: Python<'_>,
    engine: &Engine,
    view: &str,
    out: PathBuf,
    question: ExportQuestion<'_>,
    progress: Option<Py<PyAny>>,
) -> PyResult<String> {
    let options = question.options(py)?;
    let mut callback = Callback::new(progress);
    let done = engine.run(py, |engine| engine.export(view, &out, &options, &mut |progress| callback.call(progress)));
    let manifest = callback.finish(done)?;
    serde_json::to_string(&manifest)
        .map_err(|error| exception(py, &Error::internal("a manifest cannot be written as JSON").with_source(error)))
}
