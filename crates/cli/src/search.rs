//! `asof search`: definitions by words.

use std::collections::BTreeMap;

use asofdb::{Catalog, Feature, FeatureView, Lineage, Session};
use clap::Args;
use serde_json::{Value as Json, json};

use super::catalog::filled;
use super::context::Context;
use super::error::{Outcome, Result};
use super::lineage::{Shown, inputs};
use super::output::{Output, Report};
use super::sheet::{Cell, Column, Sheet, Tone};

/// Find entities, views, features and services by what their definitions say
///
/// Every word must occur in the name, the description, the owner, the team, the tags or, of what is computed, in the way
/// it is computed, whatever the case.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Search {
    /// The words to look for
    #[arg(required = true, value_name = "TEXT")]
    words: Vec<String>,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof search wind
  asof search mean delay --format json";

impl Search {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let store = context.open()?;
        let words: Vec<String> =
            self.words.iter().flat_map(|word| word.split_whitespace()).map(str::to_lowercase).collect();
        let mut hits = everything(&*store.catalog()?)?;
        hits.retain(|hit| hit.matches(&words));
        self.output.print(&report(&hits))?;
        Ok(Outcome::Done)
    }
}

/// Something that is defined.
struct Hit {
    kind: &'static str,
    name: String,
    description: String,
    /// Names of what it is computed from; none where it is not.
    computed_from: Vec<String>,
    /// All that is searched, in lower case.
    text: String,
}

impl Hit {
    fn new(kind: &'static str, name: String, texts: [&str; 3], tags: &BTreeMap<String, String>) -> Self {
        let tags: Vec<String> = tags.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let text = format!("{name} {} {}", texts.join(" "), tags.join(" ")).to_lowercase();
        Hit { kind, name, description: texts[0].to_owned(), computed_from: Vec::new(), text }
    }

    /// Adds what it is computed from, and how.
    fn computed(mut self, from: Vec<String>, how: &str) -> Self {
        self.text = format!("{} {} {}", self.text, from.join(" "), how).to_lowercase();
        self.computed_from = from;
        self
    }

    fn json(&self) -> Json {
        let mut json = json!({"kind": self.kind, "name": self.name, "description": self.description});
        if !self.computed_from.is_empty() {
            json["computed_from"] = json!(self.computed_from);
        }
        json
    }

    fn matches(&self, words: &[String]) -> bool {
        words.iter().all(|word| self.text.contains(word.as_str()))
    }
}

fn everything(catalog: &Catalog) -> Result<Vec<Hit>> {
    let mut all = Vec::new();
    for entity in catalog.entities() {
        all.push(Hit::new("entity", entity.name.clone(), [&entity.description, "", ""], &entity.tags));
    }
    for view in catalog.views() {
        let texts = [&*view.description, &view.owner, &view.team];
        all.push(Hit::new(view.kind(), view.name.clone(), texts, &view.tags));
        match view.is_stored() {
            true => all.extend(view.features.iter().map(|feature| stored(view, feature))),
            false => computed(catalog, view, &mut all)?,
        }
    }
    for service in catalog.services() {
        let texts = [&*service.description, &service.owner, ""];
        all.push(Hit::new("feature_service", service.name.clone(), texts, &service.tags));
    }
    Ok(all)
}

/// A feature, or a column of events, which is none.
fn stored(view: &FeatureView, feature: &Feature) -> Hit {
    let kind = if view.holds_events() { "column" } else { "feature" };
    let name = format!("{}:{}", view.name, feature.name);
    Hit::new(kind, name, [&feature.description, "", ""], &feature.tags)
}

/// The features of a view that is computed.
fn computed(catalog: &Catalog, view: &FeatureView, all: &mut Vec<Hit>) -> Result<()> {
    let shown = Shown::new(Lineage::of(catalog, &[&view.name])?)?;
    for one in shown.lineage.features.iter().filter(|one| one.view.id == view.id) {
        let hit = Hit::new("feature", one.reference(), [&one.feature.description, "", ""], &one.feature.tags);
        all.push(hit.computed(inputs(one), &shown.how(one)));
    }
    Ok(())
}

fn report(hits: &[Hit]) -> Report {
    let mut sheet = Sheet::new(["kind", "name", "description", "computed_from"].map(Column::new));
    for hit in hits {
        sheet.push(vec![
            Cell::new(hit.kind).tone(Tone::Faint),
            Cell::new(&hit.name).tone(Tone::Strong),
            filled(&hit.description),
            filled(&hit.computed_from.join(", ")),
        ]);
    }
    let below = if hits.is_empty() { vec!["nothing matches".to_owned()] } else { Vec::new() };
    Report { json: hits.iter().map(Hit::json).collect::<Json>(), sheet, below, ..Report::default() }
}
