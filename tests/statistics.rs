//! Statistics of values: what they say, and whose values they must not show.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use asofdb::{
    Allow, Definitions, Durability, ErrorKind, FeatureProfile, Options, ProfileSample, SAMPLE_ENTITIES_MAX, Session,
    Span, Stop, Store, Timestamp, Value, ViewProfile, ViewSize, ViewStatistics, parse_definitions,
};

use crate::common::{NOW, TestStore, batch, hours_ago, in_memory, times};

const DEFINITIONS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[feature_view]]
name = "facts"
entities = ["user"]
ttl = "1d"
tags = { pii = "no" }
[[feature_view.feature]]
name = "score"
type = "float64"
[[feature_view.feature]]
name = "visits"
type = "int64"
default = 7
[[feature_view.feature]]
name = "city"
type = "string"
tags = { pii = "yes" }
[[feature_view.feature]]
name = "is_new"
type = "bool"
[[feature_view.feature]]
name = "photo"
type = "bytes"

[[event_view]]
name = "clicks"
entities = ["user"]
columns = [{ name = "price", type = "float64" }]

[[window_view]]
name = "clicked"
from = "clicks"
windows = ["1d"]
feature = [{ name = "n", aggregate = "count" }, { name = "spent", aggregate = "sum", of = "price" }]

[[derived_view]]
name = "ratios"
request = [{ name = "amount", type = "float64" }]
feature = [
    { name = "per_visit", type = "float64", expression = "facts:score / facts:visits" },
    { name = "per_amount", type = "float64", expression = "facts:score / amount" },
    { name = "per_click", type = "float64", expression = "facts:score + clicked:spent_1d" },
]
"#;

fn definitions() -> Definitions {
    parse_definitions(DEFINITIONS, "d.toml").unwrap()
}

/// A user, and its score, visits and city.
type Fact<'f> = (i64, Option<f64>, Option<i64>, Option<&'f str>);

/// Rows of `facts` for users, an hour ago: score, visits, city and the rest made from the number of the user.
fn facts(of: &[Fact<'_>]) -> RecordBatch {
    facts_at(of, hours_ago(1))
}

fn facts_at(of: &[Fact<'_>], at: Timestamp) -> RecordBatch {
    let users: ArrayRef = Arc::new(of.iter().map(|row| row.0).collect::<Int64Array>());
    let scores: ArrayRef = Arc::new(of.iter().map(|row| row.1).collect::<Float64Array>());
    let visits: ArrayRef = Arc::new(of.iter().map(|row| row.2).collect::<Int64Array>());
    let cities: ArrayRef = Arc::new(of.iter().map(|row| row.3).collect::<StringArray>());
    let is_new: ArrayRef = Arc::new(of.iter().map(|row| Some(row.0 % 4 == 0)).collect::<BooleanArray>());
    let photos: Vec<Vec<u8>> = of.iter().map(|row| vec![1; (row.0 % 3) as usize]).collect();
    let photos: ArrayRef = Arc::new(photos.iter().map(|photo| Some(photo.as_slice())).collect::<BinaryArray>());
    batch(vec![
        ("user_id", users),
        ("event_timestamp", times(of.iter().map(|_| Some(at)))),
        ("score", scores),
        ("visits", visits),
        ("city", cities),
        ("is_new", is_new),
        ("photo", photos),
    ])
}

fn click(store: &Store, user: i64, price: f64) {
    let columns = vec![
        ("user_id", Arc::new(Int64Array::from(vec![user])) as ArrayRef),
        ("event_timestamp", times([Some(hours_ago(2))])),
        ("price", Arc::new(Float64Array::from(vec![price])) as ArrayRef),
    ];
    store.write("clicks", &batch(columns)).unwrap();
}

fn take(store: &Store, view: &str, sample: ProfileSample) -> ViewStatistics {
    store.profile(view, sample, &mut |_| {}).unwrap()
}

fn all(store: &Store, view: &str) -> ViewProfile {
    take(store, view, ProfileSample::All).profile.unwrap()
}

fn feature<'p>(profile: &'p ViewProfile, name: &str) -> &'p FeatureProfile {
    profile.feature(name).unwrap_or_else(|| panic!("no statistics of {name}"))
}

