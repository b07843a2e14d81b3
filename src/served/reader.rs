//! Reading a log: its rows, one by one.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StructArray};
use arrow::datatypes::{FieldRef, TimestampMicrosecondType, UInt32Type, UInt64Type};
use asofdb_storage::{Error, Result, Status, Timestamp, Value, ValueType};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::ipc::guarded;
use crate::read::question::Question;
use crate::served::columns::{FORMAT, FORMAT_KEY, MEANINGS_KEY, schema};
use crate::served::parts::{Part, parts};
use crate::served::row::{NamedValue, ServedFeature, ServedRow};

/// Rows that are read at a time.
const BATCH_ROWS: usize = 1_024;

/// Reads the rows of a log: its directory, or one of its files. Rows of one answer come one after the other.
///
/// # Errors
/// `NotFound` when there is nothing; `Invalid` when it has no files of a log.
pub fn read_served_log(path: &Path) -> Result<ServedRows> {
    let parts = parts(path).map_err(|error| cannot_read(path, error))?;
    if parts.is_empty() {
        let rule = "has no files of a log of served features (hour=.../*.parquet)";
        return Err(Error::invalid(format!("{} {rule}", path.display())));
    }
    Ok(ServedRows { parts: parts.into_iter(), open: None })
}

fn cannot_read(path: &Path, error: std::io::Error) -> Error {
    let message = format!("cannot read {}", path.display());
    match error.kind() {
        std::io::ErrorKind::NotFound => Error::not_found(message).with_source(error),
        _ => Error::unavailable(message).with_source(error),
    }
}

/// The rows of a log.
pub struct ServedRows {
    parts: std::vec::IntoIter<Part>,
    open: Option<OpenPart>,
}

struct OpenPart {
    name: String,
    batches: ParquetRecordBatchReader,
    meanings: HashMap<String, Arc<str>>,
    /// Made empty when the last row was taken.
    batch: Option<RecordBatch>,
    row: usize,
}

impl Iterator for ServedRows {
    type Item = Result<ServedRow>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(open) = &mut self.open {
                match open.next_row() {
                    Ok(Some(row)) => return Some(Ok(row)),
                    Ok(None) => self.open = None,
                    Err(error) => {
                        // Nothing of it is read again, nor of the files after it.
                        (self.open, self.parts) = (None, Vec::new().into_iter());
                        return Some(Err(error));
                    }
                }
            }
            let part = self.parts.next()?;
            match OpenPart::open(&part.path) {
                Ok(open) => self.open = Some(open),
                Err(error) => {
                    self.parts = Vec::new().into_iter();
                    return Some(Err(error));
                }
            }
        }
    }
}

impl OpenPart {
    fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| cannot_read(path, error))?;
        let builder = guarded(
            || broken(&name),
            || ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| broken(&name).with_source(error)),
        )?;
        let values = builder.metadata().file_metadata().key_value_metadata();
        let find =
            |key: &str| values.into_iter().flatten().find(|one| one.key == key).and_then(|one| one.value.clone());
        match find(FORMAT_KEY).as_deref() {
            Some(FORMAT) => {}
            None => return Err(Error::invalid(format!("{name} is no file of a log of served features"))),
            Some(other) => {
                let message = format!("{name} is of a newer version of asofdb: its format is {other:?}");
                return Err(Error::conflict(message));
            }
        }
        let own = schema();
        let is_own =
            |(one, other): (&FieldRef, &FieldRef)| one.name() == other.name() && one.data_type() == other.data_type();
        let fields = builder.schema().fields();
        if fields.len() != own.fields().len() || !fields.iter().zip(own.fields()).all(is_own) {
            return Err(broken(&name));
        }
        let meanings = find(MEANINGS_KEY).and_then(|text| serde_json::from_str(&text).ok());
        let meanings: HashMap<String, String> = meanings.unwrap_or_default();
        let meanings = meanings.into_iter().map(|(digest, text)| (digest, text.into())).collect();
        let batches = builder.with_batch_size(BATCH_ROWS).build().map_err(|error| broken(&name).with_source(error))?;
        Ok(OpenPart { name, batches, meanings, batch: None, row: 0 })
    }

    fn next_row(&mut self) -> Result<Option<ServedRow>> {
        loop {
            if let Some(batch) = self.batch.as_ref().filter(|batch| self.row < batch.num_rows()) {
                let row = row_of(batch, self.row, &self.meanings).ok_or_else(|| broken(&self.name))?;
                self.row += 1;
                return Ok(Some(row));
            }
            let (name, batches) = (&self.name, &mut self.batches);
            let next = guarded(
                || broken(name),
                || batches.next().transpose().map_err(|error| broken(name).with_source(error)),
            )?;
            let Some(batch) = next else { return Ok(None) };
            (self.batch, self.row) = (Some(batch), 0);
        }
    }
}

