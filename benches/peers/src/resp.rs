//! RESP, the protocol of Redis: as much of it as commands over binary strings need.

use std::io::{self, ErrorKind, Read};

/// Room for a reply; the largest that the benches ask for, 1,000 rows, fills most of it.
const BUFFER_BYTES: usize = 1 << 20;

/// Appends the head of a command of so many words, its name included.
pub fn command(words: usize, out: &mut Vec<u8>) {
    head(b'*', words, out);
}

/// Appends a word of a command.
pub fn word(bytes: &[u8], out: &mut Vec<u8>) {
    head(b'$', bytes.len(), out);
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

fn head(kind: u8, number: usize, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    let mut rest = number;
    loop {
        first -= 1;
        digits[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.push(kind);
    out.extend_from_slice(&digits[first..]);
    out.extend_from_slice(b"\r\n");
}

/// Replies, read from `source` and cut into their parts without a copy.
#[derive(Debug)]
pub struct Replies<R> {
    source: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl<R: Read> Replies<R> {
    pub fn new(source: R) -> Self {
        Replies { source, buffer: vec![0; BUFFER_BYTES].into(), start: 0, end: 0 }
    }

    /// Takes the head of an array: how many parts follow.
    pub fn array(&mut self) -> io::Result<usize> {
        let parts = self.number(b'*')?;
        usize::try_from(parts).map_err(|_| malformed("an array", b"a null"))
    }

    /// Takes a string; `None` is a null.
    pub fn bulk(&mut self) -> io::Result<Option<&[u8]>> {
        let Ok(bytes) = usize::try_from(self.number(b'$')?) else { return Ok(None) };
        self.fill(bytes + 2)?;
        let string = self.start..self.start + bytes;
        self.start = string.end + 2;
        Ok(Some(&self.buffer[string]))
    }

    /// Takes a reply of one line: a status (`+`) or a number (`:`).
    pub fn skip_line(&mut self, kind: u8) -> io::Result<()> {
        self.line(kind).map(drop)
    }

    fn number(&mut self, kind: u8) -> io::Result<i64> {
        let line = self.line(kind)?;
        let text = std::str::from_utf8(line).ok();
        text.and_then(|text| text.parse().ok()).ok_or_else(|| malformed("a number", line))
    }

    /// Takes a line, which must be of this kind, without its ending.
    fn line(&mut self, kind: u8) -> io::Result<&[u8]> {
        let mut seen = 0;
        let bytes = loop {
            let unread = &self.buffer[self.start..self.end];
            match unread[seen..].iter().position(|byte| *byte == b'\n') {
                Some(position) => break seen + position,
                None => seen = unread.len(),
            }
            self.fill(seen + 1)?;
        };
        let line = self.start..self.start + bytes.saturating_sub(1);
        self.start += bytes + 1;
        let line = &self.buffer[line];
        match line.split_first() {
            Some((first, rest)) if *first == kind => Ok(rest),
            _ => Err(malformed(&format!("a reply of kind {:?}", char::from(kind)), line)),
        }
    }

    /// Reads until so many bytes are unread.
    fn fill(&mut self, bytes: usize) -> io::Result<()> {
        if self.start == self.end || self.start + bytes > self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if bytes > self.buffer.len() {
            return Err(malformed("strings that fit into the buffer", bytes.to_string().as_bytes()));
        }
        while self.end - self.start < bytes {
            match self.source.read(&mut self.buffer[self.end..])? {
                0 => return Err(io::Error::new(ErrorKind::UnexpectedEof, "the server closed the connection")),
                read => self.end += read,
            }
        }
        Ok(())
    }
}

fn malformed(expected: &str, found: &[u8]) -> io::Error {
    let found = String::from_utf8_lossy(found);
    io::Error::new(ErrorKind::InvalidData, format!("expected {expected}, the server sent {found:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a byte a read: the worst that a socket can do.
    struct Dribble<'a>(&'a [u8]);

    impl Read for Dribble<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let bytes = self.0.len().min(1);
            out[..bytes].copy_from_slice(&self.0[..bytes]);
            self.0 = &self.0[bytes..];
            Ok(bytes)
        }
    }

    #[test]
    fn a_command_has_the_length_of_every_word() {
        let mut out = Vec::new();
        command(2, &mut out);
        word(b"GET", &mut out);
        word(b"\r\n0", &mut out);
        assert_eq!(out, b"*2\r\n$3\r\nGET\r\n$3\r\n\r\n0\r\n");
    }

    #[test]
    fn replies_are_read_however_they_arrive() {
        let bytes = b"*2\r\n$4\r\na\r\nb\r\n$-1\r\n+OK\r\n:12\r\n";
        let mut replies = Replies::new(Dribble(bytes));
        assert_eq!(replies.array().expect("an array"), 2);
        assert_eq!(replies.bulk().expect("a string"), Some(&b"a\r\nb"[..]));
        assert_eq!(replies.bulk().expect("a null"), None);
        replies.skip_line(b'+').expect("a status");
        replies.skip_line(b':').expect("a number");
        assert_eq!(replies.skip_line(b'+').expect_err("the end").kind(), ErrorKind::UnexpectedEof);
    }

    #[test]
    fn more_than_the_buffer_holds_is_read_string_by_string() {
        let string = [b"$100000\r\n".as_slice(), &[b'x'; 100_000], b"\r\n"].concat();
        let mut replies = Replies::new(io::Cursor::new(string.repeat(25)));
        for _ in 0..25 {
            assert_eq!(replies.bulk().expect("a string"), Some([b'x'; 100_000].as_slice()));
        }
    }

    #[test]
    fn an_error_reply_is_an_error_that_quotes_it() {
        let error = Replies::new(&b"-ERR wrong number of arguments\r\n"[..]).bulk().expect_err("an error");
        assert!(error.to_string().contains("ERR wrong number of arguments"), "{error}");
    }
}
