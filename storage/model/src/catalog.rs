//! The views that histories are about.

use std::collections::BTreeMap;

use asofdb_storage::{
    Catalog, Definitions, EntityDefinition, FeatureDefinition, FeatureView, JoinKey, ScalarType, Span, Timestamp,
    Value, ValueType, ViewDefinition, key,
};

use crate::op::Change;
use crate::scale::{KEYS, VIEWS};

const NAMES: [&str; VIEWS] = ["kept", "aged", "fleeting", "pairs", "facts"];
/// The number of the view whose rows are events.
const EVENTS: usize = 4;
/// The column of events by which they are also found.
pub(crate) const ITEM: &str = "item_id";
const DAY: i64 = 86_400;
/// Most features of a view, so that histories stay short.
const FEATURES_MAX: u8 = 8;

/// One view as it is wanted now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViewShape {
    /// The number of its features.
    pub features: u8,
    /// Its retention in days.
    pub retention_days: Option<u8>,
    /// True if the newest version outlives the retention.
    pub keep_newest: bool,
}

/// The wanted catalog. Three views share an entity; the fourth is about pairs, and the fifth has events of the first, which
/// are also found by an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    views: [Option<ViewShape>; VIEWS],
}

impl Default for Shape {
    fn default() -> Self {
        let view = |retention_days, keep_newest| Some(ViewShape { features: 2, retention_days, keep_newest });
        let facts = view(Some(20), false);
        Shape { views: [view(None, true), view(Some(10), true), view(Some(10), false), view(Some(20), true), facts] }
    }
}

impl Shape {
    /// The name of view `number`.
    pub fn name(number: u8) -> &'static str {
        NAMES[usize::from(number) % VIEWS]
    }

    /// Makes a change; false when it changes nothing.
    pub fn change(&mut self, change: Change) -> bool {
        let before = *self;
        let fresh = Shape::default();
        match change {
            Change::Grow(number) => {
                if let Some(view) = &mut self.views[usize::from(number) % VIEWS] {
                    view.features = (view.features + 1).min(FEATURES_MAX);
                }
            }
            Change::DropOrCreate(number) => {
                let number = usize::from(number) % VIEWS;
                self.views[number] = if self.views[number].is_some() { None } else { fresh.views[number] };
            }
            Change::Retain(number, days) => {
                if let Some(view) = &mut self.views[usize::from(number) % VIEWS] {
                    view.retention_days = Some(days % 3 * 10).filter(|days| *days > 0);
                }
            }
        }
        *self != before
    }

    /// The catalog that follows `current`.
    ///
    /// # Panics
    /// When the plan is refused: every shape is a compatible change of every other.
    pub fn plan(&self, current: &Catalog, now: Timestamp) -> Catalog {
        let plan = current.plan(&self.definitions(), now).expect("a shape is a compatible change of every other");
        plan.into_catalog()
    }

    fn definitions(&self) -> Definitions {
        let views = self.views.iter().enumerate();
        Definitions {
            entities: vec![entity("user", ScalarType::String), entity("item", ScalarType::Int64)],
            views: views.filter_map(|(number, view)| view.map(|view| definition(number, view))).collect(),
            services: Vec::new(),
        }
    }
}

fn entity(name: &str, ty: ScalarType) -> EntityDefinition {
    let join_keys = vec![JoinKey { name: format!("{name}_id"), ty }];
    EntityDefinition { name: name.to_owned(), join_keys, description: String::new(), tags: BTreeMap::new() }
}

fn definition(number: usize, view: ViewShape) -> ViewDefinition {
    let item = (number == EVENTS).then(|| FeatureDefinition::new(ITEM, ValueType::Scalar(ScalarType::Int64)));
    let entities: &[&str] = if number == 3 { &["user", "item"] } else { &["user"] };
    ViewDefinition {
        name: NAMES[number].to_owned(),
        entities: entities.iter().map(|&name| name.to_owned()).collect(),
        retention: view.retention_days.map(|days| Span::from_secs(i64::from(days) * DAY)),
        keep_newest: view.keep_newest,
        event_id: (number == EVENTS).then(Vec::new),
        also_by: if number == EVENTS { vec![vec!["item".to_owned()]] } else { Vec::new() },
        features: (0..1).map(feature).chain(item).chain((1..view.features).map(feature)).collect(),
        ..ViewDefinition::default()
    }
}

/// The first is the one that is never null.
fn feature(number: u8) -> FeatureDefinition {
    let ty = match number {
        0 => ValueType::Scalar(ScalarType::Int64),
        n if n % 3 == 1 => ValueType::Scalar(ScalarType::String),
        n if n % 3 == 2 => ValueType::Scalar(ScalarType::Float64),
        _ => ValueType::List(ScalarType::Float32),
    };
    FeatureDefinition::new(format!("f{number}"), ty)
}

/// The row key of a write about entity `number`. Of events at one time there are two, by `second`.
pub(crate) fn row_key(view: &FeatureView, number: u8, event: Timestamp, second: bool) -> Vec<u8> {
    let entity_key = encoded_key(view, number);
    if !view.holds_events() {
        return entity_key;
    }
    let id = key::short_event_id(&[u8::from(second)]).expect("one byte fits");
    let mut row_key = Vec::new();
    key::event_key(&entity_key, event, &id, &mut row_key);
    row_key
}

/// The item of an event of entity `number`, which its row key determines; some have none.
pub(crate) fn item_of(number: u8, second: bool) -> Option<i64> {
    let item = (usize::from(number) % KEYS + usize::from(second)) % 4;
    (item < 3).then_some(item as i64 - 2)
}

/// The key of entity `number`. Some are prefixes of others, and one holds a zero byte, as text.
pub(crate) fn encoded_key(view: &FeatureView, number: u8) -> Vec<u8> {
    const TEXTS: [&str; KEYS] = ["", "a", "a\0", "ab", "b", "\u{10ffff}"];
    let number = usize::from(number) % KEYS;
    let value = |ty: ScalarType| match ty {
        ScalarType::Int64 => Value::Int64(number as i64 - 2),
        _ => Value::String(TEXTS[number].to_owned()),
    };
    let mut bytes = Vec::new();
    for ty in view.key_types() {
        key::encode_value(&value(ty), &mut bytes).expect("neither NaN nor a list");
    }
    bytes
}
