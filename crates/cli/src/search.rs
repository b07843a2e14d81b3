//! `asof search`: definitions by words.

use std::collections::BTreeMap;

use asofdb::{Catalog, Session};
use clap::Args;
use serde_json::{Value as Json, json};

use super::catalog::filled;
use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::sheet::{Cell, Column, Sheet, Tone};

/// Find entities, views, features and services by what their definitions say
///
/// Every word must occur in the name, the description, the owner, the team or the tags, whatever the case.
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
        let mut hits = everything(&*store.catalog()?);
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
    /// All that is searched, in lower case.
    text: String,
}

impl Hit {
    fn new(kind: &'static str, name: String, texts: [&str; 3], tags: &BTreeMap<String, String>) -> Self {
        let tags: Vec<String> = tags.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let text = format!("{name} {} {}", texts.join(" "), tags.join(" ")).to_lowercase();
        Hit { kind, name, description: texts[0].to_owned(), text }
    }

    fn matches(&self, words: &[String]) -> bool {
        words.iter().all(|word| self.text.contains(word.as_str()))
    }
}

fn everything(catalog: &Catalog) -> Vec<Hit> {
    let mut all = Vec::new();
    for entity in catalog.entities() {
        all.push(Hit::new("entity", entity.name.clone(), [&entity.description, "", ""], &entity.tags));
    }
    for view in catalog.views() {
        let texts = [&*view.description, &view.owner, &view.team];
        all.push(Hit::new("feature_view", view.name.clone(), texts, &view.tags));
        for feature in &view.features {
            let name = format!("{}:{}", view.name, feature.name);
            all.push(Hit::new("feature", name, [&feature.description, "", ""], &feature.tags));
        }
    }
    for service in catalog.services() {
        let texts = [&*service.description, &service.owner, ""];
        all.push(Hit::new("feature_service", service.name.clone(), texts, &service.tags));
    }
    all
}

fn report(hits: &[Hit]) -> Report {
    let mut sheet = Sheet::new(["kind", "name", "description"].map(Column::new));
    for hit in hits {
        sheet.push(vec![
            Cell::new(hit.kind).tone(Tone::Faint),
            Cell::new(&hit.name).tone(Tone::Strong),
            filled(&hit.description),
        ]);
    }
    let json = |hit: &Hit| json!({"kind": hit.kind, "name": hit.name, "description": hit.description});
    let below = if hits.is_empty() { vec!["nothing matches".to_owned()] } else { Vec::new() };
    Report { json: hits.iter().map(json).collect::<Json>(), sheet, below, ..Report::default() }
}
