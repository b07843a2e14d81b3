//! Clients that read the memory of a sidecar by themselves.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, StringArray};
use asofdb::{
    Answer, Definitions, EntityRows, ErrorKind, F32Matrix, FeatureDefinition, Prepared, Session, Span, Status,
    Timestamp, UsagePeriod, Value, ValueType, ViewDefinition,
};
use asofdb_client::{Client, ConnectOptions};

use super::harness::{Sidecar, eventually};
use crate::common::{batch, int, times, users, view};

const SHARE: &[&str] = &["--share-memory"];

fn connect(sidecar: &Sidecar, consumer: &str) -> Client {
    let consumer = Some(consumer.to_owned());
    let options = ConnectOptions { consumer, shared_memory: true, ..ConnectOptions::default() };
    Client::connect_with(sidecar.socket(), options).unwrap()
}

/// Writes a row of each user: the time of its event, and its visits.
fn write(client: &Client, view: &str, users: &[(i64, Timestamp, Option<i64>)]) {
    let name = |visits: &Option<i64>| visits.map(|visits| "x".repeat(visits as usize % 50));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("user_id", Arc::new(users.iter().map(|(user, _, _)| Some(*user)).collect::<Int64Array>())),
        ("event_timestamp", times(users.iter().map(|(_, at, _)| Some(*at)))),
        (
            "score",
            Arc::new(users.iter().map(|(_, _, visits)| visits.map(|v| v as f32 / 2.0)).collect::<Float32Array>()),
        ),
        ("visits", Arc::new(users.iter().map(|(_, _, visits)| *visits).collect::<Int64Array>())),
        ("name", Arc::new(users.iter().map(|(_, _, visits)| name(visits)).collect::<StringArray>())),
    ];
    client.write(view, &batch(columns)).unwrap();
}

fn rows(request: &Prepared, users: impl IntoIterator<Item = i64>) -> EntityRows {
    let mut entities = request.entity_rows();
    users.into_iter().for_each(|user| entities.push(&[int(user)]).unwrap());
    entities
}

/// Reads until the client has answered by itself, which takes a read by which the rows come into memory, and one within a
/// second after another of the sidecar's, which tells the time.
fn read_here(client: &Client, request: &Prepared, entities: &EntityRows) -> Answer {
    let mut answer = None;
    let before = client.shared_reads().answered;
    let is_read = eventually(|| {
        answer = Some(client.latest(request, entities).unwrap());
        client.shared_reads().answered > before
    });
    assert!(is_read, "{:?}", client.shared_reads());
    answer.unwrap()
}

fn values(answer: &Answer, rows: usize) -> Vec<(Status, Option<Value>)> {
    let cell = |row, feature| (answer.status(row, feature), answer.value(row, feature).unwrap());
    (0..rows).flat_map(|row| (0..answer.features()).map(move |feature| cell(row, feature))).collect()
}

#[test]
fn a_client_answers_by_itself_what_the_sidecar_would() {
    let sidecar = Sidecar::start(&users(), SHARE);
    let (shared, socket) = (connect(&sidecar, "ranker"), sidecar.client());
    let now = socket.now().unwrap();
    let ago = |seconds| now.minus(Span::from_secs(seconds));
    write(&socket, "profile", &[(1, ago(10), Some(5)), (2, ago(10), None), (3, ago(90_000), Some(7))]);
    write(
        &socket,
        "profile",
        &[(4, ago(100), Some(8)), (5, ago(10), Some(9)), (1, ago(5), Some(60)), (1, ago(7), None)],
    );
    socket.delete(&["profile"], &[("user_id", Value::Int64(5))], now).unwrap();
    let request = shared.prepare(&["profile"]).unwrap();
    let entities = rows(&request, 1..=6);
    let here = read_here(&shared, &request, &entities);
    let there = socket.latest(&socket.prepare(&["profile"]).unwrap(), &entities).unwrap();
    assert_eq!(values(&here, 6), values(&there, 6));
    let statuses: Vec<_> = (0..6).map(|row| here.status(row, 1)).collect();
    let expected = [Status::Present, Status::Null, Status::Expired, Status::Present, Status::Missing, Status::Missing];
    assert_eq!(statuses, expected);
    assert_eq!(here.value(0, 1).unwrap(), int(60));
    let request = shared.prepare(&["profile:score", "profile:visits"]).unwrap();
    let mut matrix = [0.0; 12];
    let before = shared.shared_reads().answered;
    assert!(eventually(|| {
        matrix = [0.0; 12];
        let to = F32Matrix { values: &mut matrix, statuses: None, fill: -1.0 };
        shared.latest_f32(&request, &entities, to).unwrap();
        shared.shared_reads().answered > before
    }));
    assert_eq!(matrix, [30.0, 60.0, -1.0, -1.0, -1.0, -1.0, 4.0, 8.0, -1.0, -1.0, -1.0, -1.0]);
}