#[cold]
fn broken(name: &str) -> Error {
    Error::corrupt(format!("{name} cannot be read as a file of a log of served features"))
}

fn time_at(column: &ArrayRef, row: usize) -> Option<Timestamp> {
    let times = column.as_primitive_opt::<TimestampMicrosecondType>()?;
    times.is_valid(row).then(|| Timestamp::from_micros(times.value(row)))
}

fn text_at(column: &ArrayRef, row: usize) -> Option<String> {
    let texts = column.as_string_opt::<i32>()?;
    texts.is_valid(row).then(|| texts.value(row).to_owned())
}

fn items_at(column: &ArrayRef, row: usize) -> Option<StructArray> {
    Some(column.as_list_opt::<i32>()?.value(row).as_struct_opt()?.clone())
}

/// A row of a batch, whose columns are those of a log; `None` where they have what no log has.
fn row_of(batch: &RecordBatch, row: usize, meanings: &HashMap<String, Arc<str>>) -> Option<ServedRow> {
    let column = |name: &str| batch.column_by_name(name);
    let (at, asked_known_at) = (time_at(column("at")?, row)?, time_at(column("asked_known_at")?, row));
    let question = match text_at(column("question")?, row)?.as_str() {
        "latest" => Question::Latest,
        "as_of" => Question::AsOf { at, known_at: asked_known_at },
        _ => return None,
    };
    let references = column("references")?.as_list_opt::<i32>()?.value(row);
    Some(ServedRow {
        id: text_at(column("id")?, row)?,
        row: column("row")?.as_primitive_opt::<UInt32Type>()?.value(row),
        served_at: time_at(column("served_at")?, row)?,
        at,
        known_at: time_at(column("known_at")?, row)?,
        question,
        consumer: text_at(column("consumer")?, row),
        service: text_at(column("service")?, row),
        references: (0..references.len()).map(|item| text_at(&references, item)).collect::<Option<_>>()?,
        catalog_revision: column("catalog_revision")?.as_primitive_opt::<UInt64Type>()?.value(row),
        entity: named_of(&items_at(column("entity")?, row)?)?,
        request: named_of(&items_at(column("request")?, row)?)?,
        features: features_of(&items_at(column("features")?, row)?, meanings)?,
    })
}

fn bytes_at(column: &ArrayRef, row: usize) -> Option<&[u8]> {
    let values = column.as_binary_opt::<i32>()?;
    values.is_valid(row).then(|| values.value(row))
}

fn named_of(items: &StructArray) -> Option<Vec<NamedValue>> {
    let named = |row| {
        let ty: ValueType = text_at(items.column(1), row)?.parse().ok()?;
        let value = bytes_at(items.column(2), row).map(|bytes| Value::decode(ty, bytes)).transpose().ok()?;
        Some(NamedValue { name: text_at(items.column(0), row)?, ty, value })
    };
    (0..items.len()).map(named).collect()
}

fn features_of(items: &StructArray, meanings: &HashMap<String, Arc<str>>) -> Option<Vec<ServedFeature>> {
    let feature = |row| {
        let ty: ValueType = text_at(items.column(1), row)?.parse().ok()?;
        let status = text_at(items.column(4), row)?;
        let bytes = bytes_at(items.column(2), row);
        bytes.map(|bytes| Value::decode(ty, bytes)).transpose().ok()?;
        Some(ServedFeature {
            reference: text_at(items.column(0), row)?,
            ty,
            bytes: bytes.map(<[u8]>::to_vec),
            status: Status::ALL.into_iter().find(|one| one.as_str() == status)?,
            defaulted: items.column(5).as_boolean_opt()?.value(row),
            event: time_at(items.column(6), row),
            meaning: meanings.get(&text_at(items.column(7), row)?).cloned().unwrap_or_else(|| "".into()),
        })
    };
    (0..items.len()).map(feature).collect()
}
