//! The rows of a file of JSON: one object a line (NDJSON), or one array of objects, as pandas writes it.

use std::io::{BufRead, BufReader};
use std::sync::Arc;

use asofdb_storage::{Error, Result};

use super::file::{FileReader, SourceFile};
use super::format::InputFormat;
use super::lines::{BYTE_ORDER_MARK, Lines, check_row_length};

/// The rows of a file, each as its JSON.
pub(super) enum JsonRecords {
    Lines(Lines),
    Items(Items),
}

impl JsonRecords {
    /// Begins at the first row.
    pub(super) fn new(file: &Arc<SourceFile>) -> Result<Self> {
        let mut items = Items::new(file);
        let is_array = items.skip_space().map_err(|error| file.unreadable(InputFormat::Ndjson, error))? == Some(b'[');
        // A row is an object, so a file that begins with a bracket is an array of them.
        Ok(if is_array { JsonRecords::Items(items) } else { JsonRecords::Lines(Lines::new(file, InputFormat::Ndjson)) })
    }

    /// Reads the next row, if there is one; [`JsonRecords::last`] gives it.
    ///
    /// # Errors
    /// `Corrupt` when the file cannot be read or the array is not one, `Invalid` when a row is too long.
    pub(super) fn next(&mut self) -> Result<bool> {
        match self {
            JsonRecords::Items(items) => items.next(),
            JsonRecords::Lines(lines) => loop {
                match lines.next()? {
                    Some(line) if line.trim_ascii().is_empty() => {}
                    Some(_) => return Ok(true),
                    None => return Ok(false),
                }
            },
        }
    }

    /// The row last read.
    pub(super) fn last(&self) -> &[u8] {
        match self {
            JsonRecords::Lines(lines) => lines.last(),
            JsonRecords::Items(items) => &items.item,
        }
    }

    /// The line in which the row last read begins, counted from 1.
    pub(super) fn line(&self) -> u64 {
        match self {
            JsonRecords::Lines(lines) => lines.number(),
            JsonRecords::Items(items) => items.item_line,
        }
    }

    /// Bytes of the file that have been read.
    pub(super) fn bytes_done(&self) -> u64 {
        match self {
            JsonRecords::Lines(lines) => lines.bytes_done(),
            JsonRecords::Items(items) => items.bytes_done,
        }
    }
}

/// The items of one JSON array. They are told apart by their brackets and quotes; what is within is read later.
pub(super) struct Items {
    file: Arc<SourceFile>,
    reader: BufReader<FileReader>,
    item: Vec<u8>,
    line: u64,
    item_line: u64,
    bytes_done: u64,
    items: u64,
    ended: bool,
}

impl Items {
    fn new(file: &Arc<SourceFile>) -> Self {
        let (reader, item) = (file.reader(), Vec::new());
        Items { file: file.clone(), reader, item, line: 1, item_line: 1, bytes_done: 0, items: 0, ended: false }
    }

