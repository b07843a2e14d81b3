//! `GET /v1/consumers`.

use std::sync::Arc;

use axum::extract::State;
use serde_json::json;

use super::super::door::Door;
use super::super::failure::Failure;
use super::super::reply::JsonReply;
use crate::admission::Caller;
use crate::operation::Operation;

/// Answers with what consumers did since the start, how fast, by consumer, operation and view. Reads no rows.
pub(in super::super) async fn consumers(State(door): State<Arc<Door>>, caller: Caller) -> Result<JsonReply, Failure> {
    door.run(caller, Operation::Stats, |door, admission| {
        admission.admit([], 0)?;
        JsonReply::of(door, &json!({ "consumers": door.service.report() }))
    })
    .await
}
