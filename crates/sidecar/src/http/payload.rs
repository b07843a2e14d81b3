//! The body of a request, within its limits.

use std::fmt;
use std::sync::Arc;

use asofdb::ErrorKind;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::door::Door;
use super::failure::Failure;
use crate::budget::{Budget, Held};
use crate::gauges::Refusal;

/// Bytes that are held for each byte of a body: the body, the places of its values, which may be two bytes each, their
/// columns, and the rows or answers made of them.
const MEMORY_EACH: usize = 16;

/// Bodies up to this hold no more than their bytes.
const SMALL_BODY_BYTES: usize = 16 << 10;

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
        serde_json::from_slice(&self.bytes).map_err(|error| unreadable(&error))
    }

    /// Reads the body as a list in JSON, item by item, without ever holding the list.
    ///
    /// # Errors
    /// Those of `take`; a failure where the body is no list.
    pub(super) fn each_item(&self, take: impl FnMut(&RawValue) -> asofdb::Result<()>) -> Result<(), Failure> {
        let mut items = Items { take, refused: None };
        let mut json = serde_json::Deserializer::from_slice(&self.bytes);
        let read = json.deserialize_seq(&mut items).and_then(|()| json.end());
        match (items.refused, read) {
            (Some(error), _) => Err(error.into()),
            (None, read) => read.map_err(|error| unreadable(&error)),
        }
    }
}

fn unreadable(error: &serde_json::Error) -> Failure {
    let what = if error.is_data() { "the body is not what this route takes" } else { "the body is no JSON" };
    Failure::malformed(format!("{what}: {error}"))
}

/// The items of a list, as they come.
struct Items<T> {
    take: T,
    /// The reason why no more are taken.
    refused: Option<asofdb::Error>,
}

impl<'de, T: FnMut(&RawValue) -> asofdb::Result<()>> Visitor<'de> for &mut Items<T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<&RawValue>()? {
            if let Err(error) = (self.take)(item) {
                let message = error.message().to_owned();
                self.refused = Some(error);
                return Err(A::Error::custom(message));
            }
        }
        Ok(())
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

/// Bytes that are held for a body. Small ones are as many as there are connections, and take some megabytes.
fn memory_bytes(body_bytes: u64) -> usize {
    let bytes = usize::try_from(body_bytes).unwrap_or(usize::MAX);
    if bytes <= SMALL_BODY_BYTES { bytes } else { bytes.saturating_mul(MEMORY_EACH) }
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
    // One body alone always fits.
    held.resize(memory_bytes(bytes).min(door.options.memory_bytes_max.max(bytes as usize)))
        .inspect_err(|_| door.service.http.refuse(Refusal::InFlight))?;
    Ok(held)
}
