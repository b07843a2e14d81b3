//! Opening a damaged store with what is left of it.
//!
//! Nothing is deleted: before anything is changed, every file of the store is kept in a directory beside it. Then what
//! is wrong by one bit is put right, which loses nothing. What is left of the rest is read past the damage: a feature
//! store's rows do not build on each other, so those after a hole are as good as those before it. Only what *names*
//! others does: rows of views and schema versions that are no longer known are removed, since the next view or schema
//! to get their number would read them as its own; and `latest` is made again from `history`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rocksdb::{ColumnFamily, DB, DBRecoveryMode, Options as RocksOptions, WriteBatch as RocksBatch};

use super::directory::{self, StoreDirectory};
use super::error::{from_io, from_open, from_rocks};
use super::kept::{self, Setting};
use super::open::assemble;
use super::options::{Options, Tuning};
use super::present::Present;
use super::rebuild::rebuild_latest;
use super::rebuild_indexes::rebuild_indexes;
use super::scan::key_parts;
use super::store::Store;
use super::work::LoadedRows;
use super::{floor, hot, maintain, process, spoiled, verify};
use crate::catalog::FeatureView;
use crate::error::Result;
use crate::key::ENTITY_KEY_BYTES_MAX;
use crate::row::{self, RowKind};
use crate::stop::Stop;
use crate::time::Clock;

/// Bytes of removals that are written at once.
const WRITE_BYTES_MAX: usize = 4 << 20;

/// Directories of files kept by earlier repairs.
const ASIDE_MAX: usize = 1_000;

/// The outcome of a repair, a line each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repaired {
    /// The directory that has every file as it was; none when nothing was wrong.
    pub aside: Option<PathBuf>,
    /// The things that were put right without losing anything.
    pub mended: Vec<String>,
    /// The losses, as far as they are known.
    pub lost: Vec<String>,
}

/// Looks for damage of the store at `path` and changes nothing. Returns a line each; none when all is there.
///
/// # Errors
/// `NotFound` or `Conflict` when there is no store; `Unavailable` when it cannot be read.
pub fn examine(path: impl AsRef<Path>) -> Result<Vec<String>> {
    let path = path.as_ref();
    directory::check_is_store(path)?;
    // Whoever has it open changes what is looked at. What nobody has opened is a checkpoint, and stays one.
    let _lock = directory::was_open(path).then(|| StoreDirectory::open_damaged(path, false)).transpose()?;
    Ok(floor::look(path)?.damage.into_iter().map(|finding| finding.what).collect())
}

/// Makes the damaged store at `path` one that opens, with what is left of it. Nobody may have it open. Every file is
/// kept as it was, in a directory within the store.
///
/// # Errors
/// `NotFound` or `Conflict` when there is no store; `Unavailable` when it is open elsewhere or cannot be written;
/// `Corrupt` when too little is left: then a checkpoint must be restored.
pub fn repair(path: impl AsRef<Path>, options: Options, clock: Arc<dyn Clock>) -> Result<Repaired> {
    options.check()?;
    let directory = StoreDirectory::open_damaged(path.as_ref(), options.shared)?;
    let path = &directory.path.clone();
    if floor::look(path)?.damage.is_empty() {
        return Ok(Repaired::default());
    }
    let failed = |error| from_io(&format!("cannot write the store at {}", path.display()), error);
    let aside = keep_aside(path).map_err(failed)?;
    hot::remove_files(path)?;
    let mended = floor::mend(path)?;
    let left = floor::look(path)?.damage;
    let mut repaired = Repaired { aside: Some(aside), mended, lost: Vec::new() };
    if left.is_empty() {
        return Ok(repaired);
    }
    if left.iter().any(|finding| !finding.is_in_log) {
        DB::repair(&RocksOptions::default(), path).map_err(|error| from_open(path, error))?;
    }
    repaired.lost.extend(left.into_iter().map(|finding| finding.what));
    repaired.lost.extend(not_taken_over(path).map_err(failed)?);
    floor::remove(path)?;
    // What was lost may stand in them, and what is written from here on does not follow it.
    if let Ok(Some(setting)) = Setting::read(path) {
        kept::set(path, Some(setting.bytes_max))?;
    }
    salvage(directory, options, clock, &mut repaired)?;
    Ok(repaired)
}

