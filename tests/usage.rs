//! Usage: what consumers have read, counted where they read it.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use asofdb::storage::WriteBatch;
use asofdb::{
    Allow, AnswerCounts, AnswerRow, Date, Durability, ErrorKind, ExportOptions, F32Matrix, Hint, JoinOptions, Options,
    Session, Span, Status, Store, Timestamp, UsageCounts, UsageOf, UsagePeriod, UsageRow, parse_definitions, unused,
};

use crate::common::{NOW, TestStore, batch, hours_ago, in_memory, int, times};

const DEFINITIONS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[feature_view]]
name = "stats_v1"
entities = ["user"]
feature = [{ name = "clicks", type = "int64" }, { name = "buys", type = "int64" }]

[[feature_view]]
name = "stats_v10"
entities = ["user"]
feature = [{ name = "clicks", type = "int64" }]

[[derived_view]]
name = "rates"
feature = [{ name = "double", type = "int64", expression = "stats_v1:clicks * 2" }]

[[feature_service]]
name = "ranker"
features = ["stats_v1:clicks", "rates:double"]
"#;

const TOTAL: UsagePeriod = UsagePeriod::total(30);

const DAY: Span = Span::from_secs(86_400);

fn test() -> TestStore {
    TestStore::new(&parse_definitions(DEFINITIONS, "usage.toml").unwrap())
}

fn read(store: &Store, features: &[&str], users: &[i64]) {
    let request = store.prepare(features).unwrap();
    let mut rows = request.entity_rows();
    users.iter().for_each(|user| rows.push(&[int(*user)]).unwrap());
    store.latest(&request, &rows).unwrap();
}

fn counts(calls: u64, rows: u64) -> UsageCounts {
    UsageCounts { calls, rows }
}

/// The rows as text: name, consumer, calls of serving, training and exports.
fn told(rows: &[UsageRow]) -> Vec<String> {
    let row = |row: &UsageRow| {
        let counts = [row.serving, row.training, row.exports].map(|counts| format!("{}/{}", counts.calls, counts.rows));
        format!("{} {} {}: {}", row.key.of.as_str(), row.key.name, row.key.consumer, counts.join(" "))
    };
    rows.iter().map(row).collect()
}

fn spine(rows: i64) -> RecordBatch {
    let users: ArrayRef = Arc::new((0..rows).collect::<Int64Array>());
    batch(vec![("user_id", users), ("event_timestamp", times((0..rows).map(|_| Some(NOW))))])
}

#[test]
fn reads_training_sets_and_exports_are_counted_by_consumer_view_service_and_feature() {
    let test = test();
    let ranker = test.store.for_consumer("ranker:v2").unwrap();
    let trainer = ranker.for_consumer("trainer").unwrap();
    read(&ranker, &["ranker"], &[1, 2, 3]);
    read(&ranker, &["ranker"], &[4]);
    read(&ranker, &["stats_v1:buys", "stats_v10"], &[1]);
    let request = ranker.prepare(&["stats_v1:buys"]).unwrap();
    let mut rows = request.entity_rows();
    rows.push(&[int(1)]).unwrap();
    ranker.as_of(&request, &rows, hours_ago(1), None).unwrap();
    let (mut values, mut statuses) = ([0.0], [Status::Missing]);
    let matrix = F32Matrix { values: &mut values, statuses: Some(&mut statuses), fill: 0.0 };
    ranker.latest_f32(&request, &rows, matrix).unwrap();
    let joined =
        trainer.point_in_time_join(&["ranker"], spine(0).schema(), [Ok(spine(7))].into_iter(), &JoinOptions::default());
    joined.unwrap().for_each(|batch| drop(batch.unwrap()));
    let out = test.directory.path().join("export");
    trainer.export("stats_v10", &out, &ExportOptions::default(), &mut |_| {}).unwrap();
    let rows = test.store.usage(TOTAL).unwrap();
    let expected = [
        "view rates ranker:v2: 2/4 0/0 0/0",
        "view rates trainer: 0/0 1/7 0/0",
        "view stats_v1 ranker:v2: 5/7 0/0 0/0",
        "view stats_v1 trainer: 0/0 1/7 0/0",
        "view stats_v10 ranker:v2: 1/1 0/0 0/0",
        "view stats_v10 trainer: 0/0 0/0 1/0",
        "service ranker ranker:v2: 2/4 0/0 0/0",
        "service ranker trainer: 0/0 1/7 0/0",
    ];
    assert_eq!(told(&rows), expected);
    let values = |row: usize| rows[row].values.iter().map(|(feature, values)| format!("{feature} {values}"));
    assert_eq!(values(2).collect::<Vec<_>>(), ["buys 3", "clicks 4"]);
    assert_eq!(values(6).collect::<Vec<_>>(), ["rates:double 4", "stats_v1:clicks 4"]);
    assert!(rows.iter().all(|row| row.last == NOW && row.day.to_string() == "2024-06-01"), "{rows:?}");
}

