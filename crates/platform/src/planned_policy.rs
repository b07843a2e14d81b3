//! Changes of the policy, planned or made, with what those need to know who look at them.

use asofdb::{AsJson, Breach, Policy, PolicyDifference, Result, Session, policy_hash, policy_plan_hash};
use serde_json::{Value as Json, json};

use crate::planned::WantedApproval;

/// A change of the policy, planned or made.
#[derive(Debug, Clone)]
pub struct PlannedPolicy {
    /// The SHA-256 of its text.
    pub sha256: String,
    /// The revision of the catalog that it was planned with.
    pub revision: u64,
    /// The lines that go and come.
    pub difference: PolicyDifference,
    /// Definitions that are there already and break it; they may stay.
    pub breaches: Vec<Breach>,
    /// The approvals that it wants; `None` where it wants none, or changes nothing.
    pub approval: Option<WantedApproval>,
}

impl PlannedPolicy {
    /// The plan of making a text the policy of a store. `origin` is its name in errors.
    ///
    /// # Errors
    /// `Invalid` for what is no policy, with the place; as [`Session::approvals`].
    pub fn of<S: Session + ?Sized>(session: &S, text: &str, origin: &str) -> Result<Self> {
        let policy = Policy::parse(text, origin)?;
        let catalog = session.catalog()?;
        let difference = PolicyDifference::new(&catalog, text);
        let approval = match difference.changes.is_empty() {
            true => None,
            false => WantedApproval::of(session, &catalog, || policy_plan_hash(&catalog, text))?,
        };
        let (sha256, revision) = (policy_hash(text), catalog.revision());
        Ok(PlannedPolicy { sha256, revision, difference, breaches: policy.breaches(&catalog), approval })
    }

    /// Makes JSON of it: its lines, and what breaks it already.
    ///
    /// # Errors
    /// `Internal` where a line cannot be written.
    pub fn to_json(&self, is_applied: bool) -> Result<Json> {
        let mut json = json!({
            "applied": is_applied,
            "sha256": self.sha256,
            "changes": AsJson(self.difference.changes.as_slice()).to_tree()?,
            "left_out": self.difference.left_out,
            "breaches": AsJson(self.breaches.as_slice()).to_tree()?,
        });
        if let Some(approval) = self.approval.as_ref().filter(|_| !is_applied) {
            json["approval"] = approval.to_json();
        }
        Ok(json)
    }
}
