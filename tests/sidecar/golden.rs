//! The bytes of the protocol, as docs/protocol.md describes them: written here by hand, and kept as fixtures, so that
//! neither can change by accident.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::ipc::writer::StreamWriter;
use asofdb::{Definitions, FreshnessObjective, ManualClock, Span, Store};
use asofdb_sidecar::{Access, Bounds, Limits, Server, Service, Socket};
use tempfile::TempDir;

use crate::common::{NOW, batch, hours_ago, repository, times, users};

/// A server in this process whose clock stands.
struct Standing {
    _server: Server,
    directory: TempDir,
}

impl Standing {
    fn start(definitions: &Definitions) -> Self {
        let store = Store::in_memory(ManualClock::new(NOW));
        store.apply(definitions, false).expect("good definitions");
        let directory = TempDir::new().expect("a temporary directory");
        let socket = Socket::bind(&directory.path().join("socket"), 0o600).expect("a socket");
        let service = Arc::new(Service::new(store, Limits::default()));
        let server = Server::start(service, socket, Access::default(), Bounds::default()).expect("a server");
        Standing { _server: server, directory }
    }

    fn connect(&self) -> UnixStream {
        UnixStream::connect(self.directory.path().join("socket")).expect("a server that listens")
    }
}

/// Writes what docs/protocol.md says, and nothing that the library knows.
#[derive(Default)]
struct Body(Vec<u8>);

impl Body {
    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn u8(self, value: u8) -> Self {
        self.bytes(&[value])
    }

    fn u16(self, value: u16) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    fn u32(self, value: u32) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    fn u64(self, value: u64) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    fn i64(self, value: i64) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    fn f32(self, value: f32) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    /// A string, or any list of bytes.
    fn blob(self, bytes: &[u8]) -> Self {
        self.u64(bytes.len() as u64).bytes(bytes)
    }

    /// The key of a user.
    fn user(self, id: i64) -> Self {
        self.bytes(&(id as u64 ^ 1 << 63).to_be_bytes())
    }

    fn frame(self, kind: u8, id: u64) -> Vec<u8> {
        let mut frame = (self.0.len() as u32).to_le_bytes().to_vec();
        frame.extend_from_slice(&[kind, 0, 0, 0]);
        frame.extend_from_slice(&id.to_le_bytes());
        frame.extend_from_slice(&self.0);
        frame
    }
}

fn rows() -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let scores: ArrayRef = Arc::new(Float32Array::from(vec![Some(0.5), None]));
    let visits: ArrayRef = Arc::new(Int64Array::from(vec![10, 20]));
    let names: ArrayRef = Arc::new(StringArray::from(vec!["Ada", "Bo"]));
    let events = times([Some(hours_ago(1)), Some(hours_ago(30))]);
    batch(vec![("user_id", ids), ("event_timestamp", events), ("score", scores), ("visits", visits), ("name", names)])
}

fn ipc(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), batch.schema_ref()).expect("a schema");
    writer.write(batch).expect("a batch");
    writer.into_inner().expect("an end")
}

