//! `GET /v1/duplicates?view=user_stats_v1&at=2013-12-31&limit=10`.

use std::sync::Arc;

use asofdb::Timestamp;
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
        let Asked { views, at, limit } = asked(&parameters)?;
        admission.admit(views.iter().copied(), 0)?;
        let stop = admission.stop().clone();
        let mut pairs = find_duplicates(&door.service.store, &views, at, &|| stop.check())?;
        // The evidence has values in it.
        let reader = admission.store()?;
        pairs.retain(|pair| reader.check_readable(&pair.features).is_ok());
        pairs.truncate(limit);
        JsonReply::of(door, &pairs)
    })
    .await
}

/// The pairs that are asked for.
struct Asked<'p> {
    /// Pairs with a feature of one of these; of all where it is empty.
    views: Vec<&'p str>,
    /// Values are compared as of this time; as of now where there is none.
    at: Option<Timestamp>,
    limit: usize,
}

fn asked(parameters: &[(String, String)]) -> Result<Asked<'_>, Failure> {
    let (mut views, mut at, mut limit) = (Vec::new(), None, PAIRS_MAX);
    for (name, value) in parameters {
        match name.as_str() {
            "view" => views.push(value.as_str()),
            "at" => at = Some(value.parse()?),
            "limit" => {
                let given = value.parse().ok().filter(|limit| (1..=PAIRS_MAX).contains(limit));
                limit = given.ok_or_else(|| Failure::invalid(format!("`limit` is from 1 to {PAIRS_MAX}")))?;
            }
            _ => return Err(Failure::malformed("the address may have `view`, several times, `at` and `limit`")),
        }
    }
    Ok(Asked { views, at, limit })
}
