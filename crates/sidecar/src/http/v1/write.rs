//! `POST /v1/write/{view}`: rows as a list of objects, or as NDJSON.

use std::sync::Arc;

use asofdb::parts::find_stored_view;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use serde_json::json;

use super::super::door::Door;
use super::super::failure::Failure;
use super::super::name::PathName;
use super::super::payload::Payload;
use super::super::reply::JsonReply;
use super::rows::{Parameters, RowForm};
use crate::admission::Caller;
use crate::operation::Operation;

/// Writes rows of one view, all or none.
pub(in super::super) async fn write(
    State(door): State<Arc<Door>>,
    caller: Caller,
    PathName(view): PathName,
    parameters: Result<Query<Parameters>, QueryRejection>,
    headers: HeaderMap,
    payload: Payload,
) -> Result<JsonReply, Failure> {
    let form = RowForm::of(parameters, &headers)?;
    door.run(caller, Operation::Write, move |door, admission| {
        let store = &door.service.store;
        let view = find_stored_view(&store.catalog(), &view)?.clone();
        let rows = form.rows(&view, &payload, |_| false)?;
        admission.admit([view.name.as_str()], rows.num_rows())?;
        admission.charge_written(rows.get_array_memory_size());
        let committed = store.write_all(&[(&view.name, &rows)], form.durability.unwrap_or(store.durability()))?;
        let created = committed.created.to_string();
        JsonReply::of(door, &json!({"view": view.name, "rows": rows.num_rows(), "created_timestamp": created}))
    })
    .await
}