/// Requests in order, over one connection.
fn requests() -> Vec<(&'static str, Vec<u8>)> {
    let references = |names: &[&str]| {
        names.iter().fold(Body::default().u64(names.len() as u64), |body, name| body.blob(name.as_bytes()))
    };
    let entity = |body: Body| body.u64(1).blob(b"user_id").u32(2).blob(&1i64.to_le_bytes());
    let rows = fixture("05-write.request")
        .unwrap_or_else(|| Body::default().u8(1).u8(0).u64(1).blob(b"profile").blob(&ipc(&rows())).frame(6, 5));
    vec![
        ("01-hello", Body::default().bytes(b"ASOF").u16(1).u16(1).u8(1).blob(b"ranker").frame(1, 1)),
        ("02-ping", Body::default().frame(9, 2)),
        ("03-prepare-records", references(&["profile:name", "profile:score"]).u32(0).frame(2, 3)),
        ("04-prepare-matrix", references(&["profile:visits", "profile:score"]).u32(1).u8(1).f32(-1.0).frame(2, 4)),
        ("05-write", rows),
        // Three keys: of user 1, none, of user 2.
        ("06-latest-records", Body::default().u32(0).u32(3).u32(8).u32(8).u32(16).user(1).user(2).frame(4, 6)),
        ("07-latest-matrix", Body::default().u32(1).u32(2).u32(8).u32(16).user(1).user(2).frame(4, 7)),
        (
            "08-as-of-matrix",
            Body::default().u32(1).u32(1).i64(hours_ago(29).as_micros()).i64(i64::MIN).u32(8).user(2).frame(5, 8),
        ),
        (
            "09-as-of-known-at-records",
            Body::default().u32(0).u32(1).i64(NOW.as_micros()).i64(hours_ago(1).as_micros()).u32(8).user(1).frame(5, 9),
        ),
        ("10-freshness", Body::default().blob(b"profile").frame(10, 10)),
        ("11-delete", entity(Body::default().u64(1).blob(b"profile")).i64(NOW.as_micros()).frame(16, 11)),
        ("12-latest-after-delete", Body::default().u32(1).u32(1).u32(8).user(1).frame(4, 12)),
        ("13-erase", entity(Body::default().u64(1).blob(b"profile")).i64(0).frame(17, 13)),
        ("14-catalog", Body::default().frame(7, 14)),
        ("15-unknown-feature", references(&["profile:scor"]).u32(0).frame(2, 15)),
        ("16-release", Body::default().u32(0).frame(3, 16)),
        ("17-no-handle", Body::default().u32(0).u32(1).u32(8).user(1).frame(4, 17)),
        ("18-key-cut-short", Body::default().u32(1).u32(1).u32(7).bytes(&[128, 0, 0, 0, 0, 0, 0]).frame(4, 18)),
    ]
}

fn folder() -> PathBuf {
    repository("tests/fixtures/protocol-1")
}

fn fixture(name: &str) -> Option<Vec<u8>> {
    fs::read(folder().join(name)).ok()
}

fn read_frame(stream: &mut UnixStream) -> Vec<u8> {
    let mut frame = vec![0; 16];
    stream.read_exact(&mut frame).expect("a header");
    let body = u32::from_le_bytes(frame[..4].try_into().expect("4 bytes")) as usize;
    frame.resize(16 + body, 0);
    stream.read_exact(&mut frame[16..]).expect("a body");
    frame
}

/// Fixtures are written where `ASOF_WRITE_FIXTURES` is set; a change of the protocol is a new version of it.
#[test]
fn the_bytes_of_the_protocol_are_those_of_the_fixtures() {
    compare(&Standing::start(&users()), requests());
}

/// Computed features and values of a request, in a store of their own.
#[test]
fn the_bytes_of_reads_with_request_values_are_those_of_the_fixtures() {
    let definitions = asofdb::parse_definitions(COMPUTED, "computed.toml").expect("good definitions");
    compare(&Standing::start(&definitions), computed_requests());
    let prepared = fixture("21-prepare-request-values.answer").expect("a fixture");
    // Behind the features: two values, the first a float64 that must be given, the second a string that may be left out.
    let wanted = Body::default().u64(2).blob(b"amount").u32(0).u32(4).u8(1).blob(b"shop").u32(0).u32(5).u8(0);
    assert!(prepared.ends_with(&wanted.0));
    let matrix = fixture("24-latest-request-values-matrix.answer").expect("a fixture");
    // Twice the amount, and how many purchases user 1 has made; nothing is known of user 2.
    let wanted = Body::default().u32(2).u32(2).f32(5.0).f32(1.0).f32(8.0).f32(-1.0).bytes(&[0, 0, 0, 2]);
    assert_eq!(matrix, wanted.frame(0x84, 6));
}

