//! `asof export`: a view as a Parquet data set.

use std::path::PathBuf;

use asofdb::{Compression, ExportOptions, ExportRows, Manifest, PartitionBy, Session};
use asofdb_client::Engine;
use asofdb_platform::Dataset;
use clap::{Args, ValueEnum};

use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::progress::{Bar, Stopwatch};
use super::sheet::{Cell, Column, Place, Sheet};
use super::text::{bytes, counted, to_serialized};
use super::when::When;

/// Write a view as Parquet files with a manifest, of one moment, sorted; whole or not at all
///
/// Without --as-of or --latest every version is exported, deletions among them: what is needed to load it elsewhere.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Export {
    /// The view
    view: String,
    /// The directory for the files, which must not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Versions with an event at or after this time
    #[arg(long, value_name = "TIME")]
    from: Option<When>,
    /// Versions with an event before this time
    #[arg(long, value_name = "TIME")]
    to: Option<When>,
    /// One row an entity: what a read as of this time finds
    #[arg(long, value_name = "TIME", conflicts_with_all = ["from", "to", "latest"])]
    as_of: Option<When>,
    /// One row an entity: what a read finds now
    #[arg(long, conflicts_with_all = ["from", "to"])]
    latest: bool,
    /// Directories by event time (event_date=2013-01-01)
    #[arg(long, value_enum, value_name = "UNIT")]
    partition_by: Option<Unit>,
    /// Compression of the files
    #[arg(long, value_enum, value_name = "CODEC", default_value = "zstd")]
    compression: Codec,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof export airport_weather_v1 --out weather --partition-by month
  asof export airport_weather_v1 --out january --from 2013-01-01 --to 2013-02-01 --compression snappy
  asof export plane_v1 --out planes --latest --format json";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Unit {
    Day,
    Month,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Codec {
    Zstd,
    Snappy,
    None,
}

impl Export {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let store = context.open()?;
        let options = self.options(store.now()?);
        let bar = Bar::new(format!("exporting {}", self.view));
        let work = || Ok(store.export(&self.view, &self.out, &options, &mut |progress| bar.show(progress))?);
        let manifest =
            context.lineage.tell(&format!("export.{}", self.view), || self.datasets(context, &store), work)?;
        self.output.print(&self.report(&manifest, bar.finish())?)?;
        Ok(Outcome::Done)
    }

    /// The view, and the directory.
    fn datasets(&self, context: &Context, store: &Engine) -> Result<(Vec<Dataset>, Vec<Dataset>)> {
        let views = [self.view.clone()];
        let views = Dataset::of_views(context.lineage.namespace(), &*store.catalog()?, &views);
        Ok((views, vec![Dataset::files(&self.out.to_string_lossy())]))
    }

    fn options(&self, now: asofdb::Timestamp) -> ExportOptions {
        let resolve = |when: Option<When>| when.map(|when| when.resolve(now));
        ExportOptions {
            rows: match (self.latest, resolve(self.as_of)) {
                (true, _) => ExportRows::Latest,
                (_, Some(at)) => ExportRows::AsOf(at),
                _ => ExportRows::Versions { from: resolve(self.from), to: resolve(self.to) },
            },
            partition_by: self.partition_by.map(|unit| match unit {
                Unit::Day => PartitionBy::Day,
                Unit::Month => PartitionBy::Month,
            }),
            compression: match self.compression {
                Codec::Zstd => Compression::Zstd,
                Codec::Snappy => Compression::Snappy,
                Codec::None => Compression::None,
            },
            ..ExportOptions::default()
        }
    }

    fn report(&self, manifest: &Manifest, took: Stopwatch) -> Result<Report> {
        let columns = [Column::new("path"), Column::right("rows"), Column::right("bytes")];
        let mut sheet = Sheet::new(columns.map(|column| column.place(Place::CsvOnly)));
        for file in &manifest.files {
            sheet.push(vec![Cell::new(&file.path), Cell::new(file.rows), Cell::new(file.bytes)]);
        }
        let rows = counted(manifest.rows, "row", "rows");
        let files = counted(manifest.files.len() as u64, "file", "files");
        let size = bytes(manifest.bytes);
        let mut below = vec![format!(
            "exported {rows} to {}: {files}, {size}, {}",
            self.out.display(),
            took.summary(manifest.rows)
        )];
        if let (Some(first), Some(last)) = (manifest.event_min, manifest.event_max) {
            below.push(format!("events from {first} to {last}"));
        }
        Ok(Report { json: to_serialized(manifest)?, sheet, below, ..Report::default() })
    }
}
