//! `asof training-set`: features joined to a spine, as of the time of each row.

use std::path::{Path, PathBuf};

use asofdb::{
    AnswerColumns, Delimiter, InputFormat, JoinOptions, JoinReport, KnownAt, Session, Status, TrainingSetOptions,
    served_training_set,
};
use asofdb_client::Engine;
use asofdb_platform::Dataset;
use clap::Args;
use serde_json::{Map, json};

use super::context::Context;
use super::error::{Outcome, Result, tell_warnings};
use super::get::tone;
use super::ingest::input_format;
use super::known::Known;
use super::output::{Output, Report};
use super::progress::{Bar, Stopwatch};
use super::sheet::{Cell, Column, Sheet, Tone};
use super::text::{count, counted};

/// Join features to the rows of a file, each as of the row's own time: a training set without leakage
///
/// The spine has a column for every join key and one of times. The result keeps its rows, their order and its columns,
/// and adds a column a feature: null where the value is null, missing or expired and no default stands in.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TrainingSet {
    /// Features: a service, a view, view:feature or view:*
    #[arg(required_unless_present = "from_log", value_name = "REF")]
    references: Vec<String>,
    /// The rows to learn from: Parquet, Arrow IPC, CSV or NDJSON
    #[arg(long, value_name = "FILE", required_unless_present = "from_log")]
    spine: Option<PathBuf>,
    /// Instead of joining, take exactly what was served from a log of served features (asof serve --log-served), with
    /// the id of each answer; without REF every feature of it
    #[arg(long, value_name = "LOG",
          conflicts_with_all = ["spine", "known_at", "event_timestamp", "input_format", "delimiter"])]
    from_log: Option<PathBuf>,
    /// The training set, which must not exist
    #[arg(long, value_name = "FILE.parquet")]
    out: PathBuf,
    /// The spine's column of times
    #[arg(long, value_name = "COLUMN", default_value = "event_timestamp")]
    event_timestamp: String,
    /// Use only what had been written by then, or, for each row, by its `own-time` [default: everything]
    #[arg(long, value_name = "TIME")]
    known_at: Option<Known>,
    /// Name every feature column view__feature, not only where names collide
    #[arg(long)]
    full_names: bool,
    /// Add a column feature__status for each feature
    #[arg(long)]
    statuses: bool,
    /// Add a column view__event_timestamp for each view
    #[arg(long)]
    event_timestamps: bool,
    /// The format of the spine [default: by its ending]
    #[arg(long, value_name = "FORMAT", value_parser = input_format())]
    input_format: Option<InputFormat>,
    /// The delimiter between the fields of a spine in CSV: a character, or `tab` [default: a comma; a tab in .tsv]
    #[arg(long, value_name = "CHAR")]
    delimiter: Option<Delimiter>,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof training-set flight_delay_v1 --spine examples/flights/flights.parquet --out training.parquet
  asof training-set flight_delay_v2 --spine examples/flights/flights.parquet --known-at own-time --out windows.parquet
  asof training-set ranker_v1 --from-log /var/lib/asof/served --out served.parquet
  asof training-set user_stats_v1:* --spine labels.csv --event-timestamp labelled_at --known-at 2024-06-01 \\
      --statuses --out training.parquet";

impl TrainingSet {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let columns = AnswerColumns {
            full_names: self.full_names,
            statuses: self.statuses,
            event_timestamps: self.event_timestamps,
        };
        if let Some(log) = &self.from_log {
            let bar = Bar::new("reading");
            let mut show = |progress| bar.show(progress);
            let served = served_training_set(log, &self.references, &self.out, columns, &mut show)?;
            self.output.print(&self.report(&served, bar.finish()))?;
            return Ok(Outcome::Done);
        }
        let store = context.open()?;
        tell_warnings(&store.prepare(&self.references)?);
        let now = store.now()?;
        let join = JoinOptions {
            event_timestamp: self.event_timestamp.clone(),
            known_at: self.known_at.map_or(KnownAt::Ever, |known_at| known_at.resolve(now)),
            columns,
            ..JoinOptions::default()
        };
        let (spine_format, spine_delimiter) = (self.input_format, self.delimiter);
        let options = TrainingSetOptions { join, spine_format, spine_delimiter, ..TrainingSetOptions::default() };
        let bar = Bar::new("joining");
        let mut show = |progress| bar.show(progress);
        let spine = self.spine.as_deref().unwrap_or(Path::new(""));
        let work = || Ok(store.training_set(&self.references, spine, &self.out, &options, &mut show)?);
        let joined = context.lineage.tell("training-set", || self.datasets(context, &store), work)?;
        self.output.print(&self.report(&joined, bar.finish()))?;
        Ok(Outcome::Done)
    }

    /// The spine and the views, and the file.
    fn datasets(&self, context: &Context, store: &Engine) -> Result<(Vec<Dataset>, Vec<Dataset>)> {
        let catalog = store.catalog()?;
        let mut inputs: Vec<_> = self.spine.iter().map(|spine| Dataset::files(&spine.to_string_lossy())).collect();
        inputs.extend(Dataset::of_references(context.lineage.namespace(), &catalog, &self.references));
        Ok((inputs, vec![Dataset::files(&self.out.to_string_lossy())]))
    }

    fn report(&self, joined: &JoinReport, took: Stopwatch) -> Report {
        let columns = Status::ALL.map(|status| Column::right(status.as_str()));
        let mut sheet = Sheet::new([Column::new("feature")].into_iter().chain(columns));
        let mut features = Map::new();
        for feature in &joined.features {
            let mut cells = vec![Cell::new(&feature.reference).tone(Tone::Strong)];
            let counts = Status::ALL.map(|status| (status, feature.of(status)));
            cells.extend(counts.map(|(status, number)| count_cell(status, number)));
            sheet.push(cells);
            let counts = counts.into_iter().map(|(status, number)| (status.as_str().to_owned(), number.into()));
            features.insert(feature.reference.clone(), counts.collect::<Map<_, _>>().into());
        }
        let rows = counted(joined.rows, "row", "rows");
        let mut below = vec![format!("joined {rows} into {}, {}", self.out.display(), took.summary(joined.rows))];
        if joined.null_rows > 0 {
            let rows = counted(joined.null_rows, "row has", "rows have");
            below.push(format!("{rows} a null time or join key; features that need it are missing there"));
        }
        let json = json!({
            "out": self.out.display().to_string(),
            "rows": joined.rows,
            "null_rows": joined.null_rows,
            "features": features,
            "seconds": took.seconds(),
        });
        Report { json, sheet, below, ..Report::default() }
    }
}

fn count_cell(status: Status, number: u64) -> Cell {
    let cell = Cell::new(number).shown(count(number));
    cell.tone(if number > 0 { tone(status) } else { Tone::Faint })
}
