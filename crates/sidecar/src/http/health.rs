//! Health: is the sidecar alive, and should requests be sent to it?

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::door::Door;

/// Answers that the process is alive.
pub(super) async fn healthz() -> Response {
    axum::Json(json!({"status": "alive"})).into_response()
}

/// Returns whether it is warm and not stopping, and its store can be written; says why it cannot.
pub(super) async fn readyz(State(door): State<Arc<Door>>) -> Response {
    let body = match (door.service.is_draining(), door.service.read_only()) {
        (true, _) => json!({"status": "draining"}),
        (false, Some(reason)) => json!({"status": "read_only", "reason": reason}),
        (false, None) if door.service.is_ready() => {
            return axum::Json(ready(door.service.store.clock().warning())).into_response();
        }
        (false, None) => json!({"status": "starting"}),
    };
    (StatusCode::SERVICE_UNAVAILABLE, axum::Json(body)).into_response()
}

/// A clock that has jumped is told, and is no reason to send requests elsewhere: they are answered.
fn ready(warning: Option<String>) -> serde_json::Value {
    match warning {
        None => json!({"status": "ready"}),
        Some(warning) => json!({"status": "ready", "clock": warning}),
    }
}

/// Answers as [`readyz`] does, in Feast's dialect, which has no body.
pub(super) async fn health(State(door): State<Arc<Door>>) -> StatusCode {
    if door.service.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}