#[test]
fn rows_that_are_not_in_memory_are_asked_for_and_the_others_are_not() {
    let sidecar = Sidecar::start(&users(), SHARE);
    let (shared, socket) = (connect(&sidecar, "ranker"), sidecar.client());
    let at = socket.now().unwrap().minus(Span::from_secs(60));
    write(&socket, "profile", &(1..=20).map(|user| (user, at, (user % 3 > 0).then_some(user))).collect::<Vec<_>>());
    let request = shared.prepare(&["profile"]).unwrap();
    for (warm, all) in [(10, 13), (16, 19)] {
        read_here(&shared, &request, &rows(&request, 1..=warm));
        let (entities, before) = (rows(&request, (1..=all).rev()), shared.shared_reads());
        let missed = socket.stats().unwrap().hot.unwrap().misses;
        let answer = shared.latest(&request, &entities).unwrap();
        let told = socket.latest(&socket.prepare(&["profile"]).unwrap(), &entities).unwrap();
        assert_eq!(values(&answer, all as usize), values(&told, all as usize));
        // Unless the sidecar had to tell the time.
        if shared.shared_reads().answered > before.answered {
            assert_eq!(socket.stats().unwrap().hot.unwrap().misses - missed, (all - warm) as u64);
        }
    }
    let numbers = shared.prepare(&["profile:visits"]).unwrap();
    let (entities, mut matrix) = (rows(&numbers, (1..=20).rev()), [0.0; 20]);
    shared.latest_f32(&numbers, &entities, F32Matrix { values: &mut matrix, statuses: None, fill: -1.0 }).unwrap();
    let expected: Vec<f32> = (1..=20).rev().map(|user| if user % 3 > 0 { user as f32 } else { -1.0 }).collect();
    assert_eq!(matrix[..], expected);
    let calls = shared.shared_reads();
    drop(shared);
    let usage = socket.usage(UsagePeriod::total(1)).unwrap();
    let row = usage.iter().find(|row| row.key.consumer == "ranker" && row.key.name == "profile").expect("its usage");
    assert_eq!(row.serving.calls, calls.answered + calls.passed_on, "each is counted once: {usage:?}");
}

#[test]
fn what_was_written_is_read_by_clients_of_shared_memory_when_the_write_returns() {
    let sidecar = Sidecar::start(&users(), SHARE);
    let (shared, socket) = (connect(&sidecar, "ranker"), sidecar.client());
    let request = shared.prepare(&["profile:visits"]).unwrap();
    let entities = rows(&request, [1, 2]);
    let start = socket.now().unwrap().minus(Span::from_secs(3_600));
    for number in 0..300 {
        let at = start.plus(Span::from_secs(number));
        write(&socket, "profile", &[(1, at, Some(number)), (2, at, Some(number))]);
        let answer = shared.latest(&request, &entities).unwrap();
        assert_eq!([0, 1].map(|row| answer.value(row, 0).unwrap()), [int(number), int(number)]);
    }
    socket.erase(&["profile"], &[("user_id", Value::Int64(1))]).unwrap();
    assert_eq!(shared.latest(&request, &entities).unwrap().status(0, 0), Status::Missing);
    let counted = shared.shared_reads();
    assert!(counted.answered + counted.passed_on >= 301, "{counted:?}");
}

