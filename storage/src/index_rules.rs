//! The rules that the indexes of event views must keep.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::JoinKey;
use crate::definition::{EntityDefinition, ViewDefinition};
use crate::problem::{At, Checked};
use crate::value_type::ValueType;

/// Most indexes of one view: each is one more copy of its events.
const INDEXES_MAX: usize = 8;

/// Checks the lists of entities that a view's events are also found by.
pub(crate) fn check_also_by(at: &At, view: &ViewDefinition, entities: &BTreeMap<&str, &EntityDefinition>) -> Checked {
    let (name, list) = (&view.name, &view.also_by);
    let also_by = at.field("also_by");
    if !list.is_empty() && view.event_id.is_none() {
        return also_by.invalid(format!("{name:?} is no event view: only events are found by other entities"));
    }
    if list.len() > INDEXES_MAX {
        let message = format!("event view {name:?} is indexed by at most {INDEXES_MAX} lists of entities in also_by");
        return also_by.item(INDEXES_MAX).invalid(format!("{message}: {}", list.len()));
    }
    for (number, item) in list.iter().enumerate() {
        let item_at = also_by.item(number);
        if *item == view.entities || list[..number].contains(item) {
            let message = format!("event view {name:?} is indexed by these entities already");
            return item_at.invalid(format!("{message}: {}", item.join(", ")));
        }
        check_item(at, &item_at, view, item, entities)?;
    }
    Ok(())
}

/// Checks one list of entities.
fn check_item(
    at: &At,
    item_at: &At,
    view: &ViewDefinition,
    item: &[String],
    entities: &BTreeMap<&str, &EntityDefinition>,
) -> Checked {
    let name = &view.name;
    if item.is_empty() {
        return item_at.invalid(format!("event view {name:?}: an item of also_by has at least one entity"));
    }
    let (mut seen, mut keys) = (BTreeSet::new(), BTreeSet::new());
    for entity in item {
        let Some(known) = entities.get(entity.as_str()) else {
            let message = format!("event view {name:?} is indexed by an unknown entity: {entity:?}");
            return Err(item_at.unknown(message, entity, entities.keys().copied()));
        };
        if !seen.insert(entity) {
            return item_at.invalid(format!("event view {name:?} lists an entity twice in also_by: {entity:?}"));
        }
        for key in &known.join_keys {
            if !keys.insert(&key.name) {
                let message = format!("event view {name:?}: two entities of also_by have the same join key");
                return item_at.invalid(format!("{message}: {:?}", key.name));
            }
            check_key(at, item_at, view, entity, key)?;
        }
    }
    Ok(())
}

/// Checks that a join key of an entity is a column, of its type, and a part of the event id.
fn check_key(at: &At, item_at: &At, view: &ViewDefinition, entity: &str, key: &JoinKey) -> Checked {
    let JoinKey { name, ty } = key;
    let subject = format!("event view {:?}: join key {name:?} of entity {entity:?}", view.name);
    let Some(column) = view.features.iter().find(|column| column.name == *name) else {
        let rule = "is in also_by, and so a column of the view, which says whose each event is";
        return item_at.invalid(format!("{subject} {rule}: add {{ name = {name:?}, type = \"{ty}\" }}"));
    };
    if column.ty != ValueType::Scalar(*ty) {
        let message = format!("{subject} has the type of the column of its name");
        return item_at.invalid(format!("{message}: {}, not {ty}", column.ty));
    }
    let of_id = view.event_id.as_deref().unwrap_or_default();
    if of_id.is_empty() || of_id.contains(name) {
        return Ok(());
    }
    let rule = "is in also_by, and so a part of the event id: an event never moves from one to another";
    at.field("event_id").invalid(format!("{subject} {rule}; add {name:?} to event_id"))
}

/// The lists of entities by which the events of a view are found, in words.
pub(crate) fn found_by(view: &ViewDefinition) -> String {
    let lists = std::iter::once(&view.entities).chain(&view.also_by);
    lists.map(|list| format!("{list:?}")).collect::<Vec<_>>().join(" or ")
}
