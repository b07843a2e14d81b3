//! The point-in-time join: every row of the spine gets what was true, and known, at its time.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float32Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{Float32Type, Int64Type, TimestampMicrosecondType};
use asofdb::{
    AnswerColumns, Definitions, ErrorKind, JOIN_MEMORY_BYTES_MIN, JoinOptions, JoinReport, KnownAt, ScalarType,
    Session, Span, Status, Store, Timestamp, Value,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::common::{NOW, TestStore, batch, entity, hours_ago, in_memory, times, users, view};

fn join(store: &Store, references: &[&str], spine: &[RecordBatch], options: &JoinOptions) -> (RecordBatch, JoinReport) {
    let batches = spine.iter().cloned().map(Ok);
    let mut join = store.point_in_time_join(references, spine[0].schema(), batches, options).expect("a good request");
    let schema = join.schema();
    let parts: Vec<_> = join.by_ref().collect::<Result<_, _>>().expect("a good join");
    (concat_batches(&schema, &parts).expect("parts of one schema"), join.report().clone())
}

fn spine(ids: Vec<Option<i64>>, at: Vec<Option<Timestamp>>) -> RecordBatch {
    batch(vec![("user_id", Arc::new(Int64Array::from(ids)) as ArrayRef), ("event_timestamp", times(at))])
}

fn profiles(rows: &[(i64, Timestamp, Option<Timestamp>, Option<f32>)]) -> RecordBatch {
    let n = rows.len();
    batch(vec![
        ("user_id", Arc::new(rows.iter().map(|row| Some(row.0)).collect::<Int64Array>()) as ArrayRef),
        ("event_timestamp", times(rows.iter().map(|row| Some(row.1)))),
        ("created", times(rows.iter().map(|row| row.2))),
        ("score", Arc::new(rows.iter().map(|row| row.3).collect::<Float32Array>())),
        ("visits", Arc::new((0..n as i64).map(Some).collect::<Int64Array>())),
        ("name", Arc::new((0..n).map(|n| Some(format!("row {n}"))).collect::<StringArray>())),
    ])
}

#[test]
fn rows_keep_the_order_and_the_columns_of_the_spine() {
    let store = in_memory(&users());
    store
        .write("profile", &profiles(&[(1, hours_ago(5), None, Some(1.5)), (2, hours_ago(4), None, Some(2.5))]))
        .unwrap();
    let ids = vec![Some(2), Some(1), Some(2), Some(9), None, Some(1)];
    let at = vec![Some(NOW), Some(hours_ago(6)), Some(hours_ago(4)), Some(NOW), Some(NOW), None];
    let label: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "c", "d", "e", "f"]));
    let columns = spine(ids, at);
    let spine = batch(vec![
        ("label", label),
        ("user_id", columns.column(0).clone()),
        ("event_timestamp", columns.column(1).clone()),
    ]);
    let options = JoinOptions {
        columns: AnswerColumns { statuses: true, event_timestamps: true, ..AnswerColumns::default() },
        ..JoinOptions::default()
    };
    let (result, report) = join(&store, &["profile:score", "profile:name"], std::slice::from_ref(&spine), &options);
    let names: Vec<_> = result.schema().fields().iter().map(|field| field.name().clone()).collect();
    let expected = [
        "label",
        "user_id",
        "event_timestamp",
        "score",
        "score__status",
        "name",
        "name__status",
        "profile__event_timestamp",
    ];
    assert_eq!(names, expected);
    assert_eq!(&result.columns()[..3], spine.columns());
    let scores: Vec<_> = result.column(3).as_primitive::<Float32Type>().iter().collect();
    assert_eq!(scores, [Some(2.5), None, Some(2.5), None, None, None]);
    let statuses = arrow::compute::cast(result.column(4), &arrow::datatypes::DataType::Utf8).unwrap();
    let statuses: Vec<_> = statuses.as_string::<i32>().iter().flatten().map(str::to_owned).collect();
    assert_eq!(statuses, ["present", "missing", "present", "missing", "missing", "missing"]);
    let events: Vec<_> = result.column(7).as_primitive::<TimestampMicrosecondType>().iter().collect();
    let written = Some(hours_ago(4).as_micros());
    assert_eq!(events, [written, None, written, None, None, None]);
    assert_eq!((report.rows, report.null_rows), (6, 2));
    assert_eq!(report.features[0].reference, "profile:score");
    assert_eq!(report.features[0].by_status, [2, 0, 4, 0]);
}

