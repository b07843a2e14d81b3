//! A TOML document whose every error says where: `file:line:column: message`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::ops::RangeInclusive;
use std::path::Path;

use asofdb_storage::{Error, ErrorKind, Result, Span, Step};
use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue};

use crate::definitions::suggest::did_you_mean;

/// Reads the text of a document, which is a `what`. Of a file that is over `bytes_max` a little more is read, for
/// the parser to refuse it.
///
/// # Errors
/// `NotFound` when there is no such file, `Unavailable` when it cannot be read, `Invalid` when it is not text.
pub fn read_text(path: &Path, what: &str, bytes_max: usize) -> Result<String> {
    let origin = path.display().to_string();
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(bytes_max as u64 + 1).read_to_end(&mut bytes));
    read.map_err(|error| cannot_read(&origin, what, error))?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let text = str::from_utf8(&error.as_bytes()[..valid]).unwrap_or_default();
        TomlText { origin: &origin, text }.invalid(valid, format!("a {what} is UTF-8 text"))
    })
}

fn cannot_read(origin: &str, what: &str, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::not_found(format!("{what} does not exist: {origin}")),
        io::ErrorKind::IsADirectory => Error::invalid(format!("a {what} is a file, not a directory: {origin}")),
        _ => Error::unavailable(format!("{what} cannot be read: {origin}: {error}")).with_source(error),
    }
}

/// The text of a document and the name it goes by in errors.
#[derive(Clone, Copy)]
pub struct TomlText<'a> {
    /// The name of the file, for errors.
    pub origin: &'a str,
    /// Its text.
    pub text: &'a str,
}

impl<'a> TomlText<'a> {
    /// Reads the text as TOML.
    pub fn parse(self) -> Result<Spanned<DeTable<'a>>> {
        DeTable::parse(self.text).map_err(|error| {
            let at = error.span().map_or(self.text.len(), |span| span.start);
            self.invalid(at, one_line(error.message()))
        })
    }

    /// The place of the byte at offset `at`, as `file:line:column`.
    pub(crate) fn place(self, at: usize) -> String {
        let (line, column) = position(self.text, at);
        format!("{}:{line}:{column}", self.origin)
    }

    /// An error about the byte at offset `at`.
    pub(crate) fn error(self, kind: ErrorKind, at: usize, message: impl AsRef<str>) -> Error {
        let (line, column) = position(self.text, at);
        Error::new(kind, format!("{}:{line}:{column}: {}", self.origin, message.as_ref()))
    }

    /// The error about the place `at`, in bytes from the start.
    pub fn invalid(self, at: usize, message: impl AsRef<str>) -> Error {
        self.error(ErrorKind::Invalid, at, message)
    }
}

