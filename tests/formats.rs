//! Stores written by earlier versions stay readable. A fixture is made once, by `asof checkpoint`, and kept.

use asofdb::{Session, Status, Store, Timestamp, Value, restore};

use crate::common::{int, repository};

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

#[test]
fn a_store_of_format_1_stays_readable() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let fixture = repository("tests/fixtures/store-format-1");
    restore(&fixture, &path).unwrap();
    let store = Store::open(&path).unwrap();
    assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());

    let rows = store.history("profile", &[("user_id", Value::Int64(1))], 10).unwrap();
    let versions: Vec<_> = rows.iter().map(|row| (row.version.event, row.version.created)).collect();
    let version = |event, created| (time(event), time(created));
    let expected = [version("2024-01-02", "2024-01-02T00:01:00Z"), version("2024-01-01", "2024-01-01T00:01:00Z")];
    assert_eq!(versions, expected);
    let embedding = Value::List(asofdb::ScalarType::Float64, vec![Value::Float64(0.5), Value::Float64(-2.0)]);
    let seen = Value::Timestamp(time("2023-12-31T12:00:00Z"));
    let first = [Some(Value::Float32(1.5)), Some(Value::String("Ada".into())), Some(embedding), Some(seen)];
    assert_eq!(rows[1].values, first);

    let request = store.prepare(&["profile"]).unwrap();
    let mut users = request.entity_rows();
    [int(1), int(-2)].into_iter().for_each(|id| users.push(&[id]).unwrap());
    let latest = store.latest(&request, &users).unwrap();
    assert_eq!(latest.value(0, 0).unwrap(), Some(Value::Float32(2.5)));
    assert_eq!(
        (latest.value(0, 1).unwrap(), latest.status(0, 1)),
        (Some(Value::String("nobody".into())), Status::Null)
    );
    assert_eq!(latest.status(1, 1), Status::Missing, "deleted in February");
    let january = store.as_of(&request, &users, time("2024-01-31"), None).unwrap();
    assert_eq!(january.value(1, 1).unwrap(), Some(Value::String(String::new())));
    assert_eq!(january.status(1, 0), Status::Null);
}
