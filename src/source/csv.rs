//! CSV.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use asofdb_storage::{Error, Result, ScalarType, ValueType};
use serde_json::Value as Json;

use super::column::ColumnBuilder;
use super::delimiter::Delimiter;
use super::file::SourceFile;
use super::format::InputFormat;
use super::infer::hinted_type;
use super::lines::Lines;
use super::piece::{PIECE_BYTES, PIECE_ROWS_MAX, Piece, Pieces};
use super::record::{CsvRecord, Fields, without_end};
use super::text_options::TextOptions;
use crate::rows::problems::Problems;
use crate::rows::types::arrow_type;

/// The columns of a CSV file.
#[derive(Debug, Clone)]
pub(super) struct CsvContent {
    schema: SchemaRef,
    delimiter: Delimiter,
}

impl CsvContent {
    pub(super) fn open(file: &Arc<SourceFile>, options: TextOptions<'_>) -> Result<(Self, SchemaRef)> {
        let delimiter = options.delimiter.unwrap_or_default();
        let mut records = CsvRecords::new(file, delimiter);
        if !records.next()? {
            return Err(Error::invalid(format!("file {} has no line of column names", file.name())));
        }
        check_delimiter(&records, delimiter, options.hint)?;
        let names = header(&records)?;
        let field = |name: String| {
            // What nobody asks about stays the text that it is.
            let ty = hinted_type(options.hint, &name).unwrap_or(ValueType::Scalar(ScalarType::String));
            Field::new(name, arrow_type(ty), true)
        };
        let schema = Arc::new(Schema::new(names.into_iter().map(field).collect::<Vec<_>>()));
        refuse_lists(file, &schema)?;
        Ok((CsvContent { schema: schema.clone(), delimiter }, schema))
    }

    pub(super) fn pieces(&self, file: &Arc<SourceFile>, columns: &[usize], skip: u64) -> Result<CsvPieces> {
        let mut records = CsvRecords::new(file, self.delimiter);
        // The column names.
        records.next()?;
        let mut row = 0;
        while row < skip && records.next()? {
            row += 1;
        }
        let builders = columns.iter().map(|column| (*column, ColumnBuilder::new(self.schema.field(*column))));
        let fields = self.schema.fields();
        Ok(CsvPieces {
            schema: Arc::new(self.schema.project(columns).map_err(|error| file.unreadable(InputFormat::Csv, error))?),
            names: fields.iter().map(|field| field.name().clone()).collect(),
            columns: builders.collect(),
            records,
            row,
        })
    }
}

/// Refuses a file in which another delimiter would part the line of names into one that is wanted.
fn check_delimiter(records: &CsvRecords, delimiter: Delimiter, hint: Option<&Schema>) -> Result<()> {
    let line = String::from_utf8_lossy(records.lines.last());
    let is_wanted = |name: &str| hinted_type(hint, name.trim().trim_matches('"').trim()).is_some();
    match delimiter.looks_like(&line, is_wanted) {
        Some(other) => {
            let name = records.lines.name();
            let message = format!("the delimiter of file {name} looks like {other}, and {delimiter} was expected");
            Err(Error::invalid(format!("{message}; say which it is")))
        }
        None => Ok(()),
    }
}

fn header(records: &CsvRecords) -> Result<Vec<String>> {
    let name = records.lines.name();
    let invalid = |problem: &str| Error::invalid(format!("file {name}, line 1: {problem}"));
    let names: Vec<_> = records.record.fields().map_err(invalid)?.iter().map(|name| name.trim().to_owned()).collect();
    for (index, name) in names.iter().enumerate() {
        if names[..index].contains(name) {
            return Err(invalid(&format!("two columns are named {name:?}")));
        }
    }
    Ok(names)
}

fn refuse_lists(file: &SourceFile, schema: &Schema) -> Result<()> {
    let is_list = |ty| matches!(super::column::value_type(ty), Some(ValueType::List(_)));
    match schema.fields().iter().find(|field| is_list(field.data_type())) {
        Some(field) => Err(Error::invalid(format!(
            "file {}: CSV has no lists, and column {:?} is to be one; use NDJSON, Parquet or Arrow",
            file.name(),
            field.name()
        ))),
        None => Ok(()),
    }
}

