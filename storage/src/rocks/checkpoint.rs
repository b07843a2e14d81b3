//! Copying an open store into a checkpoint.

use std::fs;
use std::path::Path;

use rocksdb::checkpoint::Checkpoint;

use super::directory;
use super::error::{from_io, from_rocks};
use super::floor;
use super::manifest::{self, Manifest};
use super::modes::Modes;
use super::store::Store;
use super::sums::{self, FileSum, Sums};
use crate::backend::CheckpointFiles;
use crate::error::{Error, Result};
use crate::fail_point;
use crate::local::refuse_url;
use crate::output::{OutputDirectory, create_directories};
use crate::stop::Stop;

/// The directory that RocksDB makes within ours.
const COPY: &str = "copy";

/// Copies the store into a new directory, which appears when it is complete, and does not when it is told to stop.
pub(super) fn checkpoint(store: &Store, target: &Path, files: CheckpointFiles, stop: &Stop) -> Result<()> {
    refuse_url(target)?;
    if target.symlink_metadata().is_ok() {
        return Err(Error::conflict(format!("the directory of a checkpoint must not exist yet: {}", target.display())));
    }
    let doing = || format!("cannot write a checkpoint to {}", target.display());
    if let Some(parent) = target.parent() {
        create_directories(parent).map_err(|error| from_io(&doing(), error))?;
    }
    let output = match store.options.shared {
        true => OutputDirectory::create(target)?,
        false => OutputDirectory::create_private(target)?,
    };
    fill(store, output.path(), files, stop).map_err(|error| error.context(doing()))?;
    output.finish()
}

fn fill(store: &Store, directory: &Path, files: CheckpointFiles, stop: &Stop) -> Result<()> {
    stop.check()?;
    let failed = |error| from_rocks("cannot copy the store", error);
    let copy = directory.join(COPY);
    let loads_wait = store.taking_over.write();
    Checkpoint::new(&store.database.rocks).map_err(failed)?.create_checkpoint(&copy).map_err(failed)?;
    drop(loads_wait);
    fail_point("checkpoint copied");
    // RocksDB wants to make its directory itself.
    for name in manifest::names(&copy)? {
        fs::rename(copy.join(&name), directory.join(&name)).map_err(|error| from_io("cannot copy the store", error))?;
    }
    fs::remove_dir(&copy).map_err(|error| from_io("cannot copy the store", error))?;
    fail_point("checkpoint moved");
    floor::establish(directory)?;
    directory::mark(directory)?;
    fail_point("checkpoint marked");
    let modes = Modes::of(store.options.shared);
    if let Some(kept) = &store.kept {
        kept.copy_to(directory, modes)?;
    }
    let mut known = store.sums.lock().clone();
    if files == CheckpointFiles::Copied {
        known = unshare(directory, modes, &known, stop)?;
    }
    let manifest = Manifest::of(directory, &known, stop)?;
    manifest.write(directory)?;
    fail_point("checkpoint listed");
    modes.settle_files(directory);
    *store.sums.lock() = of_data_files(&manifest);
    Ok(())
}

/// Puts a copy in the place of each file, which may be the store's own; their sums.
fn unshare(directory: &Path, modes: Modes, known: &Sums, stop: &Stop) -> Result<Sums> {
    let mut copied = Sums::new();
    for name in manifest::names(directory)? {
        let (path, copy) = (directory.join(&name), directory.join(COPY));
        let sum = sums::copy(&path, &copy, modes, stop).and_then(|sum| fs::rename(&copy, &path).map(|()| sum));
        let sum = sum.map_err(|error| from_io(&format!("cannot copy {name}"), error))?;
        fail_point("checkpoint unshared");
        check_unchanged(&name, sum, known)?;
        copied.insert(name, sum);
    }
    Ok(copied)
}

/// Data files never change. One that does was damaged, and with it the store.
fn check_unchanged(name: &str, found: FileSum, known: &Sums) -> Result<()> {
    match known.get(name).is_none_or(|sum| *sum == found) {
        true => Ok(()),
        false => {
            Err(Error::corrupt(format!("a data file of the store is damaged; restore a checkpoint of it: {name}")))
        }
    }
}

fn of_data_files(manifest: &Manifest) -> Sums {
    let files = manifest.files.iter().filter(|file| file.name.ends_with(".sst"));
    files.map(|file| (file.name.clone(), file.sum)).collect()
}
