//! The body of a request, within its limits.

use std::sync::Arc;

use asofdb::ErrorKind;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;

use super::door::Door;
use super::failure::Failure;
use crate::gauges::Refusal;
use crate::service::Service;

/// Bodies up to this need no reservation: as many as there are connections take some megabytes.
const SMALL_BODY_BYTES: u64 = 16 << 10;

/// A body that was read whole. Its memory counts until it is dropped.
pub(super) struct Payload {
    bytes: Bytes,
    _held: Option<Held>,
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
fn reserve(door: &Arc<Door>, body: &Body) -> Result<Option<Held>, Failure> {
    let most = door.options.body_bytes_max as u64;
    let bytes = match body.size_hint().upper() {
        Some(bytes) if bytes > most => return Err(too_long(door)),
        Some(bytes) => bytes,
        None => most,
    };
    if bytes <= SMALL_BODY_BYTES {
        return Ok(None);
    }
    // Options that are checked keep it within u32.
    let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
    let Ok(permit) = door.bodies.clone().try_acquire_many_owned(permits) else {
        door.service.http.refuse(Refusal::InFlight);
        let most = door.options.bodies_bytes_max;
        return Err(Failure::busy(format!("bodies of all requests have at most {most} bytes at a time; try again")));
    };
    door.service.http.large_frame_bytes.add(bytes);
    Ok(Some(Held { service: door.service.clone(), bytes, _permit: permit }))
}

/// Memory that a body holds.
struct Held {
    service: Arc<Service>,
    bytes: u64,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.service.http.large_frame_bytes.subtract(self.bytes);
    }
}
