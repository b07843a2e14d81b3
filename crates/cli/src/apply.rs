//! `asof apply`: definitions from a file into the catalog.

use std::fmt::Write;
use std::path::PathBuf;

use asofdb::{
    Allow, ApplyOptions, Catalog, ChangeKind, Clock, Definitions, ErrorKind, Plan, Session, SystemClock,
    read_definitions,
};
use asofdb_client::Engine;
use asofdb_platform::{Dataset, Duplicate, LineageRun, Planned, RunState, find_named_alike, plan_markdown};
use clap::Args;

use super::approve::wanted_line;
use super::context::Context;
use super::error::{Outcome, Result, Stop};
use super::output::{Output, Report};
use super::sheet::{Cell, Column, Place, Sheet, Tone};
use super::text::counted;

/// Make a file's definitions those of the store, in one step; makes the store if there is none
///
/// The file is the whole of what is wanted. What it adds or changes is printed and done; what it leaves out would be
/// dropped with its data, which --allow-drop must permit. A feature that would be computed in another way needs
/// --allow-redefine. Types, entities and join keys of a view never change: define
/// a `_v2` beside it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Apply {
    /// The definitions (TOML)
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    /// Only print what would be done, as asof plan does
    #[arg(long)]
    plan: bool,
    /// Drop what the file does not name, with its data. What consumers have read in the last 30 days must be named:
    /// --allow-drop=user_stats_v1,other_v1
    #[arg(long, value_name = "NAME", num_args = 0.., require_equals = true, value_delimiter = ',')]
    allow_drop: Option<Vec<String>>,
    /// Compute features in another way than before, so that answers about the past change; what consumers have read
    /// must be named, as view or view:feature
    #[arg(long, value_name = "NAME", num_args = 0.., require_equals = true, value_delimiter = ',')]
    allow_redefine: Option<Vec<String>>,
    /// The reason, for asof log
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    message: String,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof apply examples/flights/definitions.toml --plan
  asof apply examples/flights/definitions.toml
  asof --store /var/lib/features apply features.toml --allow-drop";

/// Longest details of a change in a table; JSON and CSV have all of them.
const DETAILS_CHARACTERS_MAX: usize = 80;

impl Apply {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let definitions = read_definitions(&self.file)?;
        let changed = match self.plan {
            true => plan(context, &definitions)?,
            false => {
                let changed = self.apply(&context.open_or_create()?, &definitions)?;
                changed.tell(context)?;
                changed
            }
        };
        self.output.print(&changed.report(self.plan)?)?;
        Ok(Outcome::Done)
    }

    /// Applies to the catalog that was planned with, so that what is named is all that goes.
    fn apply(&self, store: &Engine, definitions: &Definitions) -> Result<Changed> {
        let before = store.catalog()?;
        let impacts = store.impacts(&store.plan(definitions)?)?;
        let names: Vec<_> = self.allow_drop.iter().chain(&self.allow_redefine).flatten().collect();
        let allow = Allow {
            drop: self.allow_drop.is_some(),
            redefine: self.allow_redefine.is_some(),
            used: impacts.iter().all(|impact| impact.is_named(&names)),
        };
        let options = ApplyOptions { allow, revision: Some(before.revision()), message: self.message.clone() };
        let plan = store.apply_with(definitions, &options)?;
        Ok(Changed(Planned { before, plan, impacts, approval: None }))
    }
}

/// A change of the definitions, planned or done.
pub(crate) struct Changed(pub(crate) Planned);

/// The plan for a store, which need not exist yet and is not made.
pub(crate) fn plan(context: &Context, definitions: &Definitions) -> Result<Changed> {
    match context.open() {
        Ok(store) => Ok(Changed(Planned::of(&store, definitions)?)),
        Err(Stop::Failed(error)) if error.kind() == ErrorKind::NotFound => {
            let before = Catalog::default();
            let plan = before.plan(definitions, SystemClock.now())?;
            Ok(Changed(Planned { before: before.into(), plan, impacts: Vec::new(), approval: None }))
        }
        Err(stop) => Err(stop),
    }
}

