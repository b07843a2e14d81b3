//! A sidecar logs what it serves, and the log is audited.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray};
use asofdb::{ErrorKind, F32Matrix, Session, Span, Status, Store, Timestamp, Value, read_served_log};
use asofdb_client::AuditRequest;
use rustix::process::Signal;
use serde_json::{Value as Json, json};

use super::harness::Sidecar;
use crate::common::{batch, int, times, users};
use crate::http::client::Target;

fn profile(event: Timestamp, score: f32) -> RecordBatch {
    batch(vec![
        ("user_id", Arc::new(Int64Array::from(vec![1])) as ArrayRef),
        ("event_timestamp", times([Some(event)])),
        ("score", Arc::new(Float32Array::from(vec![score]))),
        ("visits", Arc::new(Int64Array::from(vec![3]))),
        ("name", Arc::new(StringArray::from(vec!["one"]))),
    ])
}

fn asof(place: &[&str], words: &[&str]) -> Output {
    let mut asof = Command::new(env!("CARGO_BIN_EXE_asof"));
    asof.args(place).args(words).env_remove("ASOF_STORE").output().expect("asof")
}

fn audited(place: &[&str], log: &Path, words: &[&str], code: i32) -> Json {
    let log = log.to_str().expect("a path");
    let output = asof(place, &[&["audit", log, "--format", "json"], words].concat());
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Starts a sidecar that logs all that it serves; its HTTP socket is `http` in its directory.
fn logging() -> (Sidecar, tempfile::TempDir) {
    let place = tempfile::TempDir::new().expect("a temporary directory");
    let log = place.path().join("served").to_str().expect("a path").to_owned();
    let http = place.path().join("http").to_str().expect("a path").to_owned();
    let arguments = ["--log-served", &log, "--log-share", "1", "--http-socket", &http];
    (Sidecar::start(&users(), &arguments), place)
}

#[test]
fn what_a_sidecar_serves_is_logged_through_both_doors_and_audited() {
    let (mut sidecar, place) = logging();
    let client = sidecar.client();
    let event = client.now().unwrap().minus(Span::from_secs(60));
    client.write("profile", &profile(event, 1.5)).unwrap();
    let request = client.prepare(&["profile:score", "profile:visits"]).unwrap();
    let mut rows = request.entity_rows();
    [Some(Value::Int64(1)), int(2)].into_iter().for_each(|user| rows.push(&[user]).unwrap());
    client.latest(&request, &rows).unwrap();
    let (mut values, mut statuses) = ([0.0; 4], [Status::Null; 4]);
    let matrix = F32Matrix { values: &mut values, statuses: Some(&mut statuses), fill: -1.0 };
    client.latest_f32(&request, &rows, matrix).unwrap();
    assert_eq!((values, statuses[2]), ([1.5, 3.0, -1.0, -1.0], Status::Missing));
    let http = Target::Unix(place.path().join("http"));
    let asked = json!({"features": ["profile:name"], "entities": [{"user_id": 1}]});
    let answer = http.post("/v1/latest", &asked);
    let id = answer.header("x-asof-answer-id").expect("an id").to_owned();
    let metrics = http.get("/metrics");
    assert!(metrics.text().contains("asof_served_log_reads_total 3"), "{}", metrics.text());
    assert!(metrics.text().contains("asof_served_log_reads_dropped_total 0"), "{}", metrics.text());
    sidecar.signal(Signal::TERM);
    sidecar.wait();
    let log = place.path().join("served");
    let rows: Vec<_> = read_served_log(&log).unwrap().collect::<Result<_, _>>().unwrap();
    let by_http: Vec<_> = rows.iter().filter(|row| row.id == id).collect();
    assert_eq!((rows.len(), by_http.len()), (5, 1));
    assert_eq!(by_http[0].features[0].value().unwrap(), Some(Value::String("one".into())));
    let path = sidecar.directory.path().join("store");
    let store = ["--store", path.to_str().expect("a path")];
    let found = audited(&store, &log, &[], 0);
    assert_eq!((&found["rows"], &found["values"], &found["differing"]), (&5.into(), &9.into(), &0.into()));
    Store::open(&path).unwrap().write("profile", &profile(event, 2.5)).unwrap();
    let found = audited(&store, &log, &[], 3);
    assert_eq!(found["features"]["profile:score"]["differences"]["restated"], 2);
    assert_eq!(found["examples"][0]["reason"], "restated");
    assert_eq!(audited(&store, &log, &["--known", "then"], 0)["differing"], 0);
    let (set, page) = (place.path().join("set.parquet"), place.path().join("audit.html"));
    let (set, page) = (set.to_str().expect("a path"), page.to_str().expect("a path"));
    let from_log = ["training-set", "--from-log", log.to_str().expect("a path"), "profile:score", "--out", set];
    let output = asof(&store, &[&from_log[..], &["--format", "json"]].concat());
    let joined: Json = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&joined["rows"], &joined["features"]["profile:score"]["present"]), (&4.into(), &2.into()));
    let found = audited(&store, &log, &["--against", set, "--html", page], 3);
    let against = &found["against"];
    assert_eq!((&against["matched_rows"], &against["training_rows"]), (&4.into(), &4.into()));
    assert_eq!(against["features"]["profile:score"]["same"], 4);
    assert_eq!(against["absent"], json!(["profile:visits", "profile:name"]));
    let html = std::fs::read_to_string(page).expect("a page");
    assert!(html.contains("<h3>profile:score</h3>"), "{html}");
    let table = asof(&store, &["audit", log.to_str().expect("a path")]);
    let table = String::from_utf8(table.stdout).expect("text");
    assert!(table.contains("restated: profile:score of user_id=1 at "), "{table}");
    assert!(table.contains("5 rows, 9 values, of which 2 are not what was served"), "{table}");
}

