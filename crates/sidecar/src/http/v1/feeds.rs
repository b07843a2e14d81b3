//! `GET /v1/feeds?view=user_stats_v1` and `POST /v1/materialize?view=user_stats_v1`.

use std::sync::Arc;

use asofdb::AsJson;
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

fn asked(parameters: Result<Query<Asked>, QueryRejection>) -> Result<Vec<String>, Failure> {
    let Query(asked) = parameters.map_err(|_| Failure::invalid("there is one parameter, `view`"))?;
    Ok(asked.view.into_iter().collect())
}

/// Answers with the feeds of views, their last runs and whether they are late. Reads no rows.
pub(in super::super) async fn feeds(
    State(door): State<Arc<Door>>,
    caller: Caller,
    parameters: Result<Query<Asked>, QueryRejection>,
) -> Result<JsonReply, Failure> {
    let views = asked(parameters)?;
    door.run(caller, Operation::Feeds, move |door, admission| {
        let views: Vec<&str> = views.iter().map(String::as_str).collect();
        admission.admit(views.iter().copied(), 0)?;
        JsonReply::of(door, &AsJson(door.service.store.feeds(&views)?.as_slice()))
    })
    .await
}

/// Loads what is new in the sources of views, and answers with the runs.
pub(in super::super) async fn materialize(
    State(door): State<Arc<Door>>,
    caller: Caller,
    parameters: Result<Query<Asked>, QueryRejection>,
) -> Result<JsonReply, Failure> {
    let views = asked(parameters)?;
    door.run(caller, Operation::Materialize, move |door, admission| {
        let views: Vec<&str> = views.iter().map(String::as_str).collect();
        admission.admit(views.iter().copied(), 0)?;
        let runs = door.service.materialize(&views, admission.stop())?;
        JsonReply::of(door, &AsJson(runs.as_slice()))
    })
    .await
}
