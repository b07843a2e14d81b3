//! Point-in-time joins: rows in, rows with features out, batch by batch.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use arrow::array::{RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use asofdb::{
    AnswerColumns, Error, JoinOptions, JoinReport, KnownAt, Result, Session, Status, Timestamp, TrainingSetOptions,
    served_training_set,
};
use crossbeam::channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use serde_json::{Value as Json, json};

use crate::bulk::delimiter;
use crate::capsule::{Rows, export_stream, import_rows};
use crate::digest::{Digesting, Passing, digest};
use crate::engine::Engine;
use crate::errors::{OrRaise, exception, invalid};
use crate::progress::Callback;
use crate::spooled::Spooled;
use crate::table::not_a_table;
use crate::time::{datetime, optional_timestamp};

/// The word that stands for each row's own time.
const OWN_TIME: &str = "own_time";

/// The name of a join's thread.
const THREAD_NAME: &str = "asofdb-join";

/// Batches that wait for whoever reads them.
const BATCHES_WAITING_MAX: usize = 4;

/// The options of a join, as Python names them.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct JoinArguments<'py> {
    event_timestamp: String,
    known_at: Option<Bound<'py, PyAny>>,
    statuses: bool,
    event_timestamps: bool,
    full_names: bool,
    memory_bytes: Option<usize>,
    delimiter: Option<String>,
}

impl JoinArguments<'_> {
    fn options(&self) -> PyResult<JoinOptions> {
        let (statuses, event_timestamps, full_names) = (self.statuses, self.event_timestamps, self.full_names);
        let defaults = JoinOptions::default();
        Ok(JoinOptions {
            event_timestamp: self.event_timestamp.clone(),
            known_at: self.known_at()?,
            columns: AnswerColumns { full_names, statuses, event_timestamps },
            memory_bytes: self.memory_bytes.unwrap_or(defaults.memory_bytes),
        })
    }

    /// Returns these options for a join of a file.
    fn file_options(&self, py: Python<'_>) -> PyResult<TrainingSetOptions> {
        let spine_delimiter = delimiter(py, self.delimiter.as_deref())?;
        Ok(TrainingSetOptions { join: self.options()?, spine_delimiter, ..TrainingSetOptions::default() })
    }

    fn known_at(&self) -> PyResult<KnownAt> {
        let known_at = self.known_at.as_ref();
        match known_at.and_then(|value| value.extract::<String>().ok()).as_deref() {
            Some(OWN_TIME) => Ok(KnownAt::OwnTime),
            _ => optional_timestamp(known_at).map(KnownAt::from),
        }
    }
}

/// The rows of a join that is made in a thread of its own, as they are read.
#[pyclass(frozen, module = "asofdb._native")]
pub(crate) struct JoinStream {
    /// Taken by the first reader.
    joined: Mutex<Option<Joined>>,
    schema: SchemaRef,
    end: Arc<Mutex<End>>,
    /// The revision of the catalog that the references were resolved with.
    revision: u64,
    /// The present before it began.
    began: Timestamp,
}

type Sent = Result<RecordBatch>;
type Counted = Arc<Mutex<Option<Read>>>;

/// The reading end.
struct Joined {
    schema: SchemaRef,
    batches: Receiver<Sent>,
    /// The counts when everything was joined.
    counted: Counted,
    end: Arc<Mutex<End>>,
    /// Called once when reading has ended, with the reason if it failed.
    ended: Option<Py<PyAny>>,
}

impl Joined {
    /// Tells that reading has ended.
    fn tell(&mut self, reason: Option<&str>) {
        if let Some(ended) = self.ended.take() {
            // What it raises keeps nobody from reading.
            Python::attach(|py| ended.call1(py, (reason,)).map_or_else(|error| error.write_unraisable(py, None), drop));
        }
    }
}

/// What is known when everything was read: the counts, and the digests of the spine and of all rows.
struct Read {
    report: JoinReport,
    digests: Json,
}

/// The end of reading.
#[derive(Default)]
enum End {
    /// Reading has not ended.
    #[default]
    Open,
    Read(Read),
    Failed(Error),
}

impl Iterator for Joined {
    type Item = std::result::Result<RecordBatch, ArrowError>;

