//! Events that are also found by other entities: what windows over them give, and what becomes of their copies.

use std::fs;
use std::io::ErrorKind as IoErrorKind;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use asofdb::{
    AnswerColumns, Definitions, EntityRows, ErrorKind, ExportOptions, IngestOptions, Input, JoinOptions, KnownAt,
    Prepared, Session, Span, Status, Store, Timestamp, Value, parse_definitions,
};
use proptest::prelude::*;

use crate::common::{NOW, TestStore, batch, files, hours_ago, in_memory, int, times};

/// Purchases of users, also found by their shop and by shop and city; and the same events in a view of each of these
/// that has nothing else.
const PURCHASES: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[entity]]
name = "shop"
join_keys = [{ name = "shop", type = "string" }]

[[entity]]
name = "city"
join_keys = [{ name = "city", type = "string" }]

[[event_view]]
name = "purchases"
entities = ["user"]
also_by = ["shop", ["shop", "city"]]
event_id = ["order_id", "shop", "city"]
created_timestamp = "created"
columns = [
    { name = "order_id", type = "int64" },
    { name = "shop", type = "string" },
    { name = "city", type = "string" },
    { name = "amount", type = "float64" },
]

[[event_view]]
name = "by_shop"
entities = ["shop"]
event_id = ["user_id", "order_id", "city"]
created_timestamp = "created"
columns = [
    { name = "user_id", type = "int64" },
    { name = "order_id", type = "int64" },
    { name = "city", type = "string" },
    { name = "amount", type = "float64" },
]

[[event_view]]
name = "by_place"
entities = ["shop", "city"]
event_id = ["user_id", "order_id"]
created_timestamp = "created"
columns = [
    { name = "user_id", type = "int64" },
    { name = "order_id", type = "int64" },
    { name = "amount", type = "float64" },
]
"#;

/// A window view whose values do not depend on the order of events at one time.
fn windows(name: &str, from: &str, entities: &str) -> String {
    format!(
        r#"
[[window_view]]
name = "{name}"
from = "{from}"
entities = {entities}
where = "amount != 7.0"
windows = ["1h", "3h", "2d"]
EVERY
feature = [
    {{ name = "n", aggregate = "count" }},
    {{ name = "sum", aggregate = "sum", of = "amount" }},
    {{ name = "least", aggregate = "min", of = "amount" }},
    {{ name = "most", aggregate = "max", of = "amount", where = "amount < 20.0" }},
    {{ name = "spread", aggregate = "distinct", of = "amount" }},
]
"#
    )
}

fn definitions(every: &str) -> Definitions {
    let views = [
        windows("shops", "purchases", "[\"shop\"]"),
        windows("shops_alone", "by_shop", "[\"shop\"]"),
        windows("places", "purchases", "[\"shop\", \"city\"]"),
        windows("places_alone", "by_place", "[\"shop\", \"city\"]"),
        windows("users", "purchases", "[\"user\"]"),
    ];
    parse_definitions(&[PURCHASES, &views.concat().replace("EVERY", every)].concat(), "also_by.toml").unwrap()
}

/// One row of a write.
#[derive(Debug, Clone)]
struct Purchase {
    user: i64,
    event: Timestamp,
    created: Timestamp,
    order: i64,
    shop: &'static str,
    city: &'static str,
    amount: f64,
    is_deletion: bool,
}

fn purchase(user: i64, hours: i64, order: i64, shop: &'static str, amount: f64) -> Purchase {
    let event = hours_ago(hours);
    Purchase { user, event, created: event, order, shop, city: "x", amount, is_deletion: false }
}

fn bought(rows: &[Purchase]) -> RecordBatch {
    let texts = |of: fn(&Purchase) -> &'static str| Arc::new(StringArray::from_iter_values(rows.iter().map(of)));
    batch(vec![
        ("user_id", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.user)))),
        ("event_timestamp", times(rows.iter().map(|row| Some(row.event)))),
        ("created", times(rows.iter().map(|row| Some(row.created)))),
        ("order_id", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.order)))),
        ("shop", texts(|row| row.shop)),
        ("city", texts(|row| row.city)),
        ("amount", Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.amount)))),
    ])
}

