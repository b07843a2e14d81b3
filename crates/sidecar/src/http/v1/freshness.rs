//! `GET /v1/freshness`, `GET /v1/freshness/{view}` and `GET /v1/freshness/{view}/history`.

use std::sync::Arc;

use asofdb::AsJson;
use asofdb::parts::find_view;
use asofdb_platform::pages::FreshnessPoint;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde_json::json;

use super::super::door::Door;
use super::super::failure::Failure;
use super::super::name::PathName;
use super::super::reply::JsonReply;
use crate::admission::Caller;
use crate::operation::Operation;

/// Answers with how fresh every stored view is. Reads no rows.
pub(in super::super) async fn all_freshness(
    State(door): State<Arc<Door>>,
    caller: Caller,
) -> Result<JsonReply, Failure> {
    door.run(caller, Operation::Ages, move |door, admission| {
        admission.admit([], 0)?;
        JsonReply::of(door, &AsJson(&door.service.store.ages::<&str>(&[])?[..]))
    })
    .await
}

/// Answers with how fresh a view is. Reads no rows, or all of them where that is asked for.
pub(in super::super) async fn freshness(
    State(door): State<Arc<Door>>,
    caller: Caller,
    PathName(view): PathName,
    parameters: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<JsonReply, Failure> {
    let Query(parameters) = parameters.map_err(|_| Failure::malformed("the address has broken parameters"))?;
    let exact = is_exact(&parameters)?;
    let operation = if exact { Operation::Freshness } else { Operation::Ages };
    door.run(caller, operation, move |door, admission| {
        let store = &door.service.store;
        let view = find_view(&store.catalog(), &view)?.name.clone();
        admission.admit([view.as_str()], 0)?;
        if exact {
            return JsonReply::of(door, &AsJson(&store.freshness_until(&view, admission.stop())?));
        }
        JsonReply::of(door, &store.ages(&[view])?.first().map(AsJson))
    })
    .await
}

/// Answers with how fresh a view was through the last day, a point for each look that the sidecar has taken. Reads no
/// rows.
pub(in super::super) async fn freshness_history(
    State(door): State<Arc<Door>>,
    caller: Caller,
    PathName(view): PathName,
) -> Result<JsonReply, Failure> {
    door.run(caller, Operation::Ages, move |door, admission| {
        admission.admit([view.as_str()], 0)?;
        // A view of windows is as fresh as its events.
        let ages = door.service.store.ages(&[view])?;
        let points = ages.first().map(|ages| door.service.freshness.of(&ages.view)).unwrap_or_default();
        let point = |point: FreshnessPoint| {
            json!({
                "at": point.at.to_string(),
                "status": point.status.as_str(),
                "age_seconds": point.age.map(|age| age.as_micros() / 1_000_000),
                "share_over_stale": point.stale_share,
            })
        };
        JsonReply::of(door, &points.into_iter().map(point).collect::<Vec<_>>())
    })
    .await
}

/// Returns whether every version of the view is to be read.
fn is_exact(parameters: &[(String, String)]) -> Result<bool, Failure> {
    let mut exact = false;
    for (name, value) in parameters {
        exact = match (name.as_str(), value.as_str()) {
            ("exact", "true") => true,
            ("exact", "false") => false,
            ("exact", _) => return Err(Failure::invalid("`exact` is true or false")),
            _ => return Err(Failure::invalid("there is one parameter, `exact`")),
        };
    }
    Ok(exact)
}
