//! NDJSON: one JSON object a line.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use asofdb_storage::{Error, Result, ScalarType, ValueType};
use serde::de::{DeserializeSeed, MapAccess, Visitor};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::cell;
use super::column::ColumnBuilder;
use super::csv::batch;
use super::file::SourceFile;
use super::format::InputFormat;
use super::infer::{self, Guess, SAMPLE_ROWS};
use super::lines::Lines;
use super::piece::{PIECE_BYTES, PIECE_ROWS_MAX, Piece, Pieces};
use crate::problems::Problems;

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
        let columns: Vec<_> = columns.iter().map(|column| ColumnBuilder::new(self.schema.field(*column))).collect();
        let positions = columns.iter().enumerate().map(|(position, column)| (column.name().to_owned(), position));
        Ok(NdjsonPieces {
            schema: Arc::new(schema.map_err(|error| file.unreadable(InputFormat::Ndjson, error))?),
            positions: positions.collect(),
            columns,
            all,
            lines,
            row,
        })
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

/// The content of a JSON string; `None` for everything else.
fn unquoted(value: &str) -> Option<Cow<'_, str>> {
    let inner = value.strip_prefix('"')?.strip_suffix('"')?;
    match inner.contains('\\') {
        true => serde_json::from_str(value).ok().map(Cow::Owned),
        false => Some(Cow::Borrowed(inner)),
    }
}

pub(super) struct NdjsonPieces {
    schema: SchemaRef,
    positions: HashMap<String, usize>,
    columns: Vec<ColumnBuilder>,
    /// Whether every column is read, so that one that is not known is an error.
    all: bool,
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
            if let Err(problem) = self.push(row) {
                problems.report(row, problem);
                texts.insert(row, text(self.lines.last()));
            }
            self.columns.iter_mut().for_each(|column| column.pad(row + 1));
        }
        let arrays = self.columns.iter_mut().map(ColumnBuilder::finish).collect();
        let (first_row, bytes_done) = (self.row, self.lines.bytes_done());
        self.row += numbers.len() as u64;
        let batch = batch(&self.schema, arrays, numbers.len())?;
        Ok(Piece { batch, first_row, lines: numbers, problems, texts, bytes_done })
    }

    fn push(&mut self, row: usize) -> Result<(), String> {
        let (columns, positions, all) = (&mut self.columns, &self.positions, self.all);
        // Rows mostly name their columns in the same order.
        let mut expected = 0;
        each_value(self.lines.last(), |name, value| {
            let position = match columns.get(expected).filter(|column| column.name() == name) {
                Some(_) => expected,
                None => match positions.get(name) {
                    Some(position) => *position,
                    None if all => return Err(unknown(name)),
                    None => return Ok(()),
                },
            };
            expected = position + 1;
            if columns[position].len() > row {
                return Err(format!("column {name:?} is named twice"));
            }
            push_value(&mut columns[position], value)
        })
    }
}

fn unknown(name: &str) -> String {
    format!("column {name:?} does not occur in the first {SAMPLE_ROWS} rows; let them name it, if only as null")
}

fn push_value(column: &mut ColumnBuilder, value: &str) -> Result<(), String> {
    match value.as_bytes() {
        [b'n', ..] => {
            column.push_null();
            Ok(())
        }
        [b'[', ..] => push_list(column, value),
        [b'{', ..] => Err(format!("column {:?} is {}, not an object", column.name(), column.ty())),
        _ => column.push(&scalar_text(column.ty(), value).ok_or_else(|| wrong_kind(column, value))?),
    }
}

fn push_list(column: &mut ColumnBuilder, value: &str) -> Result<(), String> {
    let (ValueType::Scalar(item) | ValueType::List(item)) = column.ty();
    let items: Vec<&RawValue> = serde_json::from_str(value).map_err(|error| error.to_string())?;
    if items.iter().any(|item| item.get() == "null") {
        return Err(format!("column {:?} has a null inside a list", column.name()));
    }
    let texts = items
        .iter()
        .map(|value| scalar_text(ValueType::Scalar(item), value.get()).ok_or_else(|| wrong_kind(column, value.get())));
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    column.push_list(texts.iter().map(AsRef::as_ref))
}

fn wrong_kind(column: &ColumnBuilder, value: &str) -> String {
    match unquoted(value) {
        Some(text) => format!("column {:?} is {}, not a string: {}", column.name(), column.ty(), cell::shown(&text)),
        None => cell::problem(column.name(), column.ty(), value),
    }
}

/// The text of a value, if it is of the kind that the type is written as.
fn scalar_text(ty: ValueType, value: &str) -> Option<Cow<'_, str>> {
    let (ValueType::Scalar(scalar) | ValueType::List(scalar)) = ty;
    let text = unquoted(value);
    match scalar {
        ScalarType::String | ScalarType::Bytes => text,
        ScalarType::Timestamp => text.or(Some(Cow::Borrowed(value))),
        // Infinity and NaN have no other form in JSON.
        ScalarType::Float32 | ScalarType::Float64 => match text {
            Some(text) => cell::float64(&text).filter(|value| !value.is_finite()).map(|_| text),
            None => Some(Cow::Borrowed(value)),
        },
        ScalarType::Bool if text.is_none() => matches!(value, "true" | "false").then_some(Cow::Borrowed(value)),
        ScalarType::Int32 | ScalarType::Int64 if text.is_none() => Some(Cow::Borrowed(value)),
        _ => None,
    }
}

/// The line as JSON, or as text if it is none.
fn text(line: &[u8]) -> Json {
    serde_json::from_slice(line).unwrap_or_else(|_| Json::String(String::from_utf8_lossy(line).trim().to_owned()))
}

/// Calls `each` with the name and the JSON of each value of an object.
fn each_value(line: &[u8], each: impl FnMut(&str, &str) -> Result<(), String>) -> Result<(), String> {
    let mut values = EachValue { each, problem: None };
    let mut json = serde_json::Deserializer::from_slice(line);
    let read = (&mut values).deserialize(&mut json).and_then(|()| json.end());
    match (values.problem, read) {
        (Some(problem), _) => Err(problem),
        (None, Err(error)) => Err(not_an_object(&error)),
        (None, Ok(())) => Ok(()),
    }
}

fn not_an_object(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    format!("it is no JSON object: {message} (character {})", error.column())
}

struct EachValue<F> {
    each: F,
    problem: Option<String>,
}

impl<'de, F: FnMut(&str, &str) -> Result<(), String>> DeserializeSeed<'de> for &mut EachValue<F> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: FnMut(&str, &str) -> Result<(), String>> Visitor<'de> for &mut EachValue<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<Name<'de>>()? {
            let value: &RawValue = map.next_value()?;
            // The rest is still read, so that broken JSON is told as such.
            if self.problem.is_none() {
                self.problem = (self.each)(&name.0, value.get()).err();
            }
        }
        Ok(())
    }
}

/// A name, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Name<'n>(#[serde(borrow)] Cow<'n, str>);

impl Pieces for NdjsonPieces {
    fn next(&mut self) -> Option<Result<Piece>> {
        match self.read() {
            Ok(piece) if piece.len() == 0 => None,
            piece => Some(piece),
        }
    }
}
