//! `asof verify`: whether everything can be read and agrees.

use asofdb::Session;
use clap::Args;
use serde_json::json;

use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::progress::Waiting;
use super::sheet::{Cell, Column, Sheet, Tone};
use super::text::counted;

/// Read everything and check that it can be read and agrees; exit code 3 when something is wrong
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
        let verified = Waiting::on("reading everything", || store.verify())?;
        let mut sheet = Sheet::new([Column::new("problem")]);
        for problem in &verified.problems {
            sheet.push(vec![Cell::new(problem).tone(Tone::Bad)]);
        }
        let read = counted(verified.versions, "version", "versions");
        let entities = counted(verified.entities, "latest row", "latest rows");
        let result = match verified.problems.len() as u64 {
            0 => "all is well".to_owned(),
            problems => counted(problems, "problem", "problems"),
        };
        self.output.print(&Report {
            json: json!({"versions": verified.versions, "entities": verified.entities, "problems": verified.problems}),
            sheet,
            below: vec![format!("read {read} and {entities}: {result}")],
            ..Report::default()
        })?;
        Ok(if verified.problems.is_empty() { Outcome::Done } else { Outcome::Problem })
    }
}