fn top(feature: &FeatureProfile) -> Vec<(&str, u64)> {
    feature.top.iter().map(|top| (top.text.as_str(), top.count)).collect()
}

/// A hundred users with visits 1 to 100, scores half of that, and two cities; one is expired and one deleted.
fn hundred() -> Store {
    let store = in_memory(&definitions());
    let city = |user: i64| Some(if user <= 60 { "Oslo" } else { "Bergen" });
    let rows: Vec<_> =
        (1..=100).map(|user| (user, Some(user as f64 / 2.0), (user != 50).then_some(user), city(user))).collect();
    store.write("facts", &facts(&rows)).unwrap();
    store.write("facts", &facts_at(&[(101, Some(1e9), Some(1), None)], hours_ago(30))).unwrap();
    store.write("facts", &facts(&[(102, Some(1e9), Some(1), None)])).unwrap();
    store.delete(&["facts"], &[("user_id", Value::Int64(102))], hours_ago(0)).unwrap();
    store
}

#[test]
fn statistics_say_what_the_newest_values_of_all_entities_are() {
    let profile = all(&hundred(), "facts");
    assert_eq!((profile.taken, profile.entities, profile.of_entities, profile.revision), (NOW, 102, Some(102), 1));
    assert!(profile.is_all());
    let score = feature(&profile, "score");
    let counts = score.counts;
    assert_eq!((counts.present, counts.null, counts.missing, counts.expired), (100, 0, 1, 1));
    let numbers = score.numbers.as_ref().unwrap();
    assert_eq!((numbers.count, numbers.min, numbers.max, numbers.mean), (100, 0.5, 50.0, Some(25.25)));
    assert_eq!(numbers.quantiles, [0.5, 2.5, 12.5, 25.0, 37.5, 47.5, 49.5]);
    assert!((numbers.stddev.unwrap() - 14.505_745_987_9).abs() < 1e-9);
    assert_eq!(numbers.histogram.iter().map(|bucket| bucket.count).sum::<u64>(), 100);
    assert_eq!((score.distinct, score.is_distinct_exact), (100, true));
    let visits = feature(&profile, "visits");
    assert_eq!((visits.counts.present, visits.counts.null), (99, 1), "a default is no value that is there");
    assert_eq!(visits.counts.share(visits.counts.null), 1.0 / 102.0);
}

#[test]
fn texts_truths_and_bytes_have_top_values_and_lengths() {
    let profile = all(&hundred(), "facts");
    let city = feature(&profile, "city");
    assert_eq!((top(city), city.is_top_exact), (vec![("Oslo", 60), ("Bergen", 40)], true));
    let lengths = city.lengths.as_ref().unwrap();
    assert_eq!((lengths.min, lengths.max, lengths.mean), (4.0, 6.0, Some(4.8)));
    assert!(city.numbers.is_none());
    let is_new = feature(&profile, "is_new");
    assert_eq!((top(is_new), is_new.numbers.is_none()), (vec![("false", 75), ("true", 25)], true));
    let photo = feature(&profile, "photo");
    assert_eq!((photo.distinct, photo.lengths.as_ref().unwrap().max), (3, 2.0));
    assert_eq!(top(photo)[0], ("AQ==", 34));
}

