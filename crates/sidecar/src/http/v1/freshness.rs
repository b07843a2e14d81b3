//! `GET /v1/freshness/{view}`.

use std::sync::Arc;

use asofdb::AsJson;
use asofdb::parts::find_view;
use asofdb_protocol::Role;
use axum::extract::State;

use super::super::caller::Caller;
use super::super::door::Door;
use super::super::failure::Failure;
use super::super::name::PathName;
use super::super::reply::JsonReply;
use crate::consumers::Operation;

/// Answers with the age of a view's newest event. Reads every version of the view.
pub(in super::super) async fn freshness(
    State(door): State<Arc<Door>>,
    caller: Caller,
    PathName(view): PathName,
) -> Result<JsonReply, Failure> {
    caller.require(Role::Reader)?;
    door.run(move |door| {
        caller.measured(Operation::Freshness, |count| {
            let store = &door.service.store;
            let view = find_view(&store.catalog(), &view)?.name.clone();
            count.admit([view.as_str()], 0)?;
            JsonReply::of(&AsJson(&store.freshness(&view)?))
        })
    })
    .await
}
