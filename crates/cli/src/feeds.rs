//! `asof materialize` and `asof runs`: views are fed from their sources.

use std::path::PathBuf;

use asofdb::{AsJson, Catalog, Feed, FeedFiles, FeedRun, FeedSource, Session, ViewRun};
use asofdb_platform::{Dataset, LineageRun, RunState};
use clap::Args;

use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::progress::Bar;
use super::sheet::{Cell, Column, Place, Sheet, Tone};
use super::text::{count, counted};

/// Load what is new in the sources of views
///
/// A view names its source in its definition: `source = { path = "data/activity/*.parquet", schedule = "every 1h" }`.
/// Files are known by their content: each is loaded once, and one that has changed is loaded again, as corrections. All
/// files of a view are loaded or none; a view that fails keeps no other from being loaded. Exits with 3 when one fails.
#[derive(Debug, Args)]
#[command(after_help = MATERIALIZE_EXAMPLES)]
pub(crate) struct Materialize {
    /// Only these views [default: all that have a source]
    #[arg(value_name = "VIEW")]
    views: Vec<String>,
    /// The directory to which relative paths of sources belong [default: this one; of a sidecar its own]
    #[arg(long, value_name = "DIR")]
    sources: Option<PathBuf>,
    /// Set bad rows aside in files in this directory, with the reasons, and take the others
    #[arg(long, value_name = "DIR")]
    rejects: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

const MATERIALIZE_EXAMPLES: &str = "\
Examples:
  asof materialize
  asof materialize user_activity_v1 --sources /srv/features --rejects bad
  asof --connect ~/.asof/socket materialize user_activity_v1";

impl Materialize {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let views: Vec<&str> = self.views.iter().map(String::as_str).collect();
        let default = FeedFiles::default();
        let root = self.sources.clone().unwrap_or(default.root);
        let files = FeedFiles { root, rejects: self.rejects.clone(), ..default };
        let bar = Bar::new("loading what is new".to_owned());
        let store = context.open()?;
        let runs = store.materialize(&views, &files, &mut |_, progress| bar.show(progress))?;
        bar.finish();
        let failed = runs.iter().filter(|run| run.run.error.is_some()).count() as u64;
        let catalog = store.catalog()?;
        let told = runs.iter().map(|run| run_of_feed(context.lineage.namespace(), &files, &catalog, run));
        context.lineage.tell_done(told.collect())?;
        self.output.print(&report(&runs, failed)?)?;
        Ok(if failed > 0 { Outcome::Problem } else { Outcome::Done })
    }
}

/// A run as lineage has it.
pub(crate) fn run_of_feed(
    namespace: &str,
    files: &FeedFiles,
    catalog: &Catalog,
    run: &ViewRun,
) -> (LineageRun, RunState) {
    let source = catalog.view(&run.view).and_then(|view| view.source.as_ref());
    let path = |source: &FeedSource| files.root.join(&source.path).to_string_lossy().into_owned();
    let inputs = source.map(|source| Dataset::files(&path(source))).into_iter().collect();
    let outputs = Dataset::of_views(namespace, catalog, std::slice::from_ref(&run.view));
    let state = run.run.error.clone().map_or(RunState::Complete, RunState::Fail);
    (LineageRun::new(namespace, &format!("materialize.{}", run.view), inputs, outputs), state)
}

fn report(runs: &[ViewRun], failed: u64) -> Result<Report> {
    let mut sheet = Sheet::new([Column::new("view")].into_iter().chain(run_columns()));
    for ViewRun { view, run } in runs {
        sheet.push([Cell::new(view).tone(Tone::Strong)].into_iter().chain(run_cells(run)).collect());
    }
    let below = match (runs.len(), failed) {
        (0, _) => vec!["no view has a source".to_owned()],
        (_, 0) => Vec::new(),
        (_, failed) => vec![format!("{} failed", counted(failed, "feed has", "feeds have"))],
    };
    Ok(Report { json: AsJson(runs).to_tree()?, sheet, below, ..Report::default() })
}

fn run_columns() -> [Column; 7] {
    [
        Column::new("began"),
        Column::new("ended").place(Place::CsvOnly),
        Column::right("files"),
        Column::right("rows_read"),
        Column::right("rows_written"),
        Column::right("rows_rejected"),
        Column::new("error"),
    ]
}

fn run_cells(run: &FeedRun) -> [Cell; 7] {
    let number = |number: u64| Cell::new(number).shown(count(number));
    [
        Cell::new(run.began),
        Cell::new(run.ended),
        number(run.files),
        number(run.rows_read),
        number(run.rows_written),
        number(run.rows_rejected),
        Cell::optional(run.error.as_ref()).tone(Tone::Bad),
    ]
}

/// Show how views are fed: the last runs of their feeds, and which are late or fail
///
/// A feed is late when no run has succeeded within twice the time of its schedule. Exits with 3 when one is late or its
/// last run failed.
#[derive(Debug, Args)]
#[command(after_help = RUNS_EXAMPLES)]
pub(crate) struct Runs {
    /// All runs that are kept of these views [default: the state of all views that have a source]
    #[arg(value_name = "VIEW")]
    views: Vec<String>,
    #[command(flatten)]
    output: Output,
}

const RUNS_EXAMPLES: &str = "\
Examples:
  asof runs
  asof runs user_activity_v1 --format json";

impl Runs {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let views: Vec<&str> = self.views.iter().map(String::as_str).collect();
        let feeds = context.open()?.feeds(&views)?;
        let sheet = if views.is_empty() { states(&feeds) } else { runs(&feeds) };
        let wrong = feeds.iter().filter(|feed| feed.is_failing() || feed.is_late()).count() as u64;
        let below = match (feeds.len(), wrong) {
            (0, _) => vec!["no view has a source".to_owned()],
            (_, 0) => Vec::new(),
            (_, wrong) => vec![format!("{} late or failing", counted(wrong, "feed is", "feeds are"))],
        };
        self.output.print(&Report { json: AsJson(feeds.as_slice()).to_tree()?, sheet, below, ..Report::default() })?;
        Ok(if wrong > 0 { Outcome::Problem } else { Outcome::Done })
    }
}

fn states(feeds: &[Feed]) -> Sheet {
    let head = ["view", "status", "path", "schedule", "succeeded"].map(Column::new);
    let mut sheet = Sheet::new(head.into_iter().chain([Column::right("failures"), Column::new("error")]));
    for feed in feeds {
        let tone = match feed.status() {
            "ok" => Tone::Good,
            "never_ran" => Tone::Plain,
            _ => Tone::Bad,
        };
        sheet.push(vec![
            Cell::new(&feed.view).tone(Tone::Strong),
            Cell::new(feed.status()).tone(tone),
            Cell::new(&feed.source.path),
            Cell::optional(feed.source.schedule),
            Cell::optional(feed.succeeded),
            Cell::new(feed.failures).shown(count(feed.failures)),
            Cell::optional(feed.runs.last().and_then(|run| run.error.as_ref())),
        ]);
    }
    sheet
}

fn runs(feeds: &[Feed]) -> Sheet {
    let mut sheet = Sheet::new([Column::new("view")].into_iter().chain(run_columns()));
    for feed in feeds {
        for run in feed.runs.iter().rev() {
            sheet.push([Cell::new(&feed.view).tone(Tone::Strong)].into_iter().chain(run_cells(run)).collect());
        }
    }
    sheet
}