/// Keeps every file of a store in a directory within it; data files, which nothing ever changes, are linked.
fn keep_aside(path: &Path) -> io::Result<PathBuf> {
    let mut names = (1..=ASIDE_MAX).map(|number| path.join(format!("damaged-{number}")));
    let aside = names.find(|aside| !aside.exists());
    let aside = aside.ok_or_else(|| io::Error::other("there are too many directories of damaged files"))?;
    fs::create_dir(&aside)?;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if !entry.file_type()?.is_file() {
            continue;
        }
        let (from, to) = (entry.path(), aside.join(entry.file_name()));
        let is_data = from.extension().is_some_and(|extension| extension == "sst");
        if !(is_data && fs::hard_link(&from, &to).is_ok()) {
            fs::copy(&from, &to)?;
            fs::File::open(&to)?.sync_all()?;
        }
    }
    directory::sync_directory(&aside)?;
    directory::sync_directory(path)?;
    Ok(aside)
}

/// RocksDB moves what it cannot read to a directory of its own: damaged files, and those of bulk loads whose sequence
/// number stood in the MANIFEST alone.
fn not_taken_over(path: &Path) -> io::Result<Vec<String>> {
    let lost = match fs::read_dir(path.join("lost")) {
        Ok(lost) => lost.collect::<io::Result<Vec<_>>>()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let data = lost.into_iter().filter_map(|entry| entry.file_name().into_string().ok());
    let data = data.filter(|name| name.ends_with(".sst"));
    Ok(data.map(|name| format!("RocksDB could not take over the file {name}: load its rows again")).collect())
}

/// Reads the logs past their damage, and makes the families agree again.
fn salvage(directory: StoreDirectory, options: Options, clock: Arc<dyn Clock>, repaired: &mut Repaired) -> Result<()> {
    let present = Arc::new(Present::new(clock));
    present.set_erasing(true);
    process::prepare(&options)?;
    let mut tuning = Tuning::new(&options, &present)?;
    tuning.store.set_wal_recovery_mode(DBRecoveryMode::SkipAnyCorruptedRecord);
    tuning.store.set_track_and_verify_wals_in_manifest(false);
    let store = assemble(directory, options, present, tuning, None)?;
    let removed = remove_unknown(&store)?;
    if removed > 0 {
        let what = "rows of views or schema versions that were lost: they could not be read, and were removed";
        repaired.lost.push(format!("{removed} {what}"));
    }
    // They may be of events that are lost.
    spoiled::delete_all(&store.database)?;
    rebuild(&store)?;
    rebuild_indexes(&store)?;
    maintain::flush(&store)?;
    repaired.lost.extend(verify::verify_data(&store, &Stop::NEVER)?.problems);
    Ok(())
}

/// Removes the versions that nothing in the catalog says how to read; returns their number.
fn remove_unknown(store: &Store) -> Result<u64> {
    store.database.version_families().into_iter().map(|family| remove_unknown_of(store, family)).sum()
}

fn remove_unknown_of(store: &Store, family: &ColumnFamily) -> Result<u64> {
    let known = store.present.known();
    let mut raw = store.database.rocks.raw_iterator_cf_opt(family, verify::Check::options());
    let (mut batch, mut removed) = (RocksBatch::default(), 0);
    raw.seek_to_first();
    while let Some((found, bytes)) = raw.item() {
        let (view, ..) = key_parts(found)?;
        let is_known = known.catalog.view_by_id(view).map(|view| has_schema(view, bytes));
        let is_dropped = known.catalog.dropped_views().contains(&view);
        if !is_known.unwrap_or(is_dropped) {
            removed += 1;
            batch.delete_cf(family, found);
        }
        if batch.size_in_bytes() > WRITE_BYTES_MAX {
            store.write_rare(std::mem::take(&mut batch), false)?;
        }
        raw.next();
    }
    raw.status().map_err(|error| from_rocks("cannot read history", error))?;
    store.write_rare(batch, true)?;
    Ok(removed)
}

fn has_schema(view: &FeatureView, bytes: &[u8]) -> bool {
    match row::kind(bytes) {
        Ok(RowKind::Values { schema, .. }) => view.schemas.iter().any(|known| known.version == schema),
        _ => true,
    }
}

/// Makes `latest` again, of nothing but `history`.
fn rebuild(store: &Store) -> Result<()> {
    let mut batch = RocksBatch::default();
    batch.delete_range_cf(store.database.latest(), &[][..], &[u8::MAX; 8][..]);
    store.write_rare(batch, false)?;
    for view in store.present.known().catalog.views() {
        let (first, last) = (Vec::new(), vec![u8::MAX; ENTITY_KEY_BYTES_MAX + 1]);
        rebuild_latest(store, &LoadedRows { view: view.id, key_space: view.key_space, first, last })?;
    }
    Ok(())
}
