//! Every rule that definitions must keep is refused with an error that names the thing, and with its place.

use asofdb_storage::{
    Definitions, EntityDefinition, ErrorKind, FEATURES_MAX, FeatureDefinition, HotPolicy, JoinKey, NAME_BYTES_MAX,
    Problem, ScalarType, ServiceDefinition, Span, Step, Value, ValueType, ViewDefinition,
};

const FLOAT: ValueType = ValueType::Scalar(ScalarType::Float32);

fn entity(name: &str, keys: &[&str]) -> EntityDefinition {
    let join_keys = keys.iter().map(|key| JoinKey { name: (*key).into(), ty: ScalarType::String }).collect();
    EntityDefinition { name: name.into(), join_keys, ..Default::default() }
}

fn valid() -> Definitions {
    let features = vec![FeatureDefinition::new("temp", FLOAT), FeatureDefinition::new("wind", FLOAT)];
    let view = ViewDefinition {
        name: "weather".into(),
        entities: vec!["airport".into()],
        created_column: Some("created".into()),
        features,
        ..Default::default()
    };
    let service = ServiceDefinition {
        name: "delay".into(),
        features: vec!["weather:temp".into(), "weather:wind".into()],
        ..Default::default()
    };
    Definitions {
        entities: vec![entity("airport", &["airport"]), entity("route", &["origin", "dest"])],
        views: vec![view],
        services: vec![service],
    }
}

/// Changes valid definitions and returns what is wrong with them then.
fn problem(change: impl FnOnce(&mut Definitions)) -> Problem {
    let mut definitions = valid();
    change(&mut definitions);
    *definitions.check().expect_err("the definitions break a rule")
}

/// Asserts the kind, what the message says, and the place as `feature_view.0.name`.
fn refused(kind: ErrorKind, place: &str, says: &[&str], change: impl FnOnce(&mut Definitions)) {
    let problem = problem(change);
    let message = problem.error.to_string();
    assert_eq!(problem.error.kind(), kind, "{message}");
    for part in says {
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    }
    let steps = problem.path.iter().map(|step| match step {
        Step::Field(name) => (*name).to_owned(),
        Step::Item(index) => index.to_string(),
    });
    assert_eq!(steps.collect::<Vec<_>>().join("."), place, "{message}");
    assert_eq!(problem.unknown.is_some(), kind == ErrorKind::NotFound, "{message}");
}

fn invalid(place: &str, says: &[&str], change: impl FnOnce(&mut Definitions)) {
    refused(ErrorKind::Invalid, place, says, change);
}

#[test]
fn valid_definitions_and_no_definitions_pass() {
    valid().check().unwrap();
    Definitions::default().check().unwrap();
}

#[test]
fn names_are_letters_digits_underscores_dots_and_dashes() {
    let longest = "a".repeat(NAME_BYTES_MAX);
    for good in ["_", "a.b-c_9", "a__b", "Temp", &longest] {
        let mut definitions = valid();
        definitions.views[0].features[0].name = good.into();
        definitions.services.clear();
        definitions.check().unwrap();
    }
    let too_long = "a".repeat(NAME_BYTES_MAX + 1);
    for bad in ["", "9a", "-a", ".a", "a:b", "a b", "é", "a/b", "a\n", "*", &too_long] {
        invalid("entity.0.name", &["an entity"], |d| d.entities[0].name = bad.into());
        invalid("entity.0.join_keys.0.name", &["join key", "airport"], |d| {
            d.entities[0].join_keys[0].name = bad.into();
        });
        invalid("feature_view.0.name", &["feature view"], |d| d.views[0].name = bad.into());
        invalid("feature_view.0.feature.1.name", &["weather"], |d| d.views[0].features[1].name = bad.into());
        invalid("feature_service.0.name", &["feature service"], |d| d.services[0].name = bad.into());
    }
}

#[test]
fn names_are_unique_within_their_kind() {
    invalid("entity.2.name", &["twice", "airport"], |d| d.entities.push(d.entities[0].clone()));
    invalid("feature_view.1.name", &["twice", "weather"], |d| d.views.push(d.views[0].clone()));
    invalid("feature_service.1.name", &["twice", "delay"], |d| d.services.push(d.services[0].clone()));
}

#[test]
fn a_view_and_a_service_cannot_share_a_name() {
    invalid("feature_service.0.name", &["feature view", "weather"], |d| d.services[0].name = "weather".into());
}

#[test]
fn an_entity_needs_distinct_join_keys() {
    invalid("entity.0.join_keys", &["airport", "no join keys"], |d| d.entities[0].join_keys.clear());
    invalid("entity.1.join_keys.1.name", &["route", "twice", "origin"], |d| {
        d.entities[1].join_keys[1].name = "origin".into();
    });
}

#[test]
fn a_view_needs_known_and_distinct_entities() {
    invalid("feature_view.0.entities", &["weather", "no entities"], |d| d.views[0].entities.clear());
    invalid("feature_view.0.entities.1", &["twice", "airport"], |d| d.views[0].entities.push("airport".into()));
    let unknown = |d: &mut Definitions| d.views[0].entities.push("airprt".into());
    refused(ErrorKind::NotFound, "feature_view.0.entities.1", &["weather", "unknown entity", "airprt"], unknown);
    assert_eq!(problem(unknown).unknown.unwrap().known, ["airport", "route"]);
}

#[test]
fn join_keys_of_the_entities_of_a_view_cannot_clash() {
    invalid("feature_view.0.entities.1", &["weather", "route", "join key", "airport"], |d| {
        d.entities[1].join_keys[0].name = "airport".into();
        d.views[0].entities.push("route".into());
    });
}