#[test]
fn a_version_exactly_ttl_old_is_valid_and_one_microsecond_more_is_expired() {
    let store = in_memory(&users());
    store.write("profile", &profiles(&[(1, hours_ago(30), None, Some(1.0))])).unwrap();
    let exactly = hours_ago(30).plus(Span::from_secs(86_400));
    let later = exactly.plus(Span::from_micros(1));
    let spine = spine(vec![Some(1), Some(1)], vec![Some(exactly), Some(later)]);
    let (result, report) = join(&store, &["profile:score"], &[spine], &JoinOptions::default());
    let scores: Vec<_> = result.column(2).as_primitive::<Float32Type>().iter().collect();
    assert_eq!(scores, [Some(1.0), None]);
    assert_eq!(report.features[0].of(Status::Expired), 1);
}

#[test]
fn known_at_leaves_out_what_was_learned_later() {
    let store = in_memory(&users());
    let rows = [(1, hours_ago(5), Some(hours_ago(4)), Some(1.0)), (1, hours_ago(5), Some(hours_ago(2)), Some(2.0))];
    store.write("profile", &profiles(&rows)).unwrap();
    let spine = spine(vec![Some(1)], vec![Some(NOW)]);
    let score = |known_at: Option<Timestamp>| {
        let options = JoinOptions { known_at: known_at.into(), ..JoinOptions::default() };
        let (result, _) = join(&store, &["profile:score"], std::slice::from_ref(&spine), &options);
        result.column(2).as_primitive::<Float32Type>().iter().next().unwrap()
    };
    assert_eq!(score(None), Some(2.0));
    assert_eq!(score(Some(hours_ago(2))), Some(2.0));
    assert_eq!(score(Some(hours_ago(3))), Some(1.0));
    assert_eq!(score(Some(hours_ago(5))), None);
}

#[test]
fn each_row_can_be_kept_to_what_was_known_at_its_own_time() {
    let store = in_memory(&users());
    let rows = [
        (1, hours_ago(9), Some(hours_ago(9)), Some(1.0)),
        (1, hours_ago(9), Some(hours_ago(4)), Some(2.0)),
        (1, hours_ago(5), Some(hours_ago(2)), Some(3.0)),
    ];
    store.write("profile", &profiles(&rows)).unwrap();
    let times = [3, 1, 4, 2, 9, 10, 5].map(|hours| Some(hours_ago(hours)));
    let spine = spine(vec![Some(1); times.len()], times.to_vec());
    let scores = |known_at| {
        let options = JoinOptions { known_at, ..JoinOptions::default() };
        let (result, _) = join(&store, &["profile:score"], std::slice::from_ref(&spine), &options);
        result.column(2).as_primitive::<Float32Type>().iter().collect::<Vec<_>>()
    };
    let own = [Some(2.0), Some(3.0), Some(2.0), Some(3.0), Some(1.0), None, Some(1.0)];
    assert_eq!(scores(KnownAt::OwnTime), own);
    let ever = [Some(3.0), Some(3.0), Some(3.0), Some(3.0), Some(2.0), None, Some(3.0)];
    assert_eq!(scores(KnownAt::Ever), ever);
}

