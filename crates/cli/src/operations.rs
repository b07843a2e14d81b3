//! `asof stats`, `compact`, `checkpoint` and `restore`: running a store.

use std::path::PathBuf;

use asofdb::storage::{HotStats, Warming};
use asofdb::{Backups, CheckpointFiles, Error, Restored, Session, Stats as Figures, StoreId};
use asofdb_client::ConsumerReport;
use clap::Args;
use serde_json::{Value as Json, json};

use super::backup::KeyArgument;
use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Output, Report, print};
use super::progress::Waiting;
use super::sheet::{Cell, Column, Sheet, Tone};
use super::text::{bytes, count, counted};

/// Show how much the store holds
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asof stats\n  asof stats --format json")]
pub(crate) struct Stats {
    #[command(flatten)]
    output: Output,
}

impl Stats {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let store = context.open()?;
        // What is still in the log would not be in the figures.
        store.flush()?;
        self.output.print(&stats_report(store.store_id()?, &store.stats()?, &store.consumers()?))?;
        Ok(Outcome::Done)
    }
}

/// Makes the line of a table that says what one consumer did with one view.
fn consumer_line(report: &ConsumerReport) -> String {
    let view = if report.view.is_empty() { "-" } else { &report.view };
    let errors: u64 = report.errors.iter().map(|(_, count)| count).sum();
    let missed = match report.over_consumer.max(report.over_view) {
        0 => String::new(),
        missed => format!(", {missed} over the latency objective"),
    };
    format!(
        "{}: {} {view}, {}, {}, {errors} failed, p50 {:?}, p99 {:?}, p99.9 {:?}{missed}",
        report.consumer,
        report.operation,
        counted(report.requests, "request", "requests"),
        counted(report.rows, "row", "rows"),
        report.p50,
        report.p99,
        report.p999
    )
}

fn stats_report(id: Option<StoreId>, stats: &Figures, consumers: &[ConsumerReport]) -> Report {
    let mut sheet = Sheet::new([Column::new("family"), Column::right("rows_estimate"), Column::right("disk_bytes")]);
    let mut families = Vec::new();
    for family in &stats.families {
        sheet.push(vec![
            Cell::new(&family.name).tone(Tone::Strong),
            Cell::new(family.rows_estimate).shown(count(family.rows_estimate)),
            Cell::new(family.disk_bytes).shown(bytes(family.disk_bytes)),
        ]);
        families.push(json!({
            "name": family.name,
            "rows_estimate": family.rows_estimate,
            "disk_bytes": family.disk_bytes,
        }));
    }
    let memory = format!("memory budget {}", bytes(stats.memory_budget_bytes));
    let mut below = vec![format!("{} on disk, {memory}", bytes(stats.disk_bytes))];
    below.extend(stats.hot.as_ref().map(hot_line));
    below.extend(id.map(|id| format!("store {id}")));
    below.extend(consumers.iter().map(consumer_line));
    below.extend(stats.background_error.as_ref().map(|error| format!("background work failed: {error}")));
    Report {
        json: json!({
            "store_id": id.map(|id| id.to_string()),
            "disk_bytes": stats.disk_bytes,
            "memory_budget_bytes": stats.memory_budget_bytes,
            "families": Json::Array(families),
            "background_error": stats.background_error,
            "hot": stats.hot.as_ref().map(hot_json),
            "consumers": consumers,
        }),
        sheet,
        below,
        ..Report::default()
    }
}

fn hot_line(hot: &HotStats) -> String {
    let asked = hot.hits + hot.misses;
    let share =
        if asked == 0 { String::new() } else { format!(", {:.1} % of reads", 100.0 * hot.hits as f64 / asked as f64) };
    let pinned = if hot.pinned_rows == 0 { String::new() } else { format!(", {} pinned", count(hot.pinned_rows)) };
    let Warming { is_over, rows, rows_wanted } = hot.warming;
    let warming = if is_over { String::new() } else { format!(", warming: {} of {}", count(rows), count(rows_wanted)) };
    let size = format!("{} of {}", bytes(hot.bytes), bytes(hot.bytes_max));
    format!("hot table: {} rows{pinned}, {size}{share}{warming}", count(hot.rows))
}