#[test]
fn a_log_is_audited_through_a_sidecar_as_by_the_store_itself() {
    let (mut sidecar, place) = logging();
    let client = sidecar.client();
    let event = client.now().unwrap().minus(Span::from_secs(60));
    client.write("profile", &profile(event, 1.5)).unwrap();
    let request = client.prepare(&["profile"]).unwrap();
    let mut rows = request.entity_rows();
    rows.push(&[int(1)]).unwrap();
    client.latest(&request, &rows).unwrap();
    client.write("profile", &profile(event.plus(Span::from_secs(1)), 2.5)).unwrap();
    sidecar.signal(Signal::TERM);
    sidecar.wait();
    let log = place.path().join("served");
    let again = Sidecar::over(sidecar.kill(), &[]);
    let socket = again.socket();
    let through = ["--connect", socket.to_str().expect("a path")];
    let found = audited(&through, &log, &[], 3);
    assert_eq!(found["features"]["profile:score"]["differences"]["late"], 1);
    assert_eq!(audited(&through, &log, &["--known", "then"], 0)["differing"], 0);
    assert_eq!(audited(&through, &log, &["--consumer", "nobody"], 0)["rows"], 0);
    let directory = again.kill();
    let path = directory.path().join("store");
    assert_eq!(audited(&["--store", path.to_str().expect("a path")], &log, &[], 3), found);
}

/// Entity rows of users.
fn users_of(request: &asofdb::Prepared, users: &[i64]) -> asofdb::EntityRows {
    let mut rows = request.entity_rows();
    users.iter().for_each(|user| rows.push(&[int(*user)]).unwrap());
    rows
}

