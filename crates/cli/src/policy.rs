//! `asof policy` and `asof lint`: rules that definitions keep.

use std::path::{Path, PathBuf};

use asofdb::parts::read_text;
use asofdb::{AsJson, Breach, Change, DEFINITIONS_BYTES_MAX, Error, POLICY_BYTES_MAX, Policy, Session, policy_hash};
use asofdb_platform::PlannedPolicy;
use clap::{Args, Subcommand};
use serde_json::json;

use super::approve::wanted_line;
use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::sheet::{Cell, Column, Sheet, Tone};
use super::text::counted;

/// Show the policy of the store, or give it another one
///
/// A policy has rules for names, descriptions, owners, teams, tags, ttl, retention, freshness, types and width, which
/// asof plan and asof apply keep; it says who may read what, and who has to approve changes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PolicyCommand {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof policy
  asof policy apply policy.toml --message \"Every view has an owner\"
  asof --connect ~/.asof/socket policy propose policy.toml --message \"Two approve\"
  asof lint features.toml --policy policy.toml";

#[derive(Debug, Subcommand)]
enum Action {
    Apply(ApplyPolicy),
    Propose(ProposePolicy),
}

/// Make a file the policy of the store
///
/// Tells what breaks it already, and may stay; what is defined from now on has to keep it.
#[derive(Debug, Args)]
struct ApplyPolicy {
    /// The policy (TOML)
    #[arg(value_name = "POLICY.toml")]
    file: PathBuf,
    /// Only tell what breaks it already, and the hash by which the change is approved
    #[arg(long)]
    plan: bool,
    /// The reason, for asof log
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    message: String,
    #[command(flatten)]
    output: Output,
}

impl PolicyCommand {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        match &self.action {
            Some(Action::Apply(apply)) => apply.run(context),
            Some(Action::Propose(propose)) => propose.run(context),
            None => self.show(context),
        }
    }

    fn show(&self, context: &Context) -> Result<Outcome> {
        let catalog = context.open()?.catalog()?;
        let policy = catalog.policy().map(|policy| &**policy);
        let hash = policy.map(policy_hash);
        let json = json!({ "policy": policy, "sha256": hash });
        let mut sheet = Sheet::new([Column::new("sha256"), Column::new("bytes")]);
        let above = match policy {
            Some(policy) => policy.lines().map(str::to_owned).collect(),
            None => vec!["there is no policy".to_owned()],
        };
        if let (Some(policy), Some(hash)) = (policy, hash) {
            sheet.push(vec![Cell::new(hash), Cell::new(policy.len())]);
        }
        self.output.print(&Report { json, sheet, above, ..Report::default() })?;
        Ok(Outcome::Done)
    }
}

/// Make a change of the policy known to those who may approve it
///
/// Nothing is changed. asof plans and the page /plans of a sidecar show each line that goes and comes, until the next
/// change; asof approve approves it by its hash, and an operator applies the same file with asof policy apply.
#[derive(Debug, Args)]
struct ProposePolicy {
    /// The policy (TOML)
    #[arg(value_name = "POLICY.toml")]
    file: PathBuf,
    /// The reason, for those who look at it
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    message: String,
    #[command(flatten)]
    output: Output,
}

impl ApplyPolicy {
    fn run(&self, context: &Context) -> Result<Outcome> {
        let (text, store) = (policy_text(&self.file)?, context.open_or_create()?);
        let planned = PlannedPolicy::of(&store, &text, &self.file.display().to_string())?;
        if !self.plan {
            store.apply_policy(&text, &self.message)?;
        }
        let done = if self.plan { "nothing done" } else { "applied" };
        self.output.print(&report(&planned, done, !self.plan)?)?;
        Ok(Outcome::Done)
    }
}

impl ProposePolicy {
    fn run(&self, context: &Context) -> Result<Outcome> {
        let (text, store) = (policy_text(&self.file)?, context.open()?);
        let planned = PlannedPolicy::of(&store, &text, &self.file.display().to_string())?;
        let plan = store.propose_policy(&text, &self.message)?;
        let mut report = report(&planned, &format!("proposed as plan {plan}"), false)?;
        report.json["plan"] = plan.into();
        self.output.print(&report)?;
        Ok(Outcome::Done)
    }
}

fn policy_text(file: &Path) -> Result<String> {
    Ok(read_text(file, "policy file", POLICY_BYTES_MAX)?)
}

/// Lines that go and come, above what breaks the policy already.
fn report(planned: &PlannedPolicy, done: &str, is_applied: bool) -> Result<Report> {
    let PlannedPolicy { sha256, difference, breaches, approval, .. } = planned;
    let found = counted(breaches.len() as u64, "breach", "breaches");
    let mut below = vec![format!("policy {sha256}: {done}; {found} in what is defined already")];
    below.extend(approval.as_ref().filter(|_| !is_applied).map(wanted_line));
    let lines = difference.changes.iter().skip(1).map(Change::to_string);
    let more = (difference.left_out > 0).then(|| format!("{} more", counted(difference.left_out, "line", "lines")));
    let (json, above) = (planned.to_json(is_applied)?, lines.chain(more).collect());
    Ok(Report { json, sheet: sheet(breaches), above, below })
}

/// Check a file of definitions against a policy, without a store if the policy is given
///
/// All breaches are told, each with its place. asof plan and asof apply refuse only those that are new.
#[derive(Debug, Args)]
#[command(after_help = LINT_EXAMPLES)]
pub(crate) struct Lint {
    /// The definitions (TOML)
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    /// The policy (TOML) [default: that of the store]
    #[arg(long, value_name = "POLICY.toml")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

const LINT_EXAMPLES: &str = "\
Examples:
  asof lint features.toml --policy policy.toml
  asof --connect ~/.asof/socket lint features.toml --format json

Exit codes: 0 no breach, 1 the definitions or the policy cannot be read, 3 the definitions break the policy.";

impl Lint {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let policy = match &self.policy {
            Some(path) => {
                let text = read_text(path, "policy file", POLICY_BYTES_MAX)?;
                Policy::parse(&text, &path.display().to_string())?
            }
            None => {
                let policy = Policy::of(&*context.open()?.catalog()?)?;
                policy.ok_or_else(|| Error::not_found("the store has no policy; give one"))?
            }
        };
        let text = read_text(&self.file, "definitions file", DEFINITIONS_BYTES_MAX)?;
        let breaches = policy.lint(&text, &self.file.display().to_string())?;
        let below = vec![counted(breaches.len() as u64, "breach", "breaches")];
        let json = AsJson(breaches.as_slice()).to_tree()?;
        self.output.print(&Report { json, sheet: sheet(&breaches), below, ..Report::default() })?;
        Ok(if breaches.is_empty() { Outcome::Done } else { Outcome::Problem })
    }
}

fn sheet(breaches: &[Breach]) -> Sheet {
    let mut sheet = Sheet::new(["place", "what", "name", "rule", "message"].map(Column::new));
    for breach in breaches {
        sheet.push(vec![
            Cell::optional(breach.place.as_ref()),
            Cell::new(breach.what.as_str()),
            Cell::new(&breach.name).tone(Tone::Bad),
            Cell::new(&breach.rule),
            Cell::new(&breach.message),
        ]);
    }
    sheet
}
