//! A directory as the place of backups.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, OFlags, fadvise};

use super::layout::{CHECKPOINT, LOCK, MARKER, OBJECTS};
use super::place::Place;
use crate::error::{Error, Result};
use crate::fail_point;
use crate::output::{OutputFile, TEMPORARY_MARK};
use crate::rocks::directory::sync_directory;
use crate::rocks::error::from_io;
use crate::rocks::modes::Modes;

/// A directory of objects, locked.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// Holds the lock.
    _lock: File,
}

impl Directory {
    /// Locks a directory to write to it, and makes it where there is none.
    ///
    /// # Errors
    /// `Conflict` when it has something else; `Unavailable` when it is locked or cannot be written.
    pub(super) fn create(path: &Path) -> Result<Self> {
        let failed = |error| from_io(&format!("cannot write backups to {}", path.display()), error);
        let is_ours = [MARKER, LOCK].iter().any(|name| path.join(name).exists());
        let is_foreign = |entry: io::Result<fs::DirEntry>| entry.is_ok_and(|entry| entry.file_name() != "lost+found");
        if !is_ours && fs::read_dir(path).is_ok_and(|mut entries| entries.any(is_foreign)) {
            return Err(Error::conflict(format!("not a directory of backups, and not empty: {}", path.display())));
        }
        Modes::Private.make_directory(path).map_err(failed)?;
        let lock = lock(path, true)?;
        Modes::Private.settle_directory(path)?;
        Modes::Private.make_directory(&path.join(OBJECTS)).map_err(failed)?;
        fail_point("backups begun");
        Ok(Directory { path: path.to_owned(), _lock: lock })
    }

    /// Locks a directory to read it.
    ///
    /// # Errors
    /// `NotFound` when there are no backups in it; `Unavailable` when somebody writes to it, or it cannot be read.
    pub(super) fn open(path: &Path) -> Result<Self> {
        match is_at(path) {
            true => Ok(Directory { path: path.to_owned(), _lock: lock(path, false)? }),
            false => Err(Error::not_found(format!("there are no backups here: {}", path.display()))),
        }
    }

    fn remove(&self, name: &str) -> Result<()> {
        match fs::remove_file(self.path.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(from_io(&format!("cannot remove {}", self.shown(name)), error))
            }
            _ => Ok(()),
        }
    }

    fn names(&self, folder: &str) -> Result<Vec<String>> {
        let failed = |error| from_io(&format!("cannot read the backups in {}", self.path.display()), error);
        let entries = fs::read_dir(self.path.join(folder)).map_err(failed)?;
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect::<io::Result<_>>().map_err(failed)
    }
}

impl Place for Directory {
    fn list(&self, folder: &str) -> Result<Vec<String>> {
        let mut names = self.names(folder)?;
        names.retain(|name| !is_unfinished(name));
        Ok(names)
    }

    fn put(&self, name: &str, fill: &mut dyn FnMut(&mut dyn Write) -> Result<()>) -> Result<()> {
        let mut file = OutputFile::create(&self.path.join(name))?;
        fill(&mut file)?;
        file.finish()
    }

    fn get(&self, name: &str) -> Result<Box<dyn Read>> {
        let failed = |error| from_io(&format!("cannot read {}", self.shown(name)), error);
        let flags = OFlags::NOFOLLOW.bits() as i32;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(self.path.join(name)).map_err(failed)?;
        // Otherwise what was just written would be read from memory. Where that is not to be had, reading it still
        // proves something.
        let _ = fadvise(&file, 0, None, Advice::DontNeed);
        Ok(Box::new(file))
    }

    fn bytes(&self, name: &str) -> Option<u64> {
        fs::symlink_metadata(self.path.join(name)).ok().filter(fs::Metadata::is_file).map(|found| found.len())
    }

    fn delete(&self, names: &[String]) -> Result<()> {
        names.iter().try_for_each(|name| self.remove(name))?;
        sync_directory(&self.path).map_err(|error| from_io("cannot remove a backup", error))
    }

    fn tidy(&self) -> Result<()> {
        for folder in ["", OBJECTS] {
            // Whoever writes now holds the lock: nobody is writing them.
            for name in self.names(folder)?.into_iter().filter(|name| is_unfinished(name)) {
                self.remove(format!("{folder}/{name}").trim_start_matches('/'))?;
            }
        }
        Ok(())
    }

    fn shown(&self, name: &str) -> String {
        self.path.join(name).display().to_string()
    }

    fn staging(&self) -> Option<PathBuf> {
        Some(self.path.join(CHECKPOINT))
    }
}

/// Returns whether a directory is one of backups.
pub(super) fn is_at(path: &Path) -> bool {
    path.join(MARKER).exists()
}

fn is_unfinished(name: &str) -> bool {
    name.starts_with('.') && name.contains(TEMPORARY_MARK)
}

/// Locks a directory of backups: alone, or together with others who read.
fn lock(path: &Path, alone: bool) -> Result<File> {
    let failed = |error| from_io(&format!("cannot lock the backups in {}", path.display()), error);
    let mut options = OpenOptions::new();
    options.read(true).write(alone).create(alone).truncate(false).mode(Modes::Private.file());
    let file = options.open(path.join(LOCK)).map_err(failed)?;
    match if alone { file.try_lock() } else { file.try_lock_shared() } {
        Ok(()) => Ok(file),
        Err(TryLockError::Error(error)) => Err(failed(error)),
        Err(TryLockError::WouldBlock) => {
            let message = "another run is working with these backups; wait for it";
            Err(Error::unavailable(format!("{message}: {}", path.display())))
        }
    }
}
