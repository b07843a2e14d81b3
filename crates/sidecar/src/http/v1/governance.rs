//! `GET /v1/policy`, `GET /v1/log?name=user_stats_v1&limit=20` and `GET /v1/diff?from=2026-11-01&to=now`.

use std::sync::Arc;

use asofdb::{AsJson, Session, policy_hash};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::json;

use super::super::door::Door;
use super::super::failure::Failure;
use super::super::reply::JsonReply;
use super::time::GivenTime;
use crate::admission::Caller;
use crate::operation::Operation;

/// Changes of an answer where the request does not say, and the most of them.
const CHANGES_DEFAULT: usize = 20;
const CHANGES_MAX: usize = 1_000;

/// The parameters of the address.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Asked {
    name: Option<String>,
    limit: Option<usize>,
    before: Option<u64>,
}

/// The moments that are compared.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Moments {
    from: String,
    to: Option<String>,
}

/// Answers with the policy that definitions keep, as it was given.
pub(in super::super) async fn policy(State(door): State<Arc<Door>>, caller: Caller) -> Result<JsonReply, Failure> {
    door.run(caller, Operation::Catalog, move |door, admission| {
        admission.admit([], 0)?;
        let catalog = door.service.store.catalog();
        let policy = catalog.policy().map(|policy| &**policy);
        JsonReply::of(door, &json!({ "policy": policy, "sha256": policy.map(policy_hash) }))
    })
    .await
}

/// Answers with the newest changes of the catalog.
pub(in super::super) async fn log(
    State(door): State<Arc<Door>>,
    caller: Caller,
    parameters: Result<Query<Asked>, QueryRejection>,
) -> Result<JsonReply, Failure> {
    let rule = || {
        let limit = format!("`limit`, from 1 to {CHANGES_MAX}");
        Failure::invalid(format!("the parameters are `name`, {limit}, and `before`, a revision"))
    };
    let Query(asked) = parameters.map_err(|_| rule())?;
    let limit = asked.limit.unwrap_or(CHANGES_DEFAULT);
    if !(1..=CHANGES_MAX).contains(&limit) {
        return Err(rule());
    }
    door.run(caller, Operation::Log, move |door, admission| {
        admission.admit([], 0)?;
        let before = asked.before.unwrap_or(u64::MAX);
        let changes = door.service.store.catalog_log_before(before, asked.name.as_deref(), limit)?;
        JsonReply::of(door, &AsJson(changes.as_slice()))
    })
    .await
}

/// Answers with what changed in what is defined between two moments.
pub(in super::super) async fn diff(
    State(door): State<Arc<Door>>,
    caller: Caller,
    parameters: Result<Query<Moments>, QueryRejection>,
) -> Result<JsonReply, Failure> {
    let rule = || Failure::invalid("the parameters are `from` and `to`, moments; `to` is now where it is left out");
    let Query(Moments { from, to }) = parameters.map_err(|_| rule())?;
    door.run(caller, Operation::Diff, move |door, admission| {
        admission.admit([], 0)?;
        let store = &door.service.store;
        let now = store.now();
        let at = |name: &str, text: String| GivenTime::Text(text).resolve(name, now);
        let (from, to) = (at("from", from)?, to.map_or(Ok(now), |to| at("to", to))?);
        let (from, to) = (store.catalog_at(from)?, store.catalog_at(to)?);
        JsonReply::of(door, &AsJson(from.changes_to(&to).as_slice()))
    })
    .await
}
