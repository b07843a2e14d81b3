//! `asof backup` and `asof backups`: copies of a store beside each other.

use std::path::PathBuf;
use std::time::Duration;

use asofdb::{Backup as BackedUpStore, BackupKey, Backups, Error, KeepPolicy, Session, Span, back_up};
use clap::Args;
use serde_json::{Value as Json, json};

use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Output, Report, print};
use super::progress::Waiting;
use super::sheet::{Cell, Column, Sheet, Tone};
use super::text::{bytes, count, counted};

/// The key of encrypted backups.
#[derive(Debug, Args)]
pub(crate) struct KeyArgument {
    /// The file with the key of encrypted backups: 64 hexadecimal digits (openssl rand -hex 32)
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

impl KeyArgument {
    pub(crate) fn key(&self) -> Result<Option<BackupKey>> {
        Ok(self.key_file.as_deref().map(BackupKey::read).transpose()?)
    }
}

/// Add a backup of the store to a directory of backups
///
/// Contents that an earlier backup has are not copied again. What is written is read back and compared. Without --keep
/// and --keep-for every backup is kept; with both, what either keeps. Ages count up to the time that the store believes
/// (asof clock), so that a wrong clock expires nothing. With --key-file from the first backup on, all of them are
/// encrypted. Of a store that keeps its logs (asof keep-logs) the backup has those as well.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Backup {
    /// The directory of the backups, made where there is none
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    #[command(flatten)]
    key: KeyArgument,
    /// Keep so many of the newest backups, and remove others
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    /// Keep the backups that were taken in this time before the newest (30d), and remove others
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    keep_for: Option<Duration>,
    /// Directory for the checkpoint that is copied, which must not exist and is removed; best on the store's own disk
    #[arg(long, value_name = "DIR")]
    checkpoint: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  asof backup /backup/features --keep 7 --keep-for 30d
  asof backup /backup/features --key-file key --checkpoint /var/lib/asof/checkpoint
  asof --connect ~/.asof/socket backup /backup/features
  asof restore /backup/features --at 2024-06-01T12:00:00Z --store restored";

impl Backup {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let policy = self.policy()?;
        let store = context.open()?;
        let backups = Backups::create(&self.directory, self.key.key()?)?;
        let added = Waiting::on("backing up", || back_up(&store, &backups, self.checkpoint.as_deref()))?;
        let expired = match policy == KeepPolicy::default() {
            true => Vec::new(),
            false => backups.expire(&policy, store.clock()?.believed)?,
        };
        let all = format!("{}, {}", counted(added.files, "file", "files"), bytes(added.bytes));
        let new = format!("{}, {}", counted(added.new_files, "file", "files"), bytes(added.new_bytes));
        print(&format!("backed up as {}: {all}; new: {new}\n", added.name))?;
        for name in expired {
            print(&format!("expired: {name}\n"))?;
        }
        Ok(Outcome::Done)
    }

    fn policy(&self) -> Result<KeepPolicy> {
        let micros = self.keep_for.map(|time| i64::try_from(time.as_micros())).transpose();
        let micros = micros.map_err(|_| Error::invalid("the time for which backups are kept is too long"))?;
        Ok(KeepPolicy { newest: self.keep.map(|keep| keep as usize), within: micros.map(Span::from_micros) })
    }
}

/// List the backups in a directory
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asof backups /backup/features\n  asof backups /backup/features --format json")]
pub(crate) struct List {
    /// The directory of the backups
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    output: Output,
}

impl List {
    pub(crate) fn run(&self) -> Result<Outcome> {
        let backups = Backups::open(&self.directory, self.key.key()?)?.list()?;
        let columns = [Column::new("backup"), Column::right("files"), Column::right("bytes"), Column::new("kept logs")];
        let mut sheet = Sheet::new(columns);
        for backup in &backups {
            sheet.push(vec![
                Cell::new(backup.name()).tone(Tone::Strong),
                Cell::new(backup.files()).shown(count(backup.files())),
                Cell::new(backup.bytes()).shown(bytes(backup.bytes())),
                Cell::new(if backup.has_logs() { "yes" } else { "no" }),
            ]);
        }
        self.output.print(&Report {
            json: json!({"backups": backups.iter().map(backup_json).collect::<Vec<Json>>()}),
            sheet,
            below: vec![counted(backups.len() as u64, "backup", "backups")],
            ..Report::default()
        })?;
        Ok(Outcome::Done)
    }
}

fn backup_json(backup: &BackedUpStore) -> Json {
    json!({
        "name": backup.name(),
        "files": backup.files(),
        "bytes": backup.bytes(),
        "kept_logs": backup.has_logs(),
    })
}
