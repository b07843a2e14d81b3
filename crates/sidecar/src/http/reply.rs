//! Answers that are JSON.

use std::io::{self, Write};
use std::sync::Arc;

use asofdb::Error;
use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::door::Door;
use super::failure::Failure;
use crate::admission::Answer;
use crate::budget::{Budget, Held};

/// The first size of an answer's buffer, in bytes.
const BUFFER_BYTES: usize = 1 << 10;

/// Bytes of JSON, ready to be sent. Their memory counts in the door's budget until the last of them is sent.
pub(super) struct JsonReply {
    body: Bytes,
    warnings: Option<HeaderValue>,
    answer_id: Option<HeaderValue>,
}

/// The header with the warnings to those who ask for what is deprecated.
const WARNING_HEADER: HeaderName = HeaderName::from_static("x-asof-warning");

/// The header with the id of an answer in the log of served features.
const ANSWER_ID_HEADER: HeaderName = HeaderName::from_static("x-asof-answer-id");

impl JsonReply {
    /// Anything that has a form in JSON.
    ///
    /// # Errors
    /// `Invalid` for a longer answer than may be; `Unavailable` when the door holds too much already.
    pub(super) fn of(door: &Door, value: &impl Serialize) -> Result<Self, Failure> {
        let mut answer = HeldAnswer::new(door);
        match serde_json::to_writer(&mut answer, value) {
            Ok(()) => Ok(JsonReply::from(Bytes::from_owner(answer))),
            Err(error) => Err(answer
                .refusal
                .take()
                .unwrap_or_else(|| Error::corrupt("an answer cannot be written as JSON").with_source(error)))?,
        }
    }

    /// Nothing, as JSON says it.
    pub(super) fn null() -> Self {
        Bytes::from_static(b"null").into()
    }

    /// Adds sentences to the header of warnings, if there are any. Names are ASCII, and so are the sentences.
    pub(super) fn with_warnings(self, warnings: &[String]) -> Self {
        let text = warnings.join("; ").replace('"', "'");
        let warnings = if text.is_empty() { None } else { HeaderValue::from_str(&text).ok() };
        JsonReply { warnings, ..self }
    }

    /// Adds the id of an answer that was logged.
    pub(super) fn with_answer_id(self, id: Option<&str>) -> Self {
        JsonReply { answer_id: id.and_then(|id| HeaderValue::from_str(id).ok()), ..self }
    }
}

impl From<Bytes> for JsonReply {
    fn from(body: Bytes) -> Self {
        JsonReply { body, warnings: None, answer_id: None }
    }
}

impl Answer for JsonReply {
    fn bytes(&self) -> usize {
        self.body.len()
    }
}

impl IntoResponse for JsonReply {
    fn into_response(self) -> Response {
        let mut response = ([(header::CONTENT_TYPE, "application/json")], self.body).into_response();
        if let Some(warnings) = self.warnings {
            response.headers_mut().insert(WARNING_HEADER, warnings);
        }
        if let Some(id) = self.answer_id {
            response.headers_mut().insert(ANSWER_ID_HEADER, id);
        }
        response
    }
}

/// An answer in the making, which takes its memory from the door's budget before it grows.
pub(super) struct HeldAnswer {
    bytes: Vec<u8>,
    held: Held<Arc<Budget>>,
    bytes_max: usize,
    /// The reason why it could not grow.
    refusal: Option<Error>,
}

impl HeldAnswer {
    fn new(door: &Door) -> Self {
        let held = Held::new(door.budget.clone());
        HeldAnswer { bytes: Vec::new(), held, bytes_max: door.options.answer_bytes_max, refusal: None }
    }

    #[cold]
    fn grow(&mut self, needed: usize) -> Result<(), Error> {
        if needed > self.bytes_max {
            let most = self.bytes_max;
            return Err(Error::invalid(format!("an answer has at most {most} bytes; ask for fewer entities at once")));
        }
        let capacity = needed.max(self.bytes.capacity() * 2).clamp(BUFFER_BYTES, self.bytes_max.max(BUFFER_BYTES));
        self.held.resize(capacity)?;
        self.bytes.reserve_exact(capacity - self.bytes.len());
        Ok(())
    }
}

impl Write for HeldAnswer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let needed = self.bytes.len() + bytes.len();
        if needed > self.bytes.capacity()
            && let Err(refusal) = self.grow(needed)
        {
            self.refusal = Some(refusal);
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsRef<[u8]> for HeldAnswer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
