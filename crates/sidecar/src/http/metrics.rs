//! `GET /metrics`.

use std::sync::Arc;

use asofdb::Error;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::door::Door;
use super::failure::Failure;
use crate::admission::Caller;
use crate::metrics::metrics_text;
use crate::operation::Operation;

/// The format that the text is in.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers with the counts of the sidecar and its consumers, for Prometheus.
pub(super) async fn metrics(State(door): State<Arc<Door>>, caller: Caller) -> Result<Response, Failure> {
    let text = door
        .run(caller, Operation::Metrics, |door, _| {
            metrics_text(&door.service)
                .map_err(|error| Failure::from(Error::internal("cannot write the metrics").with_source(error)))
        })
        .await?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}
