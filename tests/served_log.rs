//! The log of served features: what reads answered, to be asked again.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Float64Type;
use asofdb::{
    AnswerColumns, EntityRows, F32Matrix, Prepared, Question, ServedLogOptions, ServedRow, Source, Span, Status, Store,
    TextOptions, Timestamp, Value, parse_definitions, read_served_log, served_training_set,
};
use tempfile::TempDir;

use crate::common::{NOW, TestStore, batch, hours_ago, in_memory, int, times};

const DEFINITIONS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[feature_view]]
name = "stats"
entities = ["user"]
ttl = "1d"
feature = [
    { name = "score", type = "float32" },
    { name = "visits", type = "int64", default = 7 },
    { name = "name", type = "string" },
]

[[event_view]]
name = "buys"
entities = ["user"]
columns = [{ name = "amount", type = "float64" }]

[[window_view]]
name = "buys_by_user"
from = "buys"
entities = ["user"]
windows = ["24h"]
feature = [{ name = "spent", aggregate = "sum", of = "amount" }]

[[derived_view]]
name = "rates"
request = [{ name = "factor", type = "float64" }]
feature = [{ name = "scaled", type = "float64", expression = "stats:visits * factor" }]

[[feature_service]]
name = "ranker"
features = ["stats:score", "stats:visits", "stats:name"]
"#;

fn stats(user: i64, event: Timestamp, score: Option<f32>, visits: Option<i64>) -> RecordBatch {
    batch(vec![
        ("user_id", Arc::new(Int64Array::from(vec![user])) as ArrayRef),
        ("event_timestamp", times([Some(event)])),
        ("score", Arc::new(Float32Array::from(vec![score]))),
        ("visits", Arc::new(Int64Array::from(vec![visits]))),
        ("name", Arc::new(StringArray::from(vec![Some("é\"")]))),
    ])
}

fn logged(store: &Store, options: ServedLogOptions) -> (Store, TempDir) {
    let directory = TempDir::new().unwrap();
    let store = store.log_served(&directory.path().join("served"), options).unwrap();
    (store, directory)
}

fn rows(store: &Store) -> Vec<ServedRow> {
    let log = store.served_log().unwrap();
    log.flush().unwrap();
    read_served_log(&log.status().directory).unwrap().collect::<Result<_, _>>().unwrap()
}

fn request(store: &Store, references: &[&str], users: &[Option<i64>]) -> (Prepared, EntityRows) {
    let request = store.prepare(references).unwrap();
    let mut rows = request.entity_rows();
    users.iter().for_each(|user| rows.push(&[user.map(Value::Int64)]).unwrap());
    (request, rows)
}

fn test() -> TestStore {
    TestStore::new(&parse_definitions(DEFINITIONS, "served.toml").unwrap())
}