const VIEWS: [&str; 3] = ["purchases", "by_shop", "by_place"];

/// Writes rows and deletions into every event view, each in its turn.
fn write(store: &Store, rows: &[Purchase]) {
    for some in rows.chunk_by(|a, b| a.is_deletion == b.is_deletion) {
        for view in VIEWS {
            match some[0].is_deletion {
                true => store.delete_events(view, &bought(some)).unwrap(),
                false => store.write(view, &bought(some)).unwrap(),
            };
        }
    }
}

fn a_purchase() -> impl Strategy<Value = Purchase> {
    let seconds = prop_oneof![0..200_000i64, (0..55i64).prop_map(|hour| hour * 3_600)];
    let keys = (0..2i64, 0..3i64, prop_oneof![Just("a"), Just("b")], prop_oneof![Just("x"), Just("y")]);
    // Halves, whose sums are exact in any order.
    (keys, seconds, 0..3i64, 0..50_000i64, 0..60i64, prop::bool::weighted(0.2)).prop_map(
        |((user, order, shop, city), seconds, micros, lag, halves, is_deletion)| {
            let event = NOW.minus(Span::from_secs(seconds)).plus(Span::from_micros(micros - 1)).min(NOW);
            let created = event.plus(Span::from_secs(lag)).min(NOW);
            Purchase { user, event, created, order, shop, city, amount: halves as f64 / 2.0, is_deletion }
        },
    )
}

fn shops(request: &Prepared, keys: &[&[&str]]) -> EntityRows {
    let mut rows = request.entity_rows();
    for key in keys {
        let key: Vec<_> = key.iter().map(|text| Some(Value::String((*text).to_owned()))).collect();
        rows.push(&key).unwrap();
    }
    rows
}

/// Every value, status and event time of a window view at a time, for some entities.
fn read(store: &Store, view: &str, keys: &[&[&str]], at: Timestamp, known_at: Option<Timestamp>) -> String {
    let request = store.prepare(&[view]).unwrap();
    let answer = store.as_of(&request, &shops(&request, keys), at, known_at).unwrap();
    let cell = |row: usize, feature: usize| {
        (answer.value(row, feature).unwrap(), answer.status(row, feature), answer.event_timestamp(row, feature))
    };
    let features = request.features().len();
    format!(
        "{:?}",
        (0..keys.len()).map(|row| (0..features).map(|f| cell(row, f)).collect::<Vec<_>>()).collect::<Vec<_>>()
    )
}

/// A training set of a window view, without the names of its columns.
fn joined(store: &Store, view: &str, at: &[Timestamp], known_at: KnownAt) -> String {
    let texts = |text: &[&str]| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(at.iter().enumerate().map(|(row, _)| text[row % text.len()].to_owned())))
    };
    let spine = batch(vec![
        ("shop", texts(&["a", "b", "a"])),
        ("city", texts(&["x", "y"])),
        ("event_timestamp", times(at.iter().map(|at| Some(*at)))),
    ]);
    let columns = AnswerColumns { statuses: true, event_timestamps: true, ..AnswerColumns::default() };
    let options = JoinOptions { columns, known_at, ..JoinOptions::default() };
    let schema = spine.schema();
    let batches = store.point_in_time_join(&[view], schema, [Ok(spine)].into_iter(), &options).unwrap();
    batches.map(|batch| format!("{:?}", batch.unwrap().columns())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn windows_by_an_index_give_what_windows_over_an_event_view_of_its_own_would_give(
        rows in prop::collection::vec(a_purchase(), 1..50),
        asked in prop::collection::vec((0..220_000i64, prop::option::of(0..60_000i64)), 1..6),
        is_stepped in any::<bool>(),
        is_on_disk in any::<bool>(),
    ) {
        let definitions = definitions(if is_stepped { "every = \"5m\"" } else { "" });
        let test = is_on_disk.then(|| TestStore::new(&definitions));
        let memory = (!is_on_disk).then(|| in_memory(&definitions));
        let store = test.as_ref().map(|test| &test.store).or(memory.as_ref()).unwrap();
        for part in rows.chunks(15) {
            write(store, part);
            if is_on_disk {
                store.flush().unwrap();
            }
        }
        let at = |seconds: i64| NOW.minus(Span::from_secs(seconds));
        for (seconds, known) in &asked {
            let (at, known_at) = (at(*seconds), known.map(|lag| at(*seconds).plus(Span::from_secs(lag)).min(NOW)));
            for (view, alone, keys) in [
                ("shops", "shops_alone", &[&["a"][..], &["b"], &["c"]][..]),
                ("places", "places_alone", &[&["a", "x"], &["a", "y"], &["b", "x"], &["b", "y"]]),
            ] {
                prop_assert_eq!(read(store, view, keys, at, known_at), read(store, alone, keys, at, known_at));
            }
        }
        let times: Vec<_> = asked.iter().map(|(seconds, _)| at(*seconds)).collect();
        for known_at in [KnownAt::Ever, KnownAt::OwnTime, KnownAt::At(hours_ago(20))] {
            prop_assert_eq!(joined(store, "shops", &times, known_at), joined(store, "shops_alone", &times, known_at));
            prop_assert_eq!(joined(store, "places", &times, known_at), joined(store, "places_alone", &times, known_at));
        }
        prop_assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
    }
}