#[test]
fn nan_and_infinities_are_counted_apart() {
    let store = in_memory(&definitions());
    let rows: Vec<_> = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY, 1.0, -0.0, 0.0]
        .iter()
        .enumerate()
        .map(|(user, score)| (user as i64, Some(*score), None, None))
        .collect();
    store.write("facts", &facts(&rows)).unwrap();
    let profile = all(&store, "facts");
    let score = feature(&profile, "score");
    assert_eq!((score.counts.present, score.nan, score.infinite), (7, 1, [1, 2]));
    let numbers = score.numbers.as_ref().unwrap();
    assert_eq!((numbers.count, numbers.min, numbers.max), (3, 0.0, 1.0));
    assert_eq!((score.distinct, top(score)), (2, vec![("0.0", 2), ("1.0", 1)]), "both zeros are one");
    let visits = feature(&profile, "visits");
    assert_eq!((visits.numbers.is_none(), visits.distinct, visits.counts.null), (true, 0, 7));
}

#[test]
fn a_sample_says_of_how_many_entities_it_is_and_is_the_same_each_time() {
    let TestStore { store, directory: _directory, .. } = TestStore::new(&definitions());
    let rows: Vec<_> = (0..3_000).map(|user| (user, Some(user as f64), Some(user % 10), Some("Oslo"))).collect();
    store.write("facts", &facts(&rows)).unwrap();
    let sample = ProfileSample::Entities(500);
    let first = take(&store, "facts", sample);
    let profile = first.profile.clone().unwrap();
    assert_eq!((profile.entities, profile.of_entities, profile.is_all()), (500, Some(3_000), false));
    let size = profile.size.unwrap();
    assert_eq!((size.versions, size.is_exact), (3_000, true));
    let numbers = feature(&profile, "score").numbers.clone().unwrap();
    assert!(numbers.mean.unwrap() > 1_300.0 && numbers.mean.unwrap() < 1_700.0, "{numbers:?}");
    assert_eq!(take(&store, "facts", sample), first);
    assert_eq!(take(&store, "facts", ProfileSample::default()).profile.unwrap().entities, 3_000);
}

#[test]
fn many_different_values_are_estimated_and_said_to_be() {
    let store = in_memory(&definitions());
    let names: Vec<String> = (0..20_000).map(|user| format!("city {}", if user % 4 == 0 { 0 } else { user })).collect();
    let rows: Vec<_> = (0..20_000).map(|user| (user, Some(1.5), None, Some(names[user as usize].as_str()))).collect();
    store.write("facts", &facts(&rows)).unwrap();
    let profile = all(&store, "facts");
    let city = feature(&profile, "city");
    assert!(!city.is_distinct_exact && city.distinct > 14_200 && city.distinct < 15_800, "{}", city.distinct);
    let [(text, count)] = top(city)[..] else { panic!("{:?}", city.top) };
    assert!(text == "city 0" && !city.is_top_exact && count > 4_900 && count <= 5_000, "{text} {count}");
    let score = feature(&profile, "score");
    assert_eq!((score.distinct, score.is_distinct_exact, top(score)), (1, true, vec![("1.5", 20_000)]));
}

#[test]
fn what_is_computed_has_statistics_as_of_now_but_for_what_needs_a_request() {
    let store = hundred();
    (1..=10).for_each(|user| click(&store, user, user as f64));
    click(&store, 500, 1.0);
    let clicked = all(&store, "clicked");
    assert_eq!((clicked.entities, clicked.of_entities, clicked.size), (11, Some(11), None));
    assert_eq!(feature(&clicked, "spent_1d").numbers.as_ref().unwrap().max, 10.0);
    for sample in [ProfileSample::All, ProfileSample::default()] {
        let ratios = take(&store, "ratios", sample).profile.unwrap();
        let names: Vec<_> = ratios.features.iter().map(|feature| feature.name.as_str()).collect();
        assert_eq!(names, ["per_visit", "per_click"]);
        assert_eq!((ratios.entities, ratios.of_entities), (103, Some(103)), "of the facts and of the clicks");
        let per_visit = feature(&ratios, "per_visit").numbers.as_ref().unwrap();
        assert_eq!((per_visit.min, per_visit.max), (0.5, 25.0 / 7.0), "by the default of the visits");
        assert_eq!(feature(&ratios, "per_click").numbers.as_ref().unwrap().count, 10, "the others have no events");
    }
}

