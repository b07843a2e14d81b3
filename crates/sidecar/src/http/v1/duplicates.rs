//! `GET /v1/duplicates?view=user_stats_v1&limit=10`.

use std::sync::Arc;

use asofdb_platform::find_duplicates;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};

use super::super::door::Door;
use super::super::failure::Failure;
use super::super::reply::JsonReply;
use crate::admission::Caller;
use crate::operation::Operation;

/// Most pairs of an answer, also where nobody says.
const PAIRS_MAX: usize = 1_000;

/// Features that are likely the same thing, the surest first. Reads some hundred entities of every view.
pub(in super::super) async fn duplicates(
    State(door): State<Arc<Door>>,
    caller: Caller,
    parameters: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<JsonReply, Failure> {
    let Query(parameters) = parameters.map_err(|_| Failure::malformed("the address has broken parameters"))?;
    door.run(caller, Operation::Duplicates, move |door, admission| {
        let (views, limit) = asked(&parameters)?;
        admission.admit(views.iter().copied(), 0)?;
        let stop = admission.stop().clone();
        let mut pairs = find_duplicates(&door.service.store, &views, &|| stop.check())?;
        // The evidence has values in it.
        let reader = admission.store()?;
        pairs.retain(|pair| reader.check_readable(&pair.features).is_ok());
        pairs.truncate(limit);
        JsonReply::of(door, &pairs)
    })
    .await
}

/// The views and the limit that are asked for.
fn asked(parameters: &[(String, String)]) -> Result<(Vec<&str>, usize), Failure> {
    let (mut views, mut limit) = (Vec::new(), PAIRS_MAX);
    for (name, value) in parameters {
        match name.as_str() {
            "view" => views.push(value.as_str()),
            "limit" => {
                let given = value.parse().ok().filter(|limit| (1..=PAIRS_MAX).contains(limit));
                limit = given.ok_or_else(|| Failure::invalid(format!("`limit` is from 1 to {PAIRS_MAX}")))?;
            }
            _ => return Err(Failure::malformed("the address may have `view`, several times, and `limit`")),
        }
    }
    Ok((views, limit))
}
