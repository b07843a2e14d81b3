//! A client of HTTP that holds one connection, as a good client does.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// The place where HTTP is served.
#[derive(Debug, Clone)]
pub(crate) enum HttpTarget {
    Unix(PathBuf),
    Tcp(SocketAddr),
}

/// A connection, which is made when it is needed, and again where the server has closed it between two requests.
#[derive(Debug)]
pub(crate) struct HttpClient {
    target: HttpTarget,
    timeout: Duration,
    stream: Option<Stream>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

#[derive(Debug)]
enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl HttpClient {
    /// A client that waits for each answer for so long at most.
    pub(crate) fn new(target: HttpTarget, timeout: Duration) -> Self {
        HttpClient { target, timeout, stream: None }
    }

    /// Asks for a path; with a body it is a POST.
    ///
    /// # Errors
    /// Those of the socket, and `InvalidData` for what is no answer. A connection that was closed before the request
    /// is replaced once.
    pub(crate) fn ask(&mut self, path: &str, body: Option<&str>) -> io::Result<Reply> {
        let was_open = self.stream.is_some();
        let answered = self.ask_once(path, body);
        if answered.is_ok() {
            return answered;
        }
        self.stream = None;
        if was_open { self.ask_once(path, body).inspect_err(|_| self.stream = None) } else { answered }
    }

    fn ask_once(&mut self, path: &str, body: Option<&str>) -> io::Result<Reply> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            closed => closed.insert(self.target.connect(self.timeout)?),
        };
        stream.write_all(request(path, body).as_bytes())?;
        let (reply, goes_on) = read_reply(stream)?;
        if !goes_on {
            self.stream = None;
        }
        Ok(reply)
    }
}

/// The bytes of a request.
pub(crate) fn request(path: &str, body: Option<&str>) -> String {
    match body {
        None => format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        Some(body) => format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    }
}

impl HttpTarget {
    fn connect(&self, timeout: Duration) -> io::Result<Stream> {
        let timeout = Some(timeout);
        Ok(match self {
            HttpTarget::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(timeout)?;
                stream.set_write_timeout(timeout)?;
                Stream::Unix(stream)
            }
            HttpTarget::Tcp(address) => {
                let stream = TcpStream::connect(address)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(timeout)?;
                stream.set_write_timeout(timeout)?;
                Stream::Tcp(stream)
            }
        })
    }
}

/// Reads an answer; tells whether the connection goes on.
fn read_reply(stream: &mut Stream) -> io::Result<(Reply, bool)> {
    let bad = || io::Error::new(ErrorKind::InvalidData, "this is no answer of HTTP");
    let mut bytes = Vec::new();
    let head_bytes = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        read_some(stream, &mut bytes)?;
    };
    let head = String::from_utf8_lossy(&bytes[..head_bytes]).to_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(bad)?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.unwrap_or("0").trim().parse().map_err(|_| bad())?;
    while bytes.len() < head_bytes + length {
        read_some(stream, &mut bytes)?;
    }
    let body = String::from_utf8_lossy(&bytes[head_bytes..]).into_owned();
    Ok((Reply { status, body }, !head.contains("connection: close")))
}

fn read_some(stream: &mut Stream, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = [0; 16 << 10];
    match stream.read(&mut buffer)? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        read => {
            bytes.extend_from_slice(&buffer[..read]);
            Ok(())
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Unix(stream) => stream.read(buffer),
            Stream::Tcp(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Unix(stream) => stream.write(bytes),
            Stream::Tcp(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
