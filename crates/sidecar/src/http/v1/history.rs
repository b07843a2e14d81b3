//! `GET /v1/history/{view}?user_id=1&limit=10`.

use std::sync::Arc;

use asofdb::parts::find_stored_view;
use asofdb::{AsJson, FeatureView, HistoryRows, Session};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};

use super::super::door::Door;
use super::super::failure::Failure;
use super::super::name::PathName;
use super::super::reply::JsonReply;
use super::entity;
use crate::admission::Caller;
use crate::operation::Operation;

/// Versions of an answer where the request does not say.
const LIMIT_DEFAULT: usize = 100;

/// Most versions of an answer; exports give the rest.
const LIMIT_MAX: usize = 10_000;

/// The parameter that says how many versions, unless it is a join key of the view.
const LIMIT_PARAMETER: &str = "limit";

/// Every version of one entity in a view, newest first.
pub(in super::super) async fn history(
    State(door): State<Arc<Door>>,
    caller: Caller,
    PathName(view): PathName,
    parameters: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<JsonReply, Failure> {
    let Query(parameters) = parameters.map_err(|_| Failure::malformed("the address has broken parameters"))?;
    door.run(caller, Operation::History, move |door, admission| {
        let store = &admission.store()?;
        let view = find_stored_view(&store.catalog(), &view)?.clone();
        let (limit, parameters) = limit(&view, parameters)?;
        let entity = entity::from_parameters(&view, &parameters)?;
        admission.admit([view.name.as_str()], limit)?;
        door.check_answer_size(limit, view.features.len())?;
        let rows = store.history(&view.name, &entity, limit)?;
        JsonReply::of(door, &AsJson(&HistoryRows { view: &view, rows: &rows }))
    })
    .await
}

/// Takes the limit out of the parameters.
fn limit(view: &FeatureView, parameters: Vec<(String, String)>) -> Result<(usize, Vec<(String, String)>), Failure> {
    if view.join_keys.iter().any(|key| key.name == LIMIT_PARAMETER) {
        return Ok((LIMIT_DEFAULT, parameters));
    }
    let (limits, rest): (Vec<_>, Vec<_>) = parameters.into_iter().partition(|(name, _)| name == LIMIT_PARAMETER);
    let limit = match limits.last() {
        Some((_, text)) => text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit)),
        None => Some(LIMIT_DEFAULT),
    };
    let limit = limit.ok_or_else(|| Failure::invalid(format!("`limit` is from 1 to {LIMIT_MAX}")))?;
    Ok((limit, rest))
}
