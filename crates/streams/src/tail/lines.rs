//! Lines of what grows.

use std::io::{BufRead, BufReader, Read, Result};
use std::mem;

use crate::source::{Content, Record};

/// Most bytes of a line, its end included: a few times the longest row that can be stored.
pub const LINE_BYTES_MAX: usize = 4 << 20;

/// The reason why a longer one is a bad record.
const TOO_LONG: &str = "a line has at most 4194304 bytes";

/// Lines out of bytes that come little by little. A line without an end waits for the rest.
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    /// The line that is being read, as far as it is kept, and what is taken of it.
    line: Vec<u8>,
    taken: u64,
    is_whole: bool,
    /// The offset of its first byte.
    start: u64,
}

impl<R: Read> Lines<R> {
    /// The lines of a reader that stands at this offset.
    pub(super) fn new(reader: R, start: u64) -> Self {
        Lines {
            reader: BufReader::with_capacity(256 << 10, reader),
            line: Vec::new(),
            taken: 0,
            is_whole: false,
            start,
        }
    }

    /// The offset behind the last line that was given.
    pub(super) fn offset(&self) -> u64 {
        if self.is_whole { self.start + self.taken } else { self.start }
    }

    pub(super) fn get_ref(&self) -> &R {
        self.reader.get_ref()
    }

    /// The next line that has its end, and not only white space; `None` where there is none yet.
    pub(super) fn next(&mut self) -> Result<Option<Record<'_>>> {
        loop {
            self.begin();
            while !self.is_whole {
                let buffer = self.reader.fill_buf()?;
                if buffer.is_empty() {
                    return Ok(None);
                }
                let end = buffer.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
                let count = end.unwrap_or(buffer.len());
                let room = LINE_BYTES_MAX.saturating_sub(self.line.len());
                self.line.extend_from_slice(&buffer[..count.min(room)]);
                self.taken += count as u64;
                self.is_whole = end.is_some();
                self.reader.consume(count);
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(Some(self.record()));
            }
        }
    }

    /// The last line, where nothing follows any more: it may lack its end.
    pub(super) fn last(&mut self) -> Option<Record<'_>> {
        self.begin();
        self.is_whole = self.taken > 0;
        (!self.line.trim_ascii().is_empty()).then(|| self.record())
    }

    /// Leaves the line that was given.
    fn begin(&mut self) {
        if mem::take(&mut self.is_whole) {
            self.start += mem::take(&mut self.taken);
            self.line.clear();
        }
    }

    fn record(&self) -> Record<'_> {
        let is_kept = self.taken <= LINE_BYTES_MAX as u64;
        let content = if is_kept { Content::Value(&self.line) } else { Content::Bad(TOO_LONG) };
        Record { offset: self.start.into(), content }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::io;

    use super::*;

    /// Bytes that come in pieces; between two there is nothing yet.
    struct Pieces(VecDeque<Vec<u8>>);

    impl Read for Pieces {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let Some(mut piece) = self.0.pop_front() else { return Ok(0) };
            let count = piece.len().min(out.len());
            out[..count].copy_from_slice(&piece[..count]);
            if count < piece.len() {
                self.0.push_front(piece.split_off(count));
            }
            Ok(count)
        }
    }

    fn text(record: Option<Record<'_>>) -> Option<(u128, String)> {
        record.map(|record| match record.content {
            Content::Value(value) => (record.offset, String::from_utf8_lossy(value).into_owned()),
            Content::Bad(reason) => (record.offset, reason.to_owned()),
            Content::Fields(_) => panic!("lines have no fields"),
        })
    }

    #[test]
    fn lines_wait_for_their_ends_and_say_where_they_begin() {
        let pieces = ["ab\n\n \nc", "", "d", "", "\nlast"].map(|piece| piece.as_bytes().to_vec());
        let mut lines = Lines::new(Pieces(pieces.into()), 100);
        assert_eq!(text(lines.next().unwrap()), Some((100, "ab\n".to_owned())));
        assert_eq!((text(lines.next().unwrap()), lines.offset()), (None, 106));
        assert_eq!((text(lines.next().unwrap()), lines.offset()), (None, 106));
        assert_eq!(text(lines.next().unwrap()), Some((106, "cd\n".to_owned())));
        assert_eq!((text(lines.next().unwrap()), lines.offset()), (None, 109));
        assert_eq!(text(lines.last()), Some((109, "last".to_owned())));
        assert_eq!((text(lines.last()), lines.offset()), (None, 113));
    }

    #[test]
    fn a_line_that_is_too_long_is_a_bad_record_and_takes_no_memory() {
        let mut pieces: VecDeque<Vec<u8>> = (0..3).map(|_| vec![b'x'; LINE_BYTES_MAX]).collect();
        pieces.push_back(b"\n{}\n".to_vec());
        let mut lines = Lines::new(Pieces(pieces), 0);
        assert_eq!(text(lines.next().unwrap()), Some((0, TOO_LONG.to_owned())));
        assert!(TOO_LONG.contains(&LINE_BYTES_MAX.to_string()) && lines.line.capacity() <= 2 * LINE_BYTES_MAX);
        assert_eq!(text(lines.next().unwrap()), Some((3 * LINE_BYTES_MAX as u128 + 1, "{}\n".to_owned())));
    }
}
