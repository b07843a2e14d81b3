//! Making a store from a checkpoint.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::directory;
use super::error::from_io;
use crate::error::{Error, Result};

/// Makes the store `store` from a checkpoint, which stays as it is. The store appears when it is complete.
///
/// Data files, which nothing ever changes, are linked where both are on one file system, and copied elsewhere.
///
/// # Errors
/// `NotFound` when there is no checkpoint; `Conflict` when it is a store that has been opened, is of a newer
/// format, or `store` exists; `Unavailable` when it cannot be read or the copy not written.
pub fn restore(checkpoint: impl AsRef<Path>, store: impl AsRef<Path>) -> Result<()> {
    let (checkpoint, store) = (checkpoint.as_ref(), store.as_ref());
    check_checkpoint(checkpoint)?;
    check_target(store)?;
    let Some(name) = store.file_name() else {
        return Err(Error::invalid(format!("a store needs a directory of its own: {}", store.display())));
    };
    let parent = store.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let partial = parent.join(format!(".{}.partial", name.to_string_lossy()));
    let restored = copy(checkpoint, &partial)
        .and_then(|()| fs::rename(&partial, store))
        .and_then(|()| directory::sync_directory(parent));
    restored.map_err(|error| {
        // The error that stopped the copy says more than one of tidying up.
        let _ = fs::remove_dir_all(&partial);
        from_io(&format!("cannot restore {} to {}", checkpoint.display(), store.display()), error)
    })
}

/// A store that was opened may be open now, or have been left in the middle of something.
fn check_checkpoint(checkpoint: &Path) -> Result<()> {
    if !checkpoint.exists() {
        return Err(Error::not_found(format!("there is no checkpoint here: {}", checkpoint.display())));
    }
    match directory::prepare(checkpoint, false) {
        Ok(_) if checkpoint.join("LOCK").exists() => {
            let advice = "`asof checkpoint` makes a checkpoint of it";
            Err(Error::conflict(format!("this is a store, not a checkpoint; {advice}: {}", checkpoint.display())))
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == crate::ErrorKind::NotFound => {
            Err(Error::not_found(format!("there is no checkpoint here: {}", checkpoint.display())))
        }
        Err(error) => Err(error.context("this is not a checkpoint that can be restored")),
    }
}

fn check_target(store: &Path) -> Result<()> {
    let taken = match fs::read_dir(store) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != ErrorKind::NotFound,
    };
    match taken {
        true => Err(Error::conflict(format!(
            "there is something already where the store would be; move it away or choose another directory: {}",
            store.display()
        ))),
        false => Ok(()),
    }
}

fn copy(checkpoint: &Path, partial: &Path) -> io::Result<()> {
    match fs::remove_dir_all(partial) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => fs::create_dir_all(partial)?,
    }
    for file in files(checkpoint)? {
        let to = partial.join(file.file_name().unwrap_or_default());
        let linked = file.extension() == Some(OsStr::new("sst")) && fs::hard_link(&file, &to).is_ok();
        if !linked {
            fs::copy(&file, &to)?;
            fs::File::open(&to)?.sync_all()?;
        }
    }
    directory::sync_directory(partial)
}

fn files(checkpoint: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(checkpoint)?.collect::<io::Result<Vec<_>>>()?;
    let files = entries.into_iter().map(|entry| Ok((entry.file_type()?.is_file(), entry.path())));
    let files = files.collect::<io::Result<Vec<_>>>()?;
    Ok(files.into_iter().filter_map(|(is_file, path)| is_file.then_some(path)).collect())
}
