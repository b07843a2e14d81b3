//! A plan names every change, gives ids that are permanent, and refuses what stored rows cannot follow.

use std::collections::BTreeMap;

use asofdb_storage::{
    Catalog, Definitions, EntityDefinition, ErrorKind, FeatureDefinition, FeatureId, JoinKey, ScalarType,
    ServiceDefinition, Span, Timestamp, Value, ValueType, ViewDefinition,
};
use proptest::prelude::*;

const FLOAT: ValueType = ValueType::Scalar(ScalarType::Float32);
const HOUR: Span = Span::from_secs(3600);
const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

fn entity(name: &str, keys: &[(&str, ScalarType)]) -> EntityDefinition {
    let join_keys = keys.iter().map(|(key, ty)| JoinKey { name: (*key).into(), ty: *ty }).collect();
    EntityDefinition { name: name.into(), join_keys, ..Default::default() }
}

fn view(name: &str, entities: &[&str], features: &[&str]) -> ViewDefinition {
    ViewDefinition {
        name: name.into(),
        entities: entities.iter().map(|name| (*name).into()).collect(),
        features: features.iter().map(|name| FeatureDefinition::new(*name, FLOAT)).collect(),
        ..Default::default()
    }
}

fn service(name: &str, features: &[&str]) -> ServiceDefinition {
    let features = features.iter().map(|name| (*name).into()).collect();
    ServiceDefinition { name: name.into(), features, ..Default::default() }
}

fn flights() -> Definitions {
    let mut weather = view("weather_v1", &["airport"], &["temp", "wind"]);
    weather.ttl = Some(Span::from_secs(7200));
    Definitions {
        entities: vec![
            entity("airport", &[("airport", ScalarType::String)]),
            entity("plane", &[("tail", ScalarType::String)]),
        ],
        views: vec![weather],
        services: vec![service("delay", &["weather_v1:temp"])],
    }
}

fn apply(catalog: &Catalog, wanted: &Definitions) -> Catalog {
    catalog.plan(wanted, NOW).unwrap().into_catalog()
}

fn lines(catalog: &Catalog, wanted: &Definitions) -> Vec<String> {
    catalog.plan(wanted, NOW).unwrap().changes.iter().map(ToString::to_string).collect()
}

/// Applies the flights, then plans a change of them.
fn changed(change: impl FnOnce(&mut Definitions)) -> Vec<String> {
    let mut wanted = flights();
    let catalog = apply(&Catalog::default(), &wanted);
    change(&mut wanted);
    lines(&catalog, &wanted)
}

fn conflict(says: &[&str], change: impl FnOnce(&mut Definitions)) {
    let mut wanted = flights();
    let catalog = apply(&Catalog::default(), &wanted);
    change(&mut wanted);
    let error = catalog.plan(&wanted, NOW).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    for part in says {
        assert!(error.to_string().contains(part), "{error} does not say {part:?}");
    }
}

#[test]
fn a_new_catalog_is_all_creates() {
    assert_eq!(
        lines(&Catalog::default(), &flights()),
        [
            "+ entity airport (airport string)",
            "+ entity plane (tail string)",
            "+ feature_view weather_v1 (2 features, ttl 2h)",
            "+ feature_service delay (weather_v1:temp)",
        ]
    );
    let catalog = apply(&Catalog::default(), &flights());
    assert_eq!(catalog.revision(), 1);
    let weather = catalog.view("weather_v1").unwrap();
    assert_eq!((weather.id, weather.key_space), (1, 1));
    assert_eq!(weather.features.iter().map(|f| f.id).collect::<Vec<_>>(), [FeatureId(1), FeatureId(2)]);
    assert_eq!(weather.join_keys, [JoinKey { name: "airport".into(), ty: ScalarType::String }]);
}

#[test]
fn the_same_definitions_again_are_an_empty_plan_and_no_new_revision() {
    let catalog = apply(&Catalog::default(), &flights());
    let plan = catalog.plan(&flights(), NOW).unwrap();
    assert!(plan.is_empty());
    assert_eq!(plan.into_catalog().revision(), 1);
}

#[test]
fn definitions_that_break_a_rule_are_refused_by_the_plan_too() {
    let mut wanted = flights();
    wanted.views[0].entities = vec!["airprt".into()];
    let error = Catalog::default().plan(&wanted, NOW).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("airprt"), "{error}");
}