fn one_line(message: &str) -> String {
    message.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

/// Line and column, from 1, of a byte offset; columns count characters.
fn position(text: &str, at: usize) -> (usize, usize) {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// Finds the place to which `path` leads: the offset of its value, or of what encloses it when it is not written down.
pub(crate) fn offset_of(document: &Spanned<DeTable>, path: &[Step]) -> usize {
    let Some((first, rest)) = path.split_first() else { return document.span().start };
    let Step::Field(name) = first else { return document.span().start };
    let Some(mut value) = document.get_ref().get(*name) else { return document.span().start };
    for step in rest {
        let inner = match (step, value.get_ref()) {
            (Step::Field(name), DeValue::Table(table)) => table.get(*name),
            (Step::Item(index), DeValue::Array(array)) => array.get(*index),
            _ => None,
        };
        match inner {
            Some(inner) => value = inner,
            None => break,
        }
    }
    value.span().start
}

/// A value and what it is the value of, ready to be read as one type or another.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    source: TomlText<'a>,
    name: &'a str,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Field<'a> {
    pub(crate) fn value(&self) -> &'a DeValue<'a> {
        self.value.get_ref()
    }

    pub(crate) fn at(&self) -> usize {
        self.value.span().start
    }

    pub(crate) fn source(&self) -> TomlText<'a> {
        self.source
    }

    /// The name of the field.
    pub(crate) fn name(&self) -> &'a str {
        self.name
    }

    /// The error about its place.
    pub fn invalid(&self, message: impl AsRef<str>) -> Error {
        self.source.invalid(self.at(), message)
    }

    fn wrong_type(&self, wanted: &str) -> Error {
        self.invalid(format!("{} is {wanted}, not {}", self.name, kind_of(self.value())))
    }

    /// Text.
    ///
    /// # Errors
    /// `Invalid` for anything else.
    pub fn text(&self) -> Result<&'a str> {
        match self.value() {
            DeValue::String(text) => Ok(text),
            _ => Err(self.wrong_type("text in quotes")),
        }
    }

    fn flag(&self) -> Result<bool> {
        match self.value() {
            DeValue::Boolean(flag) => Ok(*flag),
            _ => Err(self.wrong_type("true or false")),
        }
    }

    /// A whole number within `range`.
    pub fn whole_number(&self, range: RangeInclusive<u32>) -> Result<u32> {
        let DeValue::Integer(number) = self.value() else {
            return Err(self.wrong_type("a whole number"));
        };
        let value = u32::from_str_radix(number.as_str(), number.radix()).ok().filter(|value| range.contains(value));
        value.ok_or_else(|| {
            let (least, most) = (range.start(), range.end());
            self.invalid(format!("{} is from {least} to {most}: {number}", self.name))
        })
    }

    /// A duration such as `2h` or `1d 12h`, to the microsecond.
    fn span(&self) -> Result<Span> {
        let DeValue::String(text) = self.value() else {
            return Err(self.wrong_type("a duration in quotes such as \"2h\""));
        };
        self.span_of(text)
    }

    /// The duration that a part of the field says.
    pub(crate) fn span_of(&self, text: &str) -> Result<Span> {
        let duration = humantime::parse_duration(text).map_err(|error| {
            self.invalid(format!("{} is a duration such as \"2h\" or \"1d 12h\": {text:?}: {error}", self.name))
        })?;
        Span::try_from(duration)
            .map_err(|_| self.invalid(format!("{} is whole microseconds, at most 292000 years: {text:?}", self.name)))
    }

    fn array(&self) -> Result<&'a DeArray<'a>> {
        match self.value() {
            DeValue::Array(array) => Ok(array),
            _ => Err(self.wrong_type("a list in brackets")),
        }
    }

    /// The items of a list.
    ///
    /// # Errors
    /// `Invalid` for anything else.
    pub fn items(&self) -> Result<impl Iterator<Item = Field<'a>>> {
        let (source, name) = (self.source, self.name);
        Ok(self.array()?.iter().map(move |value| Field { source, name, value }))
    }

    fn texts(&self) -> Result<Vec<String>> {
        self.items()?.map(|item| item.text().map(str::to_owned)).collect()
    }

    /// The fields of a table whose keys are names that somebody has given.
    ///
    /// # Errors
    /// `Invalid` for anything but a table.
    pub(crate) fn entries(&self) -> Result<impl Iterator<Item = Field<'a>>> {
        let DeValue::Table(table) = self.value() else { return Err(self.wrong_type("a table")) };
        let source = self.source;
        Ok(table.iter().map(move |(key, value)| Field { source, name: key.get_ref(), value }))
    }

    fn tags(&self) -> Result<BTreeMap<String, String>> {
        let DeValue::Table(table) = self.value() else {
            return Err(self.wrong_type("a table such as { tier = \"1\" }"));
        };
        let pairs = table.iter().map(|(key, value)| {
            let tag = Field { source: self.source, name: "a tag", value };
            Ok((key.get_ref().to_string(), tag.text()?.to_owned()))
        });
        pairs.collect()
    }
}

fn kind_of(value: &DeValue) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A table of which every key is known.
#[derive(Clone, Copy)]
pub struct Table<'a> {
    source: TomlText<'a>,
    what: &'static str,
    at: usize,
    table: &'a DeTable<'a>,
}

impl<'a> Table<'a> {
    /// The document itself, which is a `what`; refuses keys other than `keys`.
    pub fn document(
        source: TomlText<'a>,
        document: &'a Spanned<DeTable<'a>>,
        what: &'static str,
        keys: &[&str],
    ) -> Result<Self> {
        Table { source, what, at: document.span().start, table: document.get_ref() }.only(keys)
    }

    /// Refuses keys other than `keys`.
    fn only(self, keys: &[&str]) -> Result<Self> {
        let unknown = self.table.iter().map(|(key, _)| key).find(|key| !keys.contains(&key.get_ref().as_ref()));
        match unknown {
            None => Ok(self),
            Some(key) => Err(self.source.invalid(key.span().start, self.unknown_key(key.get_ref(), keys))),
        }
    }

    fn unknown_key(&self, key: &DeString, keys: &[&str]) -> String {
        let advice = match did_you_mean(key, keys.iter().copied()) {
            none if none.is_empty() => format!("; known are {}", keys.join(", ")),
            question => question,
        };
        format!("{} has no key {key:?}{advice}", self.what)
    }

