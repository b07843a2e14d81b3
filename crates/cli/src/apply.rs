//! `asof apply`: definitions from a file into the catalog.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use asofdb::{
    Allow, ApplyOptions, Catalog, Change, ChangeKind, Clock, Definitions, ErrorKind, Impact, Plan, Session,
    SystemClock, UsageRow, plan_hash, read_definitions,
};
use asofdb_client::Engine;
use asofdb_platform::{Dataset, Duplicate, LineageRun, RunState, find_named_alike, plan_markdown};
use clap::Args;
use serde_json::{Value as Json, json};

use super::approve::Wanted;
use super::context::Context;
use super::duplicates;
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
        Ok(Changed { before, plan, impacts, wanted: None })
    }
}

/// A change of the definitions, planned or done.
pub(crate) struct Changed {
    before: Arc<Catalog>,
    pub(crate) plan: Plan,
    /// The things that it takes from those who have read them.
    impacts: Vec<Impact>,
    /// The approvals that it wants, where it was only planned.
    wanted: Option<Wanted>,
}

/// The plan for a store, which need not exist yet and is not made.
pub(crate) fn plan(context: &Context, definitions: &Definitions) -> Result<Changed> {
    match context.open() {
        Ok(store) => {
            let (before, plan) = (store.catalog()?, store.plan(definitions)?);
            let impacts = store.impacts(&plan)?;
            let wanted = Wanted::of(&store, &before, || plan_hash(&before, definitions))?;
            let wanted = wanted.filter(|_| !plan.is_empty());
            Ok(Changed { before, plan, impacts, wanted })
        }
        Err(Stop::Failed(error)) if error.kind() == ErrorKind::NotFound => {
            let before = Catalog::default();
            let plan = before.plan(definitions, SystemClock.now())?;
            Ok(Changed { before: before.into(), plan, impacts: Vec::new(), wanted: None })
        }
        Err(stop) => Err(stop),
    }
}

impl Changed {
    /// The change as Markdown, for review.
    pub(crate) fn to_markdown(&self) -> String {
        let page = plan_markdown(&self.plan, &self.impacts, &find_named_alike(&self.before, self.plan.catalog()));
        self.wanted.iter().fold(page, |page, wanted| format!("{page}\n{}.\n", wanted.line()))
    }

    /// Tells lineage which views have changed.
    fn tell(&self, context: &Context) -> Result<()> {
        let namespace = context.lineage.namespace();
        let names: Vec<_> = self.plan.changes.iter().map(|change| change.name.clone()).collect();
        let views = Dataset::of_views(namespace, self.plan.catalog(), &names);
        let run = LineageRun::new(namespace, "apply", Vec::new(), views);
        context.lineage.tell_done(vec![(run, RunState::Complete)])
    }

    pub(crate) fn report(&self, only_planned: bool) -> Result<Report> {
        let plan = &self.plan;
        let alike = find_named_alike(&self.before, plan.catalog());
        let changes: Json = plan.changes.iter().map(change_json).collect();
        let mut json = json!({"applied": !only_planned, "changes": changes});
        if !alike.is_empty() {
            json["likely_duplicates"] = duplicates::json(&alike)?;
        }
        if !self.impacts.is_empty() {
            json["used"] = self.impacts.iter().map(impact_json).collect();
        }
        if let Some(wanted) = &self.wanted {
            json["approval"] = wanted.json();
        }
        let used = self.impacts.iter().map(|impact| match impact.readers.is_empty() {
            true => impact.to_string(),
            false => format!("read in the last {} days: {impact}", Allow::USED_DAYS),
        });
        let below = alike.iter().map(warning).chain(used).chain([summary(plan, only_planned)]);
        let below = below.chain(self.wanted.as_ref().map(Wanted::line)).collect();
        Ok(Report { json, sheet: sheet(plan), below, ..Report::default() })
    }
}

/// The JSON of an impact.
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

fn change_json(change: &Change) -> Json {
    json!({"change": change.kind.as_str(), "what": change.what.as_str(), "name": change.name, "details": change.details})
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
