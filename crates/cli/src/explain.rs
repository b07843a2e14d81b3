//! `asof explain`: the way in which features come to their values.

use asofdb::{Lineage, LineageFeature, Origin, ResolvedFeature, Session, WindowOrigin};
use asofdb_platform::{LineageText, all_of};
use clap::Args;

use super::context::Context;
use super::error::{Outcome, Result};
use super::lineage;
use super::output::{Output, Report};

/// Explain how a feature comes to its value: windows, expressions, inputs, plans and SQL
///
/// Shows of a window its events, aggregate, conditions and bounds; of an expression its inputs with their types, the
/// plan of its evaluation and the SQL that means the same; and the same of every input, down to rows and events.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Explain {
    /// Features: view:feature, a view, view:* or a service
    #[arg(required = true, value_name = "REF")]
    references: Vec<String>,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof explain spending_v1:mean_24h
  asof explain purchase_v1:times_mean --format json";

impl Explain {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let store = context.open()?;
        let catalog = store.catalog()?;
        let asked: Vec<String> =
            store.prepare(&self.references)?.features().iter().map(ResolvedFeature::reference).collect();
        let shown = LineageText::new(Lineage::of(&catalog, &self.references)?)?;
        self.output.print(&report(&shown, &asked))?;
        Ok(Outcome::Done)
    }
}

fn report(shown: &LineageText, asked: &[String]) -> Report {
    let roots = asked.iter().filter_map(|reference| shown.lineage.find(reference));
    let above = roots.flat_map(|root| shown.tree(root)).collect();
    let below = shown.lineage.features.iter().flat_map(|one| explained(shown, one)).collect();
    Report { json: shown.json.clone(), sheet: lineage::sheet(shown), above, below }
}

/// A feature that is computed in full, over some lines; nothing for one that is stored.
fn explained(shown: &LineageText, one: &LineageFeature) -> Vec<String> {
    let lines: Vec<String> = match &one.origin {
        Origin::Stored => return Vec::new(),
        Origin::Window(window) => of_window(&shown.aggregate(&one.reference(), window), window),
        Origin::Expression { program, .. } => program.explain().to_string().lines().map(str::to_owned).collect(),
    };
    let title = format!("{}:", one.reference());
    ["".to_owned(), title].into_iter().chain(lines.into_iter().map(|line| format!("  {line}"))).collect()
}

fn of_window(aggregate: &str, window: &WindowOrigin) -> Vec<String> {
    let mut lines = vec![
        format!("events: {}", window.from.name),
        format!("aggregate: {aggregate}"),
        format!("of: {}", window.of.as_deref().unwrap_or("events")),
    ];
    if let Some(entities) = &window.also_by {
        lines.insert(1, format!("found by: {} (also_by)", entities.join(", ")));
    }
    if !window.conditions.is_empty() {
        lines.push(format!("where: {}", all_of(&window.conditions)));
    }
    lines.push(format!("window: {}", window.window));
    lines.push(format!("every: {}", window.every.map_or("any time".to_owned(), |every| every.to_string())));
    lines.push(format!("offset: {}", window.offset));
    lines
}
