//! HTTP/1.1 on one kept connection: as much of it as a request with a body and an answer with a length need. Written by
//! hand, so that a general client's own time is not a server's.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use crate::contender::Fallible;

/// A connection.
#[derive(Debug)]
pub struct HttpConnection {
    stream: BufReader<TcpStream>,
    host: String,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl HttpConnection {
    /// Connects.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn connect(host: &str) -> Fallible<Self> {
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        Ok(HttpConnection {
            stream: BufReader::with_capacity(1 << 18, stream),
            host: host.into(),
            request: Vec::new(),
            answer: Vec::new(),
        })
    }

    /// Sends a body and returns that of the answer.
    ///
    /// # Errors
    /// When the answer is no 200, or has no length.
    pub fn post(&mut self, path: &str, kind: &str, body: &[u8]) -> Fallible<&[u8]> {
        self.request.clear();
        write!(
            self.request,
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: {kind}\r\naccept: {kind}\r\ncontent-length: {}\r\n\r\n",
            self.host,
            body.len()
        )?;
        self.request.extend_from_slice(body);
        self.stream.get_mut().write_all(&self.request)?;
        let (mut line, mut length, mut is_good) = (String::new(), None, false);
        for number in 0.. {
            line.clear();
            self.stream.read_line(&mut line)?;
            match line.trim_end().split_once(':') {
                None if line.trim_end().is_empty() => break,
                None if number == 0 => is_good = line.contains(" 200 "),
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = Some(value.trim().parse::<usize>()?);
                }
                _ => {}
            }
        }
        self.answer.resize(length.ok_or("an answer without a length")?, 0);
        self.stream.read_exact(&mut self.answer)?;
        match is_good {
            true => Ok(&self.answer),
            false => Err(String::from_utf8_lossy(&self.answer).into_owned().into()),
        }
    }
}