    fn next(&mut self) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        match self.separator()? {
            Some(b'[') if self.items == 0 => self.skip(),
            Some(b',') if self.items > 0 => self.skip(),
            Some(b']') if self.items > 0 => return self.end(),
            _ => return Err(self.broken()),
        }
        match self.separator()? {
            Some(b']') if self.items == 0 => self.end(),
            Some(b',' | b']') | None => Err(self.broken()),
            Some(_) => self.read_item(),
        }
    }

    /// Reads an item up to the comma or bracket that ends it.
    fn read_item(&mut self) -> Result<bool> {
        self.item.clear();
        (self.item_line, self.items) = (self.line, self.items + 1);
        let mut scan = Scan::default();
        loop {
            let buffer = self.reader.fill_buf().map_err(|error| self.file.unreadable(InputFormat::Ndjson, error))?;
            if buffer.is_empty() {
                return Err(self.broken());
            }
            let end = buffer.iter().position(|byte| scan.ends_before(*byte));
            let taken = &buffer[..end.unwrap_or(buffer.len())];
            self.item.extend_from_slice(taken);
            self.line += taken.iter().filter(|byte| **byte == b'\n').count() as u64;
            let length = taken.len();
            self.bytes_done += length as u64;
            self.reader.consume(length);
            check_row_length(&self.file, self.item_line, InputFormat::Ndjson, self.item.len())?;
            if end.is_some() {
                return Ok(true);
            }
        }
    }

    /// Ends the array, after which nothing may follow.
    fn end(&mut self) -> Result<bool> {
        self.skip();
        self.ended = true;
        match self.separator()? {
            None => Ok(false),
            Some(_) => Err(self.broken()),
        }
    }

    fn separator(&mut self) -> Result<Option<u8>> {
        self.skip_space().map_err(|error| self.file.unreadable(InputFormat::Ndjson, error))
    }

    /// The next byte that is no white space, without taking it.
    fn skip_space(&mut self) -> std::io::Result<Option<u8>> {
        if self.bytes_done == 0 && self.reader.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
            self.reader.consume(BYTE_ORDER_MARK.len());
            self.bytes_done += BYTE_ORDER_MARK.len() as u64;
        }
        loop {
            match self.reader.fill_buf()?.first().copied() {
                Some(byte) if byte.is_ascii_whitespace() => {
                    self.line += u64::from(byte == b'\n');
                    self.skip();
                }
                other => return Ok(other),
            }
        }
    }

    fn skip(&mut self) {
        self.reader.consume(1);
        self.bytes_done += 1;
    }

    fn broken(&self) -> Error {
        let (name, line) = (self.file.name(), self.line);
        Error::corrupt(format!("file {name}, line {line}: the JSON array of rows is broken or cut short"))
    }
}

/// The place of a byte in an item of an array.
#[derive(Default)]
struct Scan {
    depth: usize,
    in_text: bool,
    escaped: bool,
}

impl Scan {
    /// Returns whether the item ended before this byte, and goes on past the byte if not.
    fn ends_before(&mut self, byte: u8) -> bool {
        if self.in_text {
            self.in_text = self.escaped || byte != b'"';
            self.escaped = !self.escaped && byte == b'\\';
            return false;
        }
        match byte {
            b'"' => self.in_text = true,
            b'{' | b'[' => self.depth += 1,
            b',' | b']' if self.depth == 0 => return true,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Result<Vec<(u64, String)>> {
        let file = Arc::new(SourceFile::spool("a.json", text.as_bytes())?);
        let (mut records, mut rows) = (JsonRecords::new(&file)?, Vec::new());
        while records.next()? {
            rows.push((records.line(), String::from_utf8_lossy(records.last()).trim().to_owned()));
        }
        assert_eq!(records.bytes_done(), text.len() as u64);
        Ok(rows)
    }

    #[test]
    fn the_items_of_an_array_are_rows_however_they_are_laid_out() {
        let expected =
            |lines: [u64; 2]| [(lines[0], "{\"a\":1}".to_owned()), (lines[1], "{\"b\":[\"],{\"]}".to_owned())];
        for (text, lines) in [
            ("[{\"a\":1},{\"b\":[\"],{\"]}]", [1, 1]),
            ("\u{feff}\n [ {\"a\":1} ,\n{\"b\":[\"],{\"]}\n]\n", [2, 3]),
            ("{\"a\":1}\n\n{\"b\":[\"],{\"]}", [1, 3]),
        ] {
            assert_eq!(rows(text).unwrap(), expected(lines), "{text}");
        }
        assert_eq!(rows("[]").unwrap(), []);
        assert_eq!(rows("[1, \"a\\\\\\\", b\", null]").unwrap()[1], (1, "\"a\\\\\\\", b\"".to_owned()));
    }

    #[test]
    fn an_array_that_does_not_end_or_goes_on_is_broken() {
        for text in ["[", "[{\"a\":1}", "[{\"a\":1},", "[{\"a\":1},]", "[{\"a\":1}]x", "[{\"a\":\"]", "[,1]"] {
            assert!(rows(text).unwrap_err().message().contains("broken or cut short"), "{text}");
        }
    }
}
