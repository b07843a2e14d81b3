//! Audits of what was served: no difference where nothing was changed, and each that was planted found and named.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use asofdb::{
    Allow, AnswerColumns, ServedLogOptions, Session, Source, Span, Status, Store, TextOptions, Timestamp, Value,
    parse_definitions, read_served_log, served_training_set,
};
use asofdb_platform::{Audit, AuditAgainst, AuditOptions, Reason, audit, audit_html, compare_served};
use tempfile::TempDir;

use crate::common::files::parquet;
use crate::common::{NOW, TestStore, batch, hours_ago, int, times};

const DEFINITIONS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[feature_view]]
name = "stats"
entities = ["user"]
ttl = "10d"
created_timestamp = "created"
feature = [{ name = "visits", type = "int64", default = 7 }]

[[feature_view]]
name = "short"
entities = ["user"]
ttl = "1d"
retention = "1d"
keep_newest = false
feature = [{ name = "clicks", type = "int64" }]

[[event_view]]
name = "buys"
entities = ["user"]
columns = [{ name = "amount", type = "float64" }]

[[window_view]]
name = "by_user"
from = "buys"
entities = ["user"]
windows = ["24h"]
feature = [{ name = "spent", aggregate = "sum", of = "amount" }]

[[derived_view]]
name = "rates"
feature = [{ name = "double", type = "int64", expression = "stats:visits * 2" }]
"#;

const FEATURES: [&str; 4] = ["stats:visits", "short:clicks", "by_user:spent_24h", "rates:double"];

fn stats(user: i64, event: Timestamp, created: Option<Timestamp>, visits: i64) -> RecordBatch {
    let mut columns = vec![
        ("user_id", Arc::new(Int64Array::from(vec![user])) as ArrayRef),
        ("event_timestamp", times([Some(event)])),
        ("visits", Arc::new(Int64Array::from(vec![visits]))),
    ];
    columns.extend(created.map(|created| ("created", times([Some(created)]))));
    batch(columns)
}

fn clicks(user: i64, event: Timestamp, clicks: i64) -> RecordBatch {
    batch(vec![
        ("user_id", Arc::new(Int64Array::from(vec![user])) as ArrayRef),
        ("event_timestamp", times([Some(event)])),
        ("clicks", Arc::new(Int64Array::from(vec![clicks]))),
    ])
}

fn buy(user: i64, event: Timestamp, amount: f64) -> RecordBatch {
    batch(vec![
        ("user_id", Arc::new(Int64Array::from(vec![user])) as ArrayRef),
        ("event_timestamp", times([Some(event)])),
        ("amount", Arc::new(Float64Array::from(vec![amount]))),
    ])
}

/// A store with a user of whom something is known, one whose rows are all holes, and a log of both.
struct Served {
    test: TestStore,
    store: Store,
    directory: TempDir,
}

impl Served {
    fn new() -> Self {
        let test = TestStore::new(&parse_definitions(DEFINITIONS, "audit.toml").unwrap());
        test.store.write("stats", &stats(1, hours_ago(3), None, 3)).unwrap();
        test.store.write("short", &clicks(1, hours_ago(3), 4)).unwrap();
        test.store.write("buys", &buy(1, hours_ago(3), 2.5)).unwrap();
        let directory = TempDir::new().unwrap();
        let store = test.store.log_served(directory.path(), ServedLogOptions::default()).unwrap();
        Served { test, store, directory }
    }

    fn once() -> Self {
        let served = Served::new();
        served.serve();
        served
    }

    /// Reads the latest values, and those of an hour ago.
    fn serve(&self) {
        let request = self.store.prepare(&FEATURES).unwrap();
        let mut rows = request.entity_rows();
        [Some(1), Some(2), None].iter().for_each(|user| rows.push(&[user.map(Value::Int64)]).unwrap());
        self.store.latest(&request, &rows).unwrap();
        self.store.as_of(&request, &rows, hours_ago(1), None).unwrap();
        self.store.served_log().unwrap().flush().unwrap();
    }

