//! One record of CSV (RFC 4180): fields between delimiters, quotes around those that need them.

use std::ops::Range;

use super::delimiter::Delimiter;

const NOT_UTF_8: &str = "it is not UTF-8";

/// A record that is read line by line, because fields in quotes may hold line ends.
#[derive(Debug)]
pub(super) struct CsvRecord {
    delimiter: u8,
    /// The fields without their quotes, one after the other.
    text: Vec<u8>,
    ends: Vec<FieldEnd>,
    in_quotes: bool,
    malformed: bool,
}

/// The end of a field in the text of its record.
#[derive(Debug, Clone, Copy)]
struct FieldEnd {
    end: usize,
    /// True if it stood in quotes: `""` is the empty text, and nothing at all is null.
    quoted: bool,
}

impl CsvRecord {
    pub(super) fn new(delimiter: Delimiter) -> Self {
        let delimiter = delimiter.byte();
        CsvRecord { delimiter, text: Vec::new(), ends: Vec::new(), in_quotes: false, malformed: false }
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.in_quotes = false;
        self.malformed = false;
    }

    /// Reads a line; whether the record ends with it.
    pub(super) fn feed(&mut self, line: &[u8]) -> bool {
        let mut rest = if self.in_quotes { self.quoted(line) } else { Some(line) };
        while let Some(field) = rest {
            rest = match field.strip_prefix(b"\"") {
                Some(quoted) => self.quoted(quoted),
                None => self.plain(field),
            };
        }
        !self.in_quotes
    }

    /// Reads a field without quotes; gives what follows the delimiter after it.
    fn plain<'l>(&mut self, line: &'l [u8]) -> Option<&'l [u8]> {
        let (field, rest) = split(line, self.delimiter);
        self.text.extend_from_slice(if rest.is_none() { without_end(field) } else { field });
        self.end_field(false);
        rest
    }

    /// Reads on in a field with quotes; gives what follows the delimiter after it.
    fn quoted<'l>(&mut self, mut line: &'l [u8]) -> Option<&'l [u8]> {
        loop {
            let (text, rest) = split(line, b'"');
            self.text.extend_from_slice(text);
            let Some(rest) = rest else {
                self.in_quotes = true;
                return None;
            };
            self.in_quotes = false;
            match rest.strip_prefix(b"\"") {
                Some(more) => {
                    self.text.push(b'"');
                    line = more;
                }
                None => return self.end_quoted(rest),
            }
        }
    }

    fn end_quoted<'l>(&mut self, line: &'l [u8]) -> Option<&'l [u8]> {
        let (between, rest) = split(line, self.delimiter);
        self.malformed |= !without_end(between).is_empty();
        self.end_field(true);
        rest
    }

    fn end_field(&mut self, quoted: bool) {
        self.ends.push(FieldEnd { end: self.text.len(), quoted });
    }

    /// The fields, or what is wrong with the record.
    pub(super) fn fields(&self) -> Result<Fields<'_>, &'static str> {
        if self.malformed {
            return Err("text follows a closing quote");
        }
        if self.in_quotes {
            return Err("a quote is left open");
        }
        let text = std::str::from_utf8(&self.text).map_err(|_| NOT_UTF_8)?;
        // The fields stand one behind the other: two broken characters of neighbours may make a whole one.
        let is_whole = |end: &FieldEnd| text.is_char_boundary(end.end);
        if self.ends.iter().all(is_whole) { Ok(Fields { text, ends: &self.ends }) } else { Err(NOT_UTF_8) }
    }

    /// The number of fields.
    pub(super) fn count(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of all fields.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// All of it, readable, whatever it is.
    pub(super) fn lossy(&self) -> Vec<String> {
        let field = |index| String::from_utf8_lossy(&self.text[range(&self.ends, index)]).into_owned();
        (0..self.ends.len()).map(field).collect()
    }
}

/// The fields of a record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'r> {
    text: &'r str,
    ends: &'r [FieldEnd],
}

