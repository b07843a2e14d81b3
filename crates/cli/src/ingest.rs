//! `asof ingest`: files into a view.

use std::path::{Path, PathBuf};

use asofdb::{Delimiter, IngestOptions, IngestReport, Input, InputFormat, Session};
use asofdb_client::Engine;
use asofdb_platform::Dataset;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::progress::{Bar, Stopwatch};
use super::serve::parse_bytes;
use super::sheet::{Cell, Column, Place, Sheet};
use super::text::{count, counted};

/// Read files into a view: Parquet, Arrow IPC, CSV or NDJSON
///
/// Columns are found by name: the view's join keys, its timestamps and its features; other columns are ignored. A bad
/// row refuses everything, and nothing is written, unless --rejects gives it a place to go. What was interrupted
/// goes on where it was when the same command is given again.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Ingest {
    /// The view
    view: String,
    /// The files; `-` is the standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The format of the files [default: by their endings]
    #[arg(long, value_name = "FORMAT", value_parser = input_format())]
    input_format: Option<InputFormat>,
    /// The delimiter between the fields of CSV: a character, or `tab` [default: a comma; a tab in .tsv]
    #[arg(long, value_name = "CHAR")]
    delimiter: Option<Delimiter>,
    /// Set bad rows aside in this file, with the reasons, and take the others
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Read the files from their beginnings, whatever an earlier run has done
    #[arg(long)]
    from_scratch: bool,
    /// Bytes of rows that become part of the store in one step. Up to twice as much disk is used meanwhile; smaller steps
    /// cost more, and keep more of what was done when they are interrupted
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, default_value = "32GiB")]
    step: usize,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof ingest airport_weather_v1 examples/flights/weather.parquet
  asof ingest user_stats_v1 2024-05-*.csv --rejects bad.ndjson
  generate | asof ingest user_stats_v1 - --input-format ndjson";

/// The formats of inputs, as an argument.
pub(crate) fn input_format() -> impl TypedValueParser<Value = InputFormat> {
    PossibleValuesParser::new(InputFormat::ALL.map(InputFormat::name)).try_map(|name| name.parse::<InputFormat>())
}

fn input(file: &Path) -> Input {
    match file.as_os_str() == "-" {
        true => Input::stdin(),
        false => Input::Path(file.to_owned()),
    }
}

impl Ingest {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let store = context.open()?;
        let inputs = self.files.iter().map(|file| input(file)).collect();
        let options = IngestOptions {
            input_format: self.input_format,
            delimiter: self.delimiter,
            rejects: self.rejects.clone(),
            from_scratch: self.from_scratch,
            step_bytes: self.step as u64,
            ..IngestOptions::default()
        };
        let bar = Bar::new(format!("ingesting {}", self.view));
        let work = || Ok(store.ingest(&self.view, inputs, &options, &mut |progress| bar.show(progress))?);
        let ingested =
            context.lineage.tell(&format!("ingest.{}", self.view), || self.datasets(context, &store), work)?;
        self.output.print(&self.report(&ingested, bar.finish()))?;
        Ok(Outcome::Done)
    }

    /// The files, and the view.
    fn datasets(&self, context: &Context, store: &Engine) -> Result<(Vec<Dataset>, Vec<Dataset>)> {
        let files = self
            .files
            .iter()
            .filter(|file| file.as_os_str() != "-")
            .map(|file| Dataset::files(&file.to_string_lossy()))
            .collect();
        let views = [self.view.clone()];
        Ok((files, Dataset::of_views(context.lineage.namespace(), &*store.catalog()?, &views)))
    }

    fn report(&self, ingested: &IngestReport, took: Stopwatch) -> Report {
        let figures = [
            ("rows_read", ingested.rows_read),
            ("rows_written", ingested.rows_written),
            ("rows_rejected", ingested.rows_rejected),
            ("rows_resumed", ingested.rows_resumed),
        ];
        let mut sheet = Sheet::new(figures.map(|(name, _)| Column::right(name).place(Place::CsvOnly)));
        sheet.push(figures.map(|(_, figure)| Cell::new(figure)).to_vec());
        let mut json = json!({"view": self.view});
        for (name, figure) in figures {
            json[name] = figure.into();
        }
        json["seconds"] = took.seconds().into();
        let read = counted(ingested.rows_read, "row", "rows");
        let (written, rejected) = (count(ingested.rows_written), count(ingested.rows_rejected));
        let mut below = vec![format!(
            "read {read} into {}: {written} written, {rejected} rejected, {}",
            self.view,
            took.summary(ingested.rows_read)
        )];
        if ingested.rows_resumed > 0 {
            below.push(format!("{} done by an earlier run", counted(ingested.rows_resumed, "row was", "rows were")));
        }
        Report { json, sheet, below, ..Report::default() }
    }
}
