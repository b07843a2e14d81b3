//! A real HTTP server that takes notices, or fails, or hangs.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value as Json;

use super::harness::eventually;

/// The manner in which requests are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Take,
    /// With this status, and these headers.
    Refuse(&'static str),
    /// Never.
    Hang,
    /// The connection is closed instead.
    Close,
}

/// A request that has arrived.
#[derive(Debug, Clone)]
pub struct Request {
    pub head: String,
    pub body: Json,
    pub is_taken: bool,
}

impl Request {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

#[derive(Debug)]
struct State {
    manner: Manner,
    requests: Vec<Request>,
    /// Connections that are never answered, and stay open.
    hung: Vec<TcpStream>,
}

/// The server.
#[derive(Debug, Clone)]
pub struct Receiver {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Receiver {
    pub fn start(manner: Manner) -> Self {
        Receiver::over(manner, None)
    }

    /// Serves HTTPS with such certificates.
    pub fn secure(manner: Manner, tls: ServerConfig) -> Self {
        Receiver::over(manner, Some(Arc::new(tls)))
    }

    fn over(manner: Manner, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State { manner, requests: Vec::new(), hung: Vec::new() }));
        let receiver = Receiver { address, state };
        let serving = receiver.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (one, tls) = (serving.clone(), tls.clone());
                std::thread::spawn(move || match tls {
                    None => one.serve(&stream, &stream),
                    Some(tls) => {
                        let connection = ServerConnection::new(tls).expect("a connection");
                        let plain = stream.try_clone().expect("a handle");
                        let mut secure = StreamOwned::new(connection, stream);
                        one.serve(&mut secure, &plain);
                        secure.conn.send_close_notify();
                        let _ = secure.flush();
                    }
                });
            }
        });
        receiver
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook/secret", self.address)
    }

    pub fn set(&self, manner: Manner) {
        self.state.lock().unwrap().manner = manner;
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().requests.clone()
    }

    /// The event and the state of each notice that was taken, in order.
    pub fn taken(&self) -> Vec<(String, String)> {
        let word = |notice: &Json, key: &str| notice[key].as_str().expect("a word").to_owned();
        self.notices().iter().map(|notice| (word(notice, "event"), word(notice, "state"))).collect()
    }

    /// Each notice that was taken.
    pub fn notices(&self) -> Vec<Json> {
        let taken = self.requests().into_iter().filter(|request| request.is_taken);
        taken.flat_map(|request| request.body["notices"].as_array().expect("notices").clone()).collect()
    }

    /// Waits until exactly these notices were taken.
    #[track_caller]
    pub fn expect(&self, expected: &[(&str, &str)]) {
        let is_there = || self.taken().len() >= expected.len();
        assert!(eventually(is_there), "{expected:?} did not come: {:?}", self.requests());
        let taken = self.taken();
        let taken: Vec<_> = taken.iter().map(|(event, state)| (event.as_str(), state.as_str())).collect();
        assert_eq!(taken, expected);
    }

    fn serve(&self, mut stream: impl Read + Write, plain: &TcpStream) {
        // A client that does not trust us says no more.
        let Some((head, body)) = read(&mut stream) else { return };
        let mut state = self.state.lock().unwrap();
        let (manner, is_taken) = (state.manner, state.manner == Manner::Take);
        state.requests.push(Request { head, body, is_taken });
        if manner == Manner::Hang {
            state.hung.push(plain.try_clone().expect("a handle"));
        }
        drop(state);
        let answer = match manner {
            Manner::Take => "204 No Content\r\n\r\n".to_owned(),
            Manner::Refuse(status) => format!("{status}\r\nContent-Length: 9\r\n\r\nnot \u{1} now"),
            Manner::Hang | Manner::Close => return,
        };
        let _ = stream.write_all(format!("HTTP/1.1 {answer}").as_bytes());
        let _ = stream.flush();
    }
}

/// Reads one request.
fn read(stream: &mut impl Read) -> Option<(String, Json)> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).expect("a head of text");
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if bytes.len() >= end + 4 + length.unwrap_or(0_usize) {
                return Some((head, serde_json::from_slice(&bytes[end + 4..]).expect("a body of JSON")));
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}