    fn audit(&self, against: AuditAgainst) -> Audit {
        let rows = read_served_log(self.directory.path()).unwrap();
        let options = AuditOptions { against, ..AuditOptions::default() };
        audit(&self.test.store as &dyn Session, rows, &options, &mut |_| {}).unwrap()
    }
}

/// The differences as text: feature, reason, number.
fn told(audit: &Audit) -> Vec<String> {
    let of = |(name, feature): (&String, &asofdb_platform::AuditedFeature)| {
        let each = feature.differences.iter().map(|(reason, count)| format!("{name} {reason} {count}"));
        each.collect::<Vec<_>>()
    };
    audit.features.iter().flat_map(of).collect()
}

#[test]
fn a_log_of_our_own_has_no_difference_where_nothing_was_changed() {
    let served = Served::once();
    // What is true only later changes nothing of before.
    served.test.clock.set(NOW.plus(Span::from_secs(60)));
    served.test.store.write("stats", &stats(1, NOW.plus(Span::from_secs(1)), None, 9)).unwrap();
    for against in [AuditAgainst::Now, AuditAgainst::Then] {
        let audit = served.audit(against);
        assert_eq!((audit.rows, audit.answers, audit.values(), audit.differing()), (6, 2, 24, 0), "{audit:?}");
        assert_eq!(audit.served, Some((NOW, NOW)));
    }
}

#[test]
fn data_that_came_late_is_found_and_named() {
    let served = Served::once();
    served.test.store.write("stats", &stats(1, hours_ago(2), None, 5)).unwrap();
    served.test.store.write("buys", &buy(1, hours_ago(2), 1.0)).unwrap();
    let audit = served.audit(AuditAgainst::Now);
    assert_eq!(told(&audit), ["by_user:spent_24h late 2", "rates:double late 2", "stats:visits late 2"]);
    let example = audit.examples.iter().find(|one| one.feature == "stats:visits").unwrap();
    assert_eq!((&example.served.value, &example.again.as_ref().unwrap().value), (&int(3), &int(5)));
    assert!(example.detail.starts_with("the version of stats at 2024-05-31T22:00:00Z came late"), "{}", example.detail);
    assert_eq!(served.audit(AuditAgainst::Then).differing(), 0, "it was not known then");
}

#[test]
fn a_version_that_was_restated_is_found_and_named() {
    let served = Served::once();
    served.test.store.write("stats", &stats(1, hours_ago(3), None, 5)).unwrap();
    let audit = served.audit(AuditAgainst::Now);
    assert_eq!(told(&audit), ["rates:double restated 2", "stats:visits restated 2"]);
    assert!(audit.examples[0].detail.contains("was restated: it became known at 2024-06-01"), "{audit:?}");
    assert_eq!(served.audit(AuditAgainst::Then).differing(), 0);
}

#[test]
fn a_version_that_was_written_over_or_says_that_it_was_known_is_found_and_named() {
    let served = Served::new();
    served.test.store.write("stats", &stats(1, hours_ago(2), Some(hours_ago(2)), 5)).unwrap();
    served.serve();
    served.test.store.write("stats", &stats(1, hours_ago(2), Some(hours_ago(2)), 6)).unwrap();
    let audit = served.audit(AuditAgainst::Then);
    assert_eq!(told(&audit), ["rates:double restated 2", "stats:visits restated 2"], "{audit:?}");
    let served = Served::once();
    served.test.store.write("stats", &stats(1, hours_ago(2), Some(hours_ago(2)), 5)).unwrap();
    let audit = served.audit(AuditAgainst::Then);
    let of_rows = audit.features["stats:visits"].differences.clone();
    assert_eq!(of_rows.into_iter().collect::<Vec<_>>(), [(Reason::Late, 2)]);
}

