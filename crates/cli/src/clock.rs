//! `asof clock`: what the system's clock shows, what the store believes of it, and what to do when it was wrong.

use asofdb::{ClockRepair, ClockStatus, Session, Span, Timestamp};
use asofdb_client::Engine;
use clap::Args;
use serde_json::{Value as Json, json};

use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::progress::Waiting;
use super::sheet::{Cell, Column, Sheet, Tone};
use super::text::{counted, short_span};

/// Compare the system's clock with the time that the store believes; exit code 3 when they are an hour apart or more
///
/// A clock that jumps ahead is used by reads and writes, but nothing that cannot be undone goes by it before it has
/// agreed with itself for an hour, or is confirmed. When it comes back, the store's time comes back with it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Clock {
    /// The system's clock is right although it has jumped ahead: believe it now
    #[arg(long, conflicts_with = "repair")]
    confirm: bool,
    /// The system's clock is right again: go back to it, and give rows that were stamped ahead of it new created
    /// timestamps. Reads every version once
    #[arg(long)]
    repair: bool,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof clock
  asof clock --confirm            after the store was closed for a month, to reclaim at once what is too old
  asof clock --repair             after the clock was wrong and has been set right
  asof --connect ~/.asof/socket clock --format json || alert";

impl Clock {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let store = context.open()?;
        if self.confirm {
            store.confirm_clock()?;
        }
        let repair = self.repair(&store)?;
        let status = store.clock()?;
        self.output.print(&report(&status, repair.as_ref()))?;
        Ok(if status.warning().is_some() { Outcome::Problem } else { Outcome::Done })
    }

    fn repair(&self, store: &Engine) -> Result<Option<ClockRepair>> {
        match self.repair {
            true => Ok(Some(Waiting::on("reading every version", || store.repair_clock())?)),
            false => Ok(None),
        }
    }
}

fn report(status: &ClockStatus, repair: Option<&ClockRepair>) -> Report {
    let mut sheet = Sheet::new([Column::new("clock"), Column::new("time")]);
    let mut push = |name: &str, time: Cell| sheet.push(vec![Cell::new(name).tone(Tone::Strong), time]);
    push("system", Cell::new(status.system));
    push("store", Cell::new(status.now));
    push("believed", Cell::optional(status.believed));
    let mut below: Vec<String> = status.apart.iter().map(|run| apart_line(run.first, run.last)).collect();
    match (status.warning(), status.claim) {
        (Some(warning), _) => below.push(warning),
        (None, Some(claim)) => {
            let left = short_span(claim.needed.minus(claim.agreed));
            below.push(format!("the clock is believed when it has agreed with itself for {left} more"));
        }
        (None, None) => {}
    }
    below.extend(repair.map(repair_lines).unwrap_or_default());
    let mut json = status_json(status);
    if let Some(repair) = repair {
        json["repair"] = json!({
            "back_from": repair.back_from.map(text),
            "reclaimed": repair.reclaimed,
            "restamped": repair.restamped,
        });
    }
    Report { json, sheet, below, ..Report::default() }
}

fn apart_line(first: Timestamp, last: Timestamp) -> String {
    format!("rows were stamped ahead, from {first} to {last}; `asof clock --repair` stamps them anew")
}

fn repair_lines(repair: &ClockRepair) -> Vec<String> {
    let mut lines = vec![format!("{} stamped anew", counted(repair.restamped, "version was", "versions were"))];
    if let Some(from) = repair.back_from {
        lines.push(format!("the store's time went back from {from}"));
    }
    if !repair.reclaimed.is_empty() {
        let views = repair.reclaimed.join(", ");
        lines.push(format!(
            "compaction may have removed versions by the wrong time; of views with a retention: {views}"
        ));
    }
    lines
}

fn text(time: Timestamp) -> String {
    time.to_string()
}

fn seconds(span: Span) -> f64 {
    span.as_micros() as f64 / 1e6
}

fn status_json(status: &ClockStatus) -> Json {
    let claim = status.claim.map(|claim| {
        json!({
            "ahead_seconds": claim.ahead.map(seconds),
            "agreed_seconds": seconds(claim.agreed),
            "needed_seconds": seconds(claim.needed),
        })
    });
    let apart = status
        .apart
        .iter()
        .map(|run| json!({"first": text(run.first), "last": text(run.last), "until": run.until.map(text)}));
    json!({
        "system": text(status.system),
        "store": text(status.now),
        "believed": status.believed.map(text),
        "claim": claim,
        "stamped_ahead": apart.collect::<Vec<_>>(),
        "warning": status.warning(),
    })
}
