//! The body of a request, within its limits.

use std::sync::Arc;

use asofdb::ErrorKind;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;

use super::door::Door;
use super::failure::Failure;
use crate::budget::{Budget, Held};
use crate::gauges::Refusal;

/// A body that was read whole. Its memory counts until it is dropped.
pub(super) struct Payload {
    bytes: Bytes,
    _held: Held<Arc<Budget>>,
}

impl Payload {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads the body as JSON, whatever the content type says.
    pub(super) fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Failure> {
        serde_json::from_slice(&self.bytes).map_err(|error| {
            let what = if error.is_data() { "the body is not what this route takes" } else { "the body is no JSON" };
            Failure::malformed(format!("{what}: {error}"))
        })
    }
}

impl FromRequest<Arc<Door>> for Payload {
    type Rejection = Failure;

    async fn from_request(request: Request, door: &Arc<Door>) -> Result<Self, Failure> {
        let body = request.into_body();
        let held = reserve(door, &body)?;
        let reading = Limited::new(body, door.options.body_bytes_max).collect();
        let read = tokio::time::timeout(door.options.body_timeout, reading).await;
        let read = read.map_err(|_| too_slow(door))?;
        let collected = read.map_err(|error| match error.is::<LengthLimitError>() {
            true => too_long(door),
            false => Failure::malformed("the body ended before its time"),
        })?;
        Ok(Payload { bytes: collected.to_bytes(), _held: held })
    }
}

fn too_long(door: &Door) -> Failure {
    let most = door.options.body_bytes_max;
    let message = format!("a body has at most {most} bytes; split the request, or load files with `asof ingest`");
    Failure::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorKind::Invalid, message)
}

fn too_slow(door: &Door) -> Failure {
    let seconds = door.options.body_timeout.as_secs_f64();
    let message = format!("the body did not arrive in time, {seconds} seconds");
    Failure::new(StatusCode::REQUEST_TIMEOUT, ErrorKind::Unavailable, message)
}

/// Reserves the memory of a body before it is read; one that does not say its length could have the most.
fn reserve(door: &Door, body: &Body) -> Result<Held<Arc<Budget>>, Failure> {
    let most = door.options.body_bytes_max as u64;
    let bytes = match body.size_hint().upper() {
        Some(bytes) if bytes > most => return Err(too_long(door)),
        Some(bytes) => bytes,
        None => most,
    };
    let mut held = Held::new(door.budget.clone());
    held.resize(bytes as usize).inspect_err(|_| door.service.http.refuse(Refusal::InFlight))?;
    Ok(held)
}
