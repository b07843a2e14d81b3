//! The bytes of every record of the catalog, as asofdb 0.1.0 wrote them, in `tests/fixtures/records-1`.
//!
//! They were written before records had structs of their own. They stay when a newer version is added: it is then
//! read, and written as the newest.

use std::collections::{BTreeMap, BTreeSet};

use super::{Recorded, decode, encode};
use crate::aggregate::Aggregate;
use crate::catalog::{Entity, EventIndex, Feature, FeatureService, FeatureView, JoinKey, Meta};
use crate::computed::{Computed, Expressions, RequestValue, WindowAggregate, WindowFeature, Windows};
use crate::date::Date;
use crate::error::ErrorKind;
use crate::feed_source::{FeedSource, Schedule};
use crate::hot_policy::HotPolicy;
use crate::key::EVENTS_BIT;
use crate::life_cycle::{LifeCycle, Stage};
use crate::objective::FreshnessObjective;
use crate::profile::{
    EventsRead, FeatureProfile, HistogramBucket, NumberProfile, StatusCounts, TopValue, ViewProfile, ViewSize,
};
use crate::schema::{FeatureId, RowSchema};
use crate::time::{Span, Timestamp};
use crate::value::Value;
use crate::value_type::{ScalarType, ValueType};
use crate::verdicts::Verdicts;

/// The types of 0.1.0.
const TYPES: [ScalarType; 8] = [
    ScalarType::Bool,
    ScalarType::Int32,
    ScalarType::Int64,
    ScalarType::Float32,
    ScalarType::Float64,
    ScalarType::String,
    ScalarType::Bytes,
    ScalarType::Timestamp,
];

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../tests/fixtures/records-1/", $name))
    };
}

fn tags() -> BTreeMap<String, String> {
    BTreeMap::from([("stufe".to_owned(), "1".to_owned()), ("tier".to_owned(), "é".to_owned())])
}

fn scalars() -> [Value; 8] {
    [
        Value::Bool(true),
        Value::Int32(-7),
        Value::Int64(i64::MIN),
        Value::Float32(1.5),
        Value::Float64(-0.1),
        Value::String("é".into()),
        Value::Bytes(vec![0, 255]),
        Value::Timestamp(Timestamp::from_micros(-1)),
    ]
}

/// One feature of each type with a default, then one list of each, every other with a default.
fn features() -> Vec<Feature> {
    let typed = || TYPES.into_iter().zip(scalars()).zip(0u32..);
    let singles = typed().map(|((ty, value), index)| Feature {
        id: FeatureId(index),
        name: ty.name().to_owned(),
        ty: ValueType::Scalar(ty),
        description: format!("A {ty}"),
        default: Some(value),
        tags: tags(),
    });
    let lists = typed().map(|((ty, value), index)| Feature {
        id: FeatureId(10 + index),
        name: format!("{ty}s"),
        ty: ValueType::List(ty),
        description: String::new(),
        default: (index % 2 == 0).then(|| Value::List(ty, vec![value.clone(), value.clone()])),
        tags: BTreeMap::new(),
    });
    singles.chain(lists).collect()
}

fn view() -> FeatureView {
    let features = features();
    let columns = features.iter().map(|feature| (feature.id, feature.ty)).collect();
    FeatureView {
        id: 3,
        key_space: 2,
        name: "profile".into(),
        entities: vec!["user".into(), "shop".into()],
        join_keys: vec![
            JoinKey { name: "user_id".into(), ty: ScalarType::Int64 },
            JoinKey { name: "shop".into(), ty: ScalarType::String },
        ],
        ttl: Some(Span::from_secs(7200)),
        retention: Some(Span::from_secs(86400)),
        keep_newest: true,
        retention_floor: Some(Timestamp::from_micros(1_700_000_000_000_000)),
        max_future_skew: Span::from_secs(3600),
        event_column: "event_timestamp".into(),
        created_column: Some("created".into()),
        owner: "a@example.org".into(),
        team: "ops".into(),
        description: "What is known of a user".into(),
        tags: tags(),
        event_id: None,
        also_by: Vec::new(),
        check: None,
        freshness: None,
        life: LifeCycle::default(),
        verdicts: Verdicts::default(),
        source: None,
        hot: HotPolicy::default(),
        computed: None,
        features,
        next_feature: 18,
        schemas: vec![
            RowSchema { version: 0, columns: vec![(FeatureId(0), ValueType::Scalar(ScalarType::Bool))] },
            RowSchema { version: 1, columns },
        ],
    }
}

