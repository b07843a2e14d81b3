//! `GET /v1/limits` and `PUT /v1/limits`.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;

use super::super::door::Door;
use super::super::failure::Failure;
use super::super::payload::Payload;
use super::super::reply::JsonReply;
use crate::admission::Caller;
use crate::consumers::Limits;
use crate::operation::Operation;

/// The name of the limits in errors about them.
const ORIGIN: &str = "limits";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    limits: String,
}

/// Answers with the limits in force.
pub(in super::super) async fn limits(State(door): State<Arc<Door>>, caller: Caller) -> Result<JsonReply, Failure> {
    door.run(caller, Operation::Limits, |door, admission| {
        admission.admit([], 0)?;
        JsonReply::of(door, &door.service.limits())
    })
    .await
}

/// Makes a text the limits, until the sidecar reads its file again.
pub(in super::super) async fn set_limits(
    State(door): State<Arc<Door>>,
    caller: Caller,
    payload: Payload,
) -> Result<JsonReply, Failure> {
    let by = caller.actor().name;
    door.run(caller, Operation::SetLimits, move |door, _| {
        let given: Given = payload.json()?;
        door.service.set_limits(Limits::parse(&given.limits, ORIGIN)?, &by)?;
        JsonReply::of(door, &door.service.limits())
    })
    .await
}
