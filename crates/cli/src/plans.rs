//! `asof plans`: plans that wait for approval.

use asofdb::{Change, Policy, Proposal, Session};
use asofdb_platform::approval_json;
use clap::Args;
use serde_json::{Value as Json, json};

use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::sheet::{Cell, Column, Sheet};
use super::text::counted;

/// Show the plans that wait for approval, with who wants them and why, and who has approved them
///
/// asof plan --propose makes a plan known, asof policy propose one of the policy. It waits until the next change of what is defined; what is applied then is
/// the file, whose hash has to be that of the plan.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asof --connect ~/.asof/socket plans\n  asof plans --format json")]
pub(crate) struct Plans {
    #[command(flatten)]
    output: Output,
}

impl Plans {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let store = context.open()?;
        let (proposals, approvals) = (store.proposals()?, store.approvals()?);
        let needed = Policy::of(&*store.catalog()?)?.map_or(0, |policy| policy.approvals_min());
        let mut sheet = Sheet::new(["plan", "at", "who", "changes", "approved_by", "message"].map(Column::new));
        let mut json = Vec::new();
        for proposal in &proposals.waiting {
            let given: Vec<_> = approvals.of(&proposal.plan).collect();
            let by: Vec<_> = given.iter().map(|approval| approval.who.as_str()).collect();
            sheet.push(line(proposal, &by.join(", ")));
            json.push(one(proposal, given.iter().map(|approval| approval_json(approval)).collect()));
        }
        let wanted = counted(needed.into(), "approval", "approvals");
        let waiting = counted(proposals.waiting.len() as u64, "plan waits", "plans wait");
        let below = vec![format!("{waiting}; the policy wants {wanted} by others than whoever applies a plan")];
        let json = json!({ "revision": proposals.revision, "approvals_needed": needed, "plans": json });
        self.output.print(&Report { json, sheet, below, ..Report::default() })?;
        Ok(Outcome::Done)
    }
}

fn line(proposal: &Proposal, approved_by: &str) -> Vec<Cell> {
    let filled = |text: &str| Cell::optional((!text.is_empty()).then_some(text.to_owned()));
    let all: Vec<_> = proposal.changes.iter().map(Change::to_string).collect();
    let more = counted(all.len() as u64 + proposal.left_out, "change", "changes");
    vec![
        Cell::new(&proposal.plan),
        Cell::new(proposal.at),
        Cell::new(&proposal.who),
        Cell::new(all.join("; ")).shown(more),
        filled(approved_by),
        filled(&proposal.message),
    ]
}

fn one(proposal: &Proposal, approved_by: Json) -> Json {
    let change = |change: &Change| {
        let (kind, what) = (change.kind.as_str(), change.what.as_str());
        json!({ "change": kind, "what": what, "name": change.name, "details": change.details })
    };
    json!({
        "plan": proposal.plan,
        "who": proposal.who,
        "at": proposal.at.to_string(),
        "message": proposal.message,
        "changes": proposal.changes.iter().map(change).collect::<Json>(),
        "left_out": proposal.left_out,
        "approved_by": approved_by,
    })
}