#[test]
fn a_log_has_what_was_served_bit_for_bit_with_the_question_and_who_asked() {
    for store in [test().store, in_memory(&parse_definitions(DEFINITIONS, "served.toml").unwrap())] {
        store.write("stats", &stats(1, hours_ago(1), Some(-0.0), None)).unwrap();
        store.write("stats", &stats(2, hours_ago(30), Some(1.5), Some(2))).unwrap();
        let (store, _directory) = logged(&store, ServedLogOptions::default());
        let ranker = store.for_consumer("ranker-v2").unwrap();
        let (prepared, entities) = request(&ranker, &["ranker"], &[Some(1), Some(2), None]);
        let answer = ranker.latest(&prepared, &entities).unwrap();
        let rows = rows(&store);
        assert_eq!(rows.len(), 3);
        let first = &rows[0];
        assert_eq!(Some(first.id.as_str()), answer.id());
        assert_eq!((first.row, first.served_at, first.at, first.question), (0, NOW, NOW, Question::Latest));
        assert!(first.known_at >= NOW);
        assert_eq!((first.consumer.as_deref(), first.service.as_deref()), (Some("ranker-v2"), Some("ranker")));
        assert_eq!((&first.references, first.catalog_revision), (&vec!["ranker".to_owned()], 1));
        assert_eq!((first.entity[0].name.as_str(), &first.entity[0].value), ("user_id", &int(1)));
        assert_eq!(rows[2].entity[0].value, None);
        for (row, served) in rows.iter().enumerate() {
            for (place, feature) in served.features.iter().enumerate() {
                assert_eq!(feature.status, answer.status(row, place));
                assert_eq!(feature.event, answer.event_timestamp(row, place));
                assert_eq!(feature.value().unwrap(), answer.value(row, place).unwrap());
                assert_eq!(feature.defaulted, answer.is_defaulted(row, place));
            }
        }
        assert_eq!(first.features[0].bytes, Some((-0.0_f32).to_le_bytes().to_vec()));
        let reference = |at: usize| first.features[at].reference.as_str();
        assert_eq!([reference(0), reference(1), reference(2)], ["stats:score", "stats:visits", "stats:name"]);
        let visits = |row: usize| (rows[row].features[1].status, rows[row].features[1].defaulted);
        assert_eq!(
            [visits(0), visits(1), visits(2)],
            [(Status::Null, true), (Status::Expired, true), (Status::Missing, true)]
        );
    }
}

#[test]
fn a_logged_read_can_be_repeated_whatever_was_written_since() {
    let test = test();
    test.store.write("stats", &stats(1, hours_ago(2), Some(1.0), Some(1))).unwrap();
    let buy = |event, amount: f64| {
        batch(vec![
            ("user_id", Arc::new(Int64Array::from(vec![1])) as ArrayRef),
            ("event_timestamp", times([Some(event)])),
            ("amount", Arc::new(arrow::array::Float64Array::from(vec![amount]))),
        ])
    };
    test.store.write("buys", &buy(hours_ago(3), 2.5)).unwrap();
    let (store, _directory) = logged(&test.store, ServedLogOptions::default());
    let references = ["stats:score", "buys_by_user:spent_24h"];
    let (prepared, entities) = request(&store, &references, &[Some(1)]);
    let values = |question| {
        let answer = match question {
            Question::Latest => store.latest(&prepared, &entities),
            Question::AsOf { at, known_at } => store.as_of(&prepared, &entities, at, known_at),
        };
        let answer = answer.unwrap();
        [answer.value(0, 0).unwrap(), answer.value(0, 1).unwrap()]
    };
    let mut served = Vec::new();
    for round in 0..5_u8 {
        served.push(values(Question::Latest));
        // The clock stands still: stamps alone tell before from after.
        store.write("stats", &stats(1, hours_ago(1), Some(f32::from(round)), None)).unwrap();
        store.write("buys", &buy(hours_ago(1), f64::from(round))).unwrap();
    }
    assert_eq!(served[2], [Some(Value::Float32(1.0)), Some(Value::Float64(3.5))]);
    for (row, served) in rows(&store).iter().zip(served) {
        assert_eq!(values(Question::AsOf { at: row.at, known_at: Some(row.known_at) }), served);
    }
}

#[test]
fn a_logged_read_answers_as_others_do_also_into_a_matrix() {
    let test = test();
    test.store.write("stats", &stats(1, hours_ago(1), Some(1.5), Some(3))).unwrap();
    let (store, _directory) = logged(&test.store, ServedLogOptions::default());
    let (prepared, entities) = request(&store, &["stats:score", "stats:visits"], &[Some(1), Some(9)]);
    let matrix = |store: &Store| {
        let (mut values, mut statuses) = ([0.0; 4], [Status::Expired; 4]);
        let matrix = F32Matrix { values: &mut values, statuses: Some(&mut statuses), fill: -1.0 };
        store.latest_f32(&prepared, &entities, matrix).unwrap();
        (values, statuses)
    };
    assert_eq!(matrix(&store), matrix(&test.store));
    let rows = rows(&store);
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].features[1].value().unwrap(), int(3));
}

