//! `asof plan`: the changes that definitions from a file would make.

use std::path::PathBuf;

use asofdb::{Session, read_definitions};
use clap::{Args, ValueEnum};

use super::apply;
use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Format, Output, print};

/// The format in which a plan is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PlanFormat {
    /// For people
    Table,
    /// For scripts; stable
    Json,
    /// With a header
    Csv,
    /// For a merge request
    Markdown,
}

/// Show what asof apply would change, who has read what goes, and which features are likely there already
///
/// Nothing that is defined is changed, and a store that does not exist is not made. The exit code is 3 where asof apply
/// would need a permission (--allow-drop, --allow-redefine): something is dropped, or computed in another way.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Plan {
    /// The definitions (TOML)
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    /// Format of the plan
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    format: PlanFormat,
    /// Make the plan known to those who may approve it: asof plans and the page /plans of a sidecar show it until the
    /// next change
    #[arg(long)]
    propose: bool,
    /// The reason, for those who look at it
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT", requires = "propose")]
    message: String,
}

const EXAMPLES: &str = "\
Examples:
  asof plan features.toml
  asof --connect ~/.asof/socket plan features.toml --format markdown > plan.md
  asof --connect ~/.asof/socket plan features.toml --propose --message 'Kept for two days'

Exit codes: 0 planned, 1 the definitions break a rule, 3 planned, with drops or redefinitions.";

impl Plan {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let definitions = read_definitions(&self.file)?;
        let changed = apply::plan(context, &definitions)?;
        if self.propose {
            // What was planned is what is known then: a change in between gives another hash.
            context.open()?.propose(&definitions, &self.message)?;
        }
        let format = match self.format {
            PlanFormat::Table => Some(Format::Table),
            PlanFormat::Json => Some(Format::Json),
            PlanFormat::Csv => Some(Format::Csv),
            PlanFormat::Markdown => None,
        };
        match format {
            Some(format) => Output { format }.print(&changed.report(true)?)?,
            None => print(&changed.to_markdown())?,
        }
        let needs_permission = changed.0.plan.drops().chain(changed.0.plan.redefinitions()).next().is_some();
        Ok(if needs_permission { Outcome::Problem } else { Outcome::Done })
    }
}