/// The records of a file. Empty lines are none.
struct CsvRecords {
    lines: Lines,
    record: CsvRecord,
    /// The line in which the record begins.
    line: u64,
}

impl CsvRecords {
    fn new(file: &Arc<SourceFile>, delimiter: Delimiter) -> Self {
        CsvRecords { lines: Lines::new(file, InputFormat::Csv), record: CsvRecord::new(delimiter), line: 0 }
    }

    /// Reads the next record, if there is one.
    fn next(&mut self) -> Result<bool> {
        self.record.clear();
        loop {
            let Some(line) = self.lines.next()? else { return Ok(false) };
            if without_end(line).is_empty() {
                continue;
            }
            let mut complete = self.record.feed(line);
            self.line = self.lines.number();
            while !complete {
                let Some(line) = self.lines.next()? else { break };
                complete = self.record.feed(line);
                self.lines.check_length(self.record.len())?;
            }
            return Ok(true);
        }
    }
}

pub(super) struct CsvPieces {
    schema: SchemaRef,
    /// All columns of the file.
    names: Vec<String>,
    /// The columns to read with their positions.
    columns: Vec<(usize, ColumnBuilder)>,
    records: CsvRecords,
    row: u64,
}

impl CsvPieces {
    fn push(&mut self) -> Result<(), String> {
        let fields = self.records.record.fields()?;
        if fields.len() != self.names.len() {
            return Err(format!("it has {} cells where there are {} columns", fields.len(), self.names.len()));
        }
        self.columns.iter_mut().try_for_each(|(position, column)| push_cell(column, fields, *position))
    }

    /// The cells of a record by column, as text.
    fn text(&self) -> Json {
        let cells = self.records.record.lossy();
        let name = |index: usize| self.names.get(index).cloned().unwrap_or_else(|| format!("column {}", index + 1));
        Json::Object(cells.into_iter().enumerate().map(|(index, cell)| (name(index), Json::String(cell))).collect())
    }

    fn read(&mut self) -> Result<Piece> {
        let (mut lines, mut problems, mut texts) = (Vec::new(), Problems::all(), BTreeMap::new());
        let mut bytes = 0;
        while lines.len() < PIECE_ROWS_MAX && bytes < PIECE_BYTES && self.records.next()? {
            let row = lines.len();
            lines.push(self.records.line);
            bytes += self.records.record.len();
            if let Err(problem) = self.push() {
                problems.report(row, problem);
                texts.insert(row, self.text());
                self.columns.iter_mut().for_each(|(_, column)| column.pad(row + 1));
            }
        }
        let arrays = self.columns.iter_mut().map(|(_, column)| column.finish()).collect();
        let (first_row, bytes_done) = (self.row, self.records.lines.bytes_done());
        self.row += lines.len() as u64;
        let batch = batch(&self.schema, arrays, lines.len())?;
        Ok(Piece { batch, first_row, lines, problems, texts, bytes_done })
    }
}

/// A batch of columns that were built to the schema.
pub(super) fn batch(schema: &SchemaRef, arrays: Vec<arrow::array::ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema.clone(), arrays, &options)
        .map_err(|error| Error::internal("cannot build a batch of rows of text").with_source(error))
}

fn push_cell(column: &mut ColumnBuilder, fields: Fields<'_>, position: usize) -> Result<(), String> {
    match fields.get(position) {
        // Nothing at all is null. An empty text in quotes is one where the type has such a value.
        "" if !fields.is_quoted(position) || !column.has_empty() => {
            column.push_null();
            Ok(())
        }
        text => column.push(text),
    }
}

impl Pieces for CsvPieces {
    fn next(&mut self) -> Option<Result<Piece>> {
        match self.read() {
            Ok(piece) if piece.len() == 0 => None,
            piece => Some(piece),
        }
    }
}
