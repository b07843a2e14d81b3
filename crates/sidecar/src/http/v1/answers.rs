//! `GET /v1/answers?view=user_stats_v1`.

use std::sync::Arc;

use asofdb::{AnswerRow, AsJson};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;

use super::super::door::Door;
use super::super::failure::Failure;
use super::super::reply::JsonReply;
use crate::admission::Caller;
use crate::operation::Operation;

/// The parameters of the address.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Asked {
    view: Option<String>,
}

/// Answers with what consumers got in the last day, by view, feature and consumer. Reads no rows.
pub(in super::super) async fn answers(
    State(door): State<Arc<Door>>,
    caller: Caller,
    parameters: Result<Query<Asked>, QueryRejection>,
) -> Result<JsonReply, Failure> {
    let Query(asked) = parameters.map_err(|_| Failure::invalid("there is one parameter, `view`"))?;
    door.run(caller, Operation::Answers, move |door, admission| {
        admission.admit([], 0)?;
        let mut rows = door.service.store.answers();
        rows.retain(|row: &AnswerRow| asked.view.as_ref().is_none_or(|view| row.view == *view));
        JsonReply::of(door, &AsJson(rows.as_slice()))
    })
    .await
}