#[test]
fn what_has_no_statistics_is_refused_with_the_reason_and_keeps_those_that_there_were() {
    let store = hundred();
    let before = take(&store, "facts", ProfileSample::All);
    let refused = |view: &str, sample| {
        let error = store.profile(view, sample, &mut |_| {}).unwrap_err();
        (error.kind(), error.to_string())
    };
    for count in [0, SAMPLE_ENTITIES_MAX + 1] {
        let (kind, message) = refused("facts", ProfileSample::Entities(count));
        assert_eq!((kind, message.contains("from 1 to 65536 entities")), (ErrorKind::Invalid, true), "{message}");
    }
    assert_eq!(refused("fact", ProfileSample::All).0, ErrorKind::NotFound);
    assert_eq!(store.statistics("fact").unwrap_err().kind(), ErrorKind::NotFound);
    let stop = Stop::new();
    stop.stop();
    let stopped = store.profile_until("facts", ProfileSample::All, &stop, &mut |_| {}).unwrap_err();
    assert_eq!(stopped.kind(), ErrorKind::Unavailable);
    assert_eq!(store.statistics("facts").unwrap(), before);
    assert_eq!(store.statistics("clicked").unwrap().profile, None);
}

#[test]
fn an_empty_view_has_statistics_of_nothing() {
    let store = in_memory(&definitions());
    let profile = all(&store, "facts");
    assert_eq!((profile.entities, profile.of_entities, profile.is_all()), (0, Some(0), true));
    assert_eq!(profile.size, Some(ViewSize { versions: 0, bytes: 0, is_exact: true }));
    assert!(profile.features.iter().all(|feature| feature.ranked().is_none() && feature.top.is_empty()));
}

#[test]
fn statistics_are_there_when_the_store_is_opened_again() {
    let TestStore { store, clock, directory } = TestStore::new(&definitions());
    store.write("facts", &facts(&[(1, Some(2.0), Some(3), Some("Oslo"))])).unwrap();
    let taken = take(&store, "facts", ProfileSample::All);
    drop(store);
    clock.advance(Span::from_secs(60));
    let options = Options { memory_budget_bytes: 64 << 20, ..Options::default() };
    let again = Store::open_with(directory.path().join("store"), options, clock, Durability::Os).unwrap();
    assert_eq!(again.statistics("facts").unwrap(), taken);
}

#[test]
fn an_erased_entity_is_in_no_statistics_neither_of_its_view_nor_of_what_is_computed_from_it() {
    let on_disk = TestStore::new(&definitions());
    for store in [&on_disk.store, &in_memory(&definitions())] {
        store.write("facts", &facts(&[(1, Some(2.0), Some(3), Some("Oslo")), (2, Some(9.0), Some(3), None)])).unwrap();
        click(store, 1, 5.0);
        for view in ["facts", "clicked", "ratios"] {
            take(store, view, ProfileSample::All);
        }
        let user = [("user_id", Value::Int64(1))];
        store.erase(&["clicks"], &user).unwrap();
        let kept = |view: &str| store.statistics(view).unwrap().profile.is_some();
        assert_eq!(["facts", "clicked", "ratios"].map(kept), [true, false, false]);
        take(store, "ratios", ProfileSample::All);
        store.erase(&["facts"], &user).unwrap();
        assert_eq!(["facts", "clicked", "ratios"].map(kept), [false; 3]);
        let profile = all(store, "facts");
        assert_eq!((profile.entities, feature(&profile, "score").numbers.as_ref().unwrap().min), (1, 9.0));
        assert!(feature(&profile, "city").top.is_empty());
    }
}

