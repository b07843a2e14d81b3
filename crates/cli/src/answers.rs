//! `asof answers`: what consumers got.

use asofdb::{AnswerCounts, AnswerRow, AsJson, Session};
use clap::{Args, ValueEnum};

use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::sheet::{Cell, Column, Sheet, Tone};
use super::text::count;

/// Show how many of the values that consumers got were present, and why the others were not
///
/// Values of the latest and of as-of reads are counted by view, feature and consumer, in the process that reads: ask the
/// sidecar with --connect. A feed that has died shows here as values that are expired or missing.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Answers {
    /// Only these views [default: all]
    #[arg(value_name = "VIEW")]
    views: Vec<String>,
    /// The time to look back
    #[arg(long, value_enum, default_value = "1h")]
    over: Over,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof --connect ~/.asof/socket answers
  asof --connect ~/.asof/socket answers user_stats_v1 --over 5m --format json";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Over {
    #[value(name = "5m")]
    Minutes,
    #[value(name = "1h")]
    Hour,
    #[value(name = "1d")]
    Day,
}

impl Over {
    fn of(self, row: &AnswerRow) -> &AnswerCounts {
        match self {
            Over::Minutes => &row.last_5m,
            Over::Hour => &row.last_1h,
            Over::Day => &row.last_1d,
        }
    }
}

impl Answers {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let mut rows = context.open()?.answers()?;
        rows.retain(|row| self.views.is_empty() || self.views.contains(&row.view));
        let sheet = self.sheet(&rows);
        let below = match rows.is_empty() {
            true => vec!["nothing was read by a consumer in the last day".to_owned()],
            false => Vec::new(),
        };
        self.output.print(&Report { json: AsJson(rows.as_slice()).to_tree()?, sheet, below, ..Report::default() })?;
        Ok(Outcome::Done)
    }

    fn sheet(&self, rows: &[AnswerRow]) -> Sheet {
        let mut sheet = Sheet::new([
            Column::new("feature"),
            Column::new("consumer"),
            Column::right("values"),
            Column::right("present"),
            Column::right("null"),
            Column::right("missing"),
            Column::right("expired"),
            Column::right("defaulted"),
        ]);
        for row in rows {
            let counts = self.over.of(row);
            let share = |part: u64| Cell {
                shown: counts.share(part).map(|share| format!("{:.1} %", 100.0 * share)),
                ..Cell::new(part)
            };
            sheet.push(vec![
                Cell::new(format!("{}:{}", row.view, row.feature)).tone(Tone::Strong),
                Cell::new(&row.consumer),
                Cell::new(counts.values).shown(count(counts.values)),
                share(counts.present()),
                share(counts.null),
                share(counts.missing),
                share(counts.expired),
                share(counts.defaulted),
            ]);
        }
        sheet
    }
}