/// Decodes a record of the version that is written, and encodes it again.
fn again<T: Recorded>(key: &[u8], bytes: &[u8]) -> T {
    let value: T = decode(key, bytes).unwrap();
    assert_eq!(encode(&value).unwrap(), bytes, "{}", T::name(key));
    value
}

#[test]
fn views_are_written_as_version_1_where_that_says_all_and_as_version_2_otherwise() {
    let read = again::<FeatureView>(b"vprofile", fixture!("view"));
    assert_eq!(format!("{read:?}"), format!("{:?}", view()));
    let mut made = view();
    (made.id, made.event_id) = (3 | EVENTS_BIT, Some(vec![FeatureId(2), FeatureId(4)]));
    made.check = Some("int64 >= 0".to_owned());
    let read = again::<FeatureView>(b"vprofile", fixture!("view-2"));
    assert_eq!(format!("{read:?}"), format!("{made:?}"));
}

#[test]
fn event_views_with_indexes_are_written_as_version_4() {
    let key = |name: &str, ty| JoinKey { name: name.to_owned(), ty };
    let index = |number: u32, key_space, entities: &[&str], join_keys: Vec<JoinKey>| EventIndex {
        id: number | EVENTS_BIT,
        key_space,
        entities: entities.iter().map(|name| (*name).to_owned()).collect(),
        join_keys,
    };
    let mut made = view();
    (made.id, made.event_id) = (3 | EVENTS_BIT, Some(vec![FeatureId(2), FeatureId(4)]));
    made.check = Some("int64 >= 0".to_owned());
    let shop = || key("shop", ScalarType::String);
    made.also_by = vec![
        index(5, 4, &["shop"], vec![shop()]),
        index(6, 5, &["shop", "city"], vec![shop(), key("city", ScalarType::Int32)]),
    ];
    let read = again::<FeatureView>(b"vprofile", fixture!("view-4"));
    assert_eq!(format!("{read:?}"), format!("{made:?}"));
}

#[test]
fn views_with_an_objective_of_freshness_are_written_as_version_5() {
    let mut made = view();
    made.check = Some("int64 >= 0".to_owned());
    made.freshness = Some(FreshnessObjective {
        warn: Span::from_secs(3_600),
        stale: Span::from_secs(21_600),
        stale_share_max: Some(0.01),
    });
    let read = again::<FeatureView>(b"vprofile", fixture!("view-5"));
    assert_eq!(format!("{read:?}"), format!("{made:?}"));
}

#[test]
fn life_cycles_are_in_version_6_of_views_and_in_version_2_of_services() {
    let life = |successor: &str| LifeCycle {
        status: Some(Stage::Deprecated),
        replaced_by: Some(successor.to_owned()),
        drop_after: Date::from_ymd(2027, 1, 31),
    };
    let mut made = view();
    made.life = life("profile_v2");
    let read = again::<FeatureView>(b"vprofile", fixture!("view-6"));
    assert_eq!(format!("{read:?}"), format!("{made:?}"));
    let service = FeatureService {
        name: "ranker".into(),
        owner: "m@example.org".into(),
        description: "Ranks".into(),
        tags: tags(),
        features: vec!["profile:*".into(), "shop:open".into()],
        life: life("ranker_v2"),
    };
    assert_eq!(again::<FeatureService>(b"sranker", fixture!("service-2")), service);
}

#[test]
fn verdicts_on_features_and_sources_of_feeds_are_in_version_7_of_views() {
    let mut made = view();
    made.verdicts.same_as = BTreeMap::from([("age".into(), ["user_age:age".into()].into())]);
    let reason = ("account:age".into(), "of the account".into());
    made.verdicts.not_same_as = BTreeMap::from([("age".into(), BTreeMap::from([reason]))]);
    made.source =
        Some(FeedSource { path: "data/*.parquet".into(), schedule: Some(Schedule { every: Span::from_secs(3600) }) });
    let read = again::<FeatureView>(b"vprofile", fixture!("view-7"));
    assert_eq!(format!("{read:?}"), format!("{made:?}"));
}

#[test]
fn the_place_of_rows_in_the_hot_table_is_in_version_8_of_views() {
    let made = FeatureView { hot: HotPolicy::Pin, ..view() };
    let read = again::<FeatureView>(b"vprofile", fixture!("view-8"));
    assert_eq!(format!("{read:?}"), format!("{made:?}"));
    let never = [&fixture!("view-8")[..fixture!("view-8").len() - 1], &[2]].concat();
    assert_eq!(again::<FeatureView>(b"vprofile", &never).hot, HotPolicy::Never);
    let unknown = [&never[..never.len() - 1], &[3]].concat();
    let error = decode::<FeatureView>(b"vx", &unknown).unwrap_err();
    let message = "feature view \"x\": the record cannot be read: a place in the hot table that is not known: 3";
    assert_eq!(format!("{error:#}"), message);
}