/// The freshness of views: a kind of message that came later, with bytes that are written here by hand.
#[test]
fn the_bytes_of_ages_are_those_that_are_described() {
    let mut definitions = users();
    let (hour, day) = (Span::from_secs(3_600), Span::from_secs(86_400));
    definitions.views[0].freshness = Some(FreshnessObjective { warn: hour, stale: day, stale_share_max: Some(0.5) });
    let server = Standing::start(&definitions);
    let mut stream = server.connect();
    let mut ask = |request: Vec<u8>| {
        stream.write_all(&request).expect("a server that reads");
        read_frame(&mut stream)
    };
    ask(Body::default().bytes(b"ASOF").u16(1).u16(1).u8(0).frame(1, 1));
    let f64 = |body: Body, number: f64| body.u8(1).bytes(&number.to_le_bytes());
    let objective = |body: Body| f64(body.u8(1).i64(hour.as_micros()).i64(day.as_micros()), 0.5);
    let head = |status| objective(Body::default().u64(1).blob(b"profile").i64(NOW.as_micros()).u8(status));
    let empty = head(3).u8(0).u8(1).u64(0).u8(1).u64(0).u8(0);
    assert_eq!(ask(Body::default().u64(0).frame(27, 2)), empty.frame(0x9b, 2));
    ask(fixture("05-write.request").expect("a fixture"));
    let newest = hours_ago(1).as_micros();
    let answer = ask(Body::default().u64(1).blob(b"profile").frame(27, 6));
    let ages = |body: Body| {
        let spans = [1, 30, 30].iter().fold(body.u8(1), |body, age| body.i64(age * hour.as_micros()));
        f64(f64(spans, 0.5), 0.5)
    };
    let wanted = ages(head(0).u8(1).i64(newest).u8(1).u64(2).u8(1).u64(0));
    assert_eq!(answer, wanted.frame(0x9b, 6));
}

/// Events of users, a window over them, and features of a request.
const COMPUTED: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[event_view]]
name = "purchases"
entities = ["user"]
columns = [{ name = "price", type = "float64" }]

[[window_view]]
name = "buying"
from = "purchases"
windows = ["24h"]
feature = [{ name = "n", aggregate = "count" }]

[[derived_view]]
name = "offer"
request = [{ name = "amount", type = "float64" }, { name = "shop", type = "string", required = false }]
feature = [
    { name = "twice", type = "float64", expression = "amount * 2.0" },
    { name = "where", type = "string", expression = "coalesce(shop, 'nowhere')" },
]
"#;

/// Requests with values that follow the keys, over one connection.
fn computed_requests() -> Vec<(&'static str, Vec<u8>)> {
    let references = |names: &[&str]| {
        names.iter().fold(Body::default().u64(names.len() as u64), |body, name| body.blob(name.as_bytes()))
    };
    let rows = fixture("20-write-events.request")
        .unwrap_or_else(|| Body::default().u8(1).u8(0).u64(1).blob(b"purchases").blob(&ipc(&purchases())).frame(6, 2));
    let amounts = |body: Body| body.u32(8).u32(8).bytes(&2.5f64.to_le_bytes()).bytes(&4.0f64.to_le_bytes());
    let users = |handle| Body::default().u32(handle).u32(2).u32(8).u32(16).user(1).user(2);
    vec![
        ("19-hello", Body::default().bytes(b"ASOF").u16(1).u16(1).u8(0).frame(1, 1)),
        ("20-write-events", rows),
        ("21-prepare-request-values", references(&["offer:where", "buying:n_24h"]).u32(0).frame(2, 3)),
        // The shop of the first row is "Zoë", and the second has none.
        ("22-latest-request-values", amounts(users(0)).u32(4).u32(u32::MAX).bytes("Zoë".as_bytes()).frame(4, 4)),
        (
            "23-prepare-request-values-matrix",
            references(&["offer:twice", "buying:n_24h"]).u32(1).u8(1).f32(-1.0).frame(2, 5),
        ),
        ("24-latest-request-values-matrix", amounts(users(1)).u32(u32::MAX).u32(u32::MAX).frame(4, 6)),
        (
            "25-request-value-left-out",
            users(1).u32(8).u32(u32::MAX).bytes(&2.5f64.to_le_bytes()).u32(u32::MAX).u32(u32::MAX).frame(4, 7),
        ),
        ("26-request-values-cut-short", amounts(users(1)).u32(3).u32(u32::MAX).bytes(b"ab").frame(4, 8)),
        ("27-sample", Body::default().blob(b"buying").u32(10).frame(25, 9)),
    ]
}

