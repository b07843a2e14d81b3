//! `asof history`: every version of one entity.

use asofdb::{AsJson, FeatureView, HistoryRow, HistoryRows, Session};
use clap::Args;

use super::context::Context;
use super::entity::EntityArgument;
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::sheet::{Cell, Column, Sheet, Tone};
use super::text::{counted, to_text};

/// Show every version of one entity in a view, newest first
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct History {
    /// The view
    view: String,
    /// The entity: every join key with its value
    #[arg(long, value_name = "KEY=VALUE,...")]
    entity: EntityArgument,
    /// At most this many versions
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof history route_daily_v1 --entity origin=EWR,dest=BOS --limit 10
  asof history airport_weather_v1 --entity airport=JFK --format csv > jfk.csv";

impl History {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let store = context.open()?;
        let catalog = store.catalog()?;
        let view = catalog.view(&self.view);
        let keys = view.map(|view| view.join_keys.as_slice()).unwrap_or_default();
        let rows = store.history(&self.view, &self.entity.typed(keys)?, self.limit.unwrap_or(usize::MAX))?;
        if let Some(view) = view {
            self.output.print(&report(view, &rows)?)?;
        }
        Ok(Outcome::Done)
    }
}

fn report(view: &FeatureView, rows: &[HistoryRow]) -> Result<Report> {
    let mut columns = vec![Column::new("event_timestamp"), Column::new("created_timestamp"), Column::new("deleted")];
    columns.extend(view.features.iter().map(|feature| Column::right(&feature.name)));
    let mut sheet = Sheet::new(columns);
    rows.iter().for_each(|row| sheet.push(cells(view, row)));
    Ok(Report {
        json: AsJson(&HistoryRows { view, rows }).to_tree()?,
        sheet,
        below: vec![counted(rows.len() as u64, "version", "versions")],
        ..Report::default()
    })
}

fn cells(view: &FeatureView, row: &HistoryRow) -> Vec<Cell> {
    let deleted = Cell::new(row.deleted).shown(if row.deleted { "deleted" } else { "" }).tone(Tone::Bad);
    let mut cells = vec![Cell::new(row.version.event), Cell::new(row.version.created).tone(Tone::Faint), deleted];
    let values = (0..view.features.len()).map(|index| row.values.get(index).and_then(Option::as_ref).map(to_text));
    cells.extend(values.map(Cell::optional));
    cells
}
