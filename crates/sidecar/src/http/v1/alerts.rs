//! `GET /v1/alerts`.

use std::sync::Arc;

use axum::extract::State;

use super::super::door::Door;
use super::super::failure::Failure;
use super::super::reply::JsonReply;
use crate::admission::Caller;
use crate::operation::Operation;

/// Answers with the open alerts, and how their delivery goes. Reads no rows.
pub(in super::super) async fn alerts(State(door): State<Arc<Door>>, caller: Caller) -> Result<JsonReply, Failure> {
    door.run(caller, Operation::Alerts, |door, admission| {
        admission.admit([], 0)?;
        JsonReply::of(door, &door.service.alerts())
    })
    .await
}