#[test]
fn compatible_changes_of_a_view_are_named() {
    let lines = changed(|d| {
        let view = &mut d.views[0];
        view.ttl = Some(Span::from_secs(3 * 3600));
        view.owner = "weather@example.org".into();
        view.description = "Hourly".into();
        view.tags.insert("tier".into(), "1".into());
        view.created_column = Some("created".into());
        view.features.reverse();
        view.features[1].default = Some(Value::Float32(59.5));
        view.features.push(FeatureDefinition::new("dewp", FLOAT));
    });
    let properties = r#"ttl 2h -> 3h, created_timestamp none -> "created", owner "" -> "weather@example.org""#;
    assert_eq!(
        lines,
        [
            format!("~ feature_view weather_v1: {properties}, description, tags, order of features"),
            "~ feature weather_v1:temp: default none -> 59.5".to_owned(),
            "+ feature weather_v1:dewp (float32)".to_owned(),
        ]
    );
}

#[test]
fn changes_of_entities_and_services_are_named() {
    assert_eq!(changed(|d| d.entities[0].description = "IATA".into()), ["~ entity airport: description"]);
    assert_eq!(
        changed(|d| d.entities[1].join_keys[0].ty = ScalarType::Int64),
        ["~ entity plane: join keys tail string -> tail int64"]
    );
    assert_eq!(
        changed(|d| d.services[0].features = vec!["weather_v1:wind".into()]),
        ["~ feature_service delay: +weather_v1:wind, -weather_v1:temp"]
    );
}

#[test]
fn a_default_of_minus_zero_is_another_default_than_zero() {
    let mut wanted = flights();
    wanted.views[0].features[0].default = Some(Value::Float32(0.0));
    let catalog = apply(&Catalog::default(), &wanted);
    wanted.views[0].features[0].default = Some(Value::Float32(-0.0));
    assert_eq!(lines(&catalog, &wanted), ["~ feature weather_v1:temp: default 0 -> -0"]);
}

#[test]
fn what_the_definitions_no_longer_have_is_dropped() {
    let catalog = apply(&Catalog::default(), &flights());
    let plan = catalog.plan(&Definitions::default(), NOW).unwrap();
    let drops: Vec<String> = plan.drops().map(ToString::to_string).collect();
    assert_eq!(drops, ["- entity airport", "- entity plane", "- feature_view weather_v1", "- feature_service delay"]);
    let catalog = plan.into_catalog();
    assert_eq!(catalog.dropped_views().iter().copied().collect::<Vec<_>>(), [1]);
    assert_eq!(catalog.views().count() + catalog.entities().count() + catalog.services().count(), 0);
}

#[test]
fn a_view_that_a_kept_service_refers_to_cannot_be_dropped() {
    let mut wanted = flights();
    let catalog = apply(&Catalog::default(), &wanted);
    wanted.views.clear();
    let error = catalog.plan(&wanted, NOW).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("delay") && error.to_string().contains("weather_v1:temp"), "{error}");
}

