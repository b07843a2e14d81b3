//! The point-in-time join: for each row of a spine, what was true at its time.
//!
//! The spine is read in chunks that fit a stated amount of memory. Within a chunk each view is visited in
//! the order of its keys, newest time first, by one cursor that steps or seeks as the spine is dense or
//! sparse; answers are written as records at the spine row they belong to, and columns are made in the
//! spine's own order. Views are visited by two threads. One snapshot serves the whole join.

mod chunk;
mod counts;
mod known;
mod options;
mod order;
#[cfg(feature = "files")]
mod training_set;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema, SchemaRef};
use asofdb_storage::{Error, Result, Snapshot, Stop};

use self::chunk::{Chunk, ChunkReader, LookUp, THREADS};
pub use self::counts::FeatureCounts;
use self::counts::count_statuses;
pub use self::known::KnownAt;
pub use self::options::{JOIN_MEMORY_BYTES_DEFAULT, JOIN_MEMORY_BYTES_MIN, JoinOptions};
#[cfg(feature = "files")]
pub use self::training_set::{TrainingSetOptions, open_spine, write_training_set};
use crate::derived::nulls::NullCounts;
use crate::read::answer::Answer;
use crate::read::plan::ReadPlan;
use crate::read::request::{Prepared, request_columns};
use crate::store::Store;
use crate::usage::meter::Metered;

/// Rows of one output batch: records of that many rows are turned into columns while they are in the cache.
const OUTPUT_ROWS: usize = 4096;

/// The counts of a join so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JoinReport {
    /// Rows of the spine, which are the rows of the result.
    pub rows: u64,
    /// Rows whose time or a join key was null: all or some of their features are `missing`.
    pub null_rows: u64,
    /// The counts of each status, feature by feature in the order asked.
    pub features: Vec<FeatureCounts>,
}

/// The batches of a spine.
pub type Spine<'s> = Box<dyn Iterator<Item = Result<RecordBatch>> + 's>;

/// Joins the features of a store in this process to a spine, and ends soon when it is told to. See
/// [`Session::join`](crate::Session::join).
///
/// # Errors
/// As there; `Unavailable` also when it was stopped.
pub fn join_until<'s>(
    store: &'s Store,
    request: &Prepared,
    spine_schema: &Schema,
    spine: Spine<'s>,
    options: &JoinOptions,
    stop: &Stop,
) -> Result<Join<'s>> {
    if options.memory_bytes < JOIN_MEMORY_BYTES_MIN {
        let message =
            format!("a join needs at least {JOIN_MEMORY_BYTES_MIN} bytes of memory: {}", options.memory_bytes);
        return Err(Error::invalid(message));
    }
    // The catalog is looked at after the snapshot, so that the plan knows the schema of every row in it.
    let snapshot = store.backend().snapshot();
    let plan = request.plan(store.catalog().revision(), || store.catalog())?;
    let schema = result_schema(&plan, spine_schema, options)?;
    check_request(&plan, spine_schema)?;
    if let Some(meter) = request.meter() {
        meter.begin_training();
    }
    let features = plan.output.columns.iter().map(|column| FeatureCounts::new(column.resolved.reference())).collect();
    Ok(Join {
        snapshot,
        reader: ChunkReader::new(plan.clone(), spine, options),
        plan,
        schema,
        options: options.clone(),
        stop: stop.clone(),
        nulls: store.null_counts(),
        report: JoinReport { features, ..JoinReport::default() },
        current: None,
        meter: request.meter().clone(),
    })
}

/// Refuses a spine that lacks values of the request, before its first row is read.
fn check_request(plan: &ReadPlan, spine: &Schema) -> Result<()> {
    let columns = RecordBatch::new_empty(Arc::new(spine.clone()));
    request_columns(&plan.derived.request, &columns).map(drop)
}