#[test]
fn features_join_keys_and_timestamp_columns_cannot_clash() {
    invalid("feature_view.0.feature.0.name", &["weather", "join key", "airport"], |d| {
        d.views[0].features[0].name = "airport".into();
    });
    invalid("feature_view.0.feature.0.name", &["created timestamp", "created"], |d| {
        d.views[0].features[0].name = "created".into();
    });
    invalid("feature_view.0.entities.0", &["event timestamp", "airport"], |d| {
        d.views[0].event_column = "airport".into();
    });
    invalid("feature_view.0.created_timestamp", &["both timestamps"], |d| {
        d.views[0].created_column = Some("event_timestamp".into());
    });
    for reserved in ["event_timestamp", "created_timestamp"] {
        invalid("feature_view.0.feature.0.name", &[reserved], |d| {
            d.views[0].event_column = "at".into();
            d.views[0].features[0].name = reserved.into();
        });
        invalid("entity.0.join_keys.0.name", &[reserved], |d| d.entities[0].join_keys[0].name = reserved.into());
    }
}

#[test]
fn timestamp_columns_have_a_name() {
    invalid("feature_view.0.event_timestamp", &["weather", "column name"], |d| d.views[0].event_column.clear());
    invalid("feature_view.0.created_timestamp", &["weather"], |d| d.views[0].created_column = Some("x".repeat(129)));
}

#[test]
fn a_view_needs_distinct_features_and_not_too_many() {
    invalid("feature_view.0.feature", &["weather", "no features"], |d| d.views[0].features.clear());
    invalid("feature_view.0.feature.1.name", &["weather", "twice", "temp"], |d| {
        d.views[0].features[1].name = "temp".into();
    });
    let named = |count: usize| (0..count).map(|i| FeatureDefinition::new(format!("f{i}"), FLOAT)).collect();
    invalid(&format!("feature_view.0.feature.{FEATURES_MAX}"), &["weather", "4096", "4097"], |d| {
        d.views[0].features = named(FEATURES_MAX + 1);
    });
    let mut most = valid();
    most.services.clear();
    most.views[0].features = named(FEATURES_MAX);
    most.check().unwrap();
}

#[test]
fn a_default_is_of_the_type_of_its_feature_and_not_nan() {
    let default = |value: Value, ty| {
        move |d: &mut Definitions| {
            d.views[0].features[0].ty = ty;
            d.views[0].features[0].default = Some(value);
        }
    };
    let place = "feature_view.0.feature.0.default";
    let list = ValueType::List(ScalarType::Float32);
    invalid(place, &["weather:temp", "int32", "float32"], default(Value::Int32(1), FLOAT));
    invalid(place, &["weather:temp"], default(Value::List(ScalarType::Float32, vec![Value::Int32(1)]), list));
    invalid(place, &["weather:temp", "NaN"], default(Value::Float32(f32::NAN), FLOAT));
    let nan = Value::List(ScalarType::Float32, vec![Value::Float32(1.0), Value::Float32(f32::NAN)]);
    invalid(place, &["weather:temp", "NaN"], default(nan, list));
    let mut good = valid();
    default(Value::Float32(f32::INFINITY), FLOAT)(&mut good);
    good.check().unwrap();
}

#[test]
fn ttl_and_retention_are_above_zero() {
    invalid("feature_view.0.ttl", &["weather", "ttl", "above zero"], |d| d.views[0].ttl = Some(Span::ZERO));
    invalid("feature_view.0.retention", &["weather", "retention"], |d| d.views[0].retention = Some(Span::ZERO));
}

#[test]
fn only_a_feature_view_says_where_its_newest_rows_are() {
    let mut good = valid();
    good.views[0].hot = HotPolicy::Pin;
    good.check().unwrap();
    let words = ["event view \"weather\"", "only a feature view has newest rows", "leave hot out"];
    invalid("event_view.0.hot", &words, |d| {
        d.views[0].hot = HotPolicy::Never;
        (d.views[0].event_id, d.views[0].keep_newest) = (Some(Vec::new()), false);
        d.views[0].features.iter_mut().for_each(|column| column.default = None);
        d.services.clear();
    });
    assert_eq!("warm".parse::<HotPolicy>().unwrap_err().message(), "hot is pin, auto or never: \"warm\"");
}

#[test]
fn retention_is_not_shorter_than_the_ttl() {
    invalid("feature_view.0.retention", &["weather", "59m 59s", "1h"], |d| {
        d.views[0].ttl = Some(Span::from_secs(3600));
        d.views[0].retention = Some(Span::from_secs(3599));
    });
    let mut equal = valid();
    equal.views[0].ttl = Some(Span::from_secs(3600));
    equal.views[0].retention = Some(Span::from_secs(3600));
    equal.check().unwrap();
}

#[test]
fn references_of_a_service_are_well_formed_known_and_distinct() {
    let place = "feature_service.0.features.1";
    let set = |reference: &'static str| move |d: &mut Definitions| d.services[0].features[1] = reference.into();
    for bad in ["", "weather", "weather:", ":wind", "a:b:c"] {
        invalid(place, &["delay", "view:feature"], set(bad));
    }
    refused(ErrorKind::NotFound, place, &["delay", "unknown feature view", "wether:wind"], set("wether:wind"));
    refused(ErrorKind::NotFound, place, &["delay", "unknown feature", "weather:wnd"], set("weather:wnd"));
    assert_eq!(problem(set("weather:wnd")).unknown.unwrap().known, ["temp", "wind"]);
    invalid(place, &["delay", "twice", "weather:temp"], set("weather:temp"));
    invalid(place, &["delay", "twice", "weather:temp"], set("weather:*"));
    invalid("feature_service.0.features", &["delay", "no features"], |d| d.services[0].features.clear());
    let mut all = valid();
    all.services[0].features = vec!["weather:*".into()];
    all.check().unwrap();
}
