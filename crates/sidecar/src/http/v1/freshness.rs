//! `GET /v1/freshness/{view}`.

use std::sync::Arc;

use asofdb::AsJson;
use asofdb::parts::find_view;
use axum::extract::State;

use super::super::door::Door;
use super::super::failure::Failure;
use super::super::name::PathName;
use super::super::reply::JsonReply;
use crate::admission::Caller;
use crate::operation::Operation;

/// Answers with the age of a view's newest event. Reads every version of the view.
pub(in super::super) async fn freshness(
    State(door): State<Arc<Door>>,
    caller: Caller,
    PathName(view): PathName,
) -> Result<JsonReply, Failure> {
    door.run(caller, Operation::Freshness, move |door, admission| {
        let store = &door.service.store;
        let view = find_view(&store.catalog(), &view)?.name.clone();
        admission.admit([view.as_str()], 0)?;
        JsonReply::of(door, &AsJson(&store.freshness_until(&view, admission.stop())?))
    })
    .await
}
