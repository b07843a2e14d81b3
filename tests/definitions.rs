//! Definitions from TOML: what each key means, and that every mistake is one line that says where it is.

use std::collections::BTreeMap;

use asofdb::{Definitions, FeatureDefinition, parse_definitions, read_definitions};
use asofdb_storage::{Catalog, ErrorKind, HotPolicy, JoinKey, ScalarType, Span, Timestamp, Value, ValueType};
use proptest::prelude::*;

use crate::common::repository;

const WHOLE: &str = r#"
[[entity]]
name = "airport"
join_keys = [{ name = "airport", type = "string" }]
description = "IATA code"
tags = { pii = "no" }

[[feature_view]]
name = "weather_v1"
entities = ["airport"]
ttl = "2h"
retention = "400d"
keep_newest = false
max_future_skew = "1500us"
event_timestamp = "time"
created_timestamp = "created"
owner = "weather@example.org"
team = "ops"
description = "Hourly weather"
tags = { tier = "1" }
[[feature_view.feature]]
name = "temp"
type = "float32"
description = "Fahrenheit"
default = 59
tags = { unit = "F" }
[[feature_view.feature]]
name = "embedding"
type = "list<float32>"

[[feature_service]]
name = "delay"
owner = "models@example.org"
description = "Delays"
tags = { model = "1" }
features = ["weather_v1:*"]
"#;

fn parse(text: &str) -> Definitions {
    parse_definitions(text, "d.toml").unwrap_or_else(|error| panic!("{error}"))
}

fn refused(text: &str) -> (ErrorKind, String) {
    let error = parse_definitions(text, "d.toml").expect_err(text);
    let message = error.to_string();
    assert!(!message.contains('\n'), "{message}");
    (error.kind(), message)
}

fn tags(key: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(key.to_owned(), value.to_owned())])
}

/// Returns the error of the definitions with one line replaced.
fn with(line: &str, replacement: &str) -> String {
    assert_eq!(WHOLE.matches(line).count(), 1, "{line:?} is once in the definitions");
    refused(&WHOLE.replace(line, replacement)).1
}

#[test]
fn every_key_is_read() {
    let definitions = parse(WHOLE);
    let [entity] = &definitions.entities[..] else { panic!("one entity") };
    assert_eq!(entity.join_keys, [JoinKey { name: "airport".into(), ty: ScalarType::String }]);
    assert_eq!((&*entity.name, &*entity.description, &entity.tags), ("airport", "IATA code", &tags("pii", "no")));
    let [view] = &definitions.views[..] else { panic!("one view") };
    assert_eq!((&*view.name, &view.entities[..]), ("weather_v1", &["airport".to_owned()][..]));
    assert_eq!((view.ttl, view.retention), (Some(Span::from_secs(7200)), Some(Span::from_secs(400 * 86_400))));
    assert_eq!((view.keep_newest, view.max_future_skew), (false, Span::from_micros(1500)));
    assert_eq!((&*view.event_column, view.created_column.as_deref()), ("time", Some("created")));
    assert_eq!((&*view.owner, &*view.team), ("weather@example.org", "ops"));
    assert_eq!((&*view.description, &view.tags), ("Hourly weather", &tags("tier", "1")));
    let temp = FeatureDefinition {
        description: "Fahrenheit".into(),
        default: Some(Value::Float32(59.0)),
        tags: tags("unit", "F"),
        ..FeatureDefinition::new("temp", ValueType::Scalar(ScalarType::Float32))
    };
    let embedding = FeatureDefinition::new("embedding", ValueType::List(ScalarType::Float32));
    assert_eq!(view.features, [temp, embedding]);
    let [service] = &definitions.services[..] else { panic!("one service") };
    assert_eq!((&*service.name, &*service.owner), ("delay", "models@example.org"));
    assert_eq!((&*service.description, &service.tags), ("Delays", &tags("model", "1")));
    assert_eq!(service.features, ["weather_v1:*"]);
}

