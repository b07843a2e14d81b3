//! Files that are written beside a store, onto the same full disk.

use std::fs;
use std::path::Path;

use asofdb::{CheckpointFiles, ExportOptions, IngestOptions, Input, Session};
use asofdb_client::Client;

use super::full::says_full;
use crate::check::{Checked, check, equal};
use crate::host::{Conditions, limited};
use crate::ledger::{Ledger, Outcome};
use crate::{Report, Setting};

/// Batches of the file that is ingested, some 6 MB.
const BATCHES: usize = 60;

fn ledger(view: &str) -> Ledger {
    Ledger::new(view, 50, 2_000)
}

fn ingest(client: &Client, outside: &Path, view: &str) -> asofdb::Result<u64> {
    let inputs = vec![Input::Path(outside.join(format!("{view}.csv")))];
    client.ingest(view, inputs, &IngestOptions::default(), &mut |_| ()).map(|report| report.rows_written)
}

/// Tries an ingest, an export, a copy and a backup, none of which has room.
pub(super) fn while_full(
    setting: &Setting,
    client: &Client,
    disk: &Path,
    outside: &Path,
    (filler, ingested): (&str, &str),
    report: &mut Report,
) -> Checked {
    let before = names(disk)?;
    fs::write(outside.join(format!("{ingested}.csv")), ledger(ingested).csv(BATCHES))?;
    let mut refused = |what: &str, done: asofdb::Result<()>| -> Checked {
        match done {
            Err(error) => {
                report.count(&format!("{what} refused by the full disk"), 1);
                says_full(&error).map_err(|wrong| format!("{what}: {wrong}").into())
            }
            Ok(()) => {
                report.count(&format!("{what} for which there was room"), 1);
                Ok(())
            }
        }
    };
    refused("ingests", ingest(client, outside, ingested).map(drop))?;
    let (export, copy) = (disk.join("export"), disk.join("copy"));
    refused("exports", client.export(filler, &export, &ExportOptions::default(), &mut |_| ()).map(drop))?;
    refused("copies", client.checkpoint_with(&copy, CheckpointFiles::Copied))?;
    for made in [export, copy] {
        if made.exists() {
            fs::remove_dir_all(made)?;
        }
    }
    backup(setting, disk, outside, report)?;
    check(names(disk)? == before, || format!("something is left on the disk: {:?}", names(disk)))
}

/// A backup through the command line.
fn backup(setting: &Setting, disk: &Path, outside: &Path, report: &mut Report) -> Checked {
    let backups = disk.join("backups");
    let mut command = limited(setting, &Conditions::default());
    command.arg("--connect").arg(outside.join("socket")).arg("backup").arg(&backups);
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() {
        Some(0) => report.count("backups for which there was room", 1),
        Some(1) => {
            report.count("backups refused by the full disk", 1);
            check(said.contains("the disk is full"), || format!("a backup does not name the full disk: {said}"))?;
        }
        code => return Err(format!("a backup ended with {code:?}: {said}").into()),
    }
    if backups.exists() {
        fs::remove_dir_all(backups)?;
    }
    Ok(())
}

/// The ingest is run again when there is room, and completes.
pub(super) fn afterwards(client: &Client, outside: &Path, ingested: &str) -> Checked {
    ingest(client, outside, ingested)?;
    let mut ledger = ledger(ingested);
    ledger.keep(Outcome::Written, BATCHES);
    ledger.compare(client)?;
    let copy = outside.join("copy");
    client.checkpoint_with(&copy, CheckpointFiles::Copied)?;
    fs::remove_dir_all(copy)?;
    equal("problems", &client.verify()?.problems, &Vec::<String>::new())
}

fn names(directory: &Path) -> std::io::Result<Vec<String>> {
    let names = fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names: Vec<_> = names.collect::<std::io::Result<_>>()?;
    names.sort_unstable();
    Ok(names)
}