impl<'r> Fields<'r> {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, index: usize) -> &'r str {
        // No field ends within a character: `CsvRecord::fields` has looked.
        &self.text[range(self.ends, index)]
    }

    /// Returns whether a field stood in quotes.
    pub(super) fn is_quoted(&self, index: usize) -> bool {
        self.ends[index].quoted
    }

    pub(super) fn iter(self) -> impl Iterator<Item = &'r str> {
        (0..self.len()).map(move |index| self.get(index))
    }
}

fn range(ends: &[FieldEnd], index: usize) -> Range<usize> {
    let start = if index == 0 { 0 } else { ends[index - 1].end };
    start..ends[index].end
}

/// Splits a line into what is before the first `byte`, and what is after it.
fn split(line: &[u8], byte: u8) -> (&[u8], Option<&[u8]>) {
    match line.iter().position(|found| *found == byte) {
        Some(at) => (&line[..at], Some(&line[at + 1..])),
        None => (line, None),
    }
}

pub(super) fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Vec<String> {
        let mut record = CsvRecord::new(Delimiter::COMMA);
        let complete: Vec<_> = lines.iter().map(|line| record.feed(line.as_bytes())).collect();
        assert!(complete.iter().rev().skip(1).all(|complete| !complete) && *complete.last().unwrap(), "{complete:?}");
        record.fields().unwrap().iter().map(str::to_owned).collect()
    }

    #[test]
    fn fields_end_at_commas_and_line_ends() {
        assert_eq!(read(&["a,b,c\n"]), ["a", "b", "c"]);
        assert_eq!(read(&["a,,\r\n"]), ["a", "", ""]);
        assert_eq!(read(&["é"]), ["é"]);
    }

    #[test]
    fn quotes_hold_commas_quotes_and_line_ends() {
        assert_eq!(read(&["\"a,b\",\"say \"\"hi\"\"\"\n"]), ["a,b", "say \"hi\""]);
        assert_eq!(read(&["x,\"two\r\n", "lines\"\r\n"]), ["x", "two\r\nlines"]);
        assert_eq!(read(&["\"\",b\n"]), ["", "b"]);
        assert_eq!(read(&["5\" pipe,b\n"]), ["5\" pipe", "b"]);
    }

    #[test]
    fn fields_know_whether_they_stood_in_quotes() {
        let mut record = CsvRecord::new(Delimiter::COMMA);
        assert!(record.feed(b"\"\",,\"a\",b\n"));
        let fields = record.fields().unwrap();
        assert_eq!([0, 1, 2, 3].map(|index| fields.is_quoted(index)), [true, false, true, false]);
        assert_eq!(fields.iter().collect::<Vec<_>>(), ["", "", "a", "b"]);
    }

    #[test]
    fn other_delimiters_part_fields_as_commas_do() {
        let mut record = CsvRecord::new(";".parse().unwrap());
        assert!(record.feed(b"1,5;\"a;b\";\n"));
        assert_eq!(record.fields().unwrap().iter().collect::<Vec<_>>(), ["1,5", "a;b", ""]);
    }

    #[test]
    fn broken_characters_of_neighbours_make_no_whole_one() {
        let mut record = CsvRecord::new(Delimiter::COMMA);
        for line in [&b"a\xd0,\x96b"[..], b"\"a\xd0\",\x96b\n", b"\xd0,\"\x96\"\r\n", b"\xd0,,\x96"] {
            record.clear();
            assert!(record.feed(line));
            assert_eq!(record.fields().unwrap_err(), "it is not UTF-8", "{line:?}");
        }
        record.clear();
        assert!(record.feed("é,Ж".as_bytes()));
        assert_eq!(record.fields().unwrap().iter().collect::<Vec<_>>(), ["é", "Ж"]);
    }

    #[test]
    fn a_quote_that_never_closes_or_closes_early_is_malformed() {
        let mut record = CsvRecord::new(Delimiter::COMMA);
        assert!(!record.feed(b"a,\"b\n"));
        assert_eq!(record.fields().unwrap_err(), "a quote is left open");
        record.clear();
        assert!(record.feed(b"\"a\"b,c\n"));
        assert_eq!(record.fields().unwrap_err(), "text follows a closing quote");
    }
}