/// The number and the sum of purchases in two days, by shop.
fn of_shop(store: &Store, shop: &str) -> Vec<Option<Value>> {
    let request = store.prepare(&["shops:n_2d", "shops:sum_2d"]).unwrap();
    let answer = store.latest(&request, &shops(&request, &[&[shop]])).unwrap();
    (0..2).map(|feature| answer.value(0, feature).unwrap()).collect()
}

fn float(value: f64) -> Option<Value> {
    Some(Value::Float64(value))
}

#[test]
fn orders_of_the_same_number_by_two_users_are_two_events_of_a_shop() {
    let store = TestStore::new(&definitions("")).store;
    let rows = [purchase(1, 3, 7, "a", 5.0), purchase(2, 3, 7, "a", 6.0)];
    for _ in 0..2 {
        store.write("purchases", &bought(&rows)).unwrap();
    }
    assert_eq!(of_shop(&store, "a"), [int(2), float(11.0)]);
}

#[test]
fn corrections_and_deletions_reach_the_shop_in_the_same_commit() {
    for store in [&TestStore::new(&definitions("")).store, &in_memory(&definitions(""))] {
        let rows = [purchase(1, 3, 7, "a", 5.0), purchase(1, 2, 8, "a", 6.0), purchase(1, 2, 9, "b", 1.0)];
        store.write("purchases", &bought(&rows)).unwrap();
        store.write("purchases", &bought(&[purchase(1, 3, 7, "a", 50.0)])).unwrap();
        assert_eq!(of_shop(store, "a"), [int(2), float(56.0)]);
        store.delete_events("purchases", &bought(&rows[1..2])).unwrap();
        assert_eq!(of_shop(store, "a"), [int(1), float(50.0)]);
        assert_eq!(of_shop(store, "b"), [int(1), float(1.0)]);
        // Deleted before it has come, it does not count when it comes.
        let late = Purchase { created: NOW, ..purchase(1, 5, 10, "a", 100.0) };
        store.delete_events("purchases", &bought(&[late])).unwrap();
        store.write("purchases", &bought(&[purchase(1, 5, 10, "a", 100.0)])).unwrap();
        assert_eq!(of_shop(store, "a"), [int(1), float(50.0)]);
        assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
    }
}

#[test]
fn a_batch_that_is_refused_leaves_no_copy_behind() {
    let test = TestStore::new(&definitions(""));
    let store = &test.store;
    let mut rows = vec![purchase(1, 3, 7, "a", 5.0), purchase(1, 2, 8, "a", 6.0)];
    rows[1].event = NOW.plus(Span::from_secs(100_000));
    store.write("purchases", &bought(&rows)).unwrap_err();
    assert_eq!(of_shop(store, "a"), [None, None], "nothing is known of the shop");
    assert_eq!(store.verify().unwrap().versions, 0);
}

