//! Routes that tell what is defined: `GET /v1/views`, `/v1/services`, `/v1/entities`, `/v1/catalog`, `/v1/lineage`.

use std::sync::Arc;

use asofdb::parts::{did_you_mean, find_view};
use asofdb::{AsJson, Catalog, Error, Lineage};
use axum::extract::State;

use super::super::door::Door;
use super::super::failure::Failure;
use super::super::name::PathName;
use super::super::reply::JsonReply;
use crate::admission::Caller;
use crate::operation::Operation;

/// All of it.
pub(in super::super) async fn catalog(State(door): State<Arc<Door>>, caller: Caller) -> Result<JsonReply, Failure> {
    answer(door, caller, |door, catalog| JsonReply::of(door, &AsJson(catalog))).await
}

/// Every view.
pub(in super::super) async fn views(State(door): State<Arc<Door>>, caller: Caller) -> Result<JsonReply, Failure> {
    answer(door, caller, |door, catalog| {
        JsonReply::of(door, &catalog.views().map(|view| AsJson(&**view)).collect::<Vec<_>>())
    })
    .await
}

/// Every service.
pub(in super::super) async fn services(State(door): State<Arc<Door>>, caller: Caller) -> Result<JsonReply, Failure> {
    answer(door, caller, |door, catalog| {
        JsonReply::of(door, &catalog.services().map(|service| AsJson(&**service)).collect::<Vec<_>>())
    })
    .await
}

/// Every entity.
pub(in super::super) async fn entities(State(door): State<Arc<Door>>, caller: Caller) -> Result<JsonReply, Failure> {
    answer(door, caller, |door, catalog| {
        JsonReply::of(door, &catalog.entities().map(|entity| AsJson(&**entity)).collect::<Vec<_>>())
    })
    .await
}

/// One view.
pub(in super::super) async fn view(
    State(door): State<Arc<Door>>,
    caller: Caller,
    PathName(name): PathName,
) -> Result<JsonReply, Failure> {
    answer(door, caller, move |door, catalog| JsonReply::of(door, &AsJson(&**find_view(catalog, &name)?))).await
}

/// One service.
pub(in super::super) async fn service(
    State(door): State<Arc<Door>>,
    caller: Caller,
    PathName(name): PathName,
) -> Result<JsonReply, Failure> {
    answer(door, caller, move |door, catalog| match catalog.service(&name) {
        Some(service) => JsonReply::of(door, &AsJson(&**service)),
        None => {
            let hint = did_you_mean(&name, catalog.services().map(|service| service.name.as_str()));
            Err(Error::not_found(format!("no feature service is named {name:?}{hint}")).into())
        }
    })
    .await
}

/// The features of a view or a service, or one feature, and what these are computed from.
pub(in super::super) async fn lineage(
    State(door): State<Arc<Door>>,
    caller: Caller,
    PathName(name): PathName,
) -> Result<JsonReply, Failure> {
    answer(door, caller, move |door, catalog| JsonReply::of(door, &AsJson(&Lineage::of(catalog, &[name])?))).await
}

async fn answer(
    door: Arc<Door>,
    caller: Caller,
    work: impl FnOnce(&Door, &Catalog) -> Result<JsonReply, Failure> + Send + 'static,
) -> Result<JsonReply, Failure> {
    door.run(caller, Operation::Catalog, move |door, _| work(door, &door.service.store.catalog())).await
}
