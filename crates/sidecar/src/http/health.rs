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
            let service = &door.service;
            return axum::Json(ready(service.store.clock().warning(), service.settings.warning())).into_response();
        }
        (false, None) => match door.service.warming().filter(|_| door.service.has_started()) {
            Some(reason) => json!({"status": "warming", "reason": reason}),
            None => json!({"status": "starting"}),
        },
    };
    (StatusCode::SERVICE_UNAVAILABLE, axum::Json(body)).into_response()
}

/// A clock that has jumped, and settings that were refused, are told, and are no reason to send requests elsewhere: they
/// are answered.
fn ready(clock: Option<String>, settings: Option<String>) -> serde_json::Value {
    let mut body = json!({"status": "ready"});
    for (name, warning) in [("clock", clock), ("settings", settings)] {
        if let Some(warning) = warning {
            body[name] = warning.into();
        }
    }
    body
}

/// Answers as [`readyz`] does, in Feast's dialect, which has no body.
pub(super) async fn health(State(door): State<Arc<Door>>) -> StatusCode {
    if door.service.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}
