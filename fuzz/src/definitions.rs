//! Definitions: every plan is refused in words or leads to a catalog that lasts.

use std::collections::BTreeMap;

use asofdb_model::Bytes;
use asofdb_storage::{
    Catalog, Date, Definitions, EntityDefinition, FeatureDefinition, FeedSource, HotPolicy, JoinKey, LifeCycle, Record,
    Schedule, ServiceDefinition, Span, Stage, Timestamp, Verdicts, ViewDefinition,
};

use crate::values::{scalar_type, text, value, value_type};

/// Several definitions, each planned on what came of the one before; and bytes taken for stored records.
pub fn fuzz_definitions(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    read_stored(bytes.rest());
    let mut catalog = Catalog::default();
    for step in 0..4 {
        let now = Timestamp::from_micros(1_704_067_200_000_000 + step * 86_400_000_000);
        let wanted = definitions(&mut bytes);
        match catalog.plan(&wanted, now) {
            Ok(plan) => {
                let (changed, next) = (!plan.is_empty(), plan.into_catalog());
                check_step(&catalog, &next, changed);
                check_lasts(&next, &wanted, now);
                catalog = next;
            }
            Err(error) => {
                let message = error.message();
                assert!(!message.is_empty() && !message.contains('\n'), "an error is one line: {message:?}");
            }
        }
    }
}

/// Ids stay with their names and are never given to another.
fn check_step(before: &Catalog, after: &Catalog, changed: bool) {
    assert_eq!(after.revision(), before.revision() + u64::from(changed));
    for view in before.views() {
        match after.view(&view.name) {
            Some(next) if next.id == view.id => {
                assert!(next.schemas.len() >= view.schemas.len(), "schemas are only added");
                assert_eq!(next.schemas[..view.schemas.len()], view.schemas, "what rows were written with stays");
            }
            _ => assert!(after.dropped_views().contains(&view.id), "view {} has gone without a trace", view.name),
        }
    }
    for view in after.views() {
        assert!(!after.dropped_views().contains(&view.id), "view {} has the id of a dropped one", view.name);
    }
}

/// A catalog reads back from its records, and wants nothing more to be what it is.
fn check_lasts(catalog: &Catalog, wanted: &Definitions, now: Timestamp) {
    let records = catalog.to_records().expect("a catalog can be stored");
    let read = Catalog::from_records(records.clone()).expect("a stored catalog can be read");
    assert_eq!(read.to_records().expect("a catalog can be stored"), records);
    let again = read.plan(wanted, now).expect("what was accepted is accepted again");
    assert!(again.is_empty(), "applied twice: {:?}", again.changes);
}

/// Arbitrary records are refused, or are a catalog.
fn read_stored(stored: &[u8]) {
    let (kind, value) = stored.split_at(stored.len().min(2));
    let records: [Record; 2] = [(kind.to_vec(), value.to_vec()), (b"m".to_vec(), value.to_vec())];
    for record in records {
        let _ = Catalog::from_records([record]);
    }
}

/// Mostly names that meet, so that definitions fit together.
fn name(prefix: &str, bytes: &mut Bytes<'_>) -> String {
    match bytes.below(16) {
        0 => text(bytes),
        n => format!("{prefix}{}", n % 3),
    }
}

fn definitions(bytes: &mut Bytes<'_>) -> Definitions {
    Definitions {
        entities: (0..bytes.below(4)).map(|_| entity(bytes)).collect(),
        views: (0..bytes.below(4)).map(|_| view(bytes)).collect(),
        services: (0..bytes.below(3)).map(|_| service(bytes)).collect(),
    }
}

fn entity(bytes: &mut Bytes<'_>) -> EntityDefinition {
    let join_key = |bytes: &mut Bytes<'_>| JoinKey { name: name("key", bytes), ty: scalar_type(bytes) };
    EntityDefinition {
        name: name("entity", bytes),
        join_keys: (0..bytes.below(3)).map(|_| join_key(bytes)).collect(),
        description: text(bytes),
        tags: tags(bytes),
    }
}

fn view(bytes: &mut Bytes<'_>) -> ViewDefinition {
    ViewDefinition {
        name: name("view", bytes),
        entities: (0..bytes.below(3)).map(|_| name("entity", bytes)).collect(),
        ttl: span(bytes),
        retention: span(bytes),
        keep_newest: bytes.below(2) == 0,
        features: (0..bytes.below(5)).map(|_| feature(bytes)).collect(),
        tags: tags(bytes),
        life: life("view", bytes),
        verdicts: verdicts(bytes),
        source: source(bytes),
        hot: hot(bytes),
        ..ViewDefinition::default()
    }
}

fn feature(bytes: &mut Bytes<'_>) -> FeatureDefinition {
    let ty = value_type(bytes);
    let default = match bytes.below(4) {
        0 => Some(value(ty, bytes)),
        1 => Some(value(value_type(bytes), bytes)),
        _ => None,
    };
    FeatureDefinition { default, ..FeatureDefinition::new(name("f", bytes), ty) }
}

fn service(bytes: &mut Bytes<'_>) -> ServiceDefinition {
    let reference = |bytes: &mut Bytes<'_>| match bytes.below(8) {
        0 => text(bytes),
        1 => format!("{}:*", name("view", bytes)),
        _ => format!("{}:{}", name("view", bytes), name("f", bytes)),
    };
    ServiceDefinition {
        name: name("service", bytes),
        features: (0..bytes.below(4)).map(|_| reference(bytes)).collect(),
        life: life("service", bytes),
        ..ServiceDefinition::default()
    }
}

fn life(prefix: &str, bytes: &mut Bytes<'_>) -> LifeCycle {
    let status = match bytes.below(8) {
        0 => Some(Stage::Experimental),
        1 => Some(Stage::Production),
        2..5 => Some(Stage::Deprecated),
        _ => return LifeCycle::default(),
    };
    let replaced_by = (bytes.below(2) == 0).then(|| name(prefix, bytes));
    let drop_after = Date::from_days(i32::try_from(bytes.below(40_000)).unwrap_or_default());
    LifeCycle { status, replaced_by, drop_after: drop_after.filter(|_| bytes.below(2) == 0) }
}

fn verdicts(bytes: &mut Bytes<'_>) -> Verdicts {
    let other = |bytes: &mut Bytes<'_>| format!("{}:{}", name("view", bytes), name("f", bytes));
    let mut verdicts = Verdicts::default();
    for _ in 0..bytes.below(3).saturating_sub(1) {
        verdicts.same_as.entry(name("f", bytes)).or_default().insert(other(bytes));
        verdicts.not_same_as.entry(name("f", bytes)).or_default().insert(other(bytes), text(bytes));
    }
    verdicts
}

fn source(bytes: &mut Bytes<'_>) -> Option<FeedSource> {
    let schedule = |bytes: &mut Bytes<'_>| span(bytes).map(|every| Schedule { every });
    (bytes.below(4) == 0).then(|| FeedSource { path: text(bytes), schedule: schedule(bytes) })
}

fn hot(bytes: &mut Bytes<'_>) -> HotPolicy {
    HotPolicy::ALL.get(bytes.below(8)).copied().unwrap_or_default()
}

fn span(bytes: &mut Bytes<'_>) -> Option<Span> {
    match bytes.below(4) {
        0 => None,
        1 => Some(Span::from_micros(i64::from_be_bytes(bytes.array()))),
        n => Some(Span::from_secs(n as i64 * 86_400)),
    }
}

fn tags(bytes: &mut Bytes<'_>) -> BTreeMap<String, String> {
    (0..bytes.below(2)).map(|_| (text(bytes), text(bytes))).collect()
}
