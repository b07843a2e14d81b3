//! `POST /v1/plan`, `/v1/apply`, `/v1/propose` and `/v1/approve`, and `GET /v1/plans`: changes of what is defined.

use std::sync::Arc;

use asofdb::{Actor, Allow, ApplyOptions, Approvals, AsJson, Catalog, Definitions, Policy, Proposal, Store};
use asofdb_platform::{Planned, PlannedPolicy, approval_json};
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::super::door::Door;
use super::super::failure::Failure;
use super::super::payload::Payload;
use super::super::reply::JsonReply;
use super::wanted::{POLICY, Wanted};
use crate::admission::Caller;
use crate::operation::Operation;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToPlan {
    definitions: Option<String>,
    policy: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToPropose {
    definitions: Option<String>,
    policy: Option<String>,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToApply {
    definitions: Option<String>,
    policy: Option<String>,
    #[serde(default)]
    message: String,
    #[serde(default)]
    allow_drop: Permission,
    #[serde(default)]
    allow_redefine: Permission,
    revision: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToApprove {
    plan: String,
}

/// A permission: of what nobody reads, or of that and of what is named.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a permission is true, false, or a list of names")]
enum Permission {
    Given(bool),
    Named(Vec<String>),
}

impl Default for Permission {
    fn default() -> Self {
        Permission::Given(false)
    }
}

impl Permission {
    fn is_given(&self) -> bool {
        !matches!(self, Permission::Given(false))
    }

    fn names(&self) -> &[String] {
        if let Permission::Named(names) = self { names } else { &[] }
    }
}

/// Answers with what definitions, or a policy, would change. Changes nothing.
pub(in super::super) async fn plan(
    State(door): State<Arc<Door>>,
    caller: Caller,
    payload: Payload,
) -> Result<JsonReply, Failure> {
    door.run(caller, Operation::Plan, move |door, admission| {
        admission.admit([], 0)?;
        let ToPlan { definitions, policy } = payload.json()?;
        let store = &door.service.store;
        let (mut json, revision) = match Wanted::of(definitions, policy)? {
            Wanted::Definitions(definitions) => {
                let planned = Planned::of(store, &definitions)?;
                (planned.to_json(false)?, planned.before.revision())
            }
            Wanted::Policy(policy) => {
                let planned = PlannedPolicy::of(store, &policy, POLICY)?;
                (planned.to_json(false)?, planned.revision)
            }
        };
        json["revision"] = revision.into();
        JsonReply::of(door, &json)
    })
    .await
}

/// Makes definitions the catalog, or a text the policy that they keep, and answers with what changed.
pub(in super::super) async fn apply(
    State(door): State<Arc<Door>>,
    caller: Caller,
    payload: Payload,
) -> Result<JsonReply, Failure> {
    let actor = caller.actor();
    door.run(caller, Operation::Apply, move |door, admission| {
        admission.admit([], 0)?;
        let mut asked: ToApply = payload.json()?;
        let store = &door.service.store;
        let mut json = match Wanted::of(asked.definitions.take(), asked.policy.take())? {
            Wanted::Definitions(definitions) => {
                let (planned, options) = permitted(store, &definitions, asked)?;
                let plan = store.apply_by(&actor, &definitions, &options)?;
                Planned { plan, approval: None, ..planned }.to_json(true)?
            }
            Wanted::Policy(policy) => apply_policy(store, &actor, &policy, asked)?,
        };
        json["revision"] = store.catalog().revision().into();
        JsonReply::of(door, &json)
    })
    .await
}

/// Makes a text the policy, which only operators may.
fn apply_policy(store: &Store, actor: &Actor, policy: &str, asked: ToApply) -> Result<Json, Failure> {
    if asked.allow_drop.is_given() || asked.allow_redefine.is_given() {
        return Err(Failure::malformed("permissions are of definitions: a policy drops and redefines nothing"));
    }
    let planned = PlannedPolicy::of(store, policy, POLICY)?;
    store.apply_policy_by(actor, policy, &asked.message, Some(asked.revision.unwrap_or(planned.revision)))?;
    Ok(planned.to_json(true)?)
}

/// The plan, with permissions of what is named: of the catalog that was planned with, so that this is all that goes.
fn permitted(store: &Store, definitions: &Definitions, asked: ToApply) -> asofdb::Result<(Planned, ApplyOptions)> {
    let planned = Planned::of(store, definitions)?;
    let names: Vec<_> = asked.allow_drop.names().iter().chain(asked.allow_redefine.names()).collect();
    let allow = Allow {
        drop: asked.allow_drop.is_given(),
        redefine: asked.allow_redefine.is_given(),
        used: planned.impacts.iter().all(|impact| impact.is_named(&names)),
    };
    let revision = Some(asked.revision.unwrap_or(planned.before.revision()));
    Ok((planned, ApplyOptions { allow, revision, message: asked.message }))
}

/// Makes a plan known to those who may approve it, and answers with its hash.
pub(in super::super) async fn propose(
    State(door): State<Arc<Door>>,
    caller: Caller,
    payload: Payload,
) -> Result<JsonReply, Failure> {
    let actor = caller.actor();
    door.run(caller, Operation::Propose, move |door, admission| {
        admission.admit([], 0)?;
        let ToPropose { definitions, policy, message } = payload.json()?;
        let store = &door.service.store;
        let plan = match Wanted::of(definitions, policy)? {
            Wanted::Definitions(definitions) => store.propose_by(&actor, &definitions, &message, None)?,
            Wanted::Policy(policy) => store.propose_policy_by(&actor, &policy, &message)?,
        };
        JsonReply::of(door, &json!({ "plan": plan }))
    })
    .await
}

/// Approves a plan by its hash, for somebody else to apply.
pub(in super::super) async fn approve(
    State(door): State<Arc<Door>>,
    caller: Caller,
    payload: Payload,
) -> Result<JsonReply, Failure> {
    let actor = caller.actor();
    door.run(caller, Operation::Approve, move |door, admission| {
        admission.admit([], 0)?;
        let ToApprove { plan } = payload.json()?;
        door.service.store.approve_by(&actor, &plan)?;
        JsonReply::of(door, &json!({ "plan": plan, "approved_by": actor.name }))
    })
    .await
}

/// Answers with the plans that wait for the catalog of now, and with approvals of others.
pub(in super::super) async fn plans(State(door): State<Arc<Door>>, caller: Caller) -> Result<JsonReply, Failure> {
    door.run(caller, Operation::Log, move |door, admission| {
        admission.admit([], 0)?;
        let store = &door.service.store;
        let (proposals, approvals) = (store.proposals()?, store.approvals()?);
        JsonReply::of(door, &plans_json(&store.catalog(), &proposals.waiting, &approvals)?)
    })
    .await
}

fn plans_json(catalog: &Catalog, waiting: &[Proposal], approvals: &Approvals) -> asofdb::Result<Json> {
    let given = |plan: &str| approvals.of(plan).map(approval_json).collect::<Json>();
    let one = |proposal: &Proposal| {
        Ok(json!({
            "plan": proposal.plan,
            "who": proposal.who,
            "at": proposal.at.to_string(),
            "message": proposal.message,
            "changes": AsJson(proposal.changes.as_slice()).to_tree()?,
            "left_out": proposal.left_out,
            "approved_by": given(&proposal.plan),
        }))
    };
    let needed = Policy::of(catalog)?.map_or(0, |policy| policy.approvals_min());
    let others = approvals.given.iter().filter(|(plan, _)| waiting.iter().all(|proposal| proposal.plan != *plan));
    let other = |(plan, approval): &(String, asofdb::Approval)| json!({ "plan": plan, "who": approval.who, "at": approval.at.to_string() });
    Ok(json!({
        "revision": catalog.revision(),
        "approvals_needed": needed,
        "plans": waiting.iter().map(one).collect::<asofdb::Result<Json>>()?,
        "other_approvals": others.map(other).collect::<Json>(),
    }))
}