#[test]
fn defaults_stand_in_for_null_missing_and_expired() {
    let mut definitions = users();
    definitions.views[0].features[0].default = Some(Value::Float32(-1.0));
    definitions.views[0].features[2].default = Some(Value::String("nobody".into()));
    let store = in_memory(&definitions);
    store.write("profile", &profiles(&[(1, hours_ago(1), None, None), (2, hours_ago(40), None, Some(5.0))])).unwrap();
    let spine = spine(vec![Some(1), Some(2), Some(3)], vec![Some(NOW); 3]);
    let (result, report) = join(&store, &["profile"], &[spine], &JoinOptions::default());
    let scores: Vec<_> = result.column(2).as_primitive::<Float32Type>().iter().collect();
    assert_eq!(scores, [Some(-1.0); 3]);
    let visits: Vec<_> = result.column(3).as_primitive::<Int64Type>().iter().collect();
    assert_eq!(visits, [Some(0), None, None]);
    let names: Vec<_> = result.column(4).as_string::<i32>().iter().collect();
    assert_eq!(names, [Some("row 0"), Some("nobody"), Some("nobody")]);
    assert_eq!(report.features[0].by_status, [0, 1, 1, 1]);
}

#[test]
fn a_prepared_join_follows_the_catalog() {
    let store = in_memory(&users());
    store.write("profile", &profiles(&[(1, hours_ago(5), None, Some(1.5))])).unwrap();
    let request = store.prepare(&["profile:visits", "profile:score"]).unwrap();
    let mut grown = users();
    grown.views[0].features.push(asofdb::FeatureDefinition::new("added", "int32".parse().unwrap()));
    grown.views[0].features[0].default = Some(Value::Float32(-1.0));
    store.apply(&grown, false).unwrap();
    let later = profiles(&[(2, hours_ago(4), None, Some(2.5)), (3, hours_ago(4), None, None)]);
    let mut columns: Vec<(&str, ArrayRef)> = vec![("added", Arc::new(Int32Array::from(vec![7, 8])))];
    let schema = later.schema();
    columns.extend(schema.fields().iter().map(|field| field.name().as_str()).zip(later.columns().iter().cloned()));
    store.write("profile", &batch(columns)).unwrap();
    let spine = spine(vec![Some(3), Some(2), Some(1)], vec![Some(NOW); 3]);
    let batches = std::iter::once(Ok(spine.clone()));
    let mut join = store.join(&request, spine.schema(), Box::new(batches), &JoinOptions::default()).unwrap();
    let joined = join.next().unwrap().unwrap();
    let names: Vec<_> = joined.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["user_id", "event_timestamp", "visits", "score"]);
    let score: Vec<_> = joined.column(3).as_primitive::<Float32Type>().iter().collect();
    assert_eq!(score, [Some(-1.0), Some(2.5), Some(1.5)]);
    let visits: Vec<_> = joined.column(2).as_primitive::<Int64Type>().iter().collect();
    assert_eq!(visits, [Some(1), Some(0), Some(0)]);
    assert!(join.next().is_none());
    assert_eq!(join.report().features[0].of(Status::Present), 3);
}

#[test]
fn names_that_collide_are_told_apart_and_what_cannot_be_is_refused() {
    let mut definitions = users();
    definitions.views.push(view("other", &["user"], &[("score", "float32"), ("user_id_2", "int64")]));
    let store = in_memory(&definitions);
    let plain = spine(vec![Some(1)], vec![Some(NOW)]);
    let references = ["profile:score", "profile:visits", "other:score"];
    let (result, _) = join(&store, &references, std::slice::from_ref(&plain), &JoinOptions::default());
    let names: Vec<_> = result.schema().fields().iter().skip(2).map(|field| field.name().clone()).collect();
    assert_eq!(names, ["profile__score", "visits", "other__score"]);

    let with = |name| {
        batch(vec![
            (name, plain.column(0).clone()),
            ("user_id", plain.column(0).clone()),
            ("event_timestamp", plain.column(1).clone()),
        ])
    };
    let (result, _) = join(&store, &["profile:visits"], &[with("visits")], &JoinOptions::default());
    assert_eq!(result.schema().field(3).name(), "profile__visits");
    let twice = with("profile__score");
    let options = JoinOptions {
        columns: AnswerColumns { full_names: true, ..AnswerColumns::default() },
        ..JoinOptions::default()
    };
    let error = store.point_in_time_join(&["profile:score"], twice.schema(), [Ok(twice)].into_iter(), &options);
    let error = error.err().expect("two columns of one name");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("\"profile__score\""), "{error}");
}