#[test]
fn an_answer_of_the_native_protocol_has_the_id_that_it_has_in_the_log_also_when_many_are_asked_at_once() {
    let (mut sidecar, place) = logging();
    let client = sidecar.client();
    let request = client.prepare(&["profile:score", "profile:visits"]).unwrap();
    let first = client.latest(&request, &users_of(&request, &[1, 2])).unwrap();
    let now = client.now().unwrap();
    let past = client.as_of(&request, &users_of(&request, &[3]), now, None).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let many = runtime.block_on(async {
        let client = asofdb_client::AsyncClient::connect(sidecar.socket()).await.unwrap();
        let request = std::sync::Arc::new(client.prepare(&["profile:score"]).await.unwrap());
        let mut tasks = tokio::task::JoinSet::new();
        for user in 10..30 {
            let (client, request, rows) = (client.clone(), request.clone(), users_of(&request, &[user]));
            tasks.spawn(async move { (user, client.latest(&request, &rows).await.unwrap()) });
        }
        tasks.join_all().await
    });
    sidecar.signal(Signal::TERM);
    sidecar.wait();
    let logged: Vec<_> = read_served_log(&place.path().join("served")).unwrap().collect::<Result<_, _>>().unwrap();
    let users_by = |id: Option<&str>| {
        let rows = logged.iter().filter(|row| Some(row.id.as_str()) == id);
        rows.map(|row| row.entity[0].value.clone()).collect::<Vec<_>>()
    };
    let user = |user: i64| Some(Value::Int64(user));
    assert_eq!(users_by(first.id()), [user(1), user(2)]);
    assert_eq!(users_by(past.id()), [user(3)]);
    assert_eq!(many.len(), 20);
    for (number, answer) in many {
        assert_eq!(users_by(answer.id()), [user(number)]);
    }
}

#[test]
fn an_answer_that_is_not_logged_has_no_id() {
    let sidecar = Sidecar::start(&users(), &[]);
    let client = sidecar.client();
    let request = client.prepare(&["profile"]).unwrap();
    let answer = client.latest(&request, &users_of(&request, &[1, 2])).unwrap();
    assert_eq!((answer.id(), answer.rows(), answer.status(1, 0)), (None, 2, Status::Missing));
}

#[test]
fn a_sidecar_audits_its_own_log_for_the_command_line_and_for_clients() {
    let (sidecar, _place) = logging();
    let client = sidecar.client();
    let event = client.now().unwrap().minus(Span::from_secs(60));
    client.write("profile", &profile(event, 1.5)).unwrap();
    let request = client.prepare(&["profile:score"]).unwrap();
    let mut rows = request.entity_rows();
    rows.push(&[int(1)]).unwrap();
    client.latest(&request, &rows).unwrap();
    client.write("profile", &profile(event.plus(Span::from_secs(1)), 2.5)).unwrap();
    let socket = sidecar.socket();
    let socket = socket.to_str().expect("a path");
    let output = asof(&["--connect", socket], &["audit", "--format", "json"]);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Json = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(found["features"]["profile:score"]["differences"]["late"], json!(1), "{found}");
    let table = asof(&["--connect", socket], &["audit", "--known", "then"]);
    assert_eq!(table.status.code(), Some(0));
    let table = String::from_utf8(table.stdout).expect("text");
    assert!(table.contains("1 row, 1 values, of which 0 are not what was served"), "{table}");
    assert!(table.contains("audit 2 of the sidecar, which keeps it: /audits/2"), "{table}");
    let kept: Json = serde_json::from_str(&client.audits_json(None).unwrap()).expect("JSON");
    assert_eq!((&kept[0]["known"], &kept[1]["differing"]), (&json!("then"), &json!(1)), "{kept}");
    let wanted = AuditRequest { examples: 21, ..AuditRequest::default() };
    assert!(client.begin_audit(&wanted).unwrap_err().message().contains("at most 20 differences"));
    assert_eq!(client.audits_json(Some(9)).unwrap_err().kind(), ErrorKind::NotFound);
    let none = asof(&["--store", "nowhere"], &["audit"]);
    assert_eq!(none.status.code(), Some(1));
}
