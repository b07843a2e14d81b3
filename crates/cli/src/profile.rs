//! `asof profile`: statistics of the values of views.

use asofdb::{AsJson, PROFILE_ENTITIES_DEFAULT, ProfileSample, Session, ViewStatistics};
use clap::Args;
use serde_json::Value as Json;

use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::progress::Bar;
use super::sheet::Sheet;
use super::statistics::{lines, sheet};

/// Take statistics of the values of views, and keep them for `asof describe` and the pages
///
/// Of each feature, or each column of events: how many values there are and why the others are not, how many are different, the least, the
/// greatest, mean and quantiles, a histogram, and the most frequent values; of texts and lists the lengths. They are of
/// the newest value of each entity of a sample, as of now; so of features that are computed, too. Features that need
/// values of the request are left out. Of an event view they are of the newest 100 events of each entity of the sample,
/// with --all of every event. The store keeps them, with the time and the sample, until the view is dropped
/// or an entity of it is erased.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Profile {
    /// The views
    #[arg(required = true, value_name = "VIEW")]
    views: Vec<String>,
    /// Entities of the sample at most, chosen by a hash of their keys
    #[arg(long, default_value_t = PROFILE_ENTITIES_DEFAULT, value_name = "N")]
    entities: usize,
    /// All entities, however many there are
    #[arg(long, conflicts_with = "entities")]
    all: bool,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof profile user_stats_v1
  asof profile user_stats_v1 user_stats_v2 --all
  asof profile purchases_v1                             # an event view
  asof profile user_stats_v1 --entities 1000 --format json";

impl Profile {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let sample = if self.all { ProfileSample::All } else { ProfileSample::Entities(self.entities) };
        let store = context.open()?;
        let mut taken = Vec::new();
        for view in &self.views {
            let bar = Bar::new(format!("taking statistics of {view}"));
            taken.push(store.profile(view, sample, &mut |progress| bar.show(progress))?);
            bar.finish();
        }
        self.output.print(&report(&taken)?)?;
        Ok(Outcome::Done)
    }
}

fn report(taken: &[ViewStatistics]) -> Result<Report> {
    let mut all = Sheet::default();
    for statistics in taken {
        let features = statistics.profile.as_ref().map_or(&[][..], |profile| &profile.features);
        let Sheet { columns, rows } = sheet(statistics, features);
        (all.columns, all.rows) = (columns, all.rows.into_iter().chain(rows).collect());
    }
    let json = taken.iter().map(|one| Ok(AsJson(one).to_tree()?)).collect::<Result<Vec<_>>>()?;
    let below = taken.iter().flat_map(lines).collect();
    Ok(Report { json: Json::Array(json), sheet: all, below, ..Report::default() })
}