#[test]
fn what_the_retention_took_is_found_and_named() {
    let served = Served::once();
    served.test.clock.set(NOW.plus(Span::from_secs(2 * 86_400)));
    served.test.store.confirm_clock().unwrap();
    let audit = served.audit(AuditAgainst::Now);
    assert_eq!(told(&audit), ["short:clicks retention 2"]);
    assert!(audit.examples[0].detail.contains("short keeps nothing before 2024-06-02T00:00:00Z"), "{audit:?}");
}

#[test]
fn another_definition_or_default_is_found_and_named() {
    let served = Served::once();
    let apply = |from: &str, to: &str| {
        let definitions = parse_definitions(&DEFINITIONS.replace(from, to), "audit.toml").unwrap();
        served.test.store.apply_to(&definitions, Allow { drop: true, redefine: true, used: true }, None).unwrap();
    };
    apply("default = 7", "default = 8");
    let audit = served.audit(AuditAgainst::Now);
    // Of what the default stood in for, and of what was computed from it.
    assert_eq!(told(&audit), ["rates:double definition 4", "stats:visits definition 4"]);
    assert!(audit.examples[0].detail.contains("default Int64(7), ttl 10d\" and is \""), "{}", audit.examples[0].detail);
    apply("stats:visits * 2", "stats:visits * 3");
    assert_eq!(told(&served.audit(AuditAgainst::Then)), ["rates:double definition 6"]);
    let gone = DEFINITIONS.find("[[derived_view]]").unwrap();
    apply(&DEFINITIONS[gone..], "");
    let audit = served.audit(AuditAgainst::Now);
    assert_eq!(told(&audit), ["rates:double definition 6"]);
    assert_eq!(audit.examples[0].again, None);
}

#[test]
fn an_erased_entity_is_found_and_named() {
    let served = Served::once();
    served.test.store.erase(&["stats", "buys"], &[("user_id", Value::Int64(1))]).unwrap();
    for against in [AuditAgainst::Now, AuditAgainst::Then] {
        let audit = served.audit(against);
        let expected = ["by_user:spent_24h erased 2", "rates:double erased 2", "stats:visits erased 2"];
        assert_eq!(told(&audit), expected, "{audit:?}");
    }
    served.test.store.write("stats", &stats(1, hours_ago(1), None, 3)).unwrap();
    let audit = served.audit(AuditAgainst::Then);
    assert_eq!(audit.features["stats:visits"].differences.keys().collect::<Vec<_>>(), [&Reason::Erased]);
}

#[test]
fn what_a_wrong_clock_served_is_found_and_named() {
    let served = Served::new();
    served.test.clock.step(NOW.plus(Span::from_secs(20 * 86_400)));
    served.serve();
    served.test.clock.step(NOW.plus(Span::from_secs(60)));
    served.test.store.write("stats", &stats(1, NOW, None, 5)).unwrap();
    let audit = served.audit(AuditAgainst::Now);
    let stats = &audit.features["stats:visits"].differences;
    assert_eq!(stats.iter().map(|(reason, count)| (*reason, *count)).collect::<Vec<_>>(), [(Reason::Clock, 1)]);
    let example = audit.examples.iter().find(|one| one.feature == "stats:visits").unwrap();
    assert_eq!(example.served.status, Status::Expired);
    assert!(example.detail.contains("a clock that was ahead"), "{}", example.detail);
}

#[test]
fn examples_are_few_and_in_json() {
    let served = Served::once();
    served.test.store.write("stats", &stats(1, hours_ago(3), None, 5)).unwrap();
    let rows = read_served_log(served.directory.path()).unwrap();
    let options = AuditOptions { examples: 1, ..AuditOptions::default() };
    let audit = audit(&served.test.store, rows, &options, &mut |_| {}).unwrap();
    assert_eq!(audit.examples.len(), 2);
    let json = audit.examples[0].to_json().unwrap();
    assert_eq!(json["entity"]["user_id"], 1);
    assert_eq!((&json["served"]["value"], &json["again"]["value"]), (&3.into(), &5.into()));
    assert_eq!((&json["reason"], &json["at"]), (&"restated".into(), &"2024-06-01T00:00:00Z".into()));
}

