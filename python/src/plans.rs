//! Plans that wait for approval, as the Python package reads them.

use asofdb::{Approvals, Change, Proposal, Proposals};
use asofdb_platform::approval_json;
use serde_json::{Value as Json, json};

/// A list of the plans, each with its approvals.
pub(crate) fn plans_json(proposals: &Proposals, approvals: &Approvals) -> String {
    let one = |proposal: &Proposal| {
        json!({
            "plan": proposal.plan,
            "who": proposal.who,
            "at": proposal.at.to_string(),
            "message": proposal.message,
            "changes": proposal.changes.iter().map(change_json).collect::<Json>(),
            "left_out": proposal.left_out,
            "approved_by": approvals.of(&proposal.plan).map(approval_json).collect::<Json>(),
        })
    };
    proposals.waiting.iter().map(one).collect::<Json>().to_string()
}

/// A line of a plan.
pub(crate) fn change_json(change: &Change) -> Json {
    json!({
        "kind": format!("{:?}", change.kind).to_lowercase(),
        "what": change.what.as_str(),
        "name": change.name,
        "details": change.details,
        "text": change.to_string(),
    })
}
