//! Training sets: from a spine in a file to a training set in a file.

use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use asofdb_storage::{Error, Result, ValueType, fail_point};
use crossbeam::channel::{Receiver, bounded};

use super::{JoinBatches, JoinOptions, JoinReport};
use crate::files::output::{OutputFile, cannot_write};
use crate::files::parquet::{Compression, parquet_properties};
use crate::files::table::TableWriter;
use crate::progress::{OnProgress, Progress};
use crate::read::request::Prepared;
use crate::rows::types::{arrow_type, timestamp_type};
use crate::source::{Delimiter, InputFormat, Source, TextOptions};
use crate::threads;

/// Batches that wait for the writer: enough that neither thread waits for long, few enough to be no memory.
const BATCHES_WAITING_MAX: usize = 8;

/// Options of a training set.
#[derive(Debug, Clone, Default)]
pub struct TrainingSetOptions {
    /// The join.
    pub join: JoinOptions,
    /// Format of the spine; by the ending of its name if not given.
    pub spine_format: Option<InputFormat>,
    /// The delimiter between the fields of a spine in CSV; a comma, or a tab where its name ends in `.tsv`, if not
    /// given.
    pub spine_delimiter: Option<Delimiter>,
    /// Compression of the result.
    pub compression: Compression,
}

/// Opens the spine of a training set.
///
/// # Errors
/// `NotFound` when the file is not there, `Corrupt` when it cannot be read.
pub fn open_spine(request: &Prepared, spine: &Path, options: &TrainingSetOptions) -> Result<Source> {
    let hint = spine_hint(request, &options.join);
    let text = TextOptions { delimiter: options.spine_delimiter, ..TextOptions::hinted(&hint) };
    Source::open(spine, options.spine_format, text)
}

/// Writes the batches of a join, in a thread beside it, to a file that appears when it is complete. `total` is the
/// rows of the spine, if they are known.
///
/// # Errors
/// Those of the join; `Unavailable` when the disk is full.
pub fn write_training_set(
    output: OutputFile,
    out: &Path,
    compression: Compression,
    total: Option<u64>,
    mut join: Box<dyn JoinBatches + '_>,
    progress: &mut OnProgress<'_>,
) -> Result<JoinReport> {
    let schema = join.schema();
    let (batches, waiting) = bounded(BATCHES_WAITING_MAX);
    std::thread::scope(|scope| {
        let writer = threads::start(scope, "that writes", move || {
            // The receiver goes with the writer: once it has failed, nobody waits for room in the channel.
            write(output, out, schema, compression, &waiting)
        })?;
        let mut rows = 0;
        let joined = join.by_ref().try_for_each(|batch| {
            let batch = batch?;
            rows += batch.num_rows() as u64;
            progress(Progress { rows, done: rows, total });
            // A writer that is gone has an error to tell, which is taken below.
            batches.send(Some(batch)).map_err(|_| Error::unavailable("the writer stopped"))
        });
        let complete = joined.is_ok() && batches.send(None).is_ok();
        drop(batches);
        let written = writer.join().unwrap_or_else(|_| Err(Error::internal("the writer of the training set panicked")));
        match (joined, written) {
            (Ok(()), Ok(())) if complete => Ok(()),
            (Ok(()), Ok(())) => Err(Error::internal("the writer of the training set stopped early")),
            (Err(error), Ok(())) => Err(error),
            (_, Err(error)) => Err(error),
        }
    })?;
    Ok(join.report().clone())
}

/// Writes batches until `None`, which makes the file complete; without it the file disappears.
fn write(
    output: OutputFile,
    out: &Path,
    schema: SchemaRef,
    compression: Compression,
    batches: &Receiver<Option<RecordBatch>>,
) -> Result<()> {
    let failed = |error: parquet::errors::ParquetError| cannot_write(out, error);
    let properties = parquet_properties(&schema, compression);
    let mut writer = TableWriter::new(output, schema, properties, compression).map_err(failed)?;
    for batch in batches {
        match batch {
            Some(batch) => writer.write(&batch).map_err(failed)?,
            None => {
                fail_point("training set joined");
                return writer.finish().map_err(failed)?.finish();
            }
        }
    }
    Ok(())
}

/// The types of the columns that the join reads, for spines in text formats.
fn spine_hint(request: &Prepared, options: &JoinOptions) -> Schema {
    let (keys, values) = (request.join_keys(), request.request_values());
    let keys = keys.iter().map(|key| Field::new(&key.name, arrow_type(ValueType::Scalar(key.ty)), true));
    let time = Field::new(&options.event_timestamp, timestamp_type(), true);
    let mut fields: Vec<_> = keys.chain([time]).collect();
    for value in values {
        // A column that is read as something else already is cast from that.
        if fields.iter().all(|field| *field.name() != value.name) {
            fields.push(Field::new(value.name, arrow_type(value.ty), true));
        }
    }
    Schema::new(fields)
}
