//! The rows that are exported: versions of a window, as of a time, latest; with ttl, retention and deletions.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use asofdb::{
    Definitions, ErrorKind, ExportRows, ManualClock, ScalarType, Session, Span, Status, Store, Timestamp, Value,
};
use proptest::prelude::*;

use super::{bools, events, export, ints, rows_of, texts, versions};
use crate::common::{NOW, batch, entity, hours_ago, times, view};

/// A view of users with one number: ttl 10 hours, retention as given, and a default.
fn numbers(retention: Option<i64>, keep_newest: bool, default: Option<i64>) -> Definitions {
    let mut numbers = view("numbers", &["user"], &[("n", "int64"), ("s", "string")]);
    numbers.ttl = Some(Span::from_secs(10 * 3_600));
    numbers.retention = retention.map(|hours| Span::from_secs(hours * 3_600));
    numbers.keep_newest = keep_newest;
    numbers.features[0].default = default.map(Value::Int64);
    let entities = vec![entity("user", &[("user_id", ScalarType::Int64)])];
    Definitions { entities, views: vec![numbers], services: vec![] }
}

fn store_of(definitions: &Definitions) -> (Store, Arc<ManualClock>) {
    let clock = ManualClock::new(NOW);
    let store = Store::in_memory(clock.clone());
    store.apply(definitions, false).unwrap();
    (store, clock)
}

/// Rows: user, hours ago, number.
fn rows(rows: &[(i64, i64, Option<i64>)]) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0)));
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.2)));
    let texts: ArrayRef = Arc::new(StringArray::from_iter(rows.iter().map(|row| row.2.map(|n| n.to_string()))));
    let event = times(rows.iter().map(|row| Some(hours_ago(row.1))));
    batch(vec![("user_id", ids), ("event_timestamp", event), ("n", numbers), ("s", texts)])
}

#[test]
fn a_window_of_versions_starts_inclusive_and_ends_exclusive() {
    let (store, _) = store_of(&numbers(None, true, None));
    store.write("numbers", &rows(&[(1, 4, Some(4)), (1, 3, Some(3)), (2, 2, Some(2)), (2, 1, Some(1))])).unwrap();
    let window = |from: Option<i64>, to: Option<i64>| {
        let rows = ExportRows::Versions { from: from.map(hours_ago), to: to.map(hours_ago) };
        ints(&export(&store, "numbers", &rows_of(rows)).rows, "n")
    };
    assert_eq!(window(None, None), [3, 4, 1, 2].map(Some));
    assert_eq!(window(Some(3), None), [3, 1, 2].map(Some));
    assert_eq!(window(None, Some(3)), [Some(4)]);
    assert_eq!(window(Some(3), Some(1)), [3, 2].map(Some));
}

#[test]
fn latest_has_one_row_an_entity_with_its_status_and_defaults_for_expired_and_null() {
    let (store, _) = store_of(&numbers(None, true, Some(-1)));
    let written =
        [(1, 10, Some(10)), (2, 11, Some(11)), (3, 1, None), (4, 5, Some(5)), (4, 2, Some(2)), (5, 1, Some(1))];
    store.write("numbers", &rows(&written)).unwrap();
    store.delete(&["numbers"], &[("user_id", Value::Int64(5))], NOW).unwrap();
    let exported = export(&store, "numbers", &rows_of(ExportRows::Latest));
    assert_eq!(ints(&exported.rows, "user_id"), [1, 2, 3, 4].map(Some));
    // Exactly ttl old is valid; the default stands in, and the status says why.
    assert_eq!(texts(&exported.rows, "status"), ["present", "expired", "present", "present"]);
    assert_eq!(ints(&exported.rows, "n"), [10, -1, -1, 2].map(Some));
    assert_eq!(texts(&exported.rows, "s"), ["10", "", "", "2"]);
    assert_eq!(exported.rows.column_by_name("s").unwrap().null_count(), 2);
    assert_eq!(events(&exported.rows, "event_timestamp"), [10, 11, 1, 2].map(hours_ago));
}

#[test]
fn a_row_dated_in_the_future_is_a_version_but_not_the_latest() {
    let (store, _) = store_of(&numbers(None, true, None));
    let future = batch(vec![
        ("user_id", Arc::new(Int64Array::from(vec![1])) as ArrayRef),
        ("event_timestamp", times([Some(NOW.plus(Span::from_secs(60)))])),
        ("n", Arc::new(Int64Array::from(vec![9]))),
        ("s", Arc::new(StringArray::from(vec!["9"]))),
    ]);
    store.write("numbers", &rows(&[(1, 1, Some(1))])).unwrap();
    store.write("numbers", &future).unwrap();
    assert_eq!(ints(&export(&store, "numbers", &versions()).rows, "n"), [9, 1].map(Some));
    assert_eq!(ints(&export(&store, "numbers", &rows_of(ExportRows::Latest)).rows, "n"), [Some(1)]);
}

