//! `asof delete-events`: events that never happened.

use std::path::PathBuf;

use asofdb::parts::{find_event_view, source_schema};
use asofdb::{Delimiter, Error, FeatureView, Hint, InputFormat, Session, Source, TextOptions};
use clap::Args;
use serde_json::json;

use super::context::Context;
use super::error::{Outcome, Result};
use super::ingest::input_format;
use super::output::{Output, Report};
use super::sheet::{Cell, Column, Sheet};
use super::text::counted;

/// Delete events that never happened: later reads don't count them, what was known before is kept
///
/// The file has a column for everything that identifies an event: the join keys, the event timestamp, and the columns
/// of the event id (all columns where the view names none for it); others are ignored. An event that is not there is
/// deleted too, and does not count when it comes late. What was interrupted can be run again.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DeleteEvents {
    /// The event view
    view: String,
    /// The events: Parquet, Arrow IPC, CSV or NDJSON; `-` is the standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The format of the file [default: by its ending]
    #[arg(long, value_name = "FORMAT", value_parser = input_format())]
    input_format: Option<InputFormat>,
    /// The delimiter between the fields of CSV: a character, or `tab` [default: a comma; a tab in .tsv]
    #[arg(long, value_name = "CHAR")]
    delimiter: Option<Delimiter>,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof delete-events purchases_v1 cancelled.csv
  cancelled | asof delete-events purchases_v1 - --input-format ndjson";

impl DeleteEvents {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let store = context.open()?;
        let catalog = store.catalog()?;
        let view = find_event_view(&catalog, &self.view)?;
        let mut source = self.open(view)?;
        source.project(&identity(view, &source))?;
        let mut events = 0;
        for batch in source.batches()? {
            let batch = batch?;
            store.delete_events(&view.name, &batch)?;
            events += batch.num_rows() as u64;
        }
        self.output.print(&self.report(events))?;
        Ok(Outcome::Done)
    }

    fn open(&self, view: &FeatureView) -> Result<Source> {
        let schema = source_schema(view);
        let options = TextOptions { delimiter: self.delimiter, ..TextOptions::hinted(&schema) };
        if self.file.as_os_str() != "-" {
            return Ok(Source::open(&self.file, self.input_format, options)?);
        }
        let no_format = || {
            let message = "the format of standard input must be given: parquet, ipc, csv or ndjson";
            Error::invalid(message).with_hint(Hint::InputFormat)
        };
        let format = self.input_format.ok_or_else(no_format)?;
        Ok(Source::read(std::io::stdin(), "standard input", format, options)?)
    }

    fn report(&self, events: u64) -> Report {
        let mut sheet = Sheet::new(["view", "events"].map(Column::new));
        sheet.push(vec![Cell::new(&self.view), Cell::new(events)]);
        let deleted = counted(events, "event", "events");
        Report {
            json: json!({"view": self.view, "events": events}),
            sheet,
            below: vec![format!("deleted {deleted}; what was known before is kept (`asof erase` removes an entity)")],
            ..Report::default()
        }
    }
}

/// The columns that identify an event, and that of the created timestamp where the file has one.
fn identity<'v>(view: &'v FeatureView, source: &Source) -> Vec<&'v str> {
    let keys = view.join_keys.iter().map(|key| key.name.as_str()).chain([view.event_column.as_str()]);
    let schema = source.schema();
    let created = view.created_column.as_deref().filter(|name| schema.column_with_name(name).is_some());
    let names: Vec<&str> = match view.event_id_names() {
        all if all.is_empty() => view.features.iter().map(|column| column.name.as_str()).collect(),
        names => names,
    };
    keys.chain(created).chain(names).collect()
}