#[test]
fn copies_are_counted_nowhere() {
    let test = TestStore::new(&definitions(""));
    for store in [&test.store, &in_memory(&definitions(""))] {
        store.write("purchases", &bought(&[purchase(1, 3, 7, "a", 5.0), purchase(2, 2, 8, "b", 6.0)])).unwrap();
        let (stats, verified) = (store.stats().unwrap(), store.verify().unwrap());
        assert_eq!((stats.rows, verified.versions, verified.entities), (2, 2, 2));
        let fresh = store.freshness("shops").unwrap();
        assert_eq!((fresh.entities, fresh.newest), (2, Some(hours_ago(2))));
        assert_eq!(store.catalog().views().filter(|view| view.holds_events()).count(), 3);
        assert_eq!(store.history("purchases", &[("user_id", Value::Int64(1))], 10).unwrap().len(), 1);
        let erased = store.erase(&["purchases"], &[("user_id", Value::Int64(1))]).unwrap();
        assert_eq!(erased[0].versions, 1);
    }
    let out = test.directory.path().join("out");
    let manifest = test.store.export("purchases", &out, &ExportOptions::default(), &mut |_| ()).unwrap();
    assert_eq!(manifest.rows, 1);
}

/// Returns whether any file under a directory has these bytes. A file that the store removes meanwhile has none.
fn holds(directory: &Path, bytes: &[u8]) -> bool {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).any(|path| match path.is_dir() {
        true => holds(&path, bytes),
        false => match fs::read(path) {
            Err(error) if error.kind() == IoErrorKind::NotFound => false,
            read => read.unwrap().windows(bytes.len()).any(|window| window == bytes),
        },
    })
}

#[test]
fn erasing_a_user_removes_its_purchases_from_the_shops_to_the_last_byte() {
    let test = TestStore::new(&definitions(""));
    let amount = f64::from_bits(0x40f3_d9ab_fb41_bd6b);
    for store in [&test.store, &in_memory(&definitions(""))] {
        let rows = [purchase(1, 3, 7, "a", amount), purchase(1, 2, 8, "b", amount), purchase(2, 2, 8, "a", 1.0)];
        store.write("purchases", &bought(&rows)).unwrap();
        // Of one that was deleted, and of one that never came, there are only deletions.
        store.delete_events("purchases", &bought(&rows[1..2])).unwrap();
        store.delete_events("purchases", &bought(&[purchase(1, 9, 9, "c", 0.0)])).unwrap();
        store.flush().unwrap();
        store.erase(&["purchases"], &[("user_id", Value::Int64(1))]).unwrap();
        assert_eq!((of_shop(store, "a"), of_shop(store, "b")), (vec![int(1), float(1.0)], vec![None, None]));
        let verified = store.verify().unwrap();
        assert_eq!((verified.versions, verified.problems), (1, Vec::<String>::new()));
    }
    assert!(!holds(&test.directory.path().join("store"), &amount.to_le_bytes()));
}

#[test]
fn erasing_a_shop_is_refused_where_events_are_only_found_by_it() {
    let store = in_memory(&definitions(""));
    let shop = [("shop", Value::String("a".to_owned()))];
    let error = store.erase(&["purchases"], &shop).unwrap_err();
    assert_eq!(error.to_string(), "view \"purchases\" has no join key \"shop\"");
}

/// The tiles that a store has, about, once those are made that reads have wished for.
fn tiles(store: &Store) -> u64 {
    store.flush().unwrap();
    let stats = store.stats().unwrap();
    stats.families.iter().find(|family| family.name == "tiles").unwrap().rows_estimate
}

