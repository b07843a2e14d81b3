//! `asof delete`: an entity is no more, from a time on.

use asofdb::{AsJson, Session};
use clap::Args;
use serde_json::json;

use super::context::Context;
use super::entity::{EntityArgument, Target};
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::sheet::{Cell, Column, Sheet};
use super::when::When;

/// Delete an entity as of a time: later reads find it missing, earlier ones still see it
///
/// To remove it from the disk as well, use `asof erase`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Delete {
    #[command(flatten)]
    scope: Scope,
    /// The entity: every join key with its value
    #[arg(long, value_name = "KEY=VALUE,...")]
    entity: EntityArgument,
    /// From when on it is gone
    #[arg(long, value_name = "TIME", default_value = "now")]
    at: When,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof delete user_stats_v1 --entity user_id=1001
  asof delete --all-views --entity user_id=1001 --at 2024-06-01";

/// The views that a deletion is about.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Scope {
    /// The view
    pub(crate) view: Option<String>,
    /// Every view whose join keys are exactly those of the entity (to delete, without event views)
    #[arg(long)]
    pub(crate) all_views: bool,
}

impl Delete {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let store = context.open()?;
        let target = Target::resolve(&store, self.scope.view.as_deref(), &self.entity, |view| !view.holds_events())?;
        let at = self.at.resolve(store.now()?);
        let committed = store.delete(&target.names(), &target.entity, at)?;
        let mut sheet = Sheet::new(["view", "event_timestamp", "created_timestamp"].map(Column::new));
        for view in &target.views {
            sheet.push(vec![Cell::new(view), Cell::new(at), Cell::new(committed.created)]);
        }
        self.output.print(&Report {
            json: json!({
                "entity": AsJson(target.entity.as_slice()).to_tree()?,
                "views": target.views,
                "event_timestamp": at.to_string(),
                "created_timestamp": committed.created.to_string(),
            }),
            sheet,
            below: vec![format!("deleted as of {at}; what was known before is kept (`asof erase` removes it)")],
            ..Report::default()
        })?;
        Ok(Outcome::Done)
    }
}
