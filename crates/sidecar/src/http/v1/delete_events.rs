//! `POST /v1/delete_events/{view}`: events that never happened, by their identity.

use std::sync::Arc;

use asofdb::FeatureView;
use asofdb::parts::{deletions, find_event_view};
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

/// Deletes events of one view, all or none. What was known of them before stays readable.
pub(in super::super) async fn delete_events(
    State(door): State<Arc<Door>>,
    caller: Caller,
    PathName(view): PathName,
    parameters: Result<Query<Parameters>, QueryRejection>,
    headers: HeaderMap,
    payload: Payload,
) -> Result<JsonReply, Failure> {
    let form = RowForm::of(parameters, &headers)?;
    door.run(caller, Operation::Delete, move |door, admission| {
        let store = &door.service.store;
        let view = find_event_view(&store.catalog(), &view)?.clone();
        let events = form.rows(&view, &payload, |column| !is_of_identity(&view, column))?;
        admission.admit([view.name.as_str()], events.num_rows())?;
        let rows = deletions(&view, &events)?;
        let committed = store.write_all(&[(&view.name, &rows)], form.durability.unwrap_or(store.durability()))?;
        let created = committed.created.to_string();
        JsonReply::of(door, &json!({"view": view.name, "events": rows.num_rows(), "created_timestamp": created}))
    })
    .await
}

/// Returns whether a column is part of what makes an event the same one: all are where the view names none.
fn is_of_identity(view: &FeatureView, column: &str) -> bool {
    let names = view.event_id_names();
    names.is_empty() || names.contains(&column)
}
