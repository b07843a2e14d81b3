//! `asof repair`: a damaged store is opened with what is left of it.

use std::sync::Arc;

use asofdb::{Options, Repaired, SystemClock};
use clap::Args;
use serde_json::{Value as Json, json};

use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::progress::Waiting;
use super::sheet::{Cell, Column, Sheet, Tone};
use super::text::counted;

/// Make a damaged store one that opens, with what is left of it; without --yes, only say what is wrong
///
/// A single flipped bit is put right and loses nothing. Of anything else, what can still be read is kept, and what was
/// lost is told. Every file is kept as it was in a directory damaged-N within the store, so that nothing is lost by the
/// repair itself. Where there is a checkpoint, `asof restore` is the better way. Exit code 3 when something is wrong,
/// or was lost.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Repair {
    /// Change the store
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof repair --store /var/lib/features          say what is wrong
  asof repair --store /var/lib/features --yes    and repair it";

impl Repair {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        context.local_only("repair")?;
        let report = match self.yes {
            false => found(asofdb::examine(&context.store)?),
            true => {
                let repair = || asofdb::repair(&context.store, Options::default(), Arc::new(SystemClock));
                done(&Waiting::on("repairing", repair)?)
            }
        };
        let is_well = report.json["lost"].as_array().is_none_or(Vec::is_empty)
            && report.json["damage"].as_array().is_none_or(Vec::is_empty);
        self.output.print(&report)?;
        Ok(if is_well { Outcome::Done } else { Outcome::Problem })
    }
}

fn found(damage: Vec<String>) -> Report {
    let mut sheet = Sheet::new([Column::new("damage")]);
    for what in &damage {
        sheet.push(vec![Cell::new(what).tone(Tone::Bad)]);
    }
    let below = match damage.len() as u64 {
        0 => "all is there that was on disk; nothing to repair (asof verify reads the rows as well)".to_owned(),
        faults => format!("{}; nothing was changed; --yes repairs it", counted(faults, "fault", "faults")),
    };
    Report { json: json!({"damage": damage}), sheet, below: vec![below], ..Report::default() }
}

fn done(repaired: &Repaired) -> Report {
    let mut sheet = Sheet::new([Column::new("result"), Column::new("what")]);
    for what in &repaired.mended {
        sheet.push(vec![Cell::new("mended"), Cell::new(what)]);
    }
    for what in &repaired.lost {
        sheet.push(vec![Cell::new("lost").tone(Tone::Bad), Cell::new(what)]);
    }
    let below = match &repaired.aside {
        None => "all is there that was on disk; nothing was changed".to_owned(),
        Some(aside) => format!("every file as it was: {}", aside.display()),
    };
    let aside = repaired.aside.as_ref().map_or(Json::Null, |aside| Json::from(aside.display().to_string()));
    Report {
        json: json!({"mended": repaired.mended, "lost": repaired.lost, "kept_in": aside}),
        sheet,
        below: vec![below],
        ..Report::default()
    }
}
