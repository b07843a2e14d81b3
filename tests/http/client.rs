//! A client that says exactly what a test wants to be said.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value as Json;

/// The longest time that a test waits for an answer before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// The target of a request.
#[derive(Debug, Clone)]
pub enum Target {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

pub trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

impl Target {
    pub fn connect(&self) -> Box<dyn Stream> {
        match self {
            Target::Tcp(address) => {
                let stream = TcpStream::connect(address).expect("a connection");
                stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
                Box::new(stream)
            }
            Target::Unix(path) => {
                let stream = UnixStream::connect(path).expect("a connection");
                stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
                Box::new(stream)
            }
        }
    }

    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }

    pub fn post(&self, path: &str, body: &Json) -> Reply {
        self.send("POST", path, &[], body.to_string().as_bytes())
    }

    /// Sends one request on a connection of its own.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
        if headers.iter().all(|(name, _)| *name != "Host") {
            head.push_str("Host: localhost\r\n");
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut stream = self.connect();
        stream.write_all(format!("{head}\r\n").as_bytes()).expect("a head is sent");
        // A server that refuses a body may close before it is sent: its answer counts.
        let _ = stream.write_all(body);
        Reply::read(&mut *stream)
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn read(stream: &mut dyn Stream) -> Reply {
        let mut bytes = Vec::new();
        // A connection that is reset after the answer was read is no concern here.
        let _ = stream.read_to_end(&mut bytes);
        Reply::parse(&bytes)
    }

    pub fn parse(bytes: &[u8]) -> Reply {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole head");
        let head = String::from_utf8(bytes[..end].to_vec()).expect("a head of text");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Reply { status, head, body: bytes[end + 4..].to_vec() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        headers.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body of text")
    }

    #[track_caller]
    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The JSON of an answer that must be good.
    #[track_caller]
    pub fn ok(&self) -> Json {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()
    }

    /// The message of an error that must have this status and kind.
    #[track_caller]
    pub fn error(&self, status: u16, kind: &str) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/json"));
        let body = self.json();
        assert_eq!(body["error"]["kind"], kind, "{body}");
        body["error"]["message"].as_str().expect("a message").to_owned()
    }

    /// The message of an error of Feast's dialect that must have this status and class.
    #[track_caller]
    pub fn feast_error(&self, status: u16, class: &str) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        let body = self.json();
        let detail: Json = serde_json::from_str(body.as_str().expect("a string")).expect("JSON in a string");
        assert_eq!(detail["module"], "feast.errors");
        assert_eq!(detail["class"], class, "{detail}");
        detail["message"].as_str().expect("a message").to_owned()
    }
}

/// Waits for something that other threads bring about.
#[track_caller]
pub fn wait_until(mut condition: impl FnMut() -> bool) {
    const PAUSE: Duration = Duration::from_millis(10);
    let come_about = (0..PATIENCE.as_millis() / PAUSE.as_millis()).any(|_| {
        let holds = condition();
        if !holds {
            std::thread::sleep(PAUSE);
        }
        holds
    });
    assert!(come_about, "it did not come about");
}