#[test]
fn dropping_and_adding_features_appends_schemas_and_never_reuses_an_id() {
    let mut wanted = flights();
    let first = apply(&Catalog::default(), &wanted);
    wanted.views[0].features.pop();
    assert_eq!(lines(&first, &wanted), ["- feature weather_v1:wind"]);
    let second = apply(&first, &wanted);
    wanted.views[0].features.push(FeatureDefinition::new("wind", ValueType::Scalar(ScalarType::String)));
    let third = apply(&second, &wanted);
    let view = third.view("weather_v1").unwrap();
    assert_eq!(view.feature("wind").unwrap().id, FeatureId(3));
    let ids: Vec<Vec<u32>> = view.schemas.iter().map(|s| s.columns.iter().map(|(id, _)| id.0).collect()).collect();
    assert_eq!(ids, [vec![1, 2], vec![1], vec![1, 3]]);
    assert_eq!(view.schemas.iter().map(|schema| schema.version).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn a_view_dropped_and_created_again_gets_a_new_id() {
    let first = apply(&Catalog::default(), &flights());
    let third = apply(&apply(&first, &Definitions::default()), &flights());
    let view = third.view("weather_v1").unwrap();
    assert_eq!(view.id, 2);
    assert!(third.dropped_views().contains(&1));
}

#[test]
fn views_over_the_same_entities_share_a_key_space() {
    let mut wanted = flights();
    wanted.views.push(view("delays_v1", &["airport"], &["mean"]));
    wanted.views.push(view("pairs_v1", &["airport", "plane"], &["mean"]));
    wanted.views.push(view("reverse_v1", &["plane", "airport"], &["mean"]));
    let catalog = apply(&Catalog::default(), &wanted);
    let space = |name| catalog.view(name).unwrap().key_space;
    assert_eq!(space("weather_v1"), space("delays_v1"));
    assert_ne!(space("pairs_v1"), space("weather_v1"));
    assert_ne!(space("pairs_v1"), space("reverse_v1"));
}

#[test]
fn an_entity_with_other_join_keys_gets_another_key_space() {
    let mut wanted = flights();
    let first = apply(&Catalog::default(), &wanted);
    wanted.services.clear();
    wanted.entities[0].join_keys[0].ty = ScalarType::Int64;
    wanted.views[0].name = "weather_v2".into();
    let second = apply(&first, &wanted);
    assert_ne!(second.view("weather_v2").unwrap().key_space, first.view("weather_v1").unwrap().key_space);
}

#[test]
fn the_type_of_a_feature_cannot_change() {
    conflict(&["weather_v1:temp", "\"weather_v2\"", "float32 -> float64"], |d| {
        d.views[0].features[0].ty = ValueType::Scalar(ScalarType::Float64);
    });
}

#[test]
fn the_entities_of_a_view_cannot_change_nor_their_order() {
    conflict(&["\"weather_v1\"", "\"weather_v2\"", "plane"], |d| d.views[0].entities.push("plane".into()));
    let mut wanted = flights();
    wanted.views[0].entities.push("plane".into());
    let catalog = apply(&Catalog::default(), &wanted);
    wanted.views[0].entities.reverse();
    assert_eq!(catalog.plan(&wanted, NOW).unwrap_err().kind(), ErrorKind::Conflict);
}

#[test]
fn the_join_keys_of_an_entity_in_use_cannot_change() {
    conflict(&["\"airport\"", "\"weather_v1\"", "\"airport_v2\""], |d| {
        d.entities[0].join_keys[0].name = "iata".into();
    });
}

#[test]
fn a_changed_retention_keeps_invisible_what_compaction_may_have_taken() {
    let mut wanted = flights();
    wanted.views[0].ttl = None;
    wanted.views[0].retention = Some(HOUR);
    let first = apply(&Catalog::default(), &wanted);
    assert_eq!(first.view("weather_v1").unwrap().retention_floor, None);

    wanted.views[0].retention = Some(Span::from_secs(48 * 3600));
    let longer = apply(&first, &wanted);
    let view = longer.view("weather_v1").unwrap();
    assert_eq!(view.retention_floor, Some(NOW.minus(HOUR)));
    assert_eq!(view.cutoff(NOW), NOW.minus(HOUR));

    wanted.views[0].retention = None;
    let later = NOW.plus(HOUR);
    let never = longer.plan(&wanted, later).unwrap();
    assert_eq!(never.changes[0].to_string(), "~ feature_view weather_v1: retention 2d -> none");
    let never = never.into_catalog();
    assert_eq!(never.view("weather_v1").unwrap().cutoff(later), NOW.minus(HOUR));
}

#[test]
fn keep_newest_cannot_be_turned_on_where_newest_versions_may_be_gone() {
    let mut wanted = flights();
    wanted.views[0].keep_newest = false;
    let kept_everything = apply(&Catalog::default(), &wanted);
    wanted.views[0].retention = Some(Span::from_secs(7200));
    let reclaiming = apply(&kept_everything, &wanted);
    wanted.views[0].keep_newest = true;
    assert!(kept_everything.plan(&wanted, NOW).is_ok());
    let error = reclaiming.plan(&wanted, NOW).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    wanted.views[0].retention = None;
    assert_eq!(reclaiming.plan(&wanted, NOW).unwrap_err().kind(), ErrorKind::Conflict);
}

#[test]
fn a_definition_too_long_to_be_read_back_is_refused() {
    let mut wanted = flights();
    wanted.views[0].description = "x".repeat(17 << 20);
    let error = apply(&Catalog::default(), &wanted).to_records().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    wanted.views[0].description = "x".repeat(15 << 20);
    let records = apply(&Catalog::default(), &wanted).to_records().unwrap();
    assert!(Catalog::from_records(records).is_ok());
}

prop_compose! {
    fn any_entity(index: usize)(wide in prop::bool::weighted(0.1), text in "[a-b]?") -> EntityDefinition {
        let ty = if wide { ScalarType::Int64 } else { ScalarType::String };
        EntityDefinition { description: text, ..entity(&format!("e{index}"), &[(&format!("k{index}"), ty)]) }
    }
}

prop_compose! {
    fn any_feature(index: usize)(
        other in prop::bool::weighted(0.05),
        default in prop::option::of(-1i8..2),
    ) -> FeatureDefinition {
        let ty = ValueType::Scalar(if other { ScalarType::Float64 } else { ScalarType::Float32 });
        let default = default.map(|v| if other { Value::Float64(v.into()) } else { Value::Float32(v.into()) });
        FeatureDefinition { default, ..FeatureDefinition::new(format!("f{index}"), ty) }
    }
}

prop_compose! {
    fn any_view(index: usize)(
        features in prop::sample::subsequence(vec![0, 1, 2, 3], 1..=4).prop_shuffle()
            .prop_flat_map(|picked| picked.into_iter().map(any_feature).collect::<Vec<_>>()),
        both in prop::bool::weighted(0.1),
        retention in prop::option::of(1i64..5),
        keep_newest in prop::bool::weighted(0.8),
    ) -> ViewDefinition {
        let entities: &[&str] = if both { &["e0", "e1"] } else { &["e0"] };
        ViewDefinition {
            retention: retention.map(Span::from_secs),
            keep_newest,
            features,
            ..view(&format!("v{index}"), entities, &[])
        }
    }
}

prop_compose! {
    fn any_definitions()(
        entities in (any_entity(0), any_entity(1), any_entity(2)),
        unused in any::<bool>(),
        views in (prop::option::of(any_view(0)), prop::option::of(any_view(1)), prop::option::of(any_view(2))),
        wildcard in any::<bool>(),
    ) -> Definitions {
        let mut entities = vec![entities.0, entities.1, entities.2];
        if !unused {
            entities.pop();
        }
        let views: Vec<_> = [views.0, views.1, views.2].into_iter().flatten().collect();
        let services = views.first().filter(|_| wildcard).map(|view| service("s", &[&format!("{}:*", view.name)]));
        Definitions { entities, views, services: services.into_iter().collect() }
    }
}

/// The ids that were ever given, to find out if one is given again.
#[derive(Default)]
struct Given {
    views: BTreeMap<u32, String>,
    features: BTreeMap<(u32, u32), (String, ValueType)>,
    key_spaces: BTreeMap<u32, Vec<JoinKey>>,
}

impl Given {
    fn check(&mut self, catalog: &Catalog) {
        for view in catalog.views() {
            assert!(!catalog.dropped_views().contains(&view.id));
            assert_eq!(self.views.entry(view.id).or_insert_with(|| view.name.clone()), &view.name);
            let keys = self.key_spaces.entry(view.key_space).or_insert_with(|| view.join_keys.clone());
            assert_eq!(keys, &view.join_keys, "a key space holds keys of one shape for ever");
            for feature in &view.features {
                let named = (feature.name.clone(), feature.ty);
                assert_eq!(self.features.entry((view.id, feature.id.0)).or_insert_with(|| named.clone()), &named);
            }
        }
    }
}

fn check_step(old: &Catalog, new: &Catalog, wanted: &Definitions, now: Timestamp) {
    assert!(new.plan(wanted, now).unwrap().is_empty(), "the same definitions again change nothing");
    let records = new.to_records().unwrap();
    let read = Catalog::from_records(records.clone()).unwrap();
    assert_eq!(read.to_records().unwrap(), records);
    for definition in &wanted.views {
        let view = new.view(&definition.name).unwrap();
        let features: Vec<_> = view.features.iter().map(|f| (&f.name, f.ty, &f.default)).collect();
        let defined: Vec<_> = definition.features.iter().map(|f| (&f.name, f.ty, &f.default)).collect();
        assert_eq!(features, defined);
        assert!(view.schemas.iter().enumerate().all(|(index, schema)| usize::from(schema.version) == index));
        let mut columns: Vec<_> = view.features.iter().map(|f| (f.id, f.ty)).collect();
        columns.sort();
        assert_eq!(view.schemas.last().unwrap().columns, columns);
    }
    for before in old.views() {
        match new.view_by_id(before.id) {
            None => assert!(new.dropped_views().contains(&before.id)),
            Some(after) => {
                assert_eq!(after.name, before.name);
                assert_eq!(after.schemas[..before.schemas.len()], before.schemas[..]);
                assert!(after.cutoff(now) >= before.cutoff(now), "what may be reclaimed stays invisible");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_sequence_of_definitions_keeps_ids_and_schemas_permanent(
        steps in prop::collection::vec(any_definitions(), 1..12),
    ) {
        let (mut catalog, mut given, mut now) = (Catalog::default(), Given::default(), NOW);
        for wanted in steps {
            now = now.plus(Span::from_secs(1));
            let Ok(plan) = catalog.plan(&wanted, now) else { continue };
            let changes = !plan.is_empty();
            let next = plan.into_catalog();
            prop_assert_eq!(next.revision(), catalog.revision() + u64::from(changes));
            prop_assert_eq!(changes, next.to_records().unwrap() != catalog.to_records().unwrap());
            check_step(&catalog, &next, &wanted, now);
            given.check(&next);
            catalog = next;
        }
    }
}
