//! Changes of definitions, planned or made, with what those need to know who look at them.

use std::sync::Arc;

use asofdb::{
    Approval, AsJson, Catalog, Definitions, Error, Impact, Plan, Policy, Result, Session, UsageRow, plan_hash,
};
use serde_json::{Value as Json, json};

use crate::duplicates::find_named_alike;

/// A change of the definitions, planned or made.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The catalog that it changes.
    pub before: Arc<Catalog>,
    /// What changes.
    pub plan: Plan,
    /// The things that it takes from those who have read them of late.
    pub impacts: Vec<Impact>,
    /// The approvals that it wants; `None` where it wants none, or was made.
    pub approval: Option<WantedApproval>,
}

impl Planned {
    /// The plan of definitions for a store.
    ///
    /// # Errors
    /// As [`Session::plan`] and [`Session::impacts`].
    pub fn of<S: Session + ?Sized>(session: &S, definitions: &Definitions) -> Result<Self> {
        let (before, plan) = (session.catalog()?, session.plan(definitions)?);
        let impacts = session.impacts(&plan)?;
        let approval = match plan.is_empty() {
            true => None,
            false => WantedApproval::of(session, &before, || plan_hash(&before, definitions))?,
        };
        Ok(Planned { before, plan, impacts, approval })
    }

    /// Makes JSON of it: its changes, who has read what goes, and what may be there already.
    ///
    /// # Errors
    /// `Internal` where a pair of likely duplicates cannot be written.
    pub fn to_json(&self, is_applied: bool) -> Result<Json> {
        let mut json = json!({"applied": is_applied, "changes": AsJson(self.plan.changes.as_slice()).to_tree()?});
        let alike = find_named_alike(&self.before, self.plan.catalog());
        if !alike.is_empty() {
            let unwritten = |error| Error::internal("pairs cannot be written as JSON").with_source(error);
            json["likely_duplicates"] = serde_json::to_value(&alike).map_err(unwritten)?;
        }
        if !self.impacts.is_empty() {
            json["used"] = self.impacts.iter().map(impact_json).collect();
        }
        if let Some(approval) = &self.approval {
            json["approval"] = approval.to_json();
        }
        Ok(json)
    }
}

fn impact_json(impact: &Impact) -> Json {
    let reader = |row: &UsageRow| {
        let last = row.last.to_string();
        json!({ "consumer": row.key.consumer, "calls": row.calls(), "last_read": last })
    };
    let readers: Vec<_> = impact.readers.iter().map(reader).collect();
    let mut json = json!({ "what": impact.change.what.as_str(), "name": impact.change.name, "readers": readers });
    if let Some(day) = impact.promised_until {
        json["promised_until"] = Json::from(day.to_string());
    }
    json
}

/// The approvals that a plan wants, and those that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedApproval {
    /// The hash by which it is approved.
    pub plan: String,
    /// The number of others than whoever applies it who have to approve it.
    pub needed: u32,
    /// The approvals that were given.
    pub given: Vec<Approval>,
}

impl WantedApproval {
    /// The approvals of a plan whose hash is made when it is needed; `None` where the policy wants none.
    ///
    /// # Errors
    /// As [`Session::approvals`], and those of the hash.
    pub fn of<S: Session + ?Sized>(
        session: &S,
        catalog: &Catalog,
        hash: impl FnOnce() -> Result<String>,
    ) -> Result<Option<Self>> {
        let needed = Policy::of(catalog)?.map_or(0, |policy| policy.approvals_min());
        if needed == 0 {
            return Ok(None);
        }
        let plan = hash()?;
        let given = session.approvals()?.of(&plan).cloned().collect();
        Ok(Some(WantedApproval { plan, needed, given }))
    }

    /// Makes JSON of it.
    pub fn to_json(&self) -> Json {
        json!({ "plan": self.plan, "needed": self.needed, "given": self.given.iter().map(approval_json).collect::<Json>() })
    }
}

/// Makes JSON of an approval: who, and when.
pub fn approval_json(approval: &Approval) -> Json {
    json!({ "who": approval.who, "at": approval.at.to_string() })
}
