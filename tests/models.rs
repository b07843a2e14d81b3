//! Models: which versions of them have read what.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use asofdb::storage::WriteBatch;
use asofdb::{
    Durability, ErrorKind, ExportOptions, JoinOptions, ModelRow, Options, Session, Span, Store, UsagePeriod,
    parse_definitions,
};

use crate::common::{NOW, TestStore, batch, int, times};

const DEFINITIONS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[feature_view]]
name = "stats_v1"
entities = ["user"]
feature = [{ name = "clicks", type = "int64" }]

[[feature_view]]
name = "stats_v10"
entities = ["user"]
feature = [{ name = "clicks", type = "int64" }]

[[feature_service]]
name = "ranker"
features = ["stats_v1:clicks"]
"#;

fn test() -> TestStore {
    TestStore::new(&parse_definitions(DEFINITIONS, "models.toml").unwrap())
}

fn read(store: &Store, features: &[&str], users: &[i64]) {
    let request = store.prepare(features).unwrap();
    let mut rows = request.entity_rows();
    users.iter().for_each(|user| rows.push(&[int(*user)]).unwrap());
    store.latest(&request, &rows).unwrap();
}

/// The rows as text: model, thing, consumer, calls and rows of serving, training sets and exports.
fn told(rows: &[ModelRow]) -> Vec<String> {
    let row = |row: &ModelRow| {
        let counts = [row.serving, row.training, row.exports].map(|counts| format!("{}/{}", counts.calls, counts.rows));
        let key = &row.key;
        format!("{} {} {} {}: {}", key.model, key.of.as_str(), key.name, key.consumer, counts.join(" "))
    };
    rows.iter().map(row).collect()
}

#[test]
fn reads_training_sets_and_exports_count_for_the_version_of_the_model_that_reads() {
    let TestStore { store, directory, .. } = test();
    let ranker = store.for_consumer("ranker").unwrap();
    let (third, fourth) = (ranker.for_model("fraud/3").unwrap(), ranker.for_model("fraud/4").unwrap());
    read(&third, &["ranker"], &[1, 2, 3]);
    read(&fourth, &["ranker"], &[4]);
    read(&fourth, &["stats_v10"], &[4]);
    read(&ranker, &["stats_v10"], &[1]);
    let users: ArrayRef = Arc::new((0..7).collect::<Int64Array>());
    let spine: RecordBatch = batch(vec![("user_id", users), ("event_timestamp", times([Some(NOW); 7]))]);
    let joined =
        fourth.point_in_time_join(&["ranker"], spine.schema(), [Ok(spine)].into_iter(), &JoinOptions::default());
    joined.unwrap().for_each(|batch| drop(batch.unwrap()));
    fourth.export("stats_v10", &directory.path().join("out"), &ExportOptions::default(), &mut |_| {}).unwrap();
    let rows = store.models().unwrap();
    let expected = [
        "fraud/3 view stats_v1 ranker: 1/3 0/0 0/0",
        "fraud/3 service ranker ranker: 1/3 0/0 0/0",
        "fraud/4 view stats_v1 ranker: 1/1 1/7 0/0",
        "fraud/4 view stats_v10 ranker: 1/1 0/0 1/0",
        "fraud/4 service ranker ranker: 1/1 1/7 0/0",
    ];
    assert_eq!(told(&rows), expected);
    assert!(rows.iter().all(|row| row.last == NOW));
    let all: u64 = store.usage(UsagePeriod::total(1)).unwrap().iter().map(|row| row.serving.calls).sum();
    assert_eq!(all, 6, "they count as reads of the consumer as well");
}

#[test]
fn what_models_read_outlives_the_process_and_is_forgotten_after_400_days() {
    let TestStore { store, clock, directory } = test();
    read(&store.for_consumer("ranker").unwrap().for_model("fraud/3").unwrap(), &["stats_v1"], &[1, 2]);
    drop(store);
    let path = directory.path().join("store");
    let open = || Store::open_with(&path, Options::default(), clock.clone(), Durability::Os).unwrap();
    let store = open();
    read(&store.for_consumer("ranker").unwrap().for_model("fraud/3").unwrap(), &["stats_v1"], &[3]);
    store.flush().unwrap();
    let row = "fraud/3 view stats_v1 ranker: 2/3 0/0 0/0";
    assert_eq!(told(&store.models().unwrap()), [row]);
    drop(store);
    let store = open();
    assert_eq!(told(&store.models().unwrap()), [row]);
    clock.set(NOW.plus(Span::from_secs(86_400 * 401)));
    store.confirm_clock().unwrap();
    read(&store.for_consumer("ranker").unwrap().for_model("fraud/4").unwrap(), &["stats_v1"], &[3]);
    drop(store);
    assert_eq!(told(&open().models().unwrap()), ["fraud/4 view stats_v1 ranker: 1/1 0/0 0/0"]);
}

#[test]
fn a_model_is_a_name_and_a_version_of_a_consumer() {
    let TestStore { store, directory: _directory, .. } = test();
    let error = store.for_model("fraud/3").err().unwrap();
    assert_eq!(error.to_string(), "a model reads for a consumer, and none is named: \"fraud/3\"");
    let error = store.for_consumer("ranker").unwrap().for_model("fraud").err().unwrap();
    assert_eq!(
        error.to_string(),
        "a model is NAME/VERSION, each of A-Z a-z 0-9 _ . : -, together at most 128: \"fraud\""
    );
    let other = store.for_consumer("ranker").unwrap().for_model("fraud/3").unwrap().for_consumer("other").unwrap();
    read(&other, &["stats_v1"], &[1]);
    assert_eq!(store.models().unwrap(), [], "another consumer is not that model");
}

#[test]
fn a_note_of_models_that_cannot_be_read_is_told_and_written_anew() {
    let TestStore { store, directory: _directory, .. } = test();
    let mut notes = WriteBatch::new();
    notes.note("usage/models", Some(vec![1, 7]));
    store.backend().commit(notes, Durability::Os).unwrap();
    assert_eq!(store.models().unwrap_err().kind(), ErrorKind::Corrupt);
    read(&store.for_consumer("ranker").unwrap().for_model("fraud/3").unwrap(), &["stats_v1"], &[1]);
    store.flush().unwrap();
    assert_eq!(told(&store.models().unwrap()), ["fraud/3 view stats_v1 ranker: 1/1 0/0 0/0"]);
}