#[test]
fn request_values_are_logged_with_what_is_computed_from_them() {
    let test = test();
    test.store.write("stats", &stats(1, hours_ago(1), None, Some(3))).unwrap();
    let (store, _directory) = logged(&test.store, ServedLogOptions::default());
    let prepared = store.prepare(&["rates:scaled"]).unwrap();
    let mut entities = prepared.entity_rows();
    entities.push_with(&[int(1)], &[Some(Value::Float64(2.5))]).unwrap();
    store.latest(&prepared, &entities).unwrap();
    let rows = rows(&store);
    assert_eq!((rows[0].request[0].name.as_str(), &rows[0].request[0].value), ("factor", &Some(Value::Float64(2.5))));
    assert_eq!(rows[0].features[0].value().unwrap(), Some(Value::Float64(7.5)));
    let meaning = &rows[0].features[0].meaning;
    assert!(meaning.contains("\"stats:visits * factor\"") && meaning.contains("default Int64(7)"), "{meaning}");
}

#[test]
fn a_share_of_the_reads_is_logged_evenly() {
    let (store, _directory) = logged(&test().store, ServedLogOptions { share: 0.25, ..ServedLogOptions::default() });
    let (prepared, entities) = request(&store, &["stats:score"], &[Some(1)]);
    let taken: Vec<bool> = (0..12).map(|_| store.latest(&prepared, &entities).unwrap().id().is_some()).collect();
    assert_eq!(taken, [false, false, false, true].repeat(3));
    assert_eq!(rows(&store).len(), 3);
    for share in [0.0, -1.0, 1.5, f64::NAN] {
        let options = ServedLogOptions { share, ..ServedLogOptions::default() };
        let error = store.log_served(&std::env::temp_dir().join("never"), options).err().unwrap();
        assert!(error.message().starts_with("the share of reads that are logged is above 0"), "{error}");
    }
}

#[test]
fn under_pressure_reads_are_dropped_and_counted_and_answered_all_the_same() {
    let options = ServedLogOptions { queue_bytes_max: 1, ..ServedLogOptions::default() };
    let (store, _directory) = logged(&test().store, options);
    let (prepared, entities) = request(&store, &["stats:score"], &[Some(1)]);
    for _ in 0..3 {
        assert_eq!(store.latest(&prepared, &entities).unwrap().status(0, 0), Status::Missing);
    }
    let log = store.served_log().unwrap();
    log.flush().unwrap();
    let status = log.status();
    assert_eq!((status.reads, status.reads_dropped, status.rows_written), (0, 3, 0));
}

#[test]
fn files_lie_by_the_hour_and_the_oldest_go() {
    let test = test();
    let options = ServedLogOptions { age_max: Span::from_secs(3_600), ..ServedLogOptions::default() };
    let (store, directory) = logged(&test.store, options);
    let (prepared, entities) = request(&store, &["stats:score"], &[Some(1)]);
    for hour in 0..4 {
        test.clock.set(NOW.plus(Span::from_secs(hour * 3_600)));
        store.latest(&prepared, &entities).unwrap();
    }
    store.served_log().unwrap().flush().unwrap();
    let entries = std::fs::read_dir(directory.path().join("served")).unwrap();
    let mut hours: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    hours.sort();
    assert_eq!(hours, ["hour=2024-06-01T01", "hour=2024-06-01T02", "hour=2024-06-01T03"]);
    assert_eq!(store.served_log().unwrap().status().rows_written, 4);
}

#[test]
fn what_is_no_log_is_refused_by_name() {
    let directory = TempDir::new().unwrap();
    let error = read_served_log(&directory.path().join("none")).err().unwrap();
    assert_eq!(error.kind(), asofdb::ErrorKind::NotFound);
    let error = read_served_log(directory.path()).err().unwrap();
    assert!(error.message().contains("has no files of a log of served features"), "{error}");
    let file = directory.path().join("other.parquet");
    std::fs::write(&file, b"PAR1 no PAR1").unwrap();
    let error = read_served_log(&file).unwrap().next().unwrap().unwrap_err();
    assert!(error.message().contains("other.parquet"), "{error}");
}