#[test]
fn tiles_of_a_shop_go_with_the_events_of_any_user_that_are_written_deleted_or_erased() {
    let (test, memory) = (TestStore::new(&definitions("")), in_memory(&definitions("")));
    let both = |run: &dyn Fn(&Store)| [&test.store, &memory].into_iter().for_each(run);
    // Compares what both answer, before and after tiles were made of what was asked for.
    let check = || {
        test.clock.advance(Span::from_secs(100));
        let mut made = 0;
        for _ in 0..2 {
            for hours in [0, 7] {
                let ask = |store| read(store, "shops", &[&["a"], &["b"]], hours_ago(hours), None);
                assert_eq!(ask(&test.store), ask(&memory));
            }
            made = tiles(&test.store);
        }
        assert_eq!(test.store.verify().unwrap().problems, Vec::<String>::new());
        made
    };
    let minutes = |n: i64| hours_ago(1).minus(Span::from_secs(n * 60));
    let row = |n: i64| {
        let event = minutes(n);
        Purchase { event, created: event, ..purchase(n % 2, 0, n, ["a", "b"][n as usize / 2 % 2], n as f64 / 2.0) }
    };
    let rows: Vec<_> = (0..2_400).map(row).collect();
    let write = |rows: &[Purchase]| {
        both(&|store| {
            store.write("purchases", &bought(rows)).unwrap();
        });
        check()
    };
    assert!(write(&rows) > 0, "tiles are made");
    write(&[Purchase { amount: 1e6, created: NOW, ..row(1_000) }]);
    let gone = bought(&[Purchase { created: NOW, ..row(1_201) }]);
    both(&|store| {
        store.delete_events("purchases", &gone).unwrap();
    });
    check();
    both(&|store| {
        store.erase(&["purchases"], &[("user_id", Value::Int64(1))]).unwrap();
    });
    check();
}

#[test]
fn a_large_load_has_the_copies_that_commits_have() {
    let test = TestStore::new(&definitions(""));
    let rows: Vec<_> =
        (0..60_000).map(|n| purchase(n % 40, n / 2_000, n, ["a", "b", "c"][n as usize % 3], 0.5)).collect();
    let path = files::parquet(test.directory.path().join("purchases.parquet"), &bought(&rows), 20_000);
    for _ in 0..2 {
        let options = IngestOptions { from_scratch: true, ..IngestOptions::default() };
        let report = test.store.ingest("purchases", vec![Input::Path(path.clone())], &options, &mut |_| ()).unwrap();
        assert_eq!(report.rows_written, 60_000);
    }
    let committed = in_memory(&definitions(""));
    for some in rows.chunks(20_000) {
        committed.write("purchases", &bought(some)).unwrap();
    }
    for shop in ["a", "b", "c"] {
        assert_eq!(of_shop(&test.store, shop), [int(20_000), float(10_000.0)]);
        assert_eq!(of_shop(&test.store, shop), of_shop(&committed, shop));
    }
    let verified = test.store.verify().unwrap();
    assert_eq!((verified.versions, verified.problems), (60_000, Vec::<String>::new()));
}

#[test]
fn an_event_is_not_found_by_an_index_of_which_a_join_key_is_null() {
    // Without an event id, whose columns are never null.
    let text = PURCHASES.replacen("event_id = [\"order_id\", \"shop\", \"city\"]\n", "", 1);
    let all =
        [text, windows("shops", "purchases", "[\"shop\"]"), windows("places", "purchases", "[\"shop\", \"city\"]")];
    let definitions = parse_definitions(&all.concat().replace("EVERY", ""), "also_by.toml").unwrap();
    for store in [&TestStore::new(&definitions).store, &in_memory(&definitions)] {
        let rows = bought(&[purchase(1, 3, 1, "a", 1.0), purchase(1, 3, 2, "a", 2.0), purchase(1, 3, 3, "a", 4.0)]);
        let mut columns = rows.columns().to_vec();
        columns[4] = Arc::new(StringArray::from(vec![Some("a"), None, Some("a")]));
        columns[5] = Arc::new(StringArray::from(vec![Some("x"), Some("x"), None]));
        let rows = RecordBatch::try_new(rows.schema(), columns).unwrap();
        store.write("purchases", &rows).unwrap();
        assert_eq!(of_shop(store, "a"), [int(2), float(5.0)]);
        let request = store.prepare(&["places:sum_2d"]).unwrap();
        let answer = store.latest(&request, &shops(&request, &[&["a", "x"]])).unwrap();
        assert_eq!(answer.value(0, 0).unwrap(), float(1.0));
        store.delete_events("purchases", &rows.slice(2, 1)).unwrap();
        assert_eq!(of_shop(store, "a"), [int(1), float(1.0)]);
        assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
    }
}

