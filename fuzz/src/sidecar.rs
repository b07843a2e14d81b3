//! The sidecar and its client: whatever arrives over the socket, the sidecar answers with frames that can be read and
//! goes on serving others, and the client returns.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use asofdb::{ManualClock, Session, Store, Timestamp, Value, parse_definitions};
use asofdb_client::{Client, ConnectOptions};
use asofdb_sidecar::{Access, Bounds, Limits, Server, Service, Socket};
use tempfile::TempDir;

pub(crate) const DEFINITIONS: &str = r#"
    [[entity]]
    name = "user"
    join_keys = [{ name = "user_id", type = "int64" }]
    [[feature_view]]
    name = "profile"
    entities = ["user"]
    [[feature_view.feature]]
    name = "score"
    type = "float32"
    [[feature_view.feature]]
    name = "visits"
    type = "int64"
    [[feature_view.feature]]
    name = "name"
    type = "string"
"#;

/// A hello as a client sends it.
const HELLO: &[u8] = b"\x09\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0ASOF\x01\0\x01\0\0";

/// One server for all inputs: what one leaves behind must not matter to the next.
struct Serving {
    _server: Server,
    directory: TempDir,
}

static SERVING: LazyLock<Serving> = LazyLock::new(|| {
    let store = Store::in_memory(ManualClock::new(Timestamp::from_micros(1_717_200_000_000_000)));
    store.apply(&parse_definitions(DEFINITIONS, "definitions").expect("good"), false).expect("good definitions");
    let directory = TempDir::new().expect("a temporary directory");
    let socket = Socket::bind(&directory.path().join("socket"), 0o600).expect("a socket");
    let bounds = Bounds { stall_timeout: Duration::from_millis(500), ..Bounds::default() };
    let service = Arc::new(Service::new(store, Limits::default()));
    let server = Server::start(service, socket, Access::default(), bounds).expect("a server");
    Serving { _server: server, directory }
});

/// Frames from a client, good and bad, after a good hello. The first byte says whether the hello is left out.
pub fn fuzz_server(data: &[u8]) {
    let Some((first, frames)) = data.split_first() else { return };
    let path = SERVING.directory.path().join("socket");
    let mut stream = UnixStream::connect(&path).expect("a server that listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
    let is_greeted = first % 8 != 0;
    // A server that has refused the client reads nothing more.
    let _ = stream.write_all(if is_greeted { HELLO } else { b"" }).and_then(|()| stream.write_all(frames));
    let _ = stream.shutdown(Shutdown::Write);
    let mut answers = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answers) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "the server ends the connection");
    }
    assert!(!is_greeted || answers.get(4) == Some(&0x81), "a hello is answered: {answers:02x?}");
    check_frames(&answers);
}

/// Answers are whole frames: a length, the kind of an answer, no bits that mean nothing.
fn check_frames(mut bytes: &[u8]) {
    while let Some((header, rest)) = bytes.split_first_chunk::<16>() {
        let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
        assert!(header[4] & 0x80 != 0 && header[5] & !1 == 0 && header[6..8] == [0, 0], "{header:02x?}");
        bytes = rest.get(length..).expect("a whole frame");
    }
    assert!(bytes.is_empty(), "a header that is cut short");
}

/// A server that says hello, gives the catalog and then anything: the client answers or fails, and never panics.
pub fn fuzz_client(data: &[u8]) {
    let directory = TempDir::new().expect("a temporary directory");
    let path = directory.path().join("socket");
    let listener = UnixListener::bind(&path).expect("a socket");
    std::thread::scope(|scope| {
        scope.spawn(|| play(&listener, data));
        let options = ConnectOptions { timeout: Duration::from_millis(200), ..ConnectOptions::default() };
        let Ok(client) = Client::connect_with(&path, options) else { return unblock(&path) };
        if let Ok(request) = client.prepare(&["profile:*"]) {
            let mut users = request.entity_rows();
            users.push(&[Some(Value::Int64(1))]).expect("a key");
            if let Ok(answer) = client.latest(&request, &users) {
                for feature in 0..answer.features() {
                    let _ = (answer.status(0, feature), answer.value(0, feature), answer.column(feature));
                }
            }
        }
        let _ = (client.now(), client.freshness("profile"), client.stats(), client.catalog());
        drop(client);
        unblock(&path);
    });
}

/// Connects once more, so that the server finds that nobody wants anything.
fn unblock(path: &std::path::Path) {
    drop(UnixStream::connect(path));
}

/// Passes the beginning of a real dialogue, then `data` for every answer that is asked.
fn play(listener: &UnixListener, data: &[u8]) {
    let real = SERVING.directory.path().join("socket");
    while let Ok((mut client, _)) = listener.accept() {
        let mut frame = [0; 4096];
        let Ok(hello @ 1..) = client.read(&mut frame) else { return };
        let mut server = UnixStream::connect(&real).expect("a server that listens");
        let pass = |server: &mut UnixStream, client: &mut UnixStream, request: &[u8]| {
            let _ = server.write_all(request);
            let mut header = [0; 16];
            server.read_exact(&mut header).expect("an answer");
            let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
            let mut body = vec![0; length];
            server.read_exact(&mut body).expect("an answer");
            let _ = client.write_all(&header).and_then(|()| client.write_all(&body));
        };
        pass(&mut server, &mut client, &frame[..hello]);
        // The next request is for the catalog, of a new client; the number is its own.
        let Ok(read @ 16..) = client.read(&mut frame) else { continue };
        if frame[4] == 7 {
            pass(&mut server, &mut client, &frame[..read]);
            let Ok(16..) = client.read(&mut frame) else { continue };
        }
        let id: [u8; 8] = frame[8..16].try_into().expect("8 bytes");
        let mut answer = (data.len() as u32).to_le_bytes().to_vec();
        // The kind of the answer is the request's, and the number too: what is in it is not.
        answer.extend_from_slice(&[frame[4] | 0x80, 0, 0, 0]);
        answer.extend_from_slice(&id);
        answer.extend_from_slice(data);
        let _ = client.write_all(&answer);
        let _ = client.write_all(data);
    }
}
