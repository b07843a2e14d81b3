//! `asof views`: what is defined.

use asofdb::{AsJson, Catalog, Computed, FeatureView, JoinKey, Session};
use clap::Args;

use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::sheet::{Cell, Column, Sheet, Tone};

/// List the views and services
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Views {
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof views
  asof views --format json";

impl Views {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let store = context.open()?;
        self.output.print(&report(&*store.catalog()?)?)?;
        Ok(Outcome::Done)
    }
}

fn report(catalog: &Catalog) -> Result<Report> {
    let mut sheet = Sheet::new([
        Column::new("view"),
        Column::new("kind"),
        Column::new("join_keys"),
        Column::right("features"),
        Column::right("ttl"),
        Column::new("owner"),
        Column::new("description"),
    ]);
    for view in catalog.views() {
        sheet.push(vec![
            Cell::new(&view.name).tone(Tone::Strong),
            Cell::new(shows(view)),
            Cell::new(found_by(view)),
            Cell::new(view.features.len()),
            Cell::optional(view.ttl),
            filled(&view.owner),
            filled(&view.description),
        ]);
    }
    let services = catalog.services().map(|service| service.name.as_str()).collect::<Vec<_>>().join(", ");
    let below = match (sheet.rows.is_empty(), services.is_empty()) {
        (true, _) => vec!["nothing is defined; `asof apply FILE.toml` defines views".to_owned()],
        (_, true) => Vec::new(),
        _ => vec![format!("services: {services}")],
    };
    let json = catalog.views().map(|view| AsJson(&**view).to_tree()).collect::<asofdb::Result<_>>()?;
    Ok(Report { json, sheet, below, ..Report::default() })
}

/// Returns what a view has.
fn shows(view: &FeatureView) -> &'static str {
    match view.computed {
        Some(Computed::Windows(_)) => "windows",
        Some(Computed::Expressions(_)) => "expressions",
        None if view.holds_events() => "events",
        None => "features",
    }
}

/// The join keys of a view, and those of its indexes.
fn found_by(view: &FeatureView) -> String {
    let indexes = view.also_by.iter().map(|index| format!("; also {}", key_names(&index.join_keys)));
    key_names(&view.join_keys) + &indexes.collect::<String>()
}

pub(crate) fn key_names(keys: &[JoinKey]) -> String {
    keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Texts that definitions may leave out.
pub(crate) fn filled(text: &str) -> Cell {
    Cell::optional((!text.is_empty()).then_some(text))
}
