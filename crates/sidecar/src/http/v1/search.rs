//! `GET /v1/search?q=mean+delay&limit=10`.

use std::sync::Arc;

use asofdb_platform::HITS_DEFAULT;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;

use super::super::door::Door;
use super::super::failure::Failure;
use super::super::reply::JsonReply;
use super::super::searched::search_operation;
use crate::admission::Caller;

/// Most hits of an answer.
const HITS_MAX: usize = 1_000;

/// Parameters of the address.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Asked {
    q: String,
    limit: Option<usize>,
}

/// Answers with what is defined and has the words of a query, the best first.
pub(in super::super) async fn search(
    State(door): State<Arc<Door>>,
    caller: Caller,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<JsonReply, Failure> {
    let malformed = || Failure::malformed("the address has `q`, the query, and may have `limit`, a whole number");
    let Query(asked) = asked.map_err(|_| malformed())?;
    door.run(caller, search_operation(&asked.q), move |door, _| {
        let limit = Some(asked.limit.unwrap_or(HITS_DEFAULT)).filter(|limit| (1..=HITS_MAX).contains(limit));
        let limit = limit.ok_or_else(|| Failure::invalid(format!("`limit` is from 1 to {HITS_MAX}")))?;
        let store = &door.service.store;
        JsonReply::of(door, &door.searcher.search(store, &store.catalog(), &asked.q, limit)?)
    })
    .await
}
