//! `asof duplicates`: features that are likely the same thing.

use std::num::NonZeroUsize;

use asofdb::{Error, Session};
use asofdb_platform::{Discovery, Duplicate};
use clap::Args;
use serde_json::Value as Json;

use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::sheet::{Cell, Column, Sheet, Tone};
use super::text::counted;
use super::when::When;

/// Find features that are likely the same thing under another name or definition
///
/// Features of the same join keys are compared with each other: how they are computed, and their values for some
/// hundred entities, as of one time. Each pair comes with its evidence. Values that differ outweigh names that are alike;
/// names alone tell only where there are no values to compare.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Duplicates {
    /// Only pairs with a feature of one of these views
    #[arg(value_name = "VIEW")]
    views: Vec<String>,
    /// Compare values as of this time: where data is of the past, those of now have expired
    #[arg(long, value_name = "TIME", default_value = "now")]
    at: When,
    /// Most pairs, the surest first
    #[arg(long, value_name = "COUNT")]
    limit: Option<NonZeroUsize>,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof duplicates
  asof duplicates user_stats_v2
  asof duplicates --at 2013-12-31
  asof duplicates --limit 10 --format json";

impl Duplicates {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let views: Vec<&str> = self.views.iter().map(String::as_str).collect();
        let store = context.open()?;
        let mut pairs = store.duplicates_at(&views, self.at.resolve(store.now()?))?;
        let all = pairs.len();
        pairs.truncate(self.limit.map_or(usize::MAX, NonZeroUsize::get));
        let mut report = Report { json: json(&pairs)?, sheet: sheet(&pairs), ..Report::default() };
        report.below = match (all, pairs.len()) {
            (0, _) => vec!["no two features are likely the same thing".to_owned()],
            (all, shown) if shown < all => vec![format!("{} in all", counted(all as u64, "pair", "pairs"))],
            _ => Vec::new(),
        };
        self.output.print(&report)?;
        Ok(Outcome::Done)
    }
}

/// A row a pair.
pub(crate) fn sheet(pairs: &[Duplicate]) -> Sheet {
    let mut sheet = Sheet::new([
        Column::new("feature"),
        Column::new("and"),
        Column::new("relation"),
        Column::right("score"),
        Column::new("reason"),
    ]);
    for pair in pairs {
        let [one, other] = &pair.features;
        sheet.push(vec![
            Cell::new(one).tone(Tone::Strong),
            Cell::new(other).tone(Tone::Strong),
            Cell::new(pair.relation.as_str()),
            Cell::new(pair.score),
            Cell::new(&pair.reason),
        ]);
    }
    sheet
}

/// The pairs in JSON.
fn json(pairs: &[Duplicate]) -> Result<Json> {
    let unwritten = |error| Error::internal("pairs cannot be written as JSON").with_source(error);
    Ok(serde_json::to_value(pairs).map_err(unwritten)?)
}