fn training_set(store: &Store, references: &[&str], options: AnswerColumns) -> asofdb::Result<RecordBatch> {
    let log = store.served_log().unwrap();
    log.flush().unwrap();
    let directory = TempDir::new().unwrap();
    let out = directory.path().join("served.parquet");
    let references: Vec<_> = references.iter().map(|name| (*name).to_owned()).collect();
    served_training_set(&log.status().directory, &references, &out, options, &mut |_| {})?;
    let mut batches = Source::open(&out, None, TextOptions::default())?.batches()?;
    batches.next().unwrap()
}

#[test]
fn a_training_set_of_a_log_has_exactly_what_was_served() {
    let test = test();
    test.store.write("stats", &stats(1, hours_ago(1), Some(1.5), Some(3))).unwrap();
    let (store, _directory) = logged(&test.store, ServedLogOptions::default());
    let (prepared, entities) = request(&store, &["ranker"], &[Some(1), Some(2)]);
    let id = store.latest(&prepared, &entities).unwrap().id().unwrap().to_owned();
    let prepared = store.prepare(&["rates:scaled"]).unwrap();
    let mut entities = prepared.entity_rows();
    entities.push_with(&[int(1)], &[Some(Value::Float64(2.5))]).unwrap();
    store.as_of(&prepared, &entities, hours_ago(0), None).unwrap();
    test.store.write("stats", &stats(1, hours_ago(1), Some(9.5), Some(9))).unwrap();
    let set = training_set(&store, &["ranker"], AnswerColumns::default()).unwrap();
    let names: Vec<_> = set.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["user_id", "event_timestamp", "answer_id", "answer_row", "score", "visits", "name"]);
    let expected = batch(vec![
        ("user_id", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef),
        ("event_timestamp", times([Some(NOW), Some(NOW)])),
        ("answer_id", Arc::new(StringArray::from(vec![id.as_str(), id.as_str()]))),
        ("answer_row", Arc::new(Int64Array::from(vec![0, 1]))),
        ("score", Arc::new(Float32Array::from(vec![Some(1.5), None]))),
        ("visits", Arc::new(Int64Array::from(vec![3, 7]))),
        ("name", Arc::new(StringArray::from(vec![Some("é\""), None]))),
    ]);
    assert_eq!(set.columns(), expected.columns());
    let all = AnswerColumns { statuses: true, full_names: true, ..AnswerColumns::default() };
    let set = training_set(&store, &[], all).unwrap();
    assert_eq!(set.num_rows(), 3);
    let text = |name: &str, row: usize| set.column_by_name(name).unwrap().as_string::<i32>().value(row).to_owned();
    assert_eq!([text("stats__visits__status", 0), text("stats__visits__status", 1)], ["present", "missing"]);
    assert!(set.column_by_name("stats__visits").unwrap().is_null(2), "it was not asked for");
    assert_eq!(set.column_by_name("rates__scaled").unwrap().as_primitive::<Float64Type>().value(2), 7.5);
    assert_eq!(set.column_by_name("factor").unwrap().as_primitive::<Float64Type>().value(2), 2.5);
    let error = training_set(&store, &["nothing"], AnswerColumns::default()).unwrap_err();
    assert!(error.message().ends_with("has no row with any of these features: nothing"), "{error}");
}

#[test]
fn a_clone_that_is_unlogged_adds_nothing_to_the_log() {
    let (store, _directory) = logged(&test().store, ServedLogOptions::default());
    let (prepared, entities) = request(&store, &["stats:score"], &[Some(1)]);
    assert!(store.unlogged().latest(&prepared, &entities).unwrap().id().is_none());
    assert!(store.latest(&prepared, &entities).unwrap().id().is_some());
    assert_eq!(rows(&store).len(), 1);
}
