//! Tests of streams from Valkey or Redis: each entry becomes a row once, and what was lost is told.

use std::process::{Child, Command, Stdio};

use asofdb::{ErrorKind, HistoryRow, Result, Session, Stop, Store, Value, parse_definitions};
use asofdb_streams::{Begin, OnBadRecord, Stream, StreamOptions, source};
use redis::{Connection, cmd};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

const DEFINITIONS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]
[[feature_view]]
name = "activity"
entities = ["user"]
[[feature_view.feature]]
name = "clicks"
type = "int64"
[[feature_view.feature]]
name = "words"
type = "list<string>"
"#;

/// A server in a temporary directory, with a store beside it. Ended when it goes.
struct Fixture {
    directory: TempDir,
    server: Child,
    connection: Connection,
}

impl Fixture {
    /// `None` where there is no server to start.
    fn start() -> Option<Self> {
        let directory = TempDir::new().unwrap();
        let started = ["valkey-server", "redis-server"].iter().find_map(|name| launch(name, &directory).ok());
        let Some(server) = started else {
            println!("left out: there is neither valkey-server nor redis-server");
            return None;
        };
        let client =
            redis::Client::open(format!("redis+unix://{}", directory.path().join("socket").display())).unwrap();
        let mut connection = None;
        for _ in 0..6_000 {
            connection = client.get_connection().ok();
            if connection.is_some() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let connection = connection.expect("the server listens");
        let store = Store::open(directory.path().join("store")).unwrap();
        store.apply(&parse_definitions(DEFINITIONS, "definitions.toml").unwrap(), false).unwrap();
        Some(Fixture { directory, server, connection })
    }

    fn address(&self) -> String {
        format!("redis+unix://{}#clicks", self.directory.path().join("socket").display())
    }

    fn store(&self) -> Store {
        Store::open(self.directory.path().join("store")).unwrap()
    }

    fn run_with(&self, options: StreamOptions) -> Result<()> {
        Stream::open(self.store(), source(&self.address())?, options)?.run(&Stop::new())
    }

    fn run(&self) -> Result<()> {
        self.run_with(options())
    }

    fn add(&mut self, fields: &[(&str, &str)]) -> String {
        cmd("XADD").arg("clicks").arg("*").arg(fields).query(&mut self.connection).unwrap()
    }

    fn add_numbers(&mut self, numbers: impl IntoIterator<Item = i64>) {
        for number in numbers {
            self.add(&[("value", &object(number))]);
        }
    }

    /// The numbers of all versions of all rows, in their order.
    fn numbers(&self) -> Vec<i64> {
        let rows = Session::history(&self.store(), "activity", &[("user_id", Value::Int64(7))], usize::MAX).unwrap();
        let number = |row: &HistoryRow| match row.values[0] {
            Some(Value::Int64(number)) => number,
            ref other => panic!("{other:?}"),
        };
        let mut numbers: Vec<_> = rows.iter().map(number).collect();
        numbers.sort_unstable();
        numbers
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn launch(name: &str, directory: &TempDir) -> std::io::Result<Child> {
    Command::new(name)
        .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
        .arg(directory.path().join("socket"))
        .arg("--dir")
        .arg(directory.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

fn options() -> StreamOptions {
    StreamOptions { until_end: true, rows_max: 7, ..StreamOptions::new("activity") }
}

fn object(number: i64) -> String {
    json!({"user_id": 7, "event_timestamp": format!("2024-05-01T12:00:00.{number:06}Z"), "clicks": number}).to_string()
}

fn upto(count: i64) -> Vec<i64> {
    (0..count).collect()
}

#[test]
fn each_entry_becomes_a_row_once_over_any_number_of_starts() {
    let Some(mut fixture) = Fixture::start() else { return };
    // There is no stream yet.
    fixture.run().unwrap();
    for (from, to) in [(0, 20), (20, 20), (20, 3_000)] {
        fixture.add_numbers(from..to);
        fixture.run().unwrap();
        assert_eq!(fixture.numbers(), upto(to));
    }
    // What was read may be deleted.
    let kept: i64 = cmd("XTRIM").arg("clicks").arg("MAXLEN").arg(0).query(&mut fixture.connection).unwrap();
    assert_eq!(kept, 3_000);
    fixture.add_numbers(3_000..3_001);
    fixture.run().unwrap();
    assert_eq!(fixture.numbers(), upto(3_001));
}

#[test]
fn the_fields_of_an_entry_are_values_of_their_columns() {
    let Some(mut fixture) = Fixture::start() else { return };
    let time = ("event_timestamp", "2024-05-01T12:00:00Z");
    fixture.add(&[("user_id", "7"), time, ("clicks", "4"), ("words", "[\"a\", \"b\"]"), ("other", "x")]);
    fixture.add(&[("user_id", "8"), time, ("clicks", ""), ("words", "")]);
    let id = fixture.add(&[("user_id", "9"), time, ("clicks", "many")]);
    let rejects = fixture.directory.path().join("bad.ndjson");
    fixture.run_with(StreamOptions { on_bad_record: OnBadRecord::SetAside(rejects.clone()), ..options() }).unwrap();
    let of = |user| Session::history(&fixture.store(), "activity", &[("user_id", Value::Int64(user))], 9).unwrap();
    assert_eq!(of(7)[0].values[0], Some(Value::Int64(4)));
    assert!(of(7)[0].values[1].is_some());
    assert_eq!(of(8).len() + of(9).len(), 0, "an empty list is no JSON");
    let said = std::fs::read_to_string(rejects).unwrap();
    let said: Vec<Json> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(said.len(), 2);
    assert_eq!((&said[1]["offset"], &said[1]["value"]["clicks"]), (&json!(id), &json!("many")));
    assert_eq!(said[1]["partition"], json!("clicks"));
}

#[test]
fn entries_that_were_deleted_before_they_were_read_are_told_and_so_is_a_stream_that_was_made_anew() {
    let Some(mut fixture) = Fixture::start() else { return };
    fixture.add_numbers(0..5);
    fixture.run().unwrap();
    fixture.add_numbers(5..10);
    let _: i64 = cmd("XTRIM").arg("clicks").arg("MAXLEN").arg(2).query(&mut fixture.connection).unwrap();
    let error = fixture.run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(
        error.message().contains("were deleted before they were read") && error.message().contains("--anew"),
        "{error}"
    );
    assert_eq!(fixture.numbers(), upto(5));
    fixture.run_with(StreamOptions { anew: true, ..options() }).unwrap();
    assert_eq!(fixture.numbers(), [0, 1, 2, 3, 4, 8, 9]);
    // One by itself that was not read, and one that was.
    let ids: Vec<String> = (10..13).map(|number| fixture.add(&[("value", &object(number))])).collect();
    let _: i64 = cmd("XDEL").arg("clicks").arg(&ids[1]).query(&mut fixture.connection).unwrap();
    let error = fixture.run().unwrap_err();
    assert!(error.message().contains("1 of its entries were deleted before they were read"), "{error}");
    fixture.run_with(StreamOptions { anew: true, ..options() }).unwrap();
    let _: i64 = cmd("XDEL").arg("clicks").arg(&ids[0]).query(&mut fixture.connection).unwrap();
    fixture.run().unwrap();
    assert!(!fixture.numbers().contains(&11) && fixture.numbers().contains(&12));
    let _: i64 = cmd("DEL").arg("clicks").query(&mut fixture.connection).unwrap();
    let error = fixture.run().unwrap_err();
    assert!(error.message().contains("it is gone"), "{error}");
    fixture.add_numbers(20..21);
    let error = fixture.run().unwrap_err();
    assert!(error.message().contains("it was made anew"), "{error}");
    fixture.run_with(StreamOptions { anew: true, begin: Begin::Latest, ..options() }).unwrap();
    fixture.add_numbers(21..22);
    fixture.run().unwrap();
    assert_eq!(fixture.numbers().last(), Some(&21));
    assert!(!fixture.numbers().contains(&20));
}

#[test]
fn a_server_that_is_not_there_is_told_without_the_password_and_the_stream_goes_on_when_it_is() {
    let Some(mut fixture) = Fixture::start() else { return };
    fixture.add_numbers(0..3);
    let socket = fixture.directory.path().join("socket");
    let mut stream = Stream::open(fixture.store(), source(&fixture.address()).unwrap(), options()).unwrap();
    let aside = fixture.directory.path().join("aside");
    std::fs::rename(&socket, &aside).unwrap();
    let error = stream.run(&Stop::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    std::fs::rename(&aside, &socket).unwrap();
    stream.run(&Stop::new()).unwrap();
    drop(stream);
    assert_eq!(fixture.numbers(), upto(3));
    let secret = source("redis://user:hidden@localhost:1/0#clicks").unwrap();
    assert_eq!(secret.address(), "redis://user@localhost:1/0#clicks");
    for address in
        ["redis://user:hidden@localhost:1/0", "redis://user:hidden@localhost:x#clicks", "rediz://u:hidden@h#k"]
    {
        let error = source(address).err().expect("no address");
        assert!(error.kind() == ErrorKind::Invalid && !format!("{error:#}").contains("hidden"), "{error:#}");
    }
}