#[test]
fn who_is_no_consumer_is_not_counted_and_bad_names_are_refused() {
    let store = in_memory(&parse_definitions(DEFINITIONS, "usage.toml").unwrap());
    read(&store, &["ranker"], &[1]);
    assert_eq!(store.usage(TOTAL).unwrap(), []);
    let error = store.for_consumer("a b").err().unwrap();
    assert_eq!(error.to_string(), "a consumer's name has 1 to 64 of A-Z a-z 0-9 _ . : -: \"a b\"");
}

#[test]
fn usage_outlives_the_process_and_is_told_by_day() {
    let TestStore { store, clock, directory } = test();
    let ranker = store.for_consumer("ranker").unwrap();
    read(&ranker, &["stats_v10"], &[1, 2]);
    clock.set(NOW.plus(DAY));
    store.confirm_clock().unwrap();
    // What was counted before is counted on the day on which it is collected.
    assert_eq!(store.usage(UsagePeriod::by_day(1)).unwrap()[0].serving, counts(1, 2));
    read(&ranker, &["stats_v10"], &[3]);
    clock.set(NOW.plus(DAY).plus(DAY));
    drop((ranker, store));
    let path = directory.path().join("store");
    let open = || Store::open_with(&path, Options::default(), clock.clone(), Durability::Os).unwrap();
    let store = open();
    let by_day = |store: &Store, days| {
        let rows = store.usage(UsagePeriod::by_day(days)).unwrap();
        rows.iter().map(|row| format!("{} {}", row.day, row.serving.rows)).collect::<Vec<_>>()
    };
    assert_eq!(by_day(&store, 30), ["2024-06-02 2", "2024-06-03 1"]);
    assert_eq!(by_day(&store, 1), ["2024-06-03 1"]);
    read(&store.for_consumer("ranker").unwrap(), &["stats_v10"], &[1]);
    store.flush().unwrap();
    assert_eq!(by_day(&store, 30), ["2024-06-02 2", "2024-06-03 2"]);
    let total = store.usage(TOTAL).unwrap();
    assert_eq!((total.len(), total[0].serving, total[0].day), (1, counts(3, 4), Date::from_days(19_877).unwrap()));
    // 401 days later the first day is gone, the second is not.
    clock.set(NOW.plus(Span::from_secs(86_400 * 402)));
    store.confirm_clock().unwrap();
    read(&store.for_consumer("late").unwrap(), &["stats_v10"], &[1]);
    drop(store);
    assert_eq!(by_day(&open(), u32::MAX), ["2024-06-03 2", "2025-07-08 1"]);
}

#[test]
fn a_clock_that_is_wrong_for_a_time_deletes_no_usage() {
    let TestStore { store, clock, directory: _directory } = test();
    store.confirm_clock().unwrap();
    let ranker = store.for_consumer("ranker").unwrap();
    read(&ranker, &["stats_v10"], &[1]);
    store.flush().unwrap();
    clock.step(NOW.plus(Span::from_secs(86_400 * 4_000)));
    read(&ranker, &["stats_v10"], &[1]);
    store.flush().unwrap();
    clock.step(NOW);
    clock.set(NOW.plus(DAY));
    read(&ranker, &["stats_v10"], &[1]);
    store.flush().unwrap();
    let days: Vec<_> = store.usage(UsagePeriod::by_day(30)).unwrap().iter().map(|row| row.day.to_string()).collect();
    assert_eq!(days, ["2024-06-01", "2024-06-02", "2035-05-15"]);
}