    /// The field of this name, if there is one.
    pub fn field(&self, name: &'a str) -> Option<Field<'a>> {
        self.table.get(name).map(|value| Field { source: self.source, name, value })
    }

    /// The field of this name.
    ///
    /// # Errors
    /// `Invalid` when there is none.
    pub fn required(&self, name: &'a str) -> Result<Field<'a>> {
        self.field(name).ok_or_else(|| self.missing(name))
    }

    /// The error that a field is missing.
    pub(crate) fn missing(&self, name: &str) -> Error {
        self.invalid(format!("{} needs the key {name:?}", self.what))
    }

    /// The error about the whole table.
    pub fn invalid(&self, message: impl AsRef<str>) -> Error {
        self.source.invalid(self.at, message)
    }

    /// Text that may be left out; empty then.
    pub(crate) fn text(&self, name: &'a str) -> Result<String> {
        self.field(name).map_or(Ok(String::new()), |field| field.text().map(str::to_owned))
    }

    pub(crate) fn required_text(&self, name: &'a str) -> Result<String> {
        self.required(name)?.text().map(str::to_owned)
    }

    pub(crate) fn optional_text(&self, name: &'a str) -> Result<Option<String>> {
        self.field(name).map(|field| field.text().map(str::to_owned)).transpose()
    }

    pub(crate) fn flag(&self, name: &'a str) -> Result<Option<bool>> {
        self.field(name).map(|field| field.flag()).transpose()
    }

    /// A duration, if the field is there.
    ///
    /// # Errors
    /// `Invalid` for anything else.
    pub fn span(&self, name: &'a str) -> Result<Option<Span>> {
        self.field(name).map(|field| field.span()).transpose()
    }

    pub(crate) fn required_span(&self, name: &'a str) -> Result<Span> {
        self.required(name)?.span()
    }

    /// A whole number within a range, if the field is there.
    ///
    /// # Errors
    /// `Invalid` for anything else.
    pub fn whole_number(&self, name: &'a str, range: RangeInclusive<u32>) -> Result<Option<u32>> {
        self.field(name).map(|field| field.whole_number(range)).transpose()
    }

    pub(crate) fn required_texts(&self, name: &'a str) -> Result<Vec<String>> {
        self.required(name)?.texts()
    }

    /// A list of texts and of lists of them, a text being a list of one; none when it is left out.
    pub(crate) fn lists_of_texts(&self, name: &'a str) -> Result<Vec<Vec<String>>> {
        let Some(field) = self.field(name) else { return Ok(Vec::new()) };
        let list = |item: Field<'a>| match item.value() {
            DeValue::Array(_) => item.texts(),
            _ => item.text().map(|text| vec![text.to_owned()]),
        };
        field.items()?.map(list).collect()
    }

    /// Texts by name; none when they are left out.
    ///
    /// # Errors
    /// `Invalid` for anything else.
    pub fn tags(&self, name: &'a str) -> Result<BTreeMap<String, String>> {
        self.field(name).map_or(Ok(BTreeMap::new()), |field| field.tags())
    }

    /// A table, if it is there; it is a `what` and has no keys but `keys`.
    pub fn table(&self, name: &'a str, what: &'static str, keys: &[&str]) -> Result<Option<Table<'a>>> {
        let Some(field) = self.field(name) else { return Ok(None) };
        match field.value() {
            DeValue::Table(table) => Table { source: self.source, what, at: field.at(), table }.only(keys).map(Some),
            _ => Err(field.wrong_type("a table")),
        }
    }

    /// The tables of a list, none when it is left out; each is a `what` and has no keys but `keys`.
    pub fn tables(&self, name: &'a str, what: &'static str, keys: &[&str]) -> Result<Vec<Table<'a>>> {
        let Some(field) = self.field(name) else { return Ok(Vec::new()) };
        if matches!(field.value(), DeValue::Table(_)) {
            return Err(field.invalid(format!("there can be several of {what}: write it in double brackets")));
        }
        let tables = field.items()?.map(|item| match item.value() {
            DeValue::Table(table) => Table { source: self.source, what, at: item.at(), table }.only(keys),
            _ => Err(item.wrong_type("a list of tables")),
        });
        tables.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        assert_eq!(position("", 0), (1, 1));
        assert_eq!(position("a\nbc", 3), (2, 2));
        assert_eq!(position("é=1", 2), (1, 2));
        assert_eq!(position("é", 1), (1, 1));
        assert_eq!(position("a\r\nb", 99), (2, 2));
    }

    #[test]
    fn messages_of_the_parser_become_one_line() {
        assert_eq!(one_line("a\n  b\n\n"), "a; b");
    }
}