    /// Whoever reads may hold the GIL while the spine's producer waits for it: nothing here waits with it.
    fn next(&mut self) -> Option<Self::Item> {
        let batches = &self.batches;
        let next = Python::attach(|py| py.detach(|| batches.recv().ok()));
        match next {
            Some(Ok(batch)) => return Some(Ok(batch)),
            Some(Err(error)) => {
                let text = text_of(&error);
                *self.end.lock() = End::Failed(error);
                self.tell(Some(&text));
                return Some(Err(ArrowError::ExternalError(text.into())));
            }
            None => {}
        }
        let read = self.counted.lock().take();
        if let Some(read) = read {
            *self.end.lock() = End::Read(read);
            self.tell(None);
        }
        None
    }
}

/// Streams of Arrow carry errors as texts of C.
fn text_of(error: &Error) -> String {
    format!("{}: {error:#}", error.kind()).replace('\0', "\u{fffd}")
}

impl RecordBatchReader for Joined {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

#[pymethods]
impl JoinStream {
    /// The rows as an Arrow stream, once.
    fn stream<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        match self.joined.lock().take() {
            Some(joined) => export_stream(py, Box::new(joined)),
            None => Err(invalid(py, "a training set is read once; make it again, or keep what to_arrow() gave")),
        }
    }

    /// The names of the columns.
    fn names(&self) -> Vec<String> {
        self.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    /// Returns the counts, once all rows were read.
    fn report_json(&self) -> Option<String> {
        match &*self.end.lock() {
            End::Read(read) => Some(report_json(&read.report)),
            End::Open | End::Failed(_) => None,
        }
    }

    /// Returns the digests of the spine and of the rows, once all rows were read.
    fn digests_json(&self) -> Option<String> {
        match &*self.end.lock() {
            End::Read(read) => Some(read.digests.to_string()),
            End::Open | End::Failed(_) => None,
        }
    }

    /// Returns the revision of the catalog, and the present before the join began.
    fn state<'py>(&self, py: Python<'py>) -> PyResult<(u64, Bound<'py, PyAny>)> {
        Ok((self.revision, datetime(py, self.began)?))
    }

    /// Raises what reading has ended with: a stream of Arrow only carries its text.
    fn check(&self, py: Python<'_>) -> PyResult<()> {
        match &*self.end.lock() {
            End::Failed(error) => Err(exception(py, error)),
            End::Open | End::Read(_) => Ok(()),
        }
    }
}

fn report_json(report: &JoinReport) -> String {
    let counts = |counts: &asofdb::FeatureCounts| {
        let by_status = Status::ALL.iter().map(|status| (status.as_str().to_owned(), counts.of(*status).into()));
        (counts.reference.clone(), serde_json::Value::Object(by_status.collect()))
    };
    let features: serde_json::Map<_, _> = report.features.iter().map(counts).collect();
    json!({"rows": report.rows, "null_rows": report.null_rows, "features": features}).to_string()
}

/// Starts a join of the rows of `spine`; `ended` is called once when its rows were read, with the reason if that failed.
#[pyfunction]
pub(crate) fn join(
    py: Python<'_>,
    engine: &Engine,
    spine: &Bound<'_, PyAny>,
    references: Vec<String>,
    arguments: JoinArguments<'_>,
    ended: Option<Py<PyAny>>,
) -> PyResult<JoinStream> {
    let engine = engine.get(py)?;
    let options = arguments.options()?;
    let (revision, present) = py.detach(|| state(&engine)).or_raise(py)?;
    let rows = match path_of(spine) {
        Some(path) => rows_of_file(py, &engine, &references, &path, &arguments.file_options(py)?)?,
        None => import_rows(spine)?.ok_or_else(|| not_a_table(spine))?,
    };
    let (send, batches) = bounded(BATCHES_WAITING_MAX);
    let (begun, schema) = bounded(1);
    let (counted, end) = (Counted::default(), Arc::default());
    let count = counted.clone();
    let joining = move || run(&engine, rows, &references, &options, &begun, &send, &count);
    let started = thread::Builder::new().name(THREAD_NAME.to_owned()).spawn(joining);
    started
        .map_err(|error| exception(py, &Error::unavailable("cannot start a thread for a join").with_source(error)))?;
    let began = py.detach(|| schema.recv());
    let schema = began.map_err(|_| invalid(py, "the join ended before it began"))?.or_raise(py)?;
    let joined = Joined { schema: schema.clone(), batches, counted, end: Arc::clone(&end), ended };
    Ok(JoinStream { joined: Mutex::new(Some(joined)), schema, end, revision, began: present })
}

/// The revision of the catalog, and the present.
fn state(engine: &asofdb_client::Engine) -> Result<(u64, Timestamp)> {
    Ok((engine.catalog()?.revision(), engine.now()?))
}

