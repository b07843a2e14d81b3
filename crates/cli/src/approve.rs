//! `asof approve`: the approval of somebody else's plan, and what a plan still wants.

use asofdb::{Approval, Catalog, Policy, Session};
use asofdb_client::Engine;
use clap::Args;
use serde_json::{Value as Json, json};

use super::context::Context;
use super::error::{Outcome, Result};
use super::output::print;
use super::text::counted;

/// Approve a plan by its hash, so that somebody else can apply it
///
/// Where the policy has approvals_min, asof plan shows the hash of what asof apply would do. Whoever approves plans the
/// same file and compares. An approval is recorded with the user, as the kernel tells it, and the time, and ends with the
/// next change of the catalog.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  asof --connect ~/.asof/socket approve 5f2b…")]
pub(crate) struct Approve {
    /// The hash that asof plan, or asof policy apply --plan, shows
    #[arg(value_name = "PLAN")]
    plan: String,
}

impl Approve {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        context.open()?.approve(&self.plan)?;
        print(&format!("approved {}\n", self.plan))?;
        Ok(Outcome::Done)
    }
}

/// The approvals that a plan wants, and those that it has.
pub(crate) struct Wanted {
    pub(crate) hash: String,
    min: u32,
    given: Vec<Approval>,
}

impl Wanted {
    /// The approvals of a plan; `None` where the policy wants none.
    pub(crate) fn of(
        store: &Engine,
        catalog: &Catalog,
        hash: impl FnOnce() -> asofdb::Result<String>,
    ) -> Result<Option<Self>> {
        let min = Policy::of(catalog)?.map_or(0, |policy| policy.approvals_min());
        if min == 0 {
            return Ok(None);
        }
        let hash = hash()?;
        let given = store.approvals()?.of(&hash).cloned().collect();
        Ok(Some(Wanted { hash, min, given }))
    }

    /// The line below a plan.
    pub(crate) fn line(&self) -> String {
        let by: Vec<_> = self.given.iter().map(|approval| approval.who.as_str()).collect();
        let by = if by.is_empty() { "nobody".to_owned() } else { by.join(", ") };
        let wanted = counted(self.min.into(), "approval", "approvals");
        format!("plan {} needs {wanted} by others than whoever applies it; approved by {by}", self.hash)
    }

    pub(crate) fn json(&self) -> Json {
        let given = |approval: &Approval| json!({ "who": approval.who, "at": approval.at.to_string() });
        json!({ "plan": self.hash, "needed": self.min, "given": self.given.iter().map(given).collect::<Json>() })
    }
}