/// One purchase by user 1, an hour ago.
fn purchases() -> RecordBatch {
    let (ids, prices): (ArrayRef, ArrayRef) =
        (Arc::new(Int64Array::from(vec![1])), Arc::new(Float64Array::from(vec![9.5])));
    batch(vec![("user_id", ids), ("event_timestamp", times([Some(hours_ago(1))])), ("price", prices)])
}

/// Sends requests, and compares their answers with those of the fixtures.
fn compare(server: &Standing, requests: Vec<(&str, Vec<u8>)>) {
    let mut stream = server.connect();
    let is_writing = std::env::var_os("ASOF_WRITE_FIXTURES").is_some();
    for (name, request) in requests {
        stream.write_all(&request).expect("a server that reads");
        let answer = read_frame(&mut stream);
        assert_eq!(answer[8..16], request[8..16], "{name}: the answer has the number of its request");
        if is_writing {
            fs::create_dir_all(folder()).expect("a folder");
            fs::write(folder().join(format!("{name}.request")), &request).expect("a fixture");
            fs::write(folder().join(format!("{name}.answer")), &answer).expect("a fixture");
            continue;
        }
        assert_eq!(fixture(&format!("{name}.request")), Some(request), "{name}");
        let wanted = fixture(&format!("{name}.answer")).expect("a fixture");
        assert_eq!(of_this_version(&wanted), answer, "{name}");
    }
}

/// The fixtures were written by 0.1.0, and a hello says which version answers.
fn of_this_version(answer: &[u8]) -> Vec<u8> {
    let (then, now) = (b"0.1.0", env!("CARGO_PKG_VERSION").as_bytes());
    assert_eq!(then.len(), now.len(), "write the fixtures again");
    let mut answer = answer.to_vec();
    if let Some(at) = answer.windows(then.len()).position(|window| window == then) {
        answer[at..at + then.len()].copy_from_slice(now);
    }
    answer
}

#[test]
fn values_are_where_the_document_says() {
    let answer = |name: &str| fixture(&format!("{name}.answer")).expect("a fixture");
    let matrix = answer("07-latest-matrix");
    // Header; rows and features; visits and score of users 1 and 2; their statuses.
    let wanted = Body::default().u32(2).u32(2).f32(10.0).f32(0.5).f32(-1.0).f32(-1.0).bytes(&[0, 0, 3, 3]);
    assert_eq!(matrix, wanted.frame(0x84, 7));
    let prepared = answer("03-prepare-records");
    let body = &prepared[16..];
    assert_eq!(body[..4], 0u32.to_le_bytes(), "the handle");
    let records = answer("06-latest-records");
    let body = &records[16..];
    assert_eq!(body[..8], [3, 0, 0, 0, 1, 0, 0, 0], "three rows, one view");
    let variable_bytes = u64::from_le_bytes(body[8..16].try_into().expect("8 bytes")) as usize;
    assert_eq!(&body[body.len() - variable_bytes..], b"Ada", "user 2 is expired, and its name does not travel");
    let stride = (body.len() - 16 - variable_bytes) / 3;
    let record = |row: usize| &body[16 + row * stride..16 + (row + 1) * stride];
    assert_eq!(record(0)[..8], hours_ago(1).as_micros().to_le_bytes());
    assert_eq!((record(0)[8], record(1)[8], record(2)[8]), (0, 2, 3), "present, missing, expired");
    assert_eq!(record(0)[9], 0, "no nulls");
}