#[test]
fn a_spine_without_its_key_or_time_is_refused_by_name() {
    let store = in_memory(&users());
    let message = |spine: RecordBatch, options: &JoinOptions| {
        let mut join =
            store.point_in_time_join(&["profile"], spine.schema(), [Ok(spine)].into_iter(), options).unwrap();
        let error = join.next().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        error.to_string()
    };
    let good = spine(vec![Some(1)], vec![Some(NOW)]);
    let renamed = batch(vec![("userid", good.column(0).clone()), ("event_timestamp", good.column(1).clone())]);
    let text = message(renamed, &JoinOptions::default());
    assert_eq!(text, "the entity rows have no column for join key \"user_id\"; did you mean \"userid\"?");
    let options = JoinOptions { event_timestamp: "event_time".into(), ..JoinOptions::default() };
    assert!(message(good.clone(), &options).contains("no time column \"event_time\""));
    let integers = batch(vec![("user_id", good.column(0).clone()), ("event_timestamp", good.column(0).clone())]);
    assert!(message(integers, &JoinOptions::default()).contains("must be timestamp, not Int64"));
    let fractions: ArrayRef = Arc::new(arrow::array::Float64Array::from(vec![1.5]));
    let fractions = batch(vec![("user_id", fractions), ("event_timestamp", good.column(1).clone())]);
    assert!(message(fractions, &JoinOptions::default()).contains("spine row 0: column \"user_id\" does not fit"));
}

#[test]
fn lists_are_features_like_any_other() {
    let definitions = Definitions {
        entities: vec![entity("user", &[("user_id", ScalarType::Int64)])],
        views: vec![view("embedding", &["user"], &[("v", "list<float32>"), ("words", "list<string>")])],
        services: vec![],
    };
    let store = in_memory(&definitions);
    let v = ListArray::from_iter_primitive::<Float32Type, _, _>([Some(vec![Some(1.0), Some(2.0)]), Some(vec![])]);
    let mut words = arrow::array::ListBuilder::new(arrow::array::StringBuilder::new());
    words.append_value([Some("a"), Some("")]);
    words.append_null();
    let rows = batch(vec![
        ("user_id", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef),
        ("event_timestamp", times([Some(hours_ago(1)); 2])),
        ("v", Arc::new(v)),
        ("words", Arc::new(words.finish())),
    ]);
    store.write("embedding", &rows).unwrap();
    let spine = spine(vec![Some(2), Some(1), Some(3)], vec![Some(NOW); 3]);
    let (result, report) = join(&store, &["embedding"], &[spine], &JoinOptions::default());
    let v = result.column(2).as_list::<i32>();
    assert_eq!(v.value(0).len(), 0);
    assert_eq!(v.value(1).as_primitive::<Float32Type>().values().to_vec(), [1.0, 2.0]);
    assert!(v.is_valid(0) && v.is_null(2));
    let words = result.column(3).as_list::<i32>();
    assert!(words.is_null(0));
    assert_eq!(words.value(1).as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["a", ""]);
    assert_eq!(report.features[1].by_status, [1, 1, 1, 0]);
}

