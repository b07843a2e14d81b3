//! `asof approve`: the approval of somebody else's plan, and what a plan still wants.

use asofdb::Session;
use asofdb_platform::WantedApproval;
use clap::Args;

use super::context::Context;
use super::error::{Outcome, Result};
use super::output::print;
use super::text::counted;

/// Approve a plan by its hash, so that somebody else can apply it
///
/// The hash is that of what asof apply would do, and asof plan shows it where the policy has approvals_min; of a policy
/// asof policy apply --plan does. Whoever approves plans the same file and compares, or reads it in asof plans. An approval is recorded with the user, as the kernel tells it, and the time, and ends with the
/// next change of the catalog.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  asof --connect ~/.asof/socket approve 5f2b…")]
pub(crate) struct Approve {
    /// The hash that asof plan, asof plans, or asof policy apply --plan, shows
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

/// The line below a plan that wants approvals.
pub(crate) fn wanted_line(wanted: &WantedApproval) -> String {
    let WantedApproval { plan, needed, given } = wanted;
    let by: Vec<_> = given.iter().map(|approval| approval.who.as_str()).collect();
    let by = if by.is_empty() { "nobody".to_owned() } else { by.join(", ") };
    let needed = counted((*needed).into(), "approval", "approvals");
    format!("plan {plan} needs {needed} by others than whoever applies it; approved by {by}")
}
