//! NDJSON: one JSON object a line. An array of objects is read as well.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use asofdb_storage::{Error, Result, ValueType};
use serde_json::Value as Json;

use super::cell::TextForm;
use super::csv::batch;
use super::file::SourceFile;
use super::format::InputFormat;
use super::infer::{JsonKinds, hinted_type};
use super::json::{JsonRows, each_value};
use super::json_records::JsonRecords;
use super::piece::{PIECE_BYTES, PIECE_ROWS_MAX, Piece, Pieces};
use super::text_options::TextOptions;
use crate::ipc::COLUMNS_MAX;
use crate::rows::problems::Problems;
use crate::rows::types::arrow_type;

/// The columns of an NDJSON file: the names that occur in its rows.
#[derive(Debug, Clone)]
pub(super) struct NdjsonContent {
    schema: SchemaRef,
    /// True for each column that is only carried along.
    carried: Vec<bool>,
}

impl NdjsonContent {
    pub(super) fn open(file: &Arc<SourceFile>, options: TextOptions<'_>) -> Result<(Self, SchemaRef)> {
        let mut rows = JsonRecords::new(file)?;
        let mut found = Found::default();
        // A row may name a column that none before it has named. What only the hint asks for may be complete earlier.
        while !(options.only_hinted && found.has_all_of(options.hint)) && rows.next()? {
            // What is wrong with a row is told when it is read.
            let _ = each_value(rows.last(), |name, value| {
                found.add(name, value);
                Ok(())
            });
            if found.names.len() > COLUMNS_MAX {
                let (name, line) = (file.name(), rows.line());
                let message =
                    format!("file {name}, line {line}: the rows of a file have at most {COLUMNS_MAX} columns");
                return Err(Error::invalid(message));
            }
        }
        if found.names.is_empty() {
            return Err(Error::invalid(format!("file {} has no row that is a JSON object", file.name())));
        }
        let hinted: Vec<_> = found.names.iter().map(|name| hinted_type(options.hint, name)).collect();
        let types =
            hinted.iter().zip(&found.kinds).map(|(hinted, kinds)| hinted.unwrap_or(ValueType::Scalar(kinds.ty())));
        let fields = found.names.iter().zip(types).map(|(name, ty)| Field::new(name, arrow_type(ty), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let carried = hinted.iter().map(Option::is_none).collect();
        Ok((NdjsonContent { schema: schema.clone(), carried }, schema))
    }

    pub(super) fn pieces(&self, file: &Arc<SourceFile>, columns: &[usize], skip: u64) -> Result<NdjsonPieces> {
        let mut records = JsonRecords::new(file)?;
        let mut row = 0;
        while row < skip && records.next()? {
            row += 1;
        }
        let schema = self.schema.project(columns);
        let schema = Arc::new(schema.map_err(|error| file.unreadable(InputFormat::Ndjson, error))?);
        let carried: Vec<_> = columns.iter().map(|column| self.carried[*column]).collect();
        let rows = JsonRows::new(schema.fields(), TextForm::File).with_carried(&carried);
        Ok(NdjsonPieces { schema, rows, records, row })
    }
}

/// The columns that rows name, in the order of their first occurrence.
#[derive(Default)]
struct Found {
    positions: HashMap<String, usize>,
    names: Vec<String>,
    kinds: Vec<JsonKinds>,
}

impl Found {
    fn add(&mut self, name: &str, value: &str) {
        let position = match self.positions.get(name) {
            Some(position) => *position,
            None => {
                self.positions.insert(name.to_owned(), self.names.len());
                self.names.push(name.to_owned());
                self.kinds.push(JsonKinds::new());
                self.names.len() - 1
            }
        };
        self.kinds[position].add(value);
    }

    fn has_all_of(&self, hint: Option<&Schema>) -> bool {
        hint.is_some_and(|hint| hint.fields().iter().all(|field| self.positions.contains_key(field.name())))
    }
}

pub(super) struct NdjsonPieces {
    schema: SchemaRef,
    rows: JsonRows,
    records: JsonRecords,
    row: u64,
}

impl NdjsonPieces {
    fn read(&mut self) -> Result<Piece> {
        let (mut numbers, mut problems, mut texts) = (Vec::new(), Problems::all(), BTreeMap::new());
        let mut bytes = 0;
        while numbers.len() < PIECE_ROWS_MAX && bytes < PIECE_BYTES && self.records.next()? {
            let row = numbers.len();
            numbers.push(self.records.line());
            bytes += self.records.last().len();
            if let Err(problem) = self.rows.push(self.records.last()) {
                problems.report(row, problem);
                texts.insert(row, text(self.records.last()));
            }
        }
        let arrays = self.rows.finish();
        let (first_row, bytes_done) = (self.row, self.records.bytes_done());
        self.row += numbers.len() as u64;
        let batch = batch(&self.schema, arrays, numbers.len())?;
        Ok(Piece { batch, first_row, lines: numbers, problems, texts, bytes_done })
    }
}

/// The row as JSON, or as text if it is none.
fn text(line: &[u8]) -> Json {
    serde_json::from_slice(line).unwrap_or_else(|_| Json::String(String::from_utf8_lossy(line).trim().to_owned()))
}

impl Pieces for NdjsonPieces {
    fn next(&mut self) -> Option<Result<Piece>> {
        match self.read() {
            Ok(piece) if piece.len() == 0 => None,
            piece => Some(piece),
        }
    }
}
