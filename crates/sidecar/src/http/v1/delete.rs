//! `POST /v1/delete` and `POST /v1/erase`.

use std::collections::BTreeMap;
use std::sync::Arc;

use asofdb::parts::find_stored_view;
use asofdb::{AsJson, Catalog, Error, FeatureView};
use axum::extract::State;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use super::super::door::Door;
use super::super::failure::Failure;
use super::super::payload::Payload;
use super::super::reply::JsonReply;
use super::entity;
use super::time::GivenTime;
use crate::admission::Caller;
use crate::operation::Operation;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deletion<'a> {
    /// Left out: every view whose join keys are exactly those of the entity.
    #[serde(default)]
    view: Option<String>,
    #[serde(borrow)]
    entity: &'a RawValue,
    #[serde(default)]
    at: Option<GivenTime>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Erasure<'a> {
    #[serde(default)]
    view: Option<String>,
    #[serde(borrow)]
    entity: &'a RawValue,
}

/// Deletes an entity as of a time; what was known before stays readable.
pub(in super::super) async fn delete(
    State(door): State<Arc<Door>>,
    caller: Caller,
    payload: Payload,
) -> Result<JsonReply, Failure> {
    door.run(caller, Operation::Delete, move |door, admission| {
        let asked: Deletion<'_> = payload.json()?;
        let store = &door.service.store;
        let now = store.now();
        let at = asked.at.map_or(Ok(now), |at| at.resolve("at", now))?;
        let views = views(&store.catalog(), asked.view.as_deref(), asked.entity, |view| !view.holds_events())?;
        let names: Vec<_> = views.iter().map(|view| view.name.as_str()).collect();
        let entity = entity::from_object(&views[0].join_keys, asked.entity)?;
        admission.admit(names.iter().copied(), 1)?;
        let committed = store.delete(&names, &entity, at)?;
        JsonReply::of(
            door,
            &json!({
                "entity": AsJson(entity.as_slice()).to_tree()?,
                "views": names,
                "event_timestamp": at.to_string(),
                "created_timestamp": committed.created.to_string(),
            }),
        )
    })
    .await
}

/// Removes every version of an entity, physically.
pub(in super::super) async fn erase(
    State(door): State<Arc<Door>>,
    caller: Caller,
    payload: Payload,
) -> Result<JsonReply, Failure> {
    door.run(caller, Operation::Erase, move |door, admission| {
        let asked: Erasure<'_> = payload.json()?;
        let store = &door.service.store;
        let catalog = store.catalog();
        let views = views(&catalog, asked.view.as_deref(), asked.entity, |_| true)?;
        let names: Vec<_> = views.iter().map(|view| view.name.as_str()).collect();
        let entity = entity::from_object(&views[0].join_keys, asked.entity)?;
        admission.admit(names.iter().copied(), 1)?;
        let not_covered = if asked.view.is_none() { not_covered(&catalog, &views) } else { Vec::new() };
        let receipt = store.erase(&names, &entity)?;
        let erased: Json = receipt
            .iter()
            .map(|erased| json!({"view": erased.view, "versions": erased.versions, "bytes": erased.bytes}))
            .collect();
        let entity = AsJson(entity.as_slice()).to_tree()?;
        JsonReply::of(door, &json!({"entity": entity, "erased": erased, "not_covered": not_covered}))
    })
    .await
}

/// The view that is named, or all that `takes` lets pass whose join keys are exactly those of the entity; at least one.
fn views(
    catalog: &Catalog,
    view: Option<&str>,
    entity: &RawValue,
    takes: impl Fn(&FeatureView) -> bool,
) -> Result<Vec<Arc<FeatureView>>, Failure> {
    if let Some(name) = view {
        return Ok(vec![find_stored_view(catalog, name)?.clone()]);
    }
    // Their names alone: a tree of the values could take many times the body.
    let named: BTreeMap<String, IgnoredAny> =
        serde_json::from_str(entity.get()).map_err(|_| Failure::malformed("`entity` is an object of join keys"))?;
    let is_key = |view: &FeatureView| {
        view.join_keys.len() == named.len() && view.join_keys.iter().all(|key| named.contains_key(&key.name))
    };
    let views: Vec<_> =
        catalog.views().filter(|view| view.is_stored() && is_key(view) && takes(view)).cloned().collect();
    match views.is_empty() {
        false => Ok(views),
        true => {
            let names = named.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            let message = "no view has exactly these join keys; GET /v1/views lists the join keys of each";
            Err(Error::not_found(format!("{message}: {names}")).into())
        }
    }
}

/// Views that have the join keys of those erased, and others besides.
fn not_covered(catalog: &Catalog, erased: &[Arc<FeatureView>]) -> Vec<String> {
    let has_keys = |view: &FeatureView| {
        if !view.is_stored() {
            return false;
        }
        let keys = erased.iter().flat_map(|erased| &erased.join_keys);
        keys.into_iter().all(|key| view.join_keys.iter().any(|known| known.name == key.name))
    };
    let others = catalog.views().filter(|view| has_keys(view) && erased.iter().all(|erased| erased.name != view.name));
    others.map(|view| view.name.clone()).collect()
}