#[test]
fn statistics_that_were_read_before_an_erasure_are_not_kept_after_it() {
    let TestStore { store, directory: _directory, .. } = TestStore::new(&definitions());
    store.write("facts", &facts(&[(1, Some(2.0), Some(3), Some("Oslo")), (2, Some(9.0), Some(3), None)])).unwrap();
    let erased = AtomicBool::new(false);
    // Progress is told when the values have been read, and before they are kept.
    let error = store
        .profile("facts", ProfileSample::All, &mut |_| {
            if !erased.swap(true, Ordering::Relaxed) {
                store.erase(&["facts"], &[("user_id", Value::Int64(1))]).unwrap();
            }
        })
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("\"facts\" was erased while its statistics were taken"), "{error}");
    assert_eq!(store.statistics("facts").unwrap().profile, None);
    assert_eq!(all(&store, "facts").entities, 1);
}

#[test]
fn statistics_of_an_older_definition_are_said_to_be_and_those_of_a_dropped_view_are_gone() {
    let store = hundred();
    (1..=3).for_each(|user| click(&store, user, 1.0));
    take(&store, "clicked", ProfileSample::All);
    take(&store, "facts", ProfileSample::All);
    let changed = DEFINITIONS.replace(r#"of = "price" }"#, r#"of = "price", where = "price > 0.5" }"#);
    let redefined = parse_definitions(&changed, "d.toml").unwrap();
    store.apply_to(&redefined, Allow { redefine: true, ..Allow::default() }, None).unwrap();
    let clicked = store.statistics("clicked").unwrap();
    assert_eq!((clicked.outdated, clicked.profile.unwrap().revision), (vec!["spent_1d".to_owned()], 1));
    assert!(store.statistics("facts").unwrap().outdated.is_empty(), "its definition is the same");
    assert!(take(&store, "clicked", ProfileSample::All).outdated.is_empty());

    let note = store.backend().catalog().view("facts").unwrap().id;
    let note = [b"statistics/".as_slice(), &note.to_be_bytes()].concat();
    assert!(store.backend().note(&note).unwrap().is_some());
    store.apply(&Definitions::default(), true).unwrap();
    assert!(store.backend().note(&note).unwrap().is_none());
    store.apply(&definitions(), false).unwrap();
    assert_eq!(store.statistics("facts").unwrap().profile, None, "another view of the name");
}

#[test]
fn a_consumer_sees_no_statistics_of_what_the_policy_does_not_let_it_read() {
    let store = hundred();
    store.apply_policy("[[restricted]]\ntags = { pii = \"yes\" }\nconsumers = \"fraud\"\n", "").unwrap();
    let [ranker, fraud] = ["ranker", "fraud"].map(|consumer| store.for_consumer(consumer).unwrap());
    let told = |statistics: ViewStatistics| {
        let names: Vec<_> = statistics.profile.unwrap().features.into_iter().map(|feature| feature.name).collect();
        (names.contains(&"city".to_owned()), statistics.withheld)
    };
    let withheld = (false, vec!["city".to_owned()]);
    assert_eq!(told(take(&ranker, "facts", ProfileSample::All)), withheld, "also where it takes them itself");
    assert_eq!(told(ranker.statistics("facts").unwrap()), withheld);
    assert_eq!(told(fraud.statistics("facts").unwrap()), (true, Vec::new()), "all are kept");
    assert_eq!(told(store.statistics("facts").unwrap()), (true, Vec::new()));
}

#[test]
fn a_damaged_note_is_as_none_and_is_replaced() {
    let store = hundred();
    let id = store.catalog().view("facts").unwrap().id;
    let mut batch = asofdb::storage::WriteBatch::new();
    batch.note([b"statistics/".as_slice(), &id.to_be_bytes()].concat(), Some(vec![1, 2, 3]));
    store.backend().commit(batch, Durability::Os).unwrap();
    assert_eq!(store.statistics("facts").unwrap().profile, None);
    assert_eq!(all(&store, "facts").entities, 102);
    assert!(store.statistics("facts").unwrap().profile.is_some());
}