fn hot_json(hot: &HotStats) -> Json {
    json!({
        "hits": hot.hits,
        "misses": hot.misses,
        "fills": hot.fills,
        "evictions": hot.evictions,
        "rows": hot.rows,
        "bytes": hot.bytes,
        "bytes_max": hot.bytes_max,
        "pinned_rows": hot.pinned_rows,
        "pinned_bytes": hot.pinned_bytes,
        "is_warm": hot.warming.is_over,
        "rows_returned": hot.warming.rows,
        "rows_wanted": hot.warming.rows_wanted,
    })
}

/// Compact everything, reclaiming what retention, drops and erasures left
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  asof compact")]
pub(crate) struct Compact;

impl Compact {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let store = context.open()?;
        store.flush()?;
        let before = store.stats()?.disk_bytes;
        Waiting::on("compacting", || store.compact())?;
        print(&format!("compacted: {} before, {} now\n", bytes(before), bytes(store.stats()?.disk_bytes)))?;
        Ok(Outcome::Done)
    }
}

/// Write a consistent copy of the store into a new directory
///
/// On the same file system the copy shares its data files with the store and takes next to no space, and what damages
/// one of them damages both. All files are read once for their checksums, by which `asof restore` knows them.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  asof checkpoint /backup/features-2024-06-01\n  asof checkpoint --copy /backup/features-2024-06-01"
)]
pub(crate) struct Checkpoint {
    /// The directory, which must not exist
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Copy every file, so that the checkpoint shares none with the store, and read the copies back
    #[arg(long)]
    copy: bool,
}

impl Checkpoint {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let store = context.open()?;
        let files = if self.copy { CheckpointFiles::Copied } else { CheckpointFiles::Shared };
        Waiting::on("copying", || store.checkpoint_with(&self.directory, files))?;
        print(&format!("checkpoint written to {}\n", self.directory.display()))?;
        Ok(Outcome::Done)
    }
}

/// Make the store from a checkpoint, a backup, or the backups' logs up to a time; refuses to replace a store
///
/// Every file is copied and has to be what the checkpoint's list of files says; the copy is opened before the store
/// appears.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  asof restore /backup/features-2024-06-01 --store /var/lib/features\n  asof restore /backup/features --at 2024-06-01T12:00:00Z --store restored"
)]
pub(crate) struct Restore {
    /// The directory that `asof checkpoint` or `asof backup` wrote, which stays as it is
    #[arg(value_name = "DIR")]
    checkpoint: PathBuf,
    /// Of backups the one of this name; or exactly the commits up to this time, between two backups of a store that
    /// keeps its logs (asof keep-logs); otherwise the newest backup
    #[arg(long, value_name = "BACKUP|TIME")]
    at: Option<String>,
    #[command(flatten)]
    key: KeyArgument,
}

impl Restore {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        context.local_only("restore")?;
        let restored = if Backups::is_at(&self.checkpoint) {
            let backups = Backups::open(&self.checkpoint, self.key.key()?)?;
            Waiting::on("copying", || asofdb::restore_at(&backups, self.at.as_deref(), &context.store))?
        } else if self.at.is_some() {
            let message = "there are no backups here to choose from";
            return Err(Error::invalid(format!("{message}: {}", self.checkpoint.display())).into());
        } else {
            Waiting::on("copying", || asofdb::restore(&self.checkpoint, &context.store))?
        };
        print(&format!("store made at {}: {}\n", context.store.display(), checked(&restored)))?;
        Ok(Outcome::Done)
    }
}

/// Says how it was found out that a restored store is whole.
fn checked(restored: &Restored) -> String {
    let copied = format!("{}, {}", counted(restored.files, "file", "files"), bytes(restored.bytes));
    match restored.versions_read {
        None => format!("{copied}, all with the checksums that they had"),
        Some(versions) => format!(
            "{copied}; the checkpoint is of an earlier version and has no checksums, so the store was read: {}, all is well",
            counted(versions, "version", "versions")
        ),
    }
}
