//! `POST /v1/write/{view}`: rows as a list of objects, or as NDJSON.

use std::sync::Arc;

use arrow::array::RecordBatch;
use asofdb::parts::{RequestRows, find_stored_view, source_schema};
use asofdb::{Durability, FeatureView};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use serde::Deserialize;
use serde_json::json;

use super::super::door::Door;
use super::super::failure::Failure;
use super::super::name::PathName;
use super::super::payload::Payload;
use super::super::reply::JsonReply;
use crate::admission::Caller;
use crate::operation::Operation;

/// Content types of one object a line.
const NDJSON_TYPES: [&str; 3] = ["application/x-ndjson", "application/ndjson", "application/jsonl"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Parameters {
    #[serde(default)]
    durability: Option<String>,
}

/// Writes rows of one view, all or none.
pub(in super::super) async fn write(
    State(door): State<Arc<Door>>,
    caller: Caller,
    PathName(view): PathName,
    parameters: Result<Query<Parameters>, QueryRejection>,
    headers: HeaderMap,
    payload: Payload,
) -> Result<JsonReply, Failure> {
    let Query(parameters) = parameters.map_err(|error| Failure::malformed(error.body_text()))?;
    let durability = durability(parameters.durability.as_deref())?;
    let is_ndjson = is_ndjson(&headers);
    door.run(caller, Operation::Write, move |door, admission| {
        let store = &door.service.store;
        let view = find_stored_view(&store.catalog(), &view)?.clone();
        let rows = rows(&view, &payload, is_ndjson)?;
        admission.admit([view.name.as_str()], rows.num_rows())?;
        let committed = store.write_all(&[(&view.name, &rows)], durability.unwrap_or(store.durability()))?;
        let created = committed.created.to_string();
        JsonReply::of(door, &json!({"view": view.name, "rows": rows.num_rows(), "created_timestamp": created}))
    })
    .await
}

fn durability(text: Option<&str>) -> Result<Option<Durability>, Failure> {
    match text {
        None => Ok(None),
        Some("sync") => Ok(Some(Durability::Sync)),
        Some("os") => Ok(Some(Durability::Os)),
        Some(other) => Err(Failure::invalid(format!("`durability` is sync or os: {other:?}"))),
    }
}

fn is_ndjson(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = content_type.split(';').next().unwrap_or_default().trim();
    NDJSON_TYPES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn rows(view: &FeatureView, payload: &Payload, is_ndjson: bool) -> Result<RecordBatch, Failure> {
    let mut rows = RequestRows::new(&source_schema(view), "row");
    if let Some(created) = &view.created_column {
        rows = rows.optional(created);
    }
    if is_ndjson {
        let lines = payload.bytes().split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        lines.into_iter().try_for_each(|line| rows.push(line))?;
    } else {
        payload.each_item(|object| rows.push(object.get().as_bytes()))?;
    }
    Ok(rows.finish()?)
}