#[test]
fn what_is_written_ahead_of_the_present_is_not_served_early() {
    let sidecar = Sidecar::start(&users(), SHARE);
    let (shared, socket) = (connect(&sidecar, "ranker"), sidecar.client());
    let request = shared.prepare(&["profile:visits"]).unwrap();
    let entities = rows(&request, [1]);
    let now = socket.now().unwrap();
    write(&socket, "profile", &[(1, now.minus(Span::from_secs(60)), Some(1))]);
    read_here(&shared, &request, &entities);
    write(&socket, "profile", &[(1, now.plus(Span::from_secs(1_800)), Some(2))]);
    for _ in 0..3 {
        assert_eq!(shared.latest(&request, &entities).unwrap().value(0, 0).unwrap(), int(1));
    }
}

#[test]
fn a_sidecar_that_was_killed_leaves_nothing_old_to_read() {
    let mut sidecar = Sidecar::start(&users(), SHARE);
    let shared = connect(&sidecar, "ranker");
    let request = shared.prepare(&["profile:visits"]).unwrap();
    let entities = rows(&request, [1]);
    let ago = |seconds| sidecar.client().now().unwrap().minus(Span::from_secs(seconds));
    write(&sidecar.client(), "profile", &[(1, ago(60), Some(1))]);
    assert_eq!(read_here(&shared, &request, &entities).value(0, 0).unwrap(), int(1));
    let directory = sidecar.kill();
    assert_eq!(shared.latest(&request, &entities).unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(!shared.shared_reads().is_shared);
    sidecar = Sidecar::over(directory, SHARE);
    let now = sidecar.client().now().unwrap();
    write(&sidecar.client(), "profile", &[(1, now.minus(Span::from_secs(1)), Some(2))]);
    assert_eq!(shared.latest(&request, &entities).unwrap().value(0, 0).unwrap(), int(2));
    assert_eq!(read_here(&shared, &request, &entities).value(0, 0).unwrap(), int(2), "of the memory of the next one");
}

#[test]
fn a_change_of_the_catalog_is_followed() {
    let sidecar = Sidecar::start(&users(), SHARE);
    let (shared, socket) = (connect(&sidecar, "ranker"), sidecar.client());
    let request = shared.prepare(&["profile"]).unwrap();
    let entities = rows(&request, [1]);
    let now = socket.now().unwrap();
    write(&socket, "profile", &[(1, now.minus(Span::from_secs(50)), Some(1))]);
    assert_eq!(read_here(&shared, &request, &entities).features(), 3);
    let mut wider = users();
    wider.views[0].features.push(FeatureDefinition::new("age", "int64".parse::<ValueType>().unwrap()));
    socket.apply(&wider, false).unwrap();
    let answer = shared.latest(&request, &entities).unwrap();
    assert_eq!((answer.features(), answer.status(0, 3)), (4, Status::Null));
    assert_eq!(read_here(&shared, &request, &entities).features(), 4);
    let mut shorter = wider;
    shorter.views[0].ttl = Some(Span::from_secs(5));
    socket.apply(&shorter, false).unwrap();
    assert_eq!(shared.latest(&request, &entities).unwrap().status(0, 1), Status::Expired);
}

#[test]
fn reads_of_shared_memory_are_counted_as_others_are() {
    let sidecar = Sidecar::start(&users(), SHARE);
    let (shared, socket) = (connect(&sidecar, "ranker"), sidecar.client());
    let now = socket.now().unwrap();
    write(
        &socket,
        "profile",
        &[(1, now.minus(Span::from_secs(50)), Some(1)), (2, now.minus(Span::from_secs(50)), None)],
    );
    let request = shared.prepare(&["profile:visits", "profile:name"]).unwrap();
    let entities = rows(&request, 1..=3);
    read_here(&shared, &request, &entities);
    let reads = shared.shared_reads();
    let calls = reads.answered + reads.passed_on;
    // The last report is sent before a client is gone.
    drop(shared);
    let usage = socket.usage(UsagePeriod::total(1)).unwrap();
    let row = usage.iter().find(|row| row.key.consumer == "ranker" && row.key.name == "profile").expect("its usage");
    assert_eq!((row.serving.calls, row.serving.rows), (calls, calls * 3), "{usage:?}");
    let answers = socket.answers().unwrap();
    let visits = answers.iter().find(|row| row.consumer == "ranker" && row.feature == "visits").expect("its answers");
    assert_eq!((visits.last_1d.null, visits.last_1d.missing), (calls, calls), "{visits:?}");
}

#[test]
fn who_has_limits_gets_no_memory_and_who_gets_some_later_loses_it() {
    let sidecar = Sidecar::start(&users(), SHARE);
    let (ranker, socket) = (connect(&sidecar, "ranker"), sidecar.client());
    assert!(ranker.shared_reads().is_shared, "{:?}", ranker.shared_reads());
    socket.set_limits("[[consumer]]\nname = \"ranker\"\nrequests_per_second = 1000\n").unwrap();
    let is_lost = || {
        let reads = ranker.shared_reads();
        !reads.is_shared && reads.refused.as_ref().is_some_and(|refused| refused.contains("\"ranker\" has limits"))
    };
    assert!(eventually(is_lost), "{:?}", ranker.shared_reads());
    assert!(connect(&sidecar, "other").shared_reads().is_shared);
    socket.set_limits("[[view]]\nname = \"profile\"\nrows_per_second = 1000\n").unwrap();
    let other = connect(&sidecar, "other").shared_reads();
    assert!(!other.is_shared && other.refused.unwrap().contains("view \"profile\" has limits"));
}

#[test]
fn a_sidecar_that_shares_nothing_says_so() {
    let sidecar = Sidecar::start(&users(), &[]);
    let shared = connect(&sidecar, "ranker");
    let refused = shared.shared_reads().refused.expect("a reason");
    assert!(refused.contains("start it with --share-memory"), "{refused}");
    let request = shared.prepare(&["profile"]).unwrap();
    assert_eq!(shared.latest(&request, &rows(&request, [1])).unwrap().status(0, 0), Status::Missing);
    let logging = tempfile::TempDir::new().unwrap();
    let directory = logging.path().join("served");
    let sidecar = Sidecar::start(&users(), &["--share-memory", "--log-served", directory.to_str().unwrap()]);
    let refused = connect(&sidecar, "ranker").shared_reads().refused.expect("a reason");
    assert!(refused.contains("logs what it serves"), "{refused}");
}

/// `profile`, and `salary` with a tag that a policy restricts.
fn with_salaries() -> Definitions {
    let mut salary = view("salary", &["user"], &[("score", "float32"), ("visits", "int64"), ("name", "string")]);
    salary.tags.insert("pii".to_owned(), "true".to_owned());
    let mut definitions = users();
    definitions.views.push(ViewDefinition { created_column: None, ..salary });
    definitions.views[0].created_column = None;
    definitions
}

#[test]
fn what_the_policy_restricts_is_not_in_shared_memory() {
    let sidecar = Sidecar::start(&with_salaries(), SHARE);
    let (shared, socket) = (connect(&sidecar, "ranker"), sidecar.client());
    let now = socket.now().unwrap();
    for view in ["profile", "salary"] {
        write(&socket, view, &[(1, now.minus(Span::from_secs(50)), Some(1))]);
    }
    let [open, closed] = ["profile:visits", "salary:visits"].map(|feature| shared.prepare(&[feature]).unwrap());
    let [of_open, of_closed] = [&open, &closed].map(|request| rows(request, [1]));
    read_here(&shared, &closed, &of_closed);
    socket.apply_policy("[[restricted]]\ntags = { pii = \"true\" }\nconsumers = \"fraud\"\n", "").unwrap();
    assert_eq!(shared.latest(&closed, &of_closed).unwrap_err().kind(), ErrorKind::Denied);
    read_here(&shared, &open, &of_open);
    let fraud = connect(&sidecar, "fraud");
    for _ in 0..3 {
        assert_eq!(fraud.latest(&closed, &of_closed).unwrap().value(0, 0).unwrap(), int(1));
    }
    assert_eq!(fraud.shared_reads().answered, 0, "who may read it asks the sidecar");
    let hot = socket.stats().unwrap().hot.unwrap();
    assert_eq!(hot.rows, 1, "{hot:?}");
}