#[test]
fn what_the_retention_hides_from_the_user_it_hides_from_the_shop() {
    let text = PURCHASES.replacen("created_timestamp", "retention = \"2d\"\ncreated_timestamp", 1);
    let all = [text, windows("shops", "purchases", "[\"shop\"]")].concat().replace("EVERY", "");
    let test = TestStore::new(&parse_definitions(&all, "also_by.toml").unwrap());
    let store = &test.store;
    store.write("purchases", &bought(&[purchase(1, 40, 1, "a", 1.0), purchase(1, 20, 2, "a", 2.0)])).unwrap();
    assert_eq!(of_shop(store, "a"), [int(2), float(3.0)]);
    test.clock.advance(Span::from_secs(10 * 3_600));
    let request = store.prepare(&["shops:n_2d", "shops:n_3h"]).unwrap();
    let statuses = || {
        let answer = store.as_of(&request, &shops(&request, &[&["a"]]), hours_ago(1), None).unwrap();
        [answer.status(0, 0), answer.status(0, 1)]
    };
    assert_eq!(statuses(), [Status::Missing, Status::Present], "never an undercount");
    store.flush().unwrap();
    store.compact().unwrap();
    assert_eq!(statuses(), [Status::Missing, Status::Present]);
    let verified = store.verify().unwrap();
    assert_eq!((verified.versions, verified.problems), (1, Vec::<String>::new()));
}

#[test]
fn deletions_of_events_that_were_exported_delete_them_where_they_are_ingested() {
    let (from, to) = (TestStore::new(&definitions("")), TestStore::new(&definitions("")));
    let rows = [purchase(1, 3, 7, "a", 5.0), purchase(1, 2, 8, "a", 6.0), purchase(1, 2, 9, "b", 1.0)];
    from.store.write("purchases", &bought(&rows)).unwrap();
    from.store.delete_events("purchases", &bought(&[Purchase { created: NOW, ..rows[1].clone() }])).unwrap();
    let out = from.directory.path().join("out");
    from.store.export("purchases", &out, &ExportOptions::default(), &mut |_| ()).unwrap();
    let inputs = fs::read_dir(&out).unwrap().map(|file| file.unwrap().path());
    let inputs = inputs.filter(|path| path.extension().is_some_and(|ending| ending == "parquet")).map(Input::Path);
    to.store.ingest("purchases", inputs.collect(), &IngestOptions::default(), &mut |_| ()).unwrap();
    for store in [&from.store, &to.store] {
        assert_eq!((of_shop(store, "a"), of_shop(store, "b")), (vec![int(1), float(5.0)], vec![int(1), float(1.0)]));
        let history = store.history("purchases", &[("user_id", Value::Int64(1))], 10).unwrap();
        assert_eq!((history.len(), history.iter().filter(|row| row.deleted).count()), (4, 1));
    }
    let of = |store: &Store| store.history("purchases", &[("user_id", Value::Int64(1))], 10).unwrap();
    assert_eq!(of(&from.store), of(&to.store));
}

#[test]
fn a_deletion_keeps_what_says_which_event_it_was_and_nothing_else() {
    let test = TestStore::new(&definitions(""));
    let store = &test.store;
    let row = purchase(1, 3, 7, "a", 5.0);
    store.delete_events("purchases", &bought(&[row])).unwrap();
    let mut batches = Batches::default();
    let rows = asofdb::ExportRows::Versions { from: None, to: None };
    store.scan(&asofdb::Scan { view: "purchases", rows, entity: None, limit: None }, &mut batches).unwrap();
    let [batch] = batches.0.as_slice() else { panic!("one batch") };
    let column = |name: &str| batch.column_by_name(name).unwrap().clone();
    let texts = |values: &[&str]| StringArray::from_iter_values(values);
    assert_eq!(column("deleted").as_any().downcast_ref::<BooleanArray>(), Some(&BooleanArray::from(vec![true])));
    assert_eq!(column("shop").as_any().downcast_ref::<StringArray>(), Some(&texts(&["a"])));
    assert_eq!(column("order_id").as_any().downcast_ref::<Int64Array>(), Some(&Int64Array::from(vec![7])));
    assert!(column("amount").is_null(0));
}

#[derive(Default)]
struct Batches(Vec<RecordBatch>);

impl asofdb::ScanSink for Batches {
    fn begin(&mut self, _begin: asofdb::ScanBegin) -> asofdb::Result<()> {
        Ok(())
    }

