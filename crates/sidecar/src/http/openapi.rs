//! The description of every route, for people and generators.

use axum::http::header;
use axum::response::{IntoResponse, Response};

/// OpenAPI 3.1. Tests hold the routes and their answers against it.
const DOCUMENT: &str = include_str!("../../../../docs/openapi.json");

/// The document.
pub(super) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}
