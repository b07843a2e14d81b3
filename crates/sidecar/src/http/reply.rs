//! Answers that are JSON.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::failure::Failure;

/// Bytes of JSON, ready to be sent.
pub(super) struct JsonReply(Vec<u8>);

impl JsonReply {
    /// Anything that has a form in JSON.
    pub(super) fn of(value: &impl Serialize) -> Result<Self, Failure> {
        let corrupt = |error| asofdb::storage::Error::corrupt("an answer cannot be written as JSON").with_source(error);
        Ok(JsonReply(serde_json::to_vec(value).map_err(corrupt)?))
    }
}

impl IntoResponse for JsonReply {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}
