//! Bringing a copy of a store on to a point of its kept logs.
//!
//! Batches are written again as they stand in the logs. Two things that the logs do not have in the wanted order are
//! left to what opens a store after a crash: `latest` of a group of commits that is cut between two of them, and bulk
//! loads that were stamped before the point and finished after it. For both, a bulk load is left as if it had been
//! interrupted behind its rows (`bulk`).

use std::fs;
use std::path::{Path, PathBuf};

use rocksdb::WriteBatch as RocksBatch;

use super::operations::Batch;
use super::trail::{Step, Trail, each_batch, marks};
use crate::error::{Error, Result};
use crate::key;
use crate::rocks::ages;
use crate::rocks::bulk::sentinels;
use crate::rocks::error::{from_io, from_rocks};
use crate::rocks::families::{Database, EVENTS, HISTORY, LATEST};
use crate::rocks::kept::{KeptFile, KeptName, MarkKind};
use crate::rocks::load_files::ingest;
use crate::rocks::records::{self, Work};
use crate::rocks::work::{LoadRecord, LoadedRows};
use crate::time::Timestamp;

/// Bytes of keys whose rows of `latest` are made again by one record.
const KEYS_BYTES_MAX: usize = 1 << 20;

/// Files of bulk loads and logs, and the store that they are applied to.
pub(super) struct Replay<'r> {
    pub(super) database: &'r Database,
    /// The directory of the files.
    pub(super) files: &'r Path,
    pub(super) id: u128,
    pub(super) at: Timestamp,
}

impl Replay<'_> {
    /// Applies the steps of a trail up to the point.
    ///
    /// # Errors
    /// `NotFound` when the files of a bulk load are not kept any more; `Corrupt` when a log cannot be understood;
    /// `Unavailable` when something cannot be read or written.
    pub(super) fn run(&self, logs: &[PathBuf], trail: &Trail) -> Result<()> {
        let cut = trail.up_to(self.at);
        let group = trail.steps.iter().skip(cut).position(|step| step.mark.is_some()).map(|index| cut + index);
        let mut steps = trail.steps.iter().enumerate().peekable();
        each_batch(logs, |place, batch| match steps.next_if(|(_, step)| step.place == place) {
            Some((index, step)) if index < cut => self.apply(step, batch),
            Some((index, step)) => self.apply_later(step, batch, Some(index) == group),
            None => Ok(()),
        })?;
        let mut batch = RocksBatch::default();
        ages::take_back(self.database, &mut batch);
        self.write(batch.data())
    }

    fn apply(&self, step: &Step, batch: &Batch<'_>) -> Result<()> {
        if let Some(MarkKind::Loaded(stamp)) = step.mark.map(|mark| mark.kind) {
            self.ingest_versions(stamp)?;
            self.ingest_family(LATEST, stamp)?;
        }
        self.write(batch.bytes())
    }

    /// Applies what belongs to the point of a step behind the cut.
    fn apply_later(&self, step: &Step, batch: &Batch<'_>, is_cut: bool) -> Result<()> {
        match step.mark.map(|mark| mark.kind) {
            Some(MarkKind::Commit) if is_cut => self.apply_group(batch),
            Some(MarkKind::LoadBegun(stamp)) if stamp <= self.at => self.write(batch.bytes()),
            Some(MarkKind::Loaded(stamp)) if stamp <= self.at => {
                self.ingest_versions(stamp)?;
                self.leave_unfinished(stamp.as_micros() as u64, None)
            }
            _ => Ok(()),
        }
    }

    /// Applies the commits of a group up to the point, and leaves their rows of `latest` to be made again: the group
    /// has only those that its last commit left.
    fn apply_group(&self, batch: &Batch<'_>) -> Result<()> {
        let marks = marks(batch)?;
        let included = marks.iter().rev().find(|(mark, _)| mark.time <= self.at);
        let (Some((_, last)), Some((_, end))) = (included, marks.last()) else { return Ok(()) };
        self.write(&batch.up_to(last))?;
        let mut rows = Vec::new();
        let mut bytes = 0;
        for operation in batch.operations() {
            let operation = operation?;
            // Behind the last mark stand the group's rows of `latest`, and the catalog's record of the time.
            if operation.end <= end.end || operation.family == end.family {
                continue;
            }
            let Some((key_space, entity, view)) = key::split_latest_key(operation.key) else { continue };
            rows.push(LoadedRows { view, key_space, first: entity.to_vec(), last: entity.to_vec() });
            bytes += operation.key.len();
            if bytes > KEYS_BYTES_MAX {
                self.leave_latest(&mut rows)?;
                bytes = 0;
            }
        }
        self.leave_latest(&mut rows)
    }

    /// Leaves rows of `latest` to be made again. Stamps of loads are times, and far from these numbers.
    fn leave_latest(&self, rows: &mut Vec<LoadedRows>) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let left = records::begun(self.database, Work::BulkLoad)?.len() as u64;
        let record = LoadRecord { rows: std::mem::take(rows), notes: Vec::new() };
        self.leave_unfinished(u64::MAX - left, Some(&record))
    }

    /// Leaves a bulk load as a crash behind its rows does: opening the store makes `latest` for them, and writes its
    /// notes.
    fn leave_unfinished(&self, id: u64, record: Option<&LoadRecord>) -> Result<()> {
        let mut batch = RocksBatch::default();
        let [sentinel, _] = sentinels(id);
        batch.put_cf(self.database.history(), sentinel, b"");
        if let Some(record) = record {
            batch.put_cf(self.database.catalog(), Work::BulkLoad.key(id), crate::records::encode(record)?);
        }
        self.write(batch.data())
    }

    fn write(&self, bytes: &[u8]) -> Result<()> {
        let written = self.database.rocks.write(RocksBatch::from_data(bytes));
        written.map_err(|error| from_rocks("cannot write what the kept logs have", error))
    }

    /// Takes over the files that a bulk load had for its versions. Every load has some, of rows or of events.
    fn ingest_versions(&self, stamp: Timestamp) -> Result<()> {
        if self.ingest_family(HISTORY, stamp)? || self.ingest_family(EVENTS, stamp)? {
            return Ok(());
        }
        Err(Error::not_found(format!("the files of the bulk load of {stamp} are not kept any more")))
    }

    /// Takes over the files that a bulk load had for a family; says whether there were any.
    fn ingest_family(&self, name: &str, stamp: Timestamp) -> Result<bool> {
        let files = self.files_of(name, stamp)?;
        if files.is_empty() {
            return Ok(false);
        }
        ingest(self.database, self.database.family(name), files).map(|()| true)
    }

    fn files_of(&self, family: &str, stamp: Timestamp) -> Result<Vec<PathBuf>> {
        let failed = |error| from_io(&format!("cannot read {}", self.files.display()), error);
        let mut files = Vec::new();
        for entry in fs::read_dir(self.files).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            let Some(KeptName { id, file: KeptFile::Load(of, file) }) = KeptName::of(&name) else { continue };
            if (id, of) == (self.id, stamp.as_micros()) && file.starts_with(family) {
                files.push(self.files.join(name));
            }
        }
        files.sort_unstable();
        Ok(files)
    }
}