/// The training set of what was served, with one more row, in which the values of a feature are changed if asked.
fn training(served: &Served, change: bool) -> (TempDir, Source) {
    let directory = TempDir::new().unwrap();
    let out = directory.path().join("training.parquet");
    served_training_set(served.directory.path(), &[], &out, AnswerColumns::default(), &mut |_| {}).unwrap();
    let mut batches = Source::open(&out, None, TextOptions::default()).unwrap().batches().unwrap();
    let set = batches.next().unwrap().unwrap();
    let schema = set.schema();
    let columns = schema.fields().iter().map(|field| field.name().clone()).zip(set.columns().iter().cloned());
    let columns = columns.filter(|(name, _)| name != "answer_id" && name != "double").map(|(name, column)| {
        let changed: ArrayRef = match name.as_str() {
            "visits" if change => Arc::new(Int64Array::from(vec![100; set.num_rows()])),
            _ => column,
        };
        (name, changed)
    });
    let set = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap();
    let out = directory.path().join("other.parquet");
    parquet(&out, &set, 1_024);
    let source = Source::open(&out, None, TextOptions::default()).unwrap();
    (directory, source)
}

#[test]
fn what_was_served_is_compared_with_a_training_set_row_by_row_and_by_distribution() {
    let served = Served::once();
    let compare = |change| {
        let (_directory, source) = training(&served, change);
        compare_served(read_served_log(served.directory.path()).unwrap(), &source, "event_timestamp").unwrap()
    };
    let against = compare(false);
    // A row without an entity is found by nothing.
    assert_eq!((against.served_rows, against.training_rows, against.matched_rows), (6, 6, 4));
    assert_eq!(against.absent, ["rates:double"]);
    let visits = &against.features["stats:visits"];
    assert_eq!((visits.matched, visits.same), (4, 4));
    let drift = visits.drift.as_ref().unwrap();
    assert_eq!((drift.psi, drift.ks), (0.0, Some(0.0)));
    let against = compare(true);
    let visits = &against.features["stats:visits"];
    assert_eq!((visits.matched, visits.same), (4, 0));
    let drift = visits.drift.as_ref().unwrap();
    assert_eq!(drift.ks, Some(1.0));
    assert!(drift.psi > 0.25, "{drift:?}");
    let spent = &against.features["by_user:spent_24h"];
    assert_eq!((spent.matched, spent.same), (4, 4));
    let json = against.to_json();
    assert_eq!(json["features"]["stats:visits"]["drift"]["ks"], 1.0);
}

#[test]
fn the_report_is_one_page_with_plots_and_nothing_of_the_data_is_markup() {
    let served = Served::once();
    served.test.store.write("stats", &stats(1, hours_ago(3), None, 5)).unwrap();
    let mut audit = served.audit(AuditAgainst::Now);
    audit.examples[0].entity[0].1 = Some(Value::String("<script>alert(1)</script>".to_owned()));
    let (_directory, source) = training(&served, true);
    let rows = read_served_log(served.directory.path()).unwrap();
    let against = compare_served(rows, &source, "event_timestamp").unwrap();
    let page = audit_html(&audit, Some(&against));
    assert!(
        page.contains("6 rows of 2 answers, 24 values, of which <strong>4</strong> are not what was served"),
        "{page}"
    );
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
    assert!(page.contains("<title>2024-06-01T00:00:00Z: 4 of 24 values differ</title>"), "{page}");
    assert!(page.contains("<rect class=\"restated\"") && page.contains("<rect class=\"training\""), "{page}");
    assert!(!page.contains("http://") && !page.contains("https://"), "it loads nothing");
}
