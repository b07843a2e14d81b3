//! The HTTP door: whatever arrives, it answers with what its routes may answer, and never runs into a bug.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use asofdb::{ManualClock, Store, Timestamp, parse_definitions};
use asofdb_sidecar::{HttpListeners, HttpOptions, HttpServer, Limits, Service};
use tempfile::TempDir;

use crate::sidecar::DEFINITIONS;

/// The routes that read a body. What is past them is a request as it came.
const ROUTES: [&str; 8] = [
    "/get-online-features",
    "/push",
    "/write-to-online-store",
    "/v1/latest",
    "/v1/as_of",
    "/v1/write/profile",
    "/v1/delete",
    "/v1/erase",
];

/// One server for all inputs: what one leaves behind must not matter to the next.
struct Serving {
    _server: HttpServer,
    directory: TempDir,
}

static SERVING: LazyLock<Serving> = LazyLock::new(|| {
    let store = Store::in_memory(ManualClock::new(Timestamp::from_micros(1_717_200_000_000_000)));
    store.apply(&parse_definitions(DEFINITIONS, "definitions").expect("good"), false).expect("good definitions");
    let directory = TempDir::new().expect("a temporary directory");
    let listener = UnixListener::bind(directory.path().join("socket")).expect("a socket");
    let listeners = HttpListeners { tcp: Vec::new(), unix: vec![listener] };
    let service = Arc::new(Service::new(store, Limits::default()));
    let server = HttpServer::start(service, listeners, HttpOptions::default()).expect("a server");
    Serving { _server: server, directory }
});

/// A body for one of the routes, or a request as it came; the first byte says which.
pub fn fuzz_http(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let request = match ROUTES.get(usize::from(*first) % (ROUTES.len() + 2)) {
        Some(route) => posted(route, rest),
        None => rest.to_vec(),
    };
    let mut stream = UnixStream::connect(SERVING.directory.path().join("socket")).expect("a server that listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
    // A server that has refused the client reads nothing more.
    let _ = stream.write_all(&request);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "the server ends the connection");
    }
    let text = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || text.starts_with("HTTP/1."), "an answer has a head: {text}");
    assert!(!text.starts_with("HTTP/1.1 500"), "a request runs into a bug: {text}");
}

fn posted(route: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {route} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}