#[test]
fn reads_in_many_threads_are_all_counted() {
    let store = in_memory(&parse_definitions(DEFINITIONS, "usage.toml").unwrap());
    let ranker = store.for_consumer("ranker").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..500).for_each(|user| read(&ranker, &["stats_v10"], &[user])));
        }
        scope.spawn(|| (0..50).for_each(|_| store.flush().unwrap()));
    });
    assert_eq!(store.usage(TOTAL).unwrap()[0].serving, counts(2_000, 2_000));
}

#[test]
fn what_consumers_have_read_is_dropped_only_by_its_exact_name() {
    let test = test();
    read(&test.store.for_consumer("ranker").unwrap(), &["stats_v10"], &[1]);
    let less = DEFINITIONS.replace(
        "[[feature_view]]\nname = \"stats_v10\"\nentities = [\"user\"]\nfeature = [{ name = \"clicks\", type = \"int64\" }]\n",
        "",
    );
    let less = parse_definitions(&less, "usage.toml").unwrap();
    let plan = test.store.plan(&less).unwrap();
    let impacts = test.store.impacts(&plan).unwrap();
    assert_eq!(impacts.len(), 1);
    assert_eq!((impacts[0].is_named(&["stats_v1"]), impacts[0].is_named(&["stats_v10"])), (false, true));
    let error = test.store.apply(&less, true).unwrap_err();
    assert_eq!((error.kind(), error.hint()), (ErrorKind::Conflict, Some(Hint::AllowUsed)));
    assert_eq!(
        error.to_string(),
        "this was read in the last 30 days; name what may go all the same: feature_view stats_v10 by ranker (1 calls, \
         last 2024-06-01T00:00:00Z)"
    );
    assert!(test.store.catalog().view("stats_v10").is_some());
    test.store.apply_to(&less, Allow { used: true, ..Allow::drops(true) }, None).unwrap();
    assert!(test.store.catalog().view("stats_v10").is_none());
}

#[test]
fn what_nobody_has_read_for_thirty_days_may_be_dropped() {
    let test = test();
    let ranker = test.store.for_consumer("ranker").unwrap();
    read(&ranker, &["stats_v1:clicks"], &[1]);
    let less = DEFINITIONS.replace(", { name = \"buys\", type = \"int64\" }", "");
    let less = parse_definitions(&less, "usage.toml").unwrap();
    // Another feature of the view was read, not this one.
    assert_eq!(test.store.impacts(&test.store.plan(&less).unwrap()).unwrap(), []);
    read(&ranker, &["stats_v1:buys"], &[1]);
    assert_eq!(test.store.apply(&less, true).unwrap_err().hint(), Some(Hint::AllowUsed));
    let later: Timestamp = NOW.plus(Span::from_secs(86_400 * 30));
    test.clock.set(later);
    test.store.confirm_clock().unwrap();
    test.store.apply(&less, true).unwrap();
    let rows = test.store.usage(TOTAL).unwrap();
    assert_eq!(rows, []);
    let expected = [
        (UsageOf::View, "rates"),
        (UsageOf::View, "stats_v1"),
        (UsageOf::View, "stats_v10"),
        (UsageOf::Service, "ranker"),
    ];
    assert_eq!(unused(&test.store.catalog(), &rows), expected.map(|(of, name)| (of, name.to_owned())));
}

#[test]
fn a_clock_that_has_jumped_ahead_lets_nothing_be_dropped_that_was_read() {
    let test = test();
    test.store.confirm_clock().unwrap();
    read(&test.store.for_consumer("ranker").unwrap(), &["stats_v10"], &[1]);
    test.store.flush().unwrap();
    test.clock.step(NOW.plus(Span::from_secs(86_400 * 400)));
    let error = test.store.apply(&Default::default(), true).unwrap_err();
    assert_eq!((error.kind(), error.hint()), (ErrorKind::Conflict, Some(Hint::AllowUsed)));
}

