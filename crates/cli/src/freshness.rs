//! `asof freshness`: whether views are fed.

use asofdb::{AsJson, Freshness as ViewFreshness, Session};
use clap::Args;

use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::sheet::{Cell, Column, Place, Sheet, Tone};
use super::text::{counted, short_span};

/// Compare the age of each view's newest event with its ttl; exit code 3 when one is stale
///
/// A view is stale when its newest event is older than its ttl, so that everything it would serve is expired; a view
/// with a ttl and no rows is stale too. Reads every version of the views once.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Freshness {
    /// Only these views [default: all]
    #[arg(value_name = "VIEW")]
    views: Vec<String>,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof freshness
  asof freshness airport_weather_v1 --format json || alert";

impl Freshness {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let store = context.open()?;
        let catalog = store.catalog()?;
        let all = catalog.views().filter(|view| view.is_stored()).map(|view| view.name.as_str());
        let views: Vec<&str> =
            if self.views.is_empty() { all.collect() } else { self.views.iter().map(|v| &**v).collect() };
        let found = views.into_iter().map(|view| store.freshness(view)).collect::<asofdb::Result<Vec<_>>>()?;
        self.output.print(&report(&found)?)?;
        Ok(if found.iter().any(ViewFreshness::is_stale) { Outcome::Problem } else { Outcome::Done })
    }
}

fn report(views: &[ViewFreshness]) -> Result<Report> {
    let mut sheet = Sheet::new([
        Column::new("view"),
        Column::new("status"),
        Column::new("newest_event_timestamp"),
        Column::right("age"),
        Column::right("ttl"),
        Column::right("entities"),
        Column::right("expired_entities"),
        Column::new("now").place(Place::CsvOnly),
    ]);
    for view in views {
        let (status, tone) = status(view);
        let age = view.age();
        sheet.push(vec![
            Cell::new(&view.view).tone(Tone::Strong),
            Cell::new(status).tone(tone),
            Cell::optional(view.newest),
            Cell { shown: age.map(short_span), ..Cell::optional(age) },
            Cell::optional(view.ttl),
            Cell::new(view.entities),
            Cell::new(view.expired),
            Cell::new(view.now),
        ]);
    }
    let stale = views.iter().filter(|view| view.is_stale()).count() as u64;
    let below = match stale {
        0 => Vec::new(),
        stale => vec![format!("{} older than the ttl", counted(stale, "view is", "views are"))],
    };
    let json = views.iter().map(|view| AsJson(view).to_tree()).collect::<asofdb::Result<_>>()?;
    Ok(Report { json, sheet, below, ..Report::default() })
}

fn status(view: &ViewFreshness) -> (&'static str, Tone) {
    match (view.is_stale(), view.newest) {
        (true, Some(_)) => ("stale", Tone::Bad),
        (true, None) => ("stale: no rows", Tone::Bad),
        (false, None) => ("no rows", Tone::Faint),
        (false, Some(_)) => ("fresh", Tone::Good),
    }
}
