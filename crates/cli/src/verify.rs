//! `asof verify`: whether everything can be read and agrees.

use std::time::Instant;

use asofdb::Session;
use clap::Args;
use serde_json::json;

use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::progress::Waiting;
use super::sheet::{Cell, Column, Sheet, Tone};
use super::text::{bytes, counted};

/// Read everything and check that it can be read and agrees, and that the files have all that was on disk; exit code 3
/// when something is wrong
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Verify {
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof verify
  asof verify --format json > report.json || asof restore /backup/features --store repaired";

impl Verify {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let store = context.open()?;
        #[allow(clippy::disallowed_methods, reason = "it says how fast the disk was read")]
        let start = Instant::now();
        let verified = Waiting::on("reading everything", || store.verify())?;
        let seconds = start.elapsed().as_secs_f64();
        let disk_bytes = store.stats()?.disk_bytes;
        let mut sheet = Sheet::new([Column::new("problem")]);
        for problem in &verified.problems {
            sheet.push(vec![Cell::new(problem).tone(Tone::Bad)]);
        }
        let read = counted(verified.versions, "version", "versions");
        let entities = counted(verified.entities, "entity", "entities");
        let result = match verified.problems.len() as u64 {
            0 => "all is well".to_owned(),
            problems => counted(problems, "problem", "problems"),
        };
        self.output.print(&Report {
            json: json!({
                "versions": verified.versions,
                "entities": verified.entities,
                "problems": verified.problems,
                "disk_bytes": disk_bytes,
                "seconds": seconds,
            }),
            sheet,
            below: vec![format!(
                "read {read} of {entities}, {} at {:.1} MiB/s: {result}",
                bytes(disk_bytes),
                disk_bytes as f64 / f64::from(1 << 20) / seconds.max(f64::EPSILON)
            )],
            ..Report::default()
        })?;
        Ok(if verified.problems.is_empty() { Outcome::Done } else { Outcome::Problem })
    }
}