impl Changed {
    /// The change as Markdown, for review.
    pub(crate) fn to_markdown(&self) -> String {
        let Planned { before, plan, impacts, approval } = &self.0;
        let page = plan_markdown(plan, impacts, &find_named_alike(before, plan.catalog()));
        approval.iter().fold(page, |page, wanted| format!("{page}\n{}.\n", wanted_line(wanted)))
    }

    /// Tells lineage which views have changed.
    fn tell(&self, context: &Context) -> Result<()> {
        let namespace = context.lineage.namespace();
        let plan = &self.0.plan;
        let names: Vec<_> = plan.changes.iter().map(|change| change.name.clone()).collect();
        let views = Dataset::of_views(namespace, plan.catalog(), &names);
        let run = LineageRun::new(namespace, "apply", Vec::new(), views);
        context.lineage.tell_done(vec![(run, RunState::Complete)])
    }

    pub(crate) fn report(&self, only_planned: bool) -> Result<Report> {
        let Planned { before, plan, impacts, approval } = &self.0;
        let alike = find_named_alike(before, plan.catalog());
        let used = impacts.iter().map(|impact| match impact.readers.is_empty() {
            true => impact.to_string(),
            false => format!("read in the last {} days: {impact}", Allow::USED_DAYS),
        });
        let below = alike.iter().map(warning).chain(used).chain([summary(plan, only_planned)]);
        let below = below.chain(approval.as_ref().map(wanted_line)).collect();
        Ok(Report { json: self.0.to_json(!only_planned)?, sheet: sheet(plan), below, ..Report::default() })
    }
}

fn sheet(plan: &Plan) -> Sheet {
    let mut sheet = Sheet::new([
        Column::new("").place(Place::TableOnly),
        Column::new("change").place(Place::CsvOnly),
        Column::new("what"),
        Column::new("name"),
        Column::new("details"),
    ]);
    for change in &plan.changes {
        let tone = tone(change.kind);
        sheet.push(vec![
            Cell::new(change.kind.sign()).tone(tone),
            Cell::new(change.kind.as_str()),
            Cell::new(change.what.as_str()),
            Cell::new(&change.name).tone(tone),
            Cell::new(change.details.join(", ")).shown(shortened(&change.details)),
        ]);
    }
    sheet
}

/// The line for a new feature that is likely there already.
fn warning(pair: &Duplicate) -> String {
    let [one, other] = &pair.features;
    format!("warning: {one} and {other} may be the same feature: {}", pair.reason)
}

/// Shortens details to what a line of a table takes.
fn shortened(details: &[String]) -> String {
    let details = details.join(", ");
    match details.char_indices().nth(DETAILS_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", details[..end].trim_end()),
        None => details,
    }
}

fn tone(kind: ChangeKind) -> Tone {
    match kind {
        ChangeKind::Create => Tone::Good,
        ChangeKind::Change => Tone::Warning,
        ChangeKind::Drop | ChangeKind::Redefine => Tone::Bad,
    }
}

fn summary(plan: &Plan, only_planned: bool) -> String {
    if plan.is_empty() {
        return "nothing to do: everything is as defined already".to_owned();
    }
    let number = counted(plan.changes.len() as u64, "change", "changes");
    let mut line = if only_planned { format!("{number} planned, nothing done") } else { format!("{number} applied") };
    let drops = plan.drops().count() as u64;
    if only_planned && drops > 0 {
        // Writing to a string cannot fail.
        let _ = write!(line, "; {} --allow-drop", counted(drops, "drop needs", "drops need"));
    }
    let redefined = plan.redefinitions().count() as u64;
    if only_planned && redefined > 0 {
        let needs = counted(redefined, "redefinition needs", "redefinitions need");
        let _ = write!(line, "; {needs} --allow-redefine");
    }
    line
}
