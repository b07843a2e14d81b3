//! `GET /v1/statistics/{view}` and `POST /v1/profile?view=user_stats_v1&entities=1000`.

use std::sync::Arc;

use asofdb::{AsJson, PROFILE_ENTITIES_DEFAULT, ProfileSample};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;

use super::super::door::Door;
use super::super::failure::Failure;
use super::super::name::PathName;
use super::super::reply::JsonReply;
use crate::admission::Caller;
use crate::operation::Operation;

/// Answers with the statistics that are kept of a view. Reads no rows.
pub(in super::super) async fn statistics(
    State(door): State<Arc<Door>>,
    caller: Caller,
    PathName(view): PathName,
) -> Result<JsonReply, Failure> {
    door.run(caller, Operation::Statistics, move |door, admission| {
        admission.admit([view.as_str()], 0)?;
        JsonReply::of(door, &AsJson(&admission.store()?.statistics(&view)?))
    })
    .await
}

/// The parameters of the address.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Asked {
    view: String,
    entities: Option<usize>,
    #[serde(default)]
    all: bool,
}

impl Asked {
    fn sample(&self) -> Result<ProfileSample, Failure> {
        match (self.entities, self.all) {
            (Some(_), true) => Err(Failure::invalid("statistics are of so many `entities`, or of `all`, not of both")),
            (None, true) => Ok(ProfileSample::All),
            (entities, false) => Ok(ProfileSample::Entities(entities.unwrap_or(PROFILE_ENTITIES_DEFAULT))),
        }
    }
}

/// Takes the statistics of a view, keeps them and answers with them. Reads some thousand entities, or all.
pub(in super::super) async fn profile(
    State(door): State<Arc<Door>>,
    caller: Caller,
    parameters: Result<Query<Asked>, QueryRejection>,
) -> Result<JsonReply, Failure> {
    let rule = "the parameters are `view`, and `entities`, a number, or `all`, true or false";
    let Query(asked) = parameters.map_err(|_| Failure::invalid(rule))?;
    let sample = asked.sample()?;
    door.run(caller, Operation::Profile, move |door, admission| {
        admission.admit([asked.view.as_str()], 0)?;
        let (store, stop) = (admission.store()?, admission.stop());
        JsonReply::of(door, &AsJson(&store.profile_until(&asked.view, sample, stop, &mut |_| {})?))
    })
    .await
}