#[test]
fn a_note_that_cannot_be_read_is_told_and_does_not_end_counting() {
    for name in ["usage/2024-06-01", "usage/days"] {
        let test = test();
        let ranker = test.store.for_consumer("ranker").unwrap();
        let mut damaged = WriteBatch::new();
        damaged.note(name, Some(vec![1]));
        if name == "usage/2024-06-01" {
            damaged.note("usage/days", Some(19_875_i32.to_le_bytes().to_vec()));
        }
        test.store.backend().commit(damaged, Durability::Os).unwrap();
        assert!(test.store.usage(TOTAL).is_err(), "{name}");
        read(&ranker, &["stats_v10"], &[1]);
        test.store.flush().unwrap();
        assert_eq!(test.store.usage(TOTAL).unwrap()[0].serving, counts(1, 1), "{name}");
    }
}

#[test]
fn answers_tell_by_feature_and_consumer_how_many_values_were_not_present_and_why() {
    let definitions = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[feature_view]]
name = "stats"
entities = ["user"]
ttl = "2h"
feature = [{ name = "clicks", type = "int64" }, { name = "buys", type = "int64", default = 0 }]

[[derived_view]]
name = "rates"
feature = [{ name = "double", type = "int64", expression = "stats:clicks * 2" }]
"#;
    let test = TestStore::new(&parse_definitions(definitions, "answers.toml").unwrap());
    let integers = |values: Vec<Option<i64>>| -> ArrayRef { Arc::new(values.into_iter().collect::<Int64Array>()) };
    let rows = batch(vec![
        ("user_id", integers(vec![Some(1), Some(2), Some(3)])),
        ("event_timestamp", times([Some(hours_ago(1)), Some(hours_ago(1)), Some(hours_ago(3))])),
        ("clicks", integers(vec![Some(5), None, Some(7)])),
        ("buys", integers(vec![Some(1), None, Some(2)])),
    ]);
    test.store.write("stats", &rows).unwrap();
    read(&test.store, &["stats"], &[1, 2]);
    assert_eq!(test.store.answers(), [], "who is no consumer is not counted");

    let ranker = test.store.for_consumer("ranker").unwrap();
    // 1 is present, 2 null, 3 expired, 4 missing.
    read(&ranker, &["stats:clicks", "stats:buys", "rates:double"], &[1, 1, 2, 3, 4]);
    let trainer = ranker.for_consumer("matrix").unwrap();
    let request = trainer.prepare(&["stats:buys", "stats:clicks"]).unwrap();
    let mut entities = request.entity_rows();
    [1, 2, 3, 4, 4].into_iter().for_each(|user| entities.push(&[int(user)]).unwrap());
    entities.push(&[None]).unwrap();
    let mut values = [0.0; 12];
    trainer.latest_f32(&request, &entities, F32Matrix { values: &mut values, statuses: None, fill: 0.0 }).unwrap();

    let told = |row: &AnswerRow| {
        let AnswerCounts { values, null, missing, expired, defaulted } = row.last_5m;
        let name = format!("{}:{} {}", row.view, row.feature, row.consumer);
        format!("{name}: {} of {values}, {null} {missing} {expired}, {defaulted}", row.last_5m.present())
    };
    let rows = test.store.answers();
    let expected = [
        "rates:double ranker: 2 of 5, 1 1 1, 0",
        "stats:buys matrix: 1 of 6, 1 3 1, 5",
        "stats:buys ranker: 2 of 5, 1 1 1, 3",
        "stats:clicks matrix: 1 of 6, 1 3 1, 0",
        "stats:clicks ranker: 2 of 5, 1 1 1, 0",
    ];
    assert_eq!(rows.iter().map(told).collect::<Vec<_>>(), expected);
    assert!(rows.iter().all(|row| row.last_5m == row.last_1h && row.last_1h == row.last_1d));
    let totals = test.store.answer_totals();
    assert_eq!(
        totals.iter().map(|(view, counts)| (view.as_str(), counts.values)).collect::<Vec<_>>(),
        [("rates", 5), ("stats", 22)]
    );
    test.clock.set(NOW.plus(Span::from_secs(7 * 60)));
    let later = test.store.answers();
    assert_eq!((later[1].last_5m.values, later[1].last_1h.values), (0, 6));
}