/// The spine's columns, then the answer's. No two may have one name.
fn result_schema(plan: &ReadPlan, spine: &Schema, options: &JoinOptions) -> Result<SchemaRef> {
    let taken: Vec<&str> = spine.fields().iter().map(|field| field.name().as_str()).collect();
    let mut fields: Vec<Arc<Field>> = spine.fields().iter().cloned().collect();
    fields.extend(plan.fields().list(options.columns, &taken));
    let mut seen = std::collections::HashSet::new();
    if let Some(twice) = fields.iter().find(|field| !seen.insert(field.name().as_str())) {
        let message = format!("two columns of the result would be named {:?}; rename the spine's", twice.name());
        return Err(Error::invalid(message));
    }
    Ok(Arc::new(Schema::new_with_metadata(fields, spine.metadata().clone())))
}

/// A point-in-time join under way: an iterator over the batches of its result.
pub struct Join<'s> {
    snapshot: Box<dyn Snapshot + 's>,
    reader: ChunkReader<Spine<'s>>,
    plan: Arc<ReadPlan>,
    schema: SchemaRef,
    options: JoinOptions,
    stop: Stop,
    nulls: Arc<NullCounts>,
    report: JoinReport,
    current: Option<Joined>,
    meter: Metered,
}

/// A chunk with its answers, being handed out.
struct Joined {
    chunk: Chunk,
    answer: Answer,
    /// Position in the chunk's batches, the row in that batch, and the row in the chunk.
    batch: usize,
    row: usize,
    done: usize,
}

impl Join<'_> {
    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(joined) = &mut self.current
                && let Some((spine, start)) = joined.next_slice()
            {
                let rows = start..start + spine.num_rows();
                self.report.rows += rows.len() as u64;
                if let Some(meter) = &self.meter {
                    meter.train(rows.len());
                }
                count_statuses(&joined.answer, rows.clone(), &mut self.report.features);
                let answer = joined.answer.arrays(self.options.columns, rows)?;
                return self.assemble(&spine, answer).map(Some);
            }
            self.current = None;
            let Some(chunk) = self.reader.next()? else { return Ok(None) };
            self.report.null_rows += chunk.null_rows();
            let records = {
                let look_up = LookUp {
                    plan: &self.plan,
                    snapshot: &*self.snapshot,
                    known_at: self.options.known_at,
                    events_bytes_max: self.options.memory_bytes / THREADS,
                    stop: &self.stop,
                    nulls: &self.nulls,
                };
                chunk.look_up(&look_up)?
            };
            let answer = Answer::new(self.plan.clone(), records, chunk.rows());
            self.current = Some(Joined { chunk, answer, batch: 0, row: 0, done: 0 });
        }
    }

    fn assemble(&self, spine: &RecordBatch, answer: Vec<ArrayRef>) -> Result<RecordBatch> {
        let columns = spine.columns().iter().cloned().chain(answer).collect();
        RecordBatch::try_new(self.schema.clone(), columns)
            .map_err(|error| Error::invalid("the spine's batches do not all have its schema").with_source(error))
    }
}

/// A join under way, wherever it is made: an iterator over the batches of its result.
pub trait JoinBatches: Iterator<Item = Result<RecordBatch>> {
    /// The schema of the result.
    fn schema(&self) -> SchemaRef;

    /// Returns the counts up to the batches handed out so far; of all rows at the end.
    fn report(&self) -> &JoinReport;
}

impl JoinBatches for Join<'_> {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn report(&self) -> &JoinReport {
        &self.report
    }
}

impl Joined {
    /// The next rows of the spine, and where they begin in the chunk.
    fn next_slice(&mut self) -> Option<(RecordBatch, usize)> {
        let batch = self.chunk.batches().get(self.batch)?;
        let rows = OUTPUT_ROWS.min(batch.num_rows() - self.row);
        let slice = (batch.slice(self.row, rows), self.done);
        self.row += rows;
        self.done += rows;
        if self.row == batch.num_rows() {
            (self.batch, self.row) = (self.batch + 1, 0);
        }
        Some(slice)
    }
}

impl Iterator for Join<'_> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().transpose()
    }
}
