//! NDJSON: one JSON object a line.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use asofdb_storage::{Error, Result};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::cell::TextForm;
use super::csv::batch;
use super::file::SourceFile;
use super::format::InputFormat;
use super::infer::{self, Guess, SAMPLE_ROWS};
use super::json::{JsonRows, each_value, unquoted};
use super::lines::Lines;
use super::piece::{PIECE_BYTES, PIECE_ROWS_MAX, Piece, Pieces};
use crate::rows::problems::Problems;

/// The columns of an NDJSON file: the names that occur in its first rows.
#[derive(Debug, Clone)]
pub(super) struct NdjsonContent {
    schema: SchemaRef,
}

impl NdjsonContent {
    pub(super) fn open(file: &Arc<SourceFile>, hint: Option<&Schema>) -> Result<(Self, SchemaRef)> {
        let mut lines = Lines::new(file, InputFormat::Ndjson);
        let mut columns = Sample::default();
        for _ in 0..SAMPLE_ROWS {
            let Some(line) = next_row(&mut lines)? else { break };
            // What is wrong with a row is told when it is read.
            let _ = each_value(line, |name, value| {
                columns.add(name, value);
                Ok(())
            });
        }
        if columns.names.is_empty() {
            return Err(Error::invalid(format!("file {} has no row that is a JSON object", file.name())));
        }
        let schema = infer::schema(columns.names.into_iter().zip(columns.guesses), hint);
        Ok((NdjsonContent { schema: schema.clone() }, schema))
    }

    pub(super) fn pieces(
        &self,
        file: &Arc<SourceFile>,
        columns: &[usize],
        all: bool,
        skip: u64,
    ) -> Result<NdjsonPieces> {
        let mut lines = Lines::new(file, InputFormat::Ndjson);
        let mut row = 0;
        while row < skip && next_row(&mut lines)?.is_some() {
            row += 1;
        }
        let schema = self.schema.project(columns);
        let schema = Arc::new(schema.map_err(|error| file.unreadable(InputFormat::Ndjson, error))?);
        let rows = JsonRows::new(schema.fields(), TextForm::File);
        // Where every column is read, one that is not known is an error.
        let rows = if all { rows.refuse_unknown(unknown) } else { rows };
        Ok(NdjsonPieces { schema, rows, lines, row })
    }
}

/// The next line that is not empty.
fn next_row(lines: &mut Lines) -> Result<Option<&[u8]>> {
    // A loop that returned the line from within would borrow `lines` for too long.
    loop {
        match lines.next()? {
            Some(line) if line.trim_ascii().is_empty() => {}
            Some(_) => break,
            None => return Ok(None),
        }
    }
    Ok(Some(lines.last()))
}

/// What the first rows hold, by name in the order of their first occurrence.
#[derive(Default)]
struct Sample {
    positions: HashMap<String, usize>,
    names: Vec<String>,
    guesses: Vec<Guess>,
}

impl Sample {
    fn add(&mut self, name: &str, value: &str) {
        let position = *self.positions.entry(name.to_owned()).or_insert_with(|| {
            self.names.push(name.to_owned());
            self.guesses.push(Guess::new());
            self.names.len() - 1
        });
        let guess = &mut self.guesses[position];
        match value.as_bytes() {
            [b'n', ..] => {}
            [b'[', ..] => {
                guess.add_list();
                let items: Vec<&RawValue> = serde_json::from_str(value).unwrap_or_default();
                items.iter().for_each(|item| add_scalar(guess, item.get()));
            }
            _ => add_scalar(guess, value),
        }
    }
}

fn add_scalar(guess: &mut Guess, value: &str) {
    match unquoted(value) {
        Some(text) => guess.add(&text, true),
        None => guess.add(value, false),
    }
}

pub(super) struct NdjsonPieces {
    schema: SchemaRef,
    rows: JsonRows,
    lines: Lines,
    row: u64,
}

impl NdjsonPieces {
    fn read(&mut self) -> Result<Piece> {
        let (mut numbers, mut problems, mut texts) = (Vec::new(), Problems::all(), BTreeMap::new());
        let mut bytes = 0;
        while numbers.len() < PIECE_ROWS_MAX && bytes < PIECE_BYTES && next_row(&mut self.lines)?.is_some() {
            let row = numbers.len();
            numbers.push(self.lines.number());
            bytes += self.lines.last().len();
            if let Err(problem) = self.rows.push(self.lines.last()) {
                problems.report(row, problem);
                texts.insert(row, text(self.lines.last()));
            }
        }
        let arrays = self.rows.finish();
        let (first_row, bytes_done) = (self.row, self.lines.bytes_done());
        self.row += numbers.len() as u64;
        let batch = batch(&self.schema, arrays, numbers.len())?;
        Ok(Piece { batch, first_row, lines: numbers, problems, texts, bytes_done })
    }
}

fn unknown(name: &str) -> String {
    format!("column {name:?} does not occur in the first {SAMPLE_ROWS} rows; let them name it, if only as null")
}

/// The line as JSON, or as text if it is none.
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
