//! `GET /v1/usage?days=30&by_day=true&name=user_stats_v1`.

use std::sync::Arc;

use asofdb::{AsJson, USAGE_DAYS_MAX, UsagePeriod, UsageRow};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;

use super::super::door::Door;
use super::super::failure::Failure;
use super::super::reply::JsonReply;
use crate::admission::Caller;
use crate::operation::Operation;

/// Days of an answer where the request does not say.
const DAYS_DEFAULT: u32 = 30;

/// The parameters of the address.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Asked {
    days: Option<u32>,
    #[serde(default)]
    by_day: bool,
    name: Option<String>,
}

/// Answers with what consumers have read in the last days: by day if asked, then by thing and consumer.
pub(in super::super) async fn usage(
    State(door): State<Arc<Door>>,
    caller: Caller,
    parameters: Result<Query<Asked>, QueryRejection>,
) -> Result<JsonReply, Failure> {
    let rule = || {
        Failure::invalid(format!(
            "the parameters are `days`, from 1 to {USAGE_DAYS_MAX}, `by_day`, true or false, and `name`"
        ))
    };
    let Query(asked) = parameters.map_err(|_| rule())?;
    let days = asked.days.unwrap_or(DAYS_DEFAULT);
    if !(1..=USAGE_DAYS_MAX).contains(&days) {
        return Err(rule());
    }
    door.run(caller, Operation::Usage, move |door, _| {
        let mut rows = door.service.store.usage(UsagePeriod { last_days: days, by_day: asked.by_day })?;
        rows.retain(|row: &UsageRow| asked.name.as_ref().is_none_or(|name| row.key.name == *name));
        JsonReply::of(door, &AsJson(rows.as_slice()))
    })
    .await
}
