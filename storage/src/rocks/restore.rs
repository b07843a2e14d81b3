//! Making a store from a checkpoint.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::error::from_io;
use super::kept::KeptName;
use super::manifest::{self, ListedFile, Manifest};
use super::modes::Modes;
use super::{directory, sums};
use crate::error::{Error, Result};
use crate::fail_point;
use crate::local::refuse_url;
use crate::output::{OutputDirectory, create_directories};
use crate::stop::Stop;

/// The outcome of a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// Files that were copied.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Versions that were read to check the store. `None` where a list of the checkpoint's files and their checksums
    /// said what they have to be; checkpoints of earlier versions have none.
    pub versions_read: Option<u64>,
}

/// Makes a store from a checkpoint. `prove` opens the copy, and reads all of it if told to; the versions it has read.
pub(super) fn restore(
    checkpoint: &Path,
    store: &Path,
    prove: impl FnOnce(&Path, bool) -> Result<Option<u64>>,
) -> Result<Restored> {
    refuse_url(checkpoint)?;
    check_checkpoint(checkpoint)?;
    let mut listed = Manifest::read(checkpoint)?;
    if let Some(listed) = &mut listed {
        listed.check_names(checkpoint)?;
        // The store is as of the checkpoint; what leads to other points stays there.
        listed.files.retain(|file| KeptName::of(&file.name).is_none());
    }
    let reads = listed.is_none();
    let copy = |to: &Path| match listed {
        Some(listed) => listed.copy(checkpoint, to, Modes::Private).map(|()| listed),
        None => copy_unlisted(checkpoint, to),
    };
    let made = make(store, copy, |copied| prove(copied, reads));
    made.map_err(|error| error.context(format!("cannot restore {} to {}", checkpoint.display(), store.display())))
}

/// Makes a store of what `copy` copies and `prove` opens. It appears when that is done.
pub(super) fn make(
    store: &Path,
    copy: impl FnOnce(&Path) -> Result<Manifest>,
    prove: impl FnOnce(&Path) -> Result<Option<u64>>,
) -> Result<Restored> {
    let output = begin(store)?;
    fail_point("restore begun");
    let copied = copy(output.path())?;
    fail_point("restore copied");
    let versions_read = prove(output.path())?;
    fail_point("restore proved");
    output.finish()?;
    let bytes = copied.files.iter().map(|file| file.sum.bytes).sum();
    Ok(Restored { files: copied.files.len() as u64, bytes, versions_read })
}

/// A store that was opened may be open now, or have been left in the middle of something.
fn check_checkpoint(checkpoint: &Path) -> Result<()> {
    match directory::check_store(checkpoint) {
        Ok(()) if directory::was_open(checkpoint) => {
            let advice = "`asof checkpoint` makes a checkpoint of it";
            Err(Error::conflict(format!("this is a store, not a checkpoint; {advice}: {}", checkpoint.display())))
        }
        Ok(()) => Ok(()),
        Err(error) if error.kind() == crate::ErrorKind::NotFound => {
            Err(Error::not_found(format!("there is no checkpoint here: {}", checkpoint.display())))
        }
        Err(error) => Err(error.context("this is not a checkpoint that can be restored")),
    }
}

/// Begins to write where nothing is, or an empty directory.
fn begin(store: &Path) -> Result<OutputDirectory> {
    let taken = match fs::read_dir(store) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != ErrorKind::NotFound || store.symlink_metadata().is_ok(),
    };
    if taken {
        return Err(Error::conflict(format!(
            "there is something already where the store would be; move it away or choose another directory: {}",
            store.display()
        )));
    }
    let failed = |error| from_io(&format!("cannot write {}", store.display()), error);
    match fs::remove_dir(store) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    if let Some(parent) = store.parent() {
        create_directories(parent).map_err(failed)?;
    }
    OutputDirectory::create_private(store)
}

/// Copies the files of a checkpoint without a list. A link may lead to what is no part of it.
fn copy_unlisted(from: &Path, to: &Path) -> Result<Manifest> {
    let mut files = Vec::new();
    for name in manifest::names(from)? {
        let path = from.join(&name);
        let failed = |error| from_io(&format!("cannot copy {}", path.display()), error);
        let found = fs::symlink_metadata(&path).map_err(failed)?;
        if found.is_symlink() {
            return Err(Error::corrupt(format!("a file of the checkpoint is a link: {}", path.display())));
        }
        if found.is_file() {
            let sum = sums::copy(&path, &to.join(&name), Modes::Private, &Stop::NEVER).map_err(failed)?;
            files.push(ListedFile { name, sum });
        }
    }
    Ok(Manifest { files })
}
