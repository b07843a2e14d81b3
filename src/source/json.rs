//! Typed columns from JSON, row by row or column by column.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use arrow::array::ArrayRef;
use arrow::datatypes::Fields;
use asofdb_storage::{ScalarType, ValueType};
use serde::de::{DeserializeSeed, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::cell::{self, TextForm};
use super::column::ColumnBuilder;

/// Makes the error of a row that has a column of this name, which is not known.
type Unknown = Box<dyn Fn(&str) -> String + Send>;

/// Columns that grow by JSON objects, row by row.
pub(super) struct JsonRows {
    columns: Vec<ColumnBuilder>,
    positions: HashMap<String, usize>,
    /// None: columns that are not known are ignored.
    unknown: Option<Unknown>,
    rows: usize,
}

impl JsonRows {
    pub(super) fn new(fields: &Fields, form: TextForm) -> Self {
        let columns: Vec<_> = fields.iter().map(|field| ColumnBuilder::new(field).with_form(form)).collect();
        let positions = columns.iter().enumerate().map(|(position, column)| (column.name().to_owned(), position));
        JsonRows { positions: positions.collect(), columns, unknown: None, rows: 0 }
    }

    /// The columns that `carried` marks are text, and take values of any kind as they are written.
    pub(super) fn with_carried(self, carried: &[bool]) -> Self {
        let columns = self.columns.into_iter().zip(carried).map(|(column, carried)| column.with_verbatim(*carried));
        JsonRows { columns: columns.collect(), ..self }
    }

    pub(super) fn refuse_unknown(self, unknown: impl Fn(&str) -> String + Send + 'static) -> Self {
        JsonRows { unknown: Some(Box::new(unknown)), ..self }
    }

    /// Adds a row. What it lacks, or cannot be read, is null.
    pub(super) fn push(&mut self, object: &[u8]) -> Result<(), String> {
        let pushed = self.push_values(object);
        self.end_row();
        pushed
    }

    /// Adds a row of texts by their names. What it lacks, or cannot be read, is null.
    pub(super) fn push_texts<'f>(&mut self, fields: impl Iterator<Item = (&'f [u8], &'f [u8])>) -> Result<(), String> {
        let mut pushed = Ok(());
        for (name, text) in fields {
            pushed = pushed.and_then(|()| self.push_text(name, text));
        }
        self.end_row();
        pushed
    }

    fn push_text(&mut self, name: &[u8], text: &[u8]) -> Result<(), String> {
        let Some(position) = std::str::from_utf8(name).ok().and_then(|name| self.positions.get(name)) else {
            return Ok(());
        };
        let column = &mut self.columns[*position];
        if column.len() > self.rows {
            return Err(format!("column {:?} is named twice", column.name()));
        }
        let text = std::str::from_utf8(text).map_err(|_| format!("column {:?} is no UTF-8", column.name()))?;
        match column.ty() {
            ValueType::List(_) => push_value(column, text),
            ValueType::Scalar(ScalarType::String | ScalarType::Bytes) => column.push(text),
            ValueType::Scalar(_) if text.is_empty() => {
                column.push_null();
                Ok(())
            }
            ValueType::Scalar(_) => column.push(text),
        }
    }

    /// Reads the values of a row, which then waits for [`JsonRows::end_row`].
    pub(super) fn push_values(&mut self, object: &[u8]) -> Result<(), String> {
        let JsonRows { columns, positions, unknown, rows } = self;
        // Rows mostly name their columns in the same order.
        let mut expected = 0;
        each_value(object, |name, value| {
            let position = match columns.get(expected).filter(|column| column.name() == name) {
                Some(_) => expected,
                None => match positions.get(name) {
                    Some(position) => *position,
                    None => return unknown.as_ref().map_or(Ok(()), |unknown| Err(unknown(name))),
                },
            };
            expected = position + 1;
            if columns[position].len() > *rows {
                return Err(format!("column {name:?} is named twice"));
            }
            push_value(&mut columns[position], value)
        })
    }

    /// The columns that the row being read has not named.
    pub(super) fn lacking(&self) -> impl Iterator<Item = &ColumnBuilder> {
        self.columns.iter().filter(|column| column.len() == self.rows)
    }

    /// Ends the row being read; what it lacks is null.
    pub(super) fn end_row(&mut self) {
        self.rows += 1;
        self.columns.iter_mut().for_each(|column| column.pad(self.rows));
    }

    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// The columns so far; the next row begins new ones.
    pub(super) fn finish(&mut self) -> Vec<ArrayRef> {
        self.rows = 0;
        self.columns.iter_mut().map(ColumnBuilder::finish).collect()
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

pub(super) fn push_value(column: &mut ColumnBuilder, value: &str) -> Result<(), String> {
    match value.as_bytes() {
        [b'n', ..] => {
            column.push_null();
            Ok(())
        }
        _ if column.is_verbatim() => column.push(&unquoted(value).unwrap_or(Cow::Borrowed(value))),
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
        None => cell::problem(column.name(), column.ty(), value, column.form()),
    }
}

/// The text of a value, if it is of the kind that the type is written as.
fn scalar_text(ty: ValueType, value: &str) -> Option<Cow<'_, str>> {
    let (ValueType::Scalar(scalar) | ValueType::List(scalar)) = ty;
    let text = unquoted(value);
    match scalar {
        ScalarType::String | ScalarType::Bytes => text,
        ScalarType::Timestamp | ScalarType::Date => text.or(Some(Cow::Borrowed(value))),
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

/// Calls `each` with the name and the JSON of each value of an object.
pub(super) fn each_value(line: &[u8], each: impl FnMut(&str, &str) -> Result<(), String>) -> Result<(), String> {
    let mut values = EachValue { each, problem: None };
    let mut json = serde_json::Deserializer::from_slice(line);
    let read = (&mut values).deserialize(&mut json).and_then(|()| json.end());
    match (values.problem, read) {
        (Some(problem), _) => Err(problem),
        (None, Err(error)) => Err(not_an_object(line, &error)),
        (None, Ok(())) => Ok(()),
    }
}

fn not_an_object(line: &[u8], error: &serde_json::Error) -> String {
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    let what = if error.is_data() { "JSON object" } else { "JSON" };
    let rest = error.column().checked_sub(1).and_then(|column| line.get(column..)).unwrap_or_default();
    let is_no_number = [&b"NaN"[..], b"Infinity", b"-Infinity", b"aN", b"I"].iter().any(|name| rest.starts_with(name));
    let hint = if is_no_number { "; JSON has no NaN and no Infinity, write them in quotes or null" } else { "" };
    format!("it is no {what}: {message} (character {}){hint}", error.column())
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
