//! `GET /v1/models?name=user_stats_v1`.

use std::sync::Arc;

use asofdb::{AsJson, ModelRow};
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
    name: Option<String>,
    model: Option<String>,
}

/// Answers with what versions of models have read.
pub(in super::super) async fn models(
    State(door): State<Arc<Door>>,
    caller: Caller,
    parameters: Result<Query<Asked>, QueryRejection>,
) -> Result<JsonReply, Failure> {
    let rule = "the parameters are `name`, of a view or service, and `model`, as NAME/VERSION";
    let Query(asked) = parameters.map_err(|_| Failure::invalid(rule.to_owned()))?;
    door.run(caller, Operation::Models, move |door, admission| {
        admission.admit([], 0)?;
        let mut rows = door.service.store.models()?;
        rows.retain(|row: &ModelRow| {
            let is = |asked: &Option<String>, is: &String| asked.as_ref().is_none_or(|asked| asked == is);
            is(&asked.name, &row.key.name) && is(&asked.model, &row.key.model)
        });
        JsonReply::of(door, &AsJson(rows.as_slice()))
    })
    .await
}
