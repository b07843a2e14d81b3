//! `asof alerts`: what is wrong, and who was told.

use asofdb_client::{AlertReport, AlertTargetReport, AlertsReport};
use clap::Args;

use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::sheet::{Cell, Column, Place, Sheet, Tone};
use super::text::{count, counted, to_serialized};

/// Show the open alerts of a sidecar, and how their delivery goes; exit code 3 when one is open
///
/// A sidecar has alerts when it was started with `asof serve --alerts FILE`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Alerts {
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof --connect ~/.asof/socket alerts
  asof --connect ~/.asof/socket alerts --format json";

impl Alerts {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let report = match &context.connect {
            // The store is not opened to say that it has none.
            None => return Err(asofdb::Error::invalid("alerts are a sidecar's; ask it with --connect SOCKET").into()),
            Some(_) => context.open()?.alerts()?,
        };
        let below = lines(&report);
        self.output.print(&Report {
            json: to_serialized(&report)?,
            sheet: sheet(&report.alerts),
            below,
            ..Report::default()
        })?;
        Ok(if report.alerts.is_empty() { Outcome::Done } else { Outcome::Problem })
    }
}

fn sheet(alerts: &[AlertReport]) -> Sheet {
    let mut sheet = Sheet::new([
        Column::new("kind"),
        Column::new("subject"),
        Column::new("state"),
        Column::new("severity"),
        Column::new("since"),
        Column::new("told"),
        Column::right("notices"),
        Column::new("is_recovering").place(Place::CsvOnly),
        Column::new("message"),
    ]);
    for alert in alerts {
        let tone = if alert.severity == "critical" { Tone::Bad } else { Tone::Warning };
        let (state, is_recovering) = (alert.state.as_str(), alert.is_recovering);
        let shown = if is_recovering { format!("{state} (recovering)") } else { state.to_owned() };
        sheet.push(vec![
            Cell::new(&alert.kind),
            Cell::optional(Some(&alert.subject).filter(|subject| !subject.is_empty())).tone(Tone::Strong),
            Cell::new(state).shown(shown).tone(tone),
            Cell::new(&alert.severity),
            Cell::new(alert.since),
            Cell::new(alert.told),
            Cell::new(alert.notices).shown(count(alert.notices)),
            Cell::new(is_recovering),
            Cell::new(&alert.message),
        ]);
    }
    sheet
}

/// The lines about each target.
fn lines(report: &AlertsReport) -> Vec<String> {
    match report.targets.is_empty() {
        true => vec!["nobody is told: the sidecar was started without --alerts".to_owned()],
        false => report.targets.iter().map(line).collect(),
    }
}

fn line(target: &AlertTargetReport) -> String {
    let last = target.last_delivered.map(|at| format!(", last at {at}")).unwrap_or_default();
    let dropped = if target.dropped > 0 { format!(", {} given up", count(target.dropped)) } else { String::new() };
    let failed = match (&target.last_error, target.last_failed) {
        (Some(error), Some(at)) => {
            format!(", {}, last at {at}: {error}", counted(target.failures, "failure", "failures"))
        }
        (Some(error), None) => format!(", {}: {error}", counted(target.failures, "failure", "failures")),
        (None, _) => String::new(),
    };
    format!(
        "{} ({}): {} delivered{last}, {} waiting{dropped}{failed}",
        target.target,
        target.kind,
        count(target.delivered),
        count(target.waiting)
    )
}