    fn take(&mut self, batch: RecordBatch) -> asofdb::Result<()> {
        self.0.push(batch);
        Ok(())
    }
}

#[test]
fn what_else_events_are_found_by_cannot_change() {
    let store = in_memory(&definitions(""));
    for (other, lists) in [("[\"shop\"]", "[[\"shop\"]]"), ("[[\"shop\", \"city\"]]", "[[\"shop\", \"city\"]]")] {
        let text = PURCHASES.replacen("[\"shop\", [\"shop\", \"city\"]]", other, 1);
        let wanted = parse_definitions(&text, "also_by.toml").unwrap();
        let error = store.apply(&wanted, true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        let message = "the entities in also_by of an event view cannot change: \"purchases\"; define \"purchases_v2\": \
                       [[\"shop\"], [\"shop\", \"city\"]] -> ";
        assert_eq!(error.to_string(), format!("{message}{lists}"));
    }
    // In another order they are the same.
    let text = PURCHASES.replacen("[\"shop\", [\"shop\", \"city\"]]", "[[\"shop\", \"city\"], \"shop\"]", 1);
    let plan = store.apply(&parse_definitions(&text, "also_by.toml").unwrap(), true).unwrap();
    assert!(plan.changes.iter().all(|change| change.name != "purchases"), "{:?}", plan.changes);
}

#[test]
fn ids_of_the_indexes_of_a_dropped_view_are_never_given_again() {
    let store = in_memory(&definitions(""));
    let ids = |store: &Store| store.catalog().indexes().map(|index| index.id).collect::<Vec<_>>();
    let before = ids(&store);
    let without = Definitions { views: Vec::new(), ..definitions("") };
    store.apply(&without, true).unwrap();
    assert!(before.iter().all(|id| store.catalog().dropped_views().contains(id)));
    store.apply(&definitions(""), false).unwrap();
    let after = ids(&store);
    assert!(
        (before.len(), after.len()) == (2, 2) && after.iter().all(|id| !before.contains(id)),
        "{before:?} {after:?}"
    );
}

#[test]
fn wrong_indexes_are_refused_where_they_are_wrong() {
    let by_shop = windows("shops", "purchases", "[\"shop\"]").replace("EVERY", "");
    let text = [PURCHASES, &by_shop].concat();
    let cases = [
        (
            "also_by = [\"shop\", [",
            "also_by = [\"shopp\", [",
            "17:12: event view \"purchases\" is indexed by an unknown entity: \"shopp\"; did you mean \"shop\"?",
        ),
        (
            "also_by = [\"shop\", [",
            "also_by = [\"user\", [",
            "17:12: event view \"purchases\" is indexed by these entities already: user",
        ),
        (
            "[\"shop\", \"city\"]]",
            "\"shop\"]",
            "17:20: event view \"purchases\" is indexed by these entities already: shop",
        ),
        (
            "[\"shop\", \"city\"]]",
            "[\"city\", \"city\"]]",
            "17:20: event view \"purchases\" lists an entity twice in also_by: \"city\"",
        ),
        ("[\"shop\", \"city\"]]", "[]]", "17:20: event view \"purchases\": an item of also_by has at least one entity"),
        (
            "[\"shop\", \"city\"]]",
            "[\"user\", \"city\"]]",
            "17:20: event view \"purchases\": join key \"user_id\" of entity \"user\" is in also_by, and so a column of the \
             view, which says whose each event is: add { name = \"user_id\", type = \"int64\" }",
        ),
        (
            "name = \"city\", type = \"string\" },\n    { name = \"amount\"",
            "name = \"city\", type = \"int64\" },\n    { name = \"amount\"",
            "17:20: event view \"purchases\": join key \"city\" of entity \"city\" has the type of the column of its name: \
             int64, not string",
        ),
        (
            "event_id = [\"order_id\", \"shop\", \"city\"]",
            "event_id = [\"order_id\", \"shop\"]",
            "18:12: event view \"purchases\": join key \"city\" of entity \"city\" is in also_by, and so a part of the event \
             id: an event never moves from one to another; add \"city\" to event_id",
        ),
        ("also_by = [\"shop\", [", "also_by = [7, [", "17:12: also_by is text in quotes, not a whole number"),
        (
            "entities = [\"shop\"]\nwhere",
            "entities = [\"city\"]\nwhere",
            "53:12: window view \"shops\" has entities of its event view \"purchases\": [\"user\"] or [\"shop\"] or \
             [\"shop\", \"city\"], not [\"city\"]",
        ),
        ("where = \"amount != 7.0\"", "where = \"user_id != 7\"", "54:9: a condition of window view \"shops\": "),
    ];
    for (good, bad, message) in cases {
        assert!(text.contains(good), "{good}");
        let error = parse_definitions(&text.replacen(good, bad, 1), "shop.toml").unwrap_err();
        assert!(error.to_string().starts_with(&format!("shop.toml:{message}")), "{error}\n{message}");
    }
    let many =
        (0..9).map(|n| format!("[[entity]]\nname = \"e{n}\"\njoin_keys = [{{ name = \"k{n}\", type = \"int64\" }}]\n"));
    let lists: Vec<_> = (0..9).map(|n| format!("\"e{n}\"")).collect();
    let text = many.collect::<String>() + &PURCHASES.replacen("\"shop\", [\"shop\", \"city\"]", &lists.join(", "), 1);
    let error = parse_definitions(&text, "shop.toml").unwrap_err();
    assert!(error.to_string().ends_with("is indexed by at most 8 lists of entities in also_by: 9"), "{error}");
}

#[test]
fn an_index_is_no_place_for_what_cannot_be_a_key() {
    let text = PURCHASES.replace("name = \"shop\", type = \"string\"", "name = \"shop\", type = \"float64\"").replacen(
        "event_id = [\"order_id\", \"shop\", \"city\"]\n",
        "",
        1,
    );
    let definitions = parse_definitions(&text, "also_by.toml").unwrap();
    let test = TestStore::new(&definitions);
    let rows = bought(&[purchase(1, 3, 1, "a", 1.0), purchase(1, 3, 2, "a", 2.0)]);
    let with_shops = |shops: Vec<f64>| {
        let mut columns: Vec<(&str, ArrayRef)> =
            rows.schema_ref().fields().iter().map(|field| field.name().as_str()).zip(rows.columns().to_vec()).collect();
        columns[4].1 = Arc::new(Float64Array::from(shops));
        batch(columns)
    };
    let rule = "row 1: column \"shop\" of also_by: a join key cannot be NaN";
    let error = test.store.write("purchases", &with_shops(vec![1.0, f64::NAN])).unwrap_err();
    assert!(format!("{error:#}").contains(rule), "{error:#}");
    assert_eq!(test.store.verify().unwrap().versions, 0);
    let path = files::parquet(test.directory.path().join("p.parquet"), &with_shops(vec![1.0, f64::NAN]), 10);
    let rejects = test.directory.path().join("rejects.jsonl");
    let options = IngestOptions { rejects: Some(rejects.clone()), ..IngestOptions::default() };
    let report = test.store.ingest("purchases", vec![Input::Path(path)], &options, &mut |_| ()).unwrap();
    assert_eq!((report.rows_written, report.rows_rejected), (1, 1));
    assert!(fs::read_to_string(rejects).unwrap().contains("of also_by"));
}

#[test]
fn a_view_with_indexes_is_the_same_after_it_was_opened_again() {
    let test = TestStore::new(&definitions(""));
    test.store.write("purchases", &bought(&[purchase(1, 3, 7, "a", 5.0)])).unwrap();
    let (before, directory) = (test.store.catalog(), test.directory);
    drop(test.store);
    let store = Store::open(directory.path().join("store")).unwrap();
    let after = store.catalog();
    let all = |catalog: &asofdb::Catalog| {
        let views: Vec<_> = catalog.views().chain(catalog.indexes()).map(|view| format!("{view:?}")).collect();
        views
    };
    assert_eq!(all(&before), all(&after));
    assert!(store.plan(&definitions("")).unwrap().is_empty());
    let request = store.prepare(&["shops:n_2d"]).unwrap();
    let answer = store.as_of(&request, &shops(&request, &[&["a"]]), NOW, None).unwrap();
    assert_eq!(answer.value(0, 0).unwrap(), int(1));
}
