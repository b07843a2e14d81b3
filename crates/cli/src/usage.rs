//! `asof usage`: who reads what.

use asofdb::{AsJson, ModelRow, Session, Span, USAGE_DAYS_MAX, UsagePeriod, UsageRow, unused};
use clap::Args;

use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::sheet::{Cell, Column, Place, Sheet, Tone};
use super::text::{count, counted};

/// Show who has read which views and services, how often, and when last
///
/// Reads of the latest values and as of a time, training sets and exports are counted by consumer: the clients of a
/// sidecar by the names that they connect with, or their user's; a process that embeds the store where it opens it for
/// a consumer. What this command line reads of a store in its own process is not counted.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Usage {
    /// Only these views and services [default: all]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Days to look back, today's among them
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=i64::from(USAGE_DAYS_MAX)))]
    days: u32,
    /// A row a day
    #[arg(long)]
    by_day: bool,
    /// The features that were read, in place of views and services
    #[arg(long, conflicts_with_all = ["by_day", "unused"])]
    features: bool,
    /// Only the views and services that nobody has read
    #[arg(long, conflicts_with_all = ["by_day", "names"])]
    unused: bool,
    /// The versions of models that read them, for consumers that name one (X-Asof-Model, model=), in those days
    #[arg(long, conflicts_with_all = ["by_day", "features", "unused"])]
    models: bool,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof --connect ~/.asof/socket usage
  asof --connect ~/.asof/socket usage flight_stats_v1 --days 7 --by-day
  asof usage --unused --days 90                            what nobody has read for a quarter
  asof usage user_stats_v1 --features                      who breaks if I drop one of them
  asof usage user_stats_v1 --models                        which models are built on it";

impl Usage {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let store = context.open()?;
        if self.models {
            let days = Span::from_secs(i64::from(self.days) * 86_400);
            let first = store.now()?.minus(days);
            let mut rows = store.models()?;
            rows.retain(|row| row.last >= first);
            rows.retain(|row| self.names.is_empty() || self.names.contains(&row.key.name));
            self.output.print(&models_report(&rows, self.days)?)?;
            return Ok(Outcome::Done);
        }
        let mut rows = store.usage(UsagePeriod { last_days: self.days, by_day: self.by_day })?;
        if self.unused {
            let unused = unused(&*store.catalog()?, &rows);
            self.output.print(&unused_report(&unused, self.days))?;
            return Ok(Outcome::Done);
        }
        rows.retain(|row| self.names.is_empty() || self.names.contains(&row.key.name));
        let sheet = if self.features { features_sheet(&rows) } else { sheet(&rows, self.by_day) };
        let below = match rows.len() as u64 {
            0 => vec![format!("nothing was read by a consumer in {}", counted(self.days.into(), "day", "days"))],
            _ => Vec::new(),
        };
        self.output.print(&Report { json: AsJson(rows.as_slice()).to_tree()?, sheet, below, ..Report::default() })?;
        Ok(Outcome::Done)
    }
}

fn sheet(rows: &[UsageRow], by_day: bool) -> Sheet {
    let day = if by_day { Column::new("day") } else { Column::new("day").place(Place::CsvOnly) };
    let mut sheet = Sheet::new([
        day,
        Column::new("what"),
        Column::new("name"),
        Column::new("consumer"),
        Column::right("reads"),
        Column::right("rows"),
        Column::right("training_sets"),
        Column::right("exports"),
        Column::new("last_read"),
    ]);
    for row in rows {
        let number = |number: u64| Cell::new(number).shown(count(number));
        sheet.push(vec![
            Cell::new(row.day),
            Cell::new(row.key.of.as_str()),
            Cell::new(&row.key.name).tone(Tone::Strong),
            Cell::new(&row.key.consumer),
            number(row.serving.calls),
            number(row.serving.rows),
            number(row.training.calls),
            number(row.exports.calls),
            Cell::new(row.last),
        ]);
    }
    sheet
}

fn models_report(rows: &[ModelRow], days: u32) -> Result<Report> {
    let mut sheet = Sheet::new([
        Column::new("model"),
        Column::new("what"),
        Column::new("name"),
        Column::new("consumer"),
        Column::right("reads"),
        Column::right("rows"),
        Column::right("training_sets"),
        Column::right("exports"),
        Column::new("last_read"),
    ]);
    for row in rows {
        let number = |number: u64| Cell::new(number).shown(count(number));
        sheet.push(vec![
            Cell::new(&row.key.model).tone(Tone::Strong),
            Cell::new(row.key.of.as_str()),
            Cell::new(&row.key.name),
            Cell::new(&row.key.consumer),
            number(row.serving.calls),
            number(row.serving.rows),
            number(row.training.calls),
            number(row.exports.calls),
            Cell::new(row.last),
        ]);
    }
    let below = match rows.is_empty() {
        true => vec![format!("no model has read anything in {}", counted(days.into(), "day", "days"))],
        false => Vec::new(),
    };
    Ok(Report { json: AsJson(rows).to_tree()?, sheet, below, ..Report::default() })
}

fn features_sheet(rows: &[UsageRow]) -> Sheet {
    let mut sheet = Sheet::new([
        Column::new("feature"),
        Column::new("consumer"),
        Column::new("through"),
        Column::right("values"),
        Column::new("last_read"),
    ]);
    for row in rows {
        for (feature, values) in &row.values {
            let is_service = row.key.of == asofdb::UsageOf::Service;
            let reference = if is_service { feature.clone() } else { format!("{}:{feature}", row.key.name) };
            sheet.push(vec![
                Cell::new(reference).tone(Tone::Strong),
                Cell::new(&row.key.consumer),
                Cell::new(format!("{} {}", row.key.of.as_str(), row.key.name)),
                Cell::new(values).shown(count(*values)),
                Cell::new(row.last),
            ]);
        }
    }
    sheet
}

fn unused_report(unused: &[(asofdb::UsageOf, String)], days: u32) -> Report {
    let mut sheet = Sheet::new([Column::new("what"), Column::new("name")]);
    for (of, name) in unused {
        sheet.push(vec![Cell::new(of.as_str()), Cell::new(name).tone(Tone::Strong)]);
    }
    let json = unused.iter().map(|(of, name)| serde_json::json!({ "of": of.as_str(), "name": name })).collect();
    let below = match unused.len() as u64 {
        0 => "everything was read".to_owned(),
        more => format!("{} read in {}", counted(more, "was not", "were not"), counted(days.into(), "day", "days")),
    };
    Report { json, sheet, below: vec![below], ..Report::default() }
}
