//! Results in the format that was asked for.

use std::io::{self, Write};

use clap::{Args, ValueEnum};
use serde_json::Value as Json;

use super::error::Result;
use super::sheet::Sheet;
use crate::table;

/// The format in which results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// For scripts; stable
    Json,
    /// With a header
    Csv,
}

/// The option that every command with a result has.
#[derive(Debug, Args)]
pub(crate) struct Output {
    /// Format of the result
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    pub(crate) format: Format,
}

/// A result in every format.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) json: Json,
    pub(crate) sheet: Sheet,
    /// Lines above and below a table.
    pub(crate) above: Vec<String>,
    pub(crate) below: Vec<String>,
}

impl Output {
    pub(crate) fn print(&self, report: &Report) -> Result<()> {
        match self.format {
            Format::Json => print(&format!("{:#}\n", report.json)),
            Format::Csv => print(&report.sheet.to_csv()),
            Format::Table => print(&as_table(report)),
        }
    }
}

fn as_table(report: &Report) -> String {
    let mut out = lines(&report.above);
    out.push_str(&table::render(&report.sheet));
    out.push_str(&lines(&report.below));
    out
}

fn lines(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Prints to standard output.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