/// Windows with an aggregate of each kind.
fn windows() -> Computed {
    let one = WindowAggregate::One;
    let aggregates = [
        one(Aggregate::Count),
        one(Aggregate::Sum),
        one(Aggregate::Min),
        one(Aggregate::Max),
        one(Aggregate::Mean),
        one(Aggregate::Variance { population: true }),
        one(Aggregate::Stddev { population: false }),
        one(Aggregate::First),
        one(Aggregate::Last),
        one(Aggregate::FirstK { k: 3, distinct: false }),
        one(Aggregate::LastK { k: 4, distinct: true }),
        one(Aggregate::Distinct { cap: 100 }),
        WindowAggregate::CountBy(vec![Value::String("é".into()), Value::String("b".into())]),
        WindowAggregate::Top { k: 5 },
        one(Aggregate::ApproxDistinct { precision: 12 }),
        one(Aggregate::Quantile { q: 0.95, error: 0.01 }),
    ];
    let feature = |(number, aggregate): (usize, WindowAggregate)| WindowFeature {
        name: format!("f{number}"),
        of: (number > 0).then(|| "amount".to_owned()),
        condition: (number == 1).then(|| "amount > 0".to_owned()),
        windows: ["1h", "24h"].map(|text| text.parse().unwrap()).to_vec(),
        default: (number == 1).then_some(Value::Float64(0.5)),
        description: "Of amounts".into(),
        tags: tags(),
        aggregate,
    };
    Computed::Windows(Windows {
        from: "purchases_v1".into(),
        condition: Some("status == 'paid'".into()),
        every: Some(Span::from_secs(300)),
        offset: Span::from_micros(1),
        features: aggregates.into_iter().enumerate().map(feature).collect(),
    })
}

#[test]
fn computed_views_are_written_as_version_3() {
    let request = |name: &str, required| RequestValue {
        name: name.to_owned(),
        ty: ValueType::Scalar(ScalarType::Float64),
        required,
        description: "Of the question".to_owned(),
    };
    let expressions = Computed::Expressions(Expressions {
        request: vec![request("amount", true), request("é", false)],
        of: BTreeMap::from([("bool".to_owned(), "amount > 0".to_owned())]),
    });
    for (bytes, computed) in [(&fixture!("view-3")[..], windows()), (&fixture!("view-3-derived")[..], expressions)] {
        let made = FeatureView { computed: Some(computed.clone()), ..view() };
        let read = again::<FeatureView>(b"vprofile", bytes);
        assert_eq!(format!("{read:?}"), format!("{made:?}"));
        assert_eq!(Computed::from_bytes(&computed.to_bytes().unwrap()).unwrap(), computed);
    }
}

#[test]
fn entities_services_and_counters_are_read_and_written_as_format_1_has_them() {
    let key = |name: &str, ty| JoinKey { name: name.to_owned(), ty };
    let entity = Entity {
        name: "user".into(),
        join_keys: vec![key("user_id", ScalarType::Int64), key("at", ScalarType::Timestamp)],
        description: "A user".into(),
        tags: tags(),
    };
    assert_eq!(again::<Entity>(b"euser", fixture!("entity")), entity);
    let service = FeatureService {
        name: "ranker".into(),
        owner: "m@example.org".into(),
        description: "Ranks".into(),
        tags: tags(),
        features: vec!["profile:*".into(), "shop:open".into()],
        life: LifeCycle::default(),
    };
    assert_eq!(again::<FeatureService>(b"sranker", fixture!("service")), service);
    let space = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let meta = Meta {
        revision: 7,
        next_view: 4,
        next_key_space: 3,
        key_spaces: BTreeMap::from([(space(&["user"]), 1), (space(&["user", "shop"]), 2)]),
        dropped_views: BTreeSet::from([0, 2]),
    };
    assert_eq!(again::<Meta>(b"m", fixture!("meta")), meta);
}