#[test]
fn retention_hides_old_versions_save_the_newest_where_the_view_keeps_it() {
    let written = [(1, 30, Some(30)), (1, 25, Some(25)), (1, 1, Some(1)), (2, 40, Some(40)), (2, 30, Some(31))];
    for (keep_newest, expected) in [(true, vec![Some(1), Some(31)]), (false, vec![Some(1)])] {
        let (store, _) = store_of(&numbers(Some(24), keep_newest, None));
        store.write("numbers", &rows(&written)).unwrap();
        assert_eq!(ints(&export(&store, "numbers", &versions()).rows, "n"), expected);
    }
}

#[test]
fn deletions_are_marked_among_versions() {
    let (store, _) = store_of(&numbers(None, true, Some(7)));
    store.write("numbers", &rows(&[(1, 3, Some(3))])).unwrap();
    store.delete(&["numbers"], &[("user_id", Value::Int64(1))], hours_ago(2)).unwrap();
    let exported = export(&store, "numbers", &versions());
    assert_eq!(bools(&exported.rows, "deleted"), [true, false]);
    assert_eq!(ints(&exported.rows, "n"), [None, Some(3)], "a default is no part of a version");
    assert_eq!(export(&store, "numbers", &rows_of(ExportRows::Latest)).rows.num_rows(), 0);
    assert_eq!(export(&store, "numbers", &rows_of(ExportRows::AsOf(hours_ago(3)))).rows.num_rows(), 1);
}

/// A step of a random history.
#[derive(Debug, Clone)]
enum Step {
    Write(i64, i64, Option<i64>),
    Delete(i64, i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let write = (0..6i64, 0..60i64, prop::option::of(0..100i64)).prop_map(|(id, ago, n)| Step::Write(id, ago, n));
    let delete = (0..6i64, 0..60i64).prop_map(|(id, ago)| Step::Delete(id, ago));
    prop::collection::vec(prop_oneof![4 => write, 1 => delete], 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn an_export_as_of_a_time_is_what_reads_as_of_it_answer(
        steps in steps(), retention in prop::option::of(12..50i64), keep in any::<bool>(), default in prop::option::of(Just(-5)),
    ) {
        let (store, clock) = store_of(&numbers(retention, keep, default));
        for step in steps {
            clock.advance(Span::from_micros(1));
            match step {
                Step::Write(id, ago, n) => store.write("numbers", &rows(&[(id, ago, n)])).unwrap(),
                Step::Delete(id, ago) => {
                    store.delete(&["numbers"], &[("user_id", Value::Int64(id))], hours_ago(ago)).unwrap()
                }
            };
        }
        for ago in [0, 7, 23, 55] {
            as_of_agrees(&store, hours_ago(ago));
        }
    }
}

/// Compares an export as of `at` with a read of every user.
fn as_of_agrees(store: &Store, at: Timestamp) {
    let exported = export(store, "numbers", &rows_of(ExportRows::AsOf(at))).rows;
    let found = ints(&exported, "user_id");
    let request = store.prepare(&["numbers"]).unwrap();
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..6));
    let entities = request.entity_rows_from(&batch(vec![("user_id", ids)])).unwrap();
    let answer = store.as_of(&request, &entities, at, None).unwrap();
    for user in 0..6 {
        let position = found.iter().position(|id| *id == Some(user as i64));
        let status = answer.status(user, 0);
        assert_eq!(position.is_some(), status != Status::Missing, "user {user}");
        let Some(row) = position else { continue };
        let expected = if status == Status::Expired { "expired" } else { "present" };
        assert_eq!(texts(&exported, "status")[row], expected);
        assert_eq!(Some(events(&exported, "event_timestamp")[row]), answer.event_timestamp(user, 0));
        let column = exported.column_by_name("n").unwrap().as_primitive::<Int64Type>();
        assert_eq!(column.iter().nth(row).flatten().map(Value::Int64), answer.value(user, 0).unwrap());
    }
}

#[test]
fn options_out_of_range_and_unknown_views_are_refused_and_nothing_is_written() {
    let (store, _) = store_of(&numbers(None, true, None));
    let parent = tempfile::tempdir().unwrap();
    let refused = |view: &str, options: asofdb::ExportOptions| {
        let error = store.export(view, &parent.path().join("out"), &options, &mut |_| ()).unwrap_err();
        assert!(super::names(parent.path()).is_empty());
        (error.kind(), error.to_string())
    };
    let empty = ExportRows::Versions { from: Some(NOW), to: Some(NOW) };
    assert_eq!(
        refused("numbers", rows_of(empty)),
        (
            ErrorKind::Invalid,
            "an export is from a time to a later one (exclusive): 2024-06-01T00:00:00Z to 2024-06-01T00:00:00Z".into()
        )
    );
    let (kind, message) = refused("numbers", asofdb::ExportOptions { threads: 0, ..versions() });
    assert_eq!((kind, message.as_str()), (ErrorKind::Invalid, "an export has 1 to 64 threads: 0"));
    let (kind, message) = refused("number", versions());
    assert_eq!(kind, ErrorKind::NotFound);
    assert!(message.contains("did you mean \"numbers\"?"), "{message}");
}