/// Joins until the end, an error, or until nobody reads any more.
fn run(
    engine: &asofdb_client::Engine,
    rows: Rows,
    references: &[String],
    options: &JoinOptions,
    begun: &Sender<Result<SchemaRef>>,
    send: &Sender<Sent>,
    counted: &Mutex<Option<Read>>,
) {
    let schema = rows.schema();
    let (rows, passing) = Digesting::over(rows);
    let spine = rows.map(|batch| batch.map_err(|error| Error::invalid("cannot read the spine").with_source(error)));
    let mut join = match engine.point_in_time_join(references, schema, spine, options) {
        Ok(join) => join,
        Err(error) => return drop(begun.send(Err(error))),
    };
    if begun.send(Ok(join.schema())).is_err() {
        return;
    }
    let mut joined = Passing::new(&join.schema());
    for batch in join.by_ref() {
        batch.iter().for_each(|batch| joined.take(batch));
        let is_last = batch.is_err();
        if send.send(batch).is_err() || is_last {
            return;
        }
    }
    let digests = json!({"spine": passing.lock().finish(), "rows": joined.finish()});
    *counted.lock() = Some(Read { report: join.report().clone(), digests });
}

/// Writes exactly what a log of served features says as a training set; `columns` are statuses, event timestamps and full
/// names.
#[pyfunction]
pub(crate) fn served_to_file(
    py: Python<'_>,
    log: PathBuf,
    out: PathBuf,
    references: Vec<String>,
    columns: (bool, bool, bool),
    progress: Option<Py<PyAny>>,
) -> PyResult<String> {
    let (statuses, event_timestamps, full_names) = columns;
    let columns = AnswerColumns { full_names, statuses, event_timestamps };
    let mut callback = Callback::new(progress);
    let served = || served_training_set(&log, &references, &out, columns, &mut |progress| callback.call(progress));
    let done = py.detach(served).or_raise(py);
    callback.finish(done.map(|report| report_json(&report)))
}

/// The path that an object is, if it is one.
fn path_of(object: &Bound<'_, PyAny>) -> Option<PathBuf> {
    object.extract().ok()
}

/// The rows of a file.
fn rows_of_file(
    py: Python<'_>,
    engine: &asofdb_client::Engine,
    references: &[String],
    path: &Path,
    options: &TrainingSetOptions,
) -> PyResult<Rows> {
    let open = || {
        let source = engine.open_spine(references, path, options)?;
        let batches = source.batches()?.map(|batch| batch.map_err(|error| ArrowError::ExternalError(Box::new(error))));
        Ok(RecordBatchIterator::new(batches, source.schema()))
    };
    Ok(Box::new(py.detach(open).or_raise(py)?))
}

/// Joins the spine, a file or a table, and writes a Parquet file: the counts, and the state that it was made of.
#[pyfunction]
pub(crate) fn join_to_file(
    py: Python<'_>,
    engine: &Engine,
    spine: &Bound<'_, PyAny>,
    out: PathBuf,
    references: Vec<String>,
    arguments: JoinArguments<'_>,
    progress: Option<Py<PyAny>>,
) -> PyResult<(String, String)> {
    let options = arguments.file_options(py)?;
    let mut callback = Callback::new(progress);
    let path = path_of(spine);
    let rows = match path {
        Some(_) => None,
        None => Some(Digesting::over(import_rows(spine)?.ok_or_else(|| not_a_table(spine))?)),
    };
    let done = engine.run(py, |engine| {
        let (revision, began) = state(engine)?;
        let (rows, passing) = rows.unzip();
        let spooled = rows.map(Spooled::new).transpose()?;
        let spine = path.as_deref().or(spooled.as_ref().map(Spooled::path)).unwrap_or(Path::new(""));
        let report =
            engine.training_set(&references, spine, &out, &options, &mut |progress| callback.call(progress))?;
        // The digest of a file is made when somebody asks for it.
        let spine = passing.map(|passing| passing.lock().finish());
        let made = json!({"catalog_revision": revision, "began": began.to_string(), "spine": spine});
        Ok((report_json(&report), made.to_string()))
    });
    callback.finish(done)
}

/// The digest of a spine in a file, as a join reads it.
#[pyfunction]
pub(crate) fn spine_digest(
    py: Python<'_>,
    engine: &Engine,
    spine: PathBuf,
    references: Vec<String>,
    arguments: JoinArguments<'_>,
) -> PyResult<String> {
    let options = arguments.file_options(py)?;
    let rows = rows_of_file(py, &engine.get(py)?, &references, &spine, &options)?;
    py.detach(|| digest(rows)).or_raise(py)
}