#[test]
fn a_spine_larger_than_the_memory_gives_the_same_rows_as_one_that_fits() {
    const ROWS: i64 = 200_000;
    let test = TestStore::new(&users());
    let history: Vec<_> = (0..2_000).map(|n| (n % 500, hours_ago(20 - n / 500), None, Some(n as f32))).collect();
    test.store.write("profile", &profiles(&history)).unwrap();
    let spines: Vec<_> = (0..4)
        .map(|part| {
            let rows = (part * ROWS / 4)..((part + 1) * ROWS / 4);
            let ids = rows.clone().map(|n| Some(n * 7919 % 600)).collect();
            spine(ids, rows.map(|n| Some(hours_ago(n % 24))).collect())
        })
        .collect();
    let small = JoinOptions { memory_bytes: JOIN_MEMORY_BYTES_MIN, ..JoinOptions::default() };
    let (in_chunks, report) = join(&test.store, &["profile"], &spines, &small);
    let (at_once, _) = join(&test.store, &["profile"], &spines, &JoinOptions::default());
    assert_eq!(in_chunks, at_once);
    assert_eq!(report.rows, ROWS as u64);
    let scores = at_once.column(2).as_primitive::<Float32Type>();
    for row in (0..ROWS).step_by(997) {
        let (id, age) = (row * 7919 % 600, row % 24);
        // Versions are 20, 19, 18 and 17 hours old; unknown users are 500 and more.
        let newest = (0..4).filter(|n| 20 - n >= age).max().filter(|_| id < 500);
        let expected = newest.map(|n| (n * 500 + id) as f32);
        let got = scores.is_valid(row as usize).then(|| scores.value(row as usize));
        assert_eq!(got, expected, "row {row}");
    }
}

type Row = (i64, i64, Option<i64>, Option<f32>);

/// The definition of the join, said directly.
fn expected(history: &[Row], id: Option<i64>, at: Option<i64>, ttl: Option<i64>) -> Option<f32> {
    let (id, at) = (id?, at?);
    let candidates = history.iter().enumerate().filter(|(_, row)| row.0 == id && row.1 <= at);
    // Rows without a created timestamp get the commit's, which is after all given ones; of one version the later counts.
    let newest = candidates.max_by_key(|(position, row)| (row.1, row.2.unwrap_or(i64::MAX), *position))?;
    newest.1.3.filter(|_| ttl.is_none_or(|ttl| at - newest.1.1 <= ttl))
}

fn minutes_ago(minutes: i64) -> Timestamp {
    NOW.minus(Span::from_secs(minutes * 60))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn random_histories_join_as_the_definition_says(
        history in vec((0..5i64, 0..40i64, option::of(1..40i64), option::of(-9f32..9.0)), 1..60),
        asked in vec((option::weighted(0.9, 0..6i64), option::weighted(0.9, 0..45i64)), 1..80),
        ttl in option::of(1..30i64),
    ) {
        let mut definitions = users();
        definitions.views[0].ttl = ttl.map(|minutes| Span::from_secs(minutes * 60));
        let in_minutes: Vec<Row> = history.iter().map(|row| (row.0, -row.1, row.2.map(|created| -created), row.3)).collect();
        let rows: Vec<_> = history.iter().map(|row| (row.0, minutes_ago(row.1), row.2.map(minutes_ago), row.3)).collect();
        let spine = spine(asked.iter().map(|row| row.0).collect(), asked.iter().map(|row| row.1.map(minutes_ago)).collect());
        let test = TestStore::new(&definitions);
        for store in [in_memory(&definitions), test.store.clone()] {
            store.write("profile", &profiles(&rows)).unwrap();
            let (result, _) = join(&store, &["profile:score"], std::slice::from_ref(&spine), &JoinOptions::default());
            let scores: Vec<_> = result.column(2).as_primitive::<Float32Type>().iter().collect();
            let wanted: Vec<_> = asked.iter().map(|row| expected(&in_minutes, row.0, row.1.map(|at| -at), ttl)).collect();
            prop_assert_eq!(scores, wanted);
        }
    }
}