#[test]
fn what_is_left_out_has_its_default() {
    let text = r#"
        entity = [{ name = "e", join_keys = [{ name = "k", type = "int64" }] }]
        [[feature_view]]
        name = "v"
        entities = ["e"]
        feature = [{ name = "f", type = "bool" }]
    "#;
    let view = &parse(text).views[0];
    assert_eq!((view.ttl, view.retention, view.keep_newest), (None, None, true));
    assert_eq!((view.max_future_skew, &*view.event_column), (Span::from_secs(3600), "event_timestamp"));
    assert_eq!((view.created_column.as_deref(), &view.features[0].default), (None, &None));
    assert_eq!(parse(""), Definitions::default());
}

#[test]
fn a_syntax_error_says_where() {
    assert!(refused("[[entity]]\nname = \n").1.starts_with("d.toml:2:"));
    assert!(refused("[[entity]\n").1.starts_with("d.toml:1:"));
    assert!(refused("a = 1\na = 2\n").1.starts_with("d.toml:2:1: "));
    assert!(refused("a = \"").1.starts_with("d.toml:1:"));
}

#[test]
fn an_unknown_key_says_where_and_what_was_meant() {
    assert_eq!(
        with(r#"ttl = "2h""#, r#"tll = "2h""#),
        r#"d.toml:11:1: a feature view has no key "tll"; did you mean "ttl"?"#
    );
    assert_eq!(
        with("[[feature_service]]", "[[feature_servce]]"),
        r#"d.toml:31:3: a definitions file has no key "feature_servce"; did you mean "feature_service"?"#
    );
    assert_eq!(
        with("default = 59", "\"é\" = 59"),
        r#"d.toml:25:1: a feature has no key "é"; known are name, type, description, default, tags"#
    );
    assert!(with(r#"type = "string""#, r#"kind = "string""#).starts_with("d.toml:4:"));
}

#[test]
fn a_missing_key_says_of_what() {
    assert_eq!(with("name = \"airport\"\n", ""), r#"d.toml:2:1: an entity needs the key "name""#);
    assert_eq!(with(r#"type = "list<float32>""#, ""), r#"d.toml:27:1: a feature needs the key "type""#);
    assert!(with(r#"features = ["weather_v1:*"]"#, "").contains(r#"a feature service needs the key "features""#));
    assert!(with(r#"entities = ["airport"]"#, "").contains(r#"a feature view needs the key "entities""#));
    assert!(with(r#"join_keys = [{ name = "airport", type = "string" }]"#, "").contains("join_keys"));
}

#[test]
fn a_value_of_the_wrong_type_says_where() {
    assert_eq!(
        with(r#"owner = "weather@example.org""#, "owner = 3"),
        "d.toml:17:9: owner is text in quotes, not a whole number"
    );
    assert_eq!(
        with("keep_newest = false", "keep_newest = \"no\""),
        "d.toml:13:15: keep_newest is true or false, not text"
    );
    assert_eq!(
        with(r#"ttl = "2h""#, "ttl = 7200"),
        r#"d.toml:11:7: ttl is a duration in quotes such as "2h", not a whole number"#
    );
    assert_eq!(
        with(r#"entities = ["airport"]"#, r#"entities = "airport""#),
        "d.toml:10:12: entities is a list in brackets, not text"
    );
    assert_eq!(
        with(r#"entities = ["airport"]"#, "entities = [1]"),
        "d.toml:10:13: entities is text in quotes, not a whole number"
    );
    assert_eq!(
        with(r#"tags = { tier = "1" }"#, "tags = { tier = 1 }"),
        "d.toml:20:17: a tag is text in quotes, not a whole number"
    );
    assert_eq!(
        with(r#"tags = { tier = "1" }"#, "tags = []"),
        r#"d.toml:20:8: tags is a table such as { tier = "1" }, not a list"#
    );
    let (_, message) = refused("[entity]\nname = \"e\"\n");
    assert_eq!(message, "d.toml:1:1: there can be several of an entity: write it in double brackets");
    assert_eq!(refused("entity = [1]").1, "d.toml:1:11: entity is a list of tables, not a whole number");
}

#[test]
fn a_feature_view_says_where_its_newest_rows_are_and_no_other_view_does() {
    let hot = |word: &str| WHOLE.replace("keep_newest = false", &format!("keep_newest = false\nhot = {word}"));
    assert_eq!(parse(WHOLE).views[0].hot, HotPolicy::Auto);
    for policy in HotPolicy::ALL {
        assert_eq!(parse(&hot(&format!("{:?}", policy.as_str()))).views[0].hot, policy);
    }
    assert_eq!(refused(&hot("\"warm\"")).1, "d.toml:14:7: hot is pin, auto or never: \"warm\"");
    assert_eq!(refused(&hot("true")).1, "d.toml:14:7: hot is text in quotes, not true or false");
    let columns = "columns = [{ name = \"x\", type = \"int64\" }]\n";
    let events = format!("\n[[event_view]]\nname = \"e\"\nentities = [\"airport\"]\nhot = \"pin\"\n{columns}");
    let message = refused(&format!("{WHOLE}{events}")).1;
    assert!(message.contains("an event view has no key \"hot\""), "{message}");
}

#[test]
fn a_bad_type_name_says_what_was_meant() {
    let message = with(r#"type = "float32""#, r#"type = "flaot32""#);
    assert!(message.starts_with("d.toml:23:8: a type is bool, int32,"), "{message}");
    assert!(message.ends_with(r#""flaot32"; did you mean "float32"?"#), "{message}");
    let message = with("list<float32>", "list<flot32>");
    assert!(message.ends_with(r#"did you mean "list<float32>"?"#), "{message}");
    let message = with(r#"type = "string""#, r#"type = "list<string>""#);
    assert_eq!(message, "d.toml:4:41: a join key is one value, not a list: write string");
}

#[test]
fn a_bad_duration_says_where() {
    for bad in ["", "2", "2 hours and a bit", "-2h", "2.5x"] {
        let message = with(r#"ttl = "2h""#, &format!("ttl = {bad:?}"));
        assert!(message.starts_with("d.toml:11:7: ttl is a duration such as"), "{message}");
    }
    for inexact in ["1ns", "1us 1ns", "300000years"] {
        let message = with(r#"ttl = "2h""#, &format!("ttl = {inexact:?}"));
        assert!(message.starts_with("d.toml:11:7: ttl is whole microseconds"), "{message}");
    }
    assert!(
        with(r#"ttl = "2h""#, r#"ttl = "0s""#).starts_with("d.toml:11:7: feature view \"weather_v1\": ttl is above")
    );
    assert!(with(r#"retention = "400d""#, r#"retention = "1h""#).starts_with("d.toml:12:13: "));
}

#[test]
fn the_rules_of_definitions_are_reported_with_their_place() {
    let (kind, message) = refused(&WHOLE.replace(r#"entities = ["airport"]"#, r#"entities = ["airprt"]"#));
    assert_eq!(kind, ErrorKind::NotFound);
    assert_eq!(
        message,
        r#"d.toml:10:13: feature view "weather_v1" is over an unknown entity: "airprt"; did you mean "airport"?"#
    );
    let message = with("weather_v1:*", "weather_v1:tmp");
    assert!(message.starts_with("d.toml:36:13: "), "{message}");
    assert!(message.ends_with(r#"unknown feature: "weather_v1:tmp"; did you mean "temp"?"#), "{message}");
    let message = with("weather_v1:*", "wether_v1:*");
    assert!(message.ends_with(r#"did you mean "weather_v1"?"#), "{message}");
    let message = with(r#"name = "embedding""#, r#"name = "temp""#);
    assert_eq!(message, r#"d.toml:28:8: feature view "weather_v1" has a feature twice: "temp""#);
    let message = with(r#"name = "embedding""#, r#"name = "em bedding""#);
    assert!(message.starts_with("d.toml:28:8: the name of a feature"), "{message}");
    let message = with(r#"name = "delay""#, r#"name = "weather_v1""#);
    assert!(message.starts_with("d.toml:32:8: a feature service cannot have the name"), "{message}");
    let message = with(r#"join_keys = [{ name = "airport", type = "string" }]"#, "join_keys = []");
    assert!(message.starts_with("d.toml:4:13: entity \"airport\" has no join keys"), "{message}");
    let featureless = "[[feature_view]]\nname = \"v\"\nentities = [\"airport\"]\n";
    let (_, message) = refused(&format!("{WHOLE}{featureless}"));
    assert_eq!(message, r#"d.toml:37:1: feature view "v" has no features: give at least one"#);
}

fn default_of(ty: &str, literal: &str) -> Result<Value, String> {
    let text =
        WHOLE.replace("\"float32\"", &format!("{ty:?}")).replace("default = 59", &format!("default = {literal}"));
    match parse_definitions(&text, "d.toml") {
        Ok(definitions) => Ok(definitions.views[0].features[0].default.clone().unwrap()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn defaults_are_read_as_the_type_of_their_feature() {
    let ten = Value::Timestamp("2013-01-01T10:00:00Z".parse::<Timestamp>().unwrap());
    let midnight = Value::Timestamp("2013-01-01".parse::<Timestamp>().unwrap());
    let good = [
        ("bool", "false", Value::Bool(false)),
        ("int32", "-2147483648", Value::Int32(i32::MIN)),
        ("int32", "0x7fff_ffff", Value::Int32(i32::MAX)),
        ("int64", "9223372036854775807", Value::Int64(i64::MAX)),
        ("float32", "0.1", Value::Float32(0.1)),
        ("float32", "16777216", Value::Float32(16_777_216.0)),
        ("float32", "0e9", Value::Float32(0.0)),
        ("float32", "-inf", Value::Float32(f32::NEG_INFINITY)),
        ("float64", "1_000.5", Value::Float64(1000.5)),
        ("float64", "-3", Value::Float64(-3.0)),
        ("string", "\"\"", Value::String(String::new())),
        ("bytes", "\"\\u00e9\"", Value::Bytes(vec![0xc3, 0xa9])),
        ("timestamp", "2013-01-01T12:00:00+02:00", ten.clone()),
        ("timestamp", "\"2013-01-01 10:00:00\"", ten.clone()),
        ("timestamp", "2013-01-01T10:00", ten),
        ("timestamp", "2013-01-01", midnight),
        ("date", "2013-01-01", Value::Date("2013-01-01".parse().unwrap())),
        ("date", "\"0001-01-01\"", Value::Date(asofdb::Date::MIN)),
        ("list<int32>", "[1, 2]", Value::List(ScalarType::Int32, vec![Value::Int32(1), Value::Int32(2)])),
        ("list<string>", "[]", Value::List(ScalarType::String, vec![])),
    ];
    for (ty, literal, value) in good {
        assert_eq!(default_of(ty, literal), Ok(value), "{ty} {literal}");
    }
}

#[test]
fn a_default_of_another_type_or_that_would_lose_something_says_where() {
    let bad = [
        ("bool", "1", "write true or false"),
        ("int32", "1.5", "a fraction would be lost, write a whole number: 1.5"),
        ("int32", "2147483648", "out of range: 2147483648"),
        ("int64", "9223372036854775808", "out of range: 9223372036854775808"),
        ("int64", "999999999999999999999999999999999999999999", "out of range"),
        ("int32", "\"1\"", "write a whole number"),
        ("float32", "16777217", "cannot hold this number exactly: 16777217"),
        ("float64", "9007199254740993", "cannot hold this number exactly"),
        ("float32", "1e39", "out of range: 1e39"),
        ("float32", "1e-60", "out of range: 1e-60"),
        ("float64", "1e400", "out of range: 1e400"),
        ("float32", "nan", "cannot be NaN"),
        ("float32", "\"1\"", "write a number"),
        ("string", "1", "write text in quotes"),
        ("bytes", "[1]", "write text in quotes"),
        ("timestamp", "1357034400", "write a time such as"),
        ("timestamp", "10:00:00", "write a time such as"),
        ("timestamp", "\"soon\"", "a time is RFC 3339"),
        ("timestamp", "2013-01-01T10:00:00.0000001Z", "at most six fraction digits"),
        ("date", "15706", "write a date such as"),
        ("date", "2013-01-01T00:00:00Z", "a date is YYYY-MM-DD"),
        ("date", "\"2013-02-30\"", "a date is YYYY-MM-DD"),
        ("list<int32>", "1", "write a list in brackets"),
    ];
    for (ty, literal, says) in bad {
        let message = default_of(ty, literal).expect_err(literal);
        assert!(message.starts_with("d.toml:25:11: "), "{message}");
        assert!(message.contains(says), "{ty} {literal}: {message}");
    }
    let message = default_of("list<int32>", "[1, 1.5]").unwrap_err();
    assert!(message.starts_with("d.toml:25:15: default is not list<int32>: a fraction would be lost"), "{message}");
}

#[test]
fn a_file_that_is_not_there_not_text_or_not_a_file_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("d.toml");
    let error = read_definitions(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("d.toml"), "{error}");
    assert_eq!(read_definitions(directory.path()).unwrap_err().kind(), ErrorKind::Invalid);
    std::fs::write(&path, b"# ok\nname = \"\xff\"").unwrap();
    let error = read_definitions(&path).unwrap_err().to_string();
    assert!(error.ends_with("d.toml:2:9: a definitions file is UTF-8 text"), "{error}");
    std::fs::write(&path, WHOLE).unwrap();
    assert_eq!(read_definitions(&path).unwrap(), parse(WHOLE));
}

#[test]
fn the_definitions_of_the_flights_example_can_be_applied() {
    let path = repository("examples/flights/definitions.toml");
    let definitions = read_definitions(path).unwrap_or_else(|error| panic!("{error}"));
    let now = Timestamp::from_micros(1_700_000_000_000_000);
    let catalog = Catalog::default().plan(&definitions, now).unwrap().into_catalog();
    let shape = |name| {
        let view = catalog.view(name).unwrap();
        let keys: Vec<_> = view.join_keys.iter().map(|key| key.name.as_str()).collect();
        (keys.join(" "), view.ttl, view.features.len())
    };
    assert_eq!(shape("airport_weather_v1"), ("airport".into(), Some(Span::from_secs(7200)), 9));
    assert_eq!(shape("route_daily_v1"), ("origin dest".into(), Some(Span::from_secs(3 * 86_400)), 5));
    assert_eq!(shape("plane_v1"), ("tailnum".into(), None, 7));
    assert_eq!(catalog.service("flight_delay_v1").unwrap().features.len(), 10);
    assert_eq!(shape("departures_v1"), ("airport".into(), None, 4));
    assert_eq!(shape("airport_departures_v1"), ("airport".into(), None, 7));
    assert_eq!(shape("carrier_departures_v1"), ("carrier".into(), None, 2));
    assert_eq!(shape("plane_departures_v1"), ("tailnum".into(), None, 2));
    assert_eq!(catalog.view("flight_derived_v1").unwrap().features.len(), 5);
    assert_eq!(catalog.service("flight_delay_v2").unwrap().features.len(), 26);
}

/// Pieces that break TOML or the rules in different ways when they land somewhere in it.
const PIECES: [&str; 16] = [
    "",
    "\n",
    "\"",
    "'",
    "[",
    "]",
    "{",
    "}",
    "=",
    ",",
    "é",
    "\\n",
    "\u{0}",
    "[[feature_view]]\n",
    "nan",
    "9999999999999999999999",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_damaged_file_is_read_or_refused_in_one_line_with_its_place(
        damages in prop::collection::vec((0..WHOLE.len(), 0..12usize, 0..PIECES.len()), 1..4),
    ) {
        let mut text = WHOLE.to_owned();
        for (at, cut, piece) in damages {
            let start = text.floor_char_boundary(at);
            let end = text.floor_char_boundary(start + cut);
            text.replace_range(start..end, PIECES[piece]);
        }
        let Err(error) = parse_definitions(&text, "d.toml") else { return Ok(()) };
        let message = error.to_string();
        prop_assert!(!message.contains('\n'), "{message}");
        let place: Vec<usize> = message.split(':').skip(1).take(2).filter_map(|part| part.parse().ok()).collect();
        prop_assert!(message.starts_with("d.toml:") && place.len() == 2, "{message}");
        let line = text.split('\n').nth(place[0] - 1);
        prop_assert!(line.is_some_and(|line| place[1] <= line.chars().count() + 1), "{message}");
    }
}
