//! `asof limits`: what consumers and views may, and changing it while a sidecar serves.

use std::path::PathBuf;

use asofdb::parts::read_text;
use asofdb_client::LimitsReport;
use clap::{Args, Subcommand};

use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::sheet::{Cell, Column, Sheet, Tone};
use super::text::to_serialized;

/// Longest limits file in bytes.
const LIMITS_BYTES_MAX: usize = 1 << 20;

/// Show the limits of a sidecar's consumers and views that are in force, or change them while it serves
///
/// A sidecar begins with those of `asof serve --limits FILE`, and reads that file again on SIGHUP.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Limits {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof --connect ~/.asof/socket limits
  asof --connect ~/.asof/socket limits apply limits.toml
  kill -HUP $(pidof asof)";

#[derive(Debug, Subcommand)]
enum Action {
    Apply(ApplyLimits),
}

/// Make a file the limits, until the sidecar reads its own file again or is restarted
///
/// Consumers that are connected have them at once. Limits that cannot be read are refused, and the others go on.
#[derive(Debug, Args)]
struct ApplyLimits {
    /// The limits (TOML)
    #[arg(value_name = "LIMITS.toml")]
    file: PathBuf,
    #[command(flatten)]
    output: Output,
}

impl Limits {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        if context.connect.is_none() {
            // The store is not opened to say that it has none.
            return Err(asofdb::Error::invalid("limits are a sidecar's; ask it with --connect SOCKET").into());
        }
        let engine = context.open()?;
        match &self.action {
            None => print(&self.output, &engine.limits()?)?,
            Some(Action::Apply(apply)) => {
                let text = read_text(&apply.file, "limits file", LIMITS_BYTES_MAX)?;
                print(&apply.output, &engine.set_limits(&text)?)?;
            }
        }
        Ok(Outcome::Done)
    }
}

fn print(output: &Output, report: &LimitsReport) -> Result<()> {
    let mut sheet = Sheet::new(["since", "by", "refused"].map(Column::new));
    let refused = Cell::optional(report.error.as_ref());
    let refused = if report.error.is_some() { refused.tone(Tone::Bad) } else { refused };
    sheet.push(vec![Cell::new(report.changed), Cell::new(&report.by), refused]);
    let above = match report.limits.as_str() {
        "" => vec!["there are no limits".to_owned()],
        limits => limits.lines().map(str::to_owned).collect(),
    };
    output.print(&Report { json: to_serialized(report)?, sheet, above, ..Report::default() })
}
