//! Bad rows, set aside.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef};
use arrow::error::ArrowError;
use arrow::json::LineDelimitedWriter;
use arrow::json::writer::{LineDelimited, WriterBuilder};
use asofdb_storage::Result;
use serde_json::{Value as Json, json};

use crate::files::output::{OutputFile, cannot_write};
use crate::source::Piece;

/// The file of bad rows; see [`super::IngestOptions::rejects`].
pub(super) struct Rejects {
    path: PathBuf,
    out: BufWriter<OutputFile>,
    rows: u64,
}

impl Rejects {
    pub(super) fn create(path: &Path) -> Result<Self> {
        Ok(Rejects { path: path.to_owned(), out: BufWriter::new(OutputFile::create(path)?), rows: 0 })
    }

    /// Sets aside the rows of a piece that have problems, those before row `end` of the file.
    pub(super) fn add(&mut self, file: &str, piece: &Piece, end: u64) -> Result<u64> {
        let before = self.rows;
        for (row, reason) in piece.problems.rows() {
            let number = piece.first_row + row as u64 + 1;
            if number > end {
                break;
            }
            let values = piece.texts.get(&row).cloned().unwrap_or_else(|| values(&piece.batch, row));
            let mut object = json!({ "file": file, "row": number });
            if let Some(line) = piece.lines.get(row) {
                object["line"] = json!(line);
            }
            object["reason"] = json!(reason);
            object["values"] = values;
            writeln!(self.out, "{object}").map_err(|error| cannot_write(&self.path, error))?;
            self.rows += 1;
        }
        Ok(self.rows - before)
    }

    /// Gives the file its name, if it has rows.
    pub(super) fn finish(self) -> Result<Option<PathBuf>> {
        let out = self.out.into_inner().map_err(|error| cannot_write(&self.path, error.into_error()))?;
        if self.rows == 0 {
            return Ok(None);
        }
        out.finish()?;
        Ok(Some(self.path))
    }
}

/// A row of a batch; null where it has types that JSON does not know, as the reason tells enough then.
fn values(batch: &RecordBatch, row: usize) -> Json {
    to_json(&batch.slice(row, 1)).unwrap_or(Json::Null)
}

fn to_json(row: &RecordBatch) -> Option<Json> {
    let mut bytes = Vec::new();
    let mut writer: LineDelimitedWriter<_> =
        WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(&mut bytes);
    writer.write(&with_offset_zones(row).ok()?).and_then(|()| writer.finish()).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Names of time zones are not known when JSON is written, only offsets.
fn with_offset_zones(row: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns = row
        .columns()
        .iter()
        .map(|array| cast(array, &with_offset_zone(array.data_type())))
        .collect::<Result<Vec<_>, _>>()?;
    let schema = row.schema();
    RecordBatch::try_from_iter(schema.fields().iter().map(|field| field.name()).zip(columns))
}

fn with_offset_zone(ty: &DataType) -> DataType {
    let item = |field: &FieldRef| Arc::new(Field::clone(field).with_data_type(with_offset_zone(field.data_type())));
    match ty {
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some("+00:00".into())),
        DataType::List(field) => DataType::List(item(field)),
        DataType::LargeList(field) => DataType::LargeList(item(field)),
        DataType::FixedSizeList(field, length) => DataType::FixedSizeList(item(field), *length),
        other => other.clone(),
    }
}
