//! `GET /v1/store`: which store this is.

use std::sync::Arc;

use asofdb::Session;
use axum::extract::State;
use serde_json::json;

use super::super::door::Door;
use super::super::failure::Failure;
use super::super::reply::JsonReply;
use crate::admission::Caller;
use crate::operation::Operation;

/// Answers with the id of the store, the version of the sidecar, the revision of the catalog and the present.
pub(in super::super) async fn store(State(door): State<Arc<Door>>, caller: Caller) -> Result<JsonReply, Failure> {
    door.run(caller, Operation::Catalog, move |door, admission| {
        admission.admit([], 0)?;
        let store = &door.service.store;
        let answer = json!({
            "id": store.store_id()?.map(|id| id.to_string()),
            "version": env!("CARGO_PKG_VERSION"),
            "catalog_revision": store.catalog().revision(),
            "now": store.now().to_string(),
        });
        JsonReply::of(door, &answer)
    })
    .await
}