#[test]
fn what_is_no_record_of_a_known_version_is_refused_by_name() {
    let refused = |bytes: &[u8], kind, message: &str| {
        let error = decode::<FeatureView>(b"vx", bytes).unwrap_err();
        assert_eq!((error.kind(), format!("{error:#}").as_str()), (kind, message));
    };
    let newer = [&[9][..], &fixture!("view")[1..]].concat();
    let message = "feature view \"x\": record version 9 is newer than this asofdb reads (8)";
    refused(&newer, ErrorKind::Conflict, message);
    refused(&[], ErrorKind::Corrupt, "feature view \"x\": the record is empty");
    refused(&[0, 1], ErrorKind::Corrupt, "feature view \"x\": there is no record version 0");
    let longer = [&fixture!("view")[..], &[0]].concat();
    refused(&longer, ErrorKind::Corrupt, "feature view \"x\": the record has 1 bytes left over");
    let named = |error: crate::error::Error| error.to_string();
    assert!(named(decode::<Entity>(b"eu", &[9]).unwrap_err()).starts_with("entity \"u\": record version 9"));
    assert!(named(decode::<FeatureService>(b"ss", &[9]).unwrap_err()).starts_with("feature service \"s\": "));
    assert!(named(decode::<Meta>(b"m", &[9]).unwrap_err()).starts_with("the catalog's counters: "));
}

#[test]
fn a_view_cut_short_anywhere_is_corrupt() {
    let bytes = fixture!("view");
    for end in 1..bytes.len() {
        let error = decode::<FeatureView>(b"vx", &bytes[..end]).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Corrupt, "feature view \"x\""), "at {end}");
    }
}

#[test]
fn lengths_that_lie_and_unknown_types_are_corrupt() {
    // An entity's name, its count of join keys and the type of the first, in the fixture.
    let (name, count, ty) = (1, 13, 36);
    let bytes = fixture!("entity");
    assert_eq!((bytes[name], bytes[count], bytes[ty]), (4, 2, ScalarType::Int64.number() as u8));
    for (at, lie) in [(name, u64::MAX), (name, 1 << 40), (count, u64::MAX), (count, 1 << 24), (ty, 1_000)] {
        let mut bytes = bytes.to_vec();
        bytes[at..at + 8].copy_from_slice(&lie.to_le_bytes());
        assert_eq!(decode::<Entity>(b"eu", &bytes).unwrap_err().kind(), ErrorKind::Corrupt, "{lie} at {at}");
    }
}

#[test]
fn a_list_within_a_list_is_neither_written_nor_read() {
    let floats = Value::List(ScalarType::Float32, vec![Value::Float32(1.5)]);
    let mut nested = view();
    nested.features[0].default = Some(Value::List(ScalarType::Float32, vec![floats]));
    assert_eq!(encode(&nested).unwrap_err().kind(), ErrorKind::Internal);
    // The default of the first list, of bools: number 8, type 0, two items; the first becomes a list.
    let list = [8, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let mut bytes = fixture!("view").to_vec();
    let at = bytes.windows(list.len()).position(|window| window == list).expect("the default of a list of bools");
    bytes[at + 16] = 8;
    assert_eq!(decode::<FeatureView>(b"vx", &bytes).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn statistics_of_features_and_of_events_are_read_and_written_each_as_its_version() {
    let numbers = NumberProfile {
        count: 2,
        min: 1.5,
        max: 2.5,
        mean: Some(2.0),
        stddev: None,
        ranked: 2,
        quantiles: [1.5; 7],
        histogram: vec![HistogramBucket { from: 1.5, to: 2.5, count: 2 }],
    };
    let amount = FeatureProfile {
        name: "amount".into(),
        ty: ValueType::Scalar(ScalarType::Float64),
        meaning: 0x0123_4567_89ab_cdef,
        counts: StatusCounts { present: 3, null: 1, missing: 0, expired: 0 },
        nan: 0,
        infinite: [0, 1],
        numbers: Some(numbers),
        lengths: None,
        distinct: 2,
        is_distinct_exact: true,
        top: vec![TopValue { text: "1.5".into(), is_shortened: false, count: 1 }],
        is_top_exact: true,
    };
    let made = ViewProfile {
        taken: Timestamp::from_micros(1_717_200_000_000_000),
        revision: 7,
        entities: 2,
        of_entities: Some(5),
        size: Some(ViewSize { versions: 9, bytes: 640, is_exact: false }),
        events: None,
        features: vec![amount],
    };
    assert_eq!(again::<ViewProfile>(b"", fixture!("statistics")), made);
    let events = Some(EventsRead { count: 4, of_entity_max: Some(100) });
    assert_eq!(again::<ViewProfile>(b"", fixture!("statistics-2")), ViewProfile { events, ..made });
}
