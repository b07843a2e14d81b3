//! `asof freshness`: whether views are fed.

use std::time::Duration;

use asofdb::{AsJson, Freshness as ViewFreshness, FreshnessStatus, Session, Span, ViewAges};
use asofdb_client::Engine;
use clap::Args;

use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::sheet::{Cell, Column, Place, Sheet, Tone};
use super::text::{counted, short_span};

/// Tell how old the newest events of each view and of its entities are; exit code 3 when one is stale
///
/// A view is stale when its newest event, or too large a share of its entities, is older than its `freshness` allows;
/// where a view promises none, when its newest event is older than its ttl. A view that promises something and has no
/// events is stale too. This is known from the writes, to the minute for the last two days, to the hour for forty, and
/// to the day and more before: no rows are read.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Freshness {
    /// Only these views [default: all]
    #[arg(value_name = "VIEW")]
    views: Vec<String>,
    /// Read every version of the views and compare the newest event with the ttl, to the microsecond
    #[arg(long, conflicts_with = "watch")]
    exact: bool,
    /// Print again and again, so many seconds apart, until interrupted
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "10",
          value_parser = clap::value_parser!(u32).range(1..))]
    watch: Option<u32>,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof freshness
  asof freshness airport_weather_v1 --format json || alert
  asof freshness --watch --connect /home/me/.asof/socket";

/// The pause between two looks at what a store of this process is still counting.
const COUNTING_PAUSE: Duration = Duration::from_millis(20);

impl Freshness {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let store = context.open()?;
        if self.exact {
            return self.exact(&store);
        }
        loop {
            let ages = self.ages(&store)?;
            self.output.print(&report(&ages)?)?;
            match self.watch {
                Some(seconds) => std::thread::sleep(Duration::from_secs(seconds.into())),
                None if ages.iter().any(ViewAges::is_broken) => return Ok(Outcome::Problem),
                None => return Ok(Outcome::Done),
            }
        }
    }

    /// The ages of the views. A store that was opened for this waits until it knows them.
    fn ages(&self, store: &Engine) -> Result<Vec<ViewAges>> {
        let views: Vec<&str> = self.views.iter().map(String::as_str).collect();
        loop {
            let ages = store.ages(&views)?;
            let are_known = ages.iter().all(|view| view.status != FreshnessStatus::Rebuilding);
            if are_known || self.watch.is_some() || matches!(store, Engine::Sidecar(_)) {
                return Ok(ages);
            }
            std::thread::sleep(COUNTING_PAUSE);
        }
    }

    fn exact(&self, store: &Engine) -> Result<Outcome> {
        let catalog = store.catalog()?;
        let all = catalog.views().filter(|view| view.is_stored()).map(|view| view.name.as_str());
        let views: Vec<&str> =
            if self.views.is_empty() { all.collect() } else { self.views.iter().map(|v| &**v).collect() };
        let found = views.into_iter().map(|view| store.freshness(view)).collect::<asofdb::Result<Vec<_>>>()?;
        self.output.print(&exact_report(&found)?)?;
        Ok(if found.iter().any(ViewFreshness::is_stale) { Outcome::Problem } else { Outcome::Done })
    }
}

fn report(views: &[ViewAges]) -> Result<Report> {
    let broken = views.iter().filter(|view| view.is_broken()).count() as u64;
    let below = match broken {
        0 => Vec::new(),
        broken => vec![format!("{} not as fresh as promised", counted(broken, "view is", "views are"))],
    };
    let json = views.iter().map(|view| AsJson(view).to_tree()).collect::<asofdb::Result<_>>()?;
    Ok(Report { json, sheet: sheet(views), below, ..Report::default() })
}

fn sheet(views: &[ViewAges]) -> Sheet {
    let mut sheet = Sheet::new([
        Column::new("view"),
        Column::new("status"),
        Column::new("newest_event_timestamp"),
        Column::right("age"),
        Column::right("warn"),
        Column::right("stale"),
        Column::right("entities"),
        Column::right("p50"),
        Column::right("p95"),
        Column::right("max"),
        Column::right("stale_share"),
        Column::right("ahead"),
        Column::new("now").place(Place::CsvOnly),
    ]);
    for view in views {
        let (status, tone) = status(view);
        let ages = view.ages.as_ref();
        sheet.push(vec![
            Cell::new(&view.view).tone(Tone::Strong),
            Cell::new(view.status.as_str()).shown(status).tone(tone),
            Cell::optional(view.newest),
            age(view.age()),
            Cell::optional(view.objective.map(|objective| objective.warn)),
            Cell::optional(view.objective.map(|objective| objective.stale)),
            Cell::optional(view.entities),
            age(ages.map(|ages| ages.p50)),
            age(ages.map(|ages| ages.p95)),
            age(ages.map(|ages| ages.max)),
            share(ages.and_then(|ages| ages.over_stale)),
            Cell::optional(view.ahead.filter(|ahead| *ahead > 0)),
            Cell::new(view.now),
        ]);
    }
    sheet
}

fn age(age: Option<Span>) -> Cell {
    Cell { shown: age.map(short_span), ..Cell::optional(age) }
}

fn share(share: Option<f64>) -> Cell {
    Cell { shown: share.map(|share| format!("{:.1} %", 100.0 * share)), ..Cell::optional(share) }
}

fn status(view: &ViewAges) -> (&'static str, Tone) {
    match view.status {
        FreshnessStatus::Fresh => ("fresh", Tone::Good),
        FreshnessStatus::Warn => ("warn", Tone::Warning),
        FreshnessStatus::Stale => ("stale", Tone::Bad),
        FreshnessStatus::NoData if view.is_broken() => ("no data", Tone::Bad),
        FreshnessStatus::NoData => ("no data", Tone::Faint),
        FreshnessStatus::Rebuilding => ("counting", Tone::Faint),
    }
}

fn exact_report(views: &[ViewFreshness]) -> Result<Report> {
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
        let (status, tone) = exact_status(view);
        sheet.push(vec![
            Cell::new(&view.view).tone(Tone::Strong),
            Cell::new(status).tone(tone),
            Cell::optional(view.newest),
            age(view.age()),
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

fn exact_status(view: &ViewFreshness) -> (&'static str, Tone) {
    match (view.is_stale(), view.newest) {
        (true, Some(_)) => ("stale", Tone::Bad),
        (true, None) => ("stale: no rows", Tone::Bad),
        (false, None) => ("no rows", Tone::Faint),
        (false, Some(_)) => ("fresh", Tone::Good),
    }
}
