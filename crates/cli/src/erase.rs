//! `asof erase`: an entity is removed from the disk.

use asofdb::{AsJson, Erased, Session};
use asofdb_client::Engine;
use clap::Args;
use serde_json::{Value as Json, json};

use super::context::Context;
use super::delete::Scope;
use super::entity::{EntityArgument, Target};
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::sheet::{Cell, Column, Sheet, Tone};
use super::text::counted;

/// Remove every version of an entity, physically, and print a receipt; asks nothing
///
/// With --all-views, views that have these join keys together with others hold rows of other entities and are not
/// touched; the receipt names them. Checkpoints and exports made before keep what they have.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Erase {
    #[command(flatten)]
    scope: Scope,
    /// The entity: every join key with its value
    #[arg(long, value_name = "KEY=VALUE,...")]
    entity: EntityArgument,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof erase --all-views --entity user_id=1001
  asof erase plane_v1 --entity tailnum=N14228 --format json > receipt.json";

impl Erase {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let store = context.open()?;
        let target = Target::resolve(&store, self.scope.view.as_deref(), &self.entity, |_| true)?;
        let not_covered = if self.scope.all_views { self.not_covered(&store, &target)? } else { Vec::new() };
        let receipt = store.erase(&target.names(), &target.entity)?;
        self.output.print(&report(&target, &receipt, &not_covered)?)?;
        Ok(Outcome::Done)
    }

    /// Views that have the join keys, and others besides.
    fn not_covered(&self, store: &Engine, target: &Target<'_>) -> asofdb::Result<Vec<String>> {
        let catalog = store.catalog()?;
        let others = catalog
            .views()
            .filter(|view| view.is_stored())
            .filter(|view| self.entity.is_part_of(view) && !target.views.contains(&view.name));
        Ok(others.map(|view| view.name.clone()).collect())
    }
}

fn report(target: &Target<'_>, receipt: &[Erased], not_covered: &[String]) -> Result<Report> {
    let mut sheet = Sheet::new([Column::new("view"), Column::right("versions"), Column::right("bytes")]);
    for erased in receipt {
        sheet.push(vec![
            Cell::new(&erased.view).tone(Tone::Strong),
            Cell::new(erased.versions),
            Cell::new(erased.bytes),
        ]);
    }
    let erased: Json = receipt
        .iter()
        .map(|erased| json!({"view": erased.view, "versions": erased.versions, "bytes": erased.bytes}))
        .collect();
    let versions = receipt.iter().map(|erased| erased.versions).sum();
    let mut below = vec![format!("erased {}", counted(versions, "version", "versions"))];
    if !not_covered.is_empty() {
        below.push(format!("not covered, because they have more join keys: {}", not_covered.join(", ")));
    }
    let entity = AsJson(target.entity.as_slice()).to_tree()?;
    Ok(Report {
        json: json!({"entity": entity, "erased": erased, "not_covered": not_covered}),
        sheet,
        below,
        ..Report::default()
    })
}
