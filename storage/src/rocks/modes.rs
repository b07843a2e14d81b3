//! The permissions of a store's directory: they say who may look into it.
//!
//! The directory is what keeps others out: nobody reaches a file in it without passing it. RocksDB makes its files with
//! the permissions of the process (its umask), which a library must not change; they are tightened when the store is
//! opened, closed and copied.

use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::process::geteuid;

use super::error::{from_access, from_io};
use crate::error::{Error, Hint, Result};
use crate::output::{create_directories, sync_name};

/// The permissions that are not the owner's.
const OTHERS: u32 = 0o077;

/// The rule for the permissions of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Modes {
    /// Nobody but the owner looks in: directories are 0700 and files 0600.
    Private,
    /// Whoever made the directory has decided; what is new follows the umask.
    Shared,
}

impl Modes {
    /// The rule of a store that may be shared, or not.
    pub(super) fn of(shared: bool) -> Self {
        if shared { Modes::Shared } else { Modes::Private }
    }

    /// The permissions of a new file, of which the umask may take some away.
    pub(super) fn file(self) -> u32 {
        match self {
            Modes::Private => 0o600,
            Modes::Shared => 0o666,
        }
    }

    /// Makes a directory where there is none, whose name outlives a power cut. Those above it are made with the
    /// permissions of the process.
    pub(super) fn make_directory(self, path: &Path) -> io::Result<()> {
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            create_directories(parent)?;
        }
        let mode = match self {
            Modes::Private => 0o700,
            Modes::Shared => 0o777,
        };
        match DirBuilder::new().mode(mode).create(path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists || !path.is_dir() => Err(error),
            _ => sync_name(path),
        }
    }

    /// Takes from everybody else what they may do in the store's directory, if it is ours.
    ///
    /// # Errors
    /// `Invalid` when the directory is another user's and open to others, who may change what is in it.
    pub(super) fn settle_directory(self, path: &Path) -> Result<()> {
        let failed = |error| from_io(&format!("cannot look at the store's directory {}", path.display()), error);
        let found = fs::metadata(path).map_err(failed)?;
        if self == Modes::Shared || found.mode() & OTHERS == 0 {
            return Ok(());
        }
        if found.uid() != geteuid().as_raw() {
            let (owner, mode) = (found.uid(), found.mode() & 0o7777);
            return Err(Error::invalid(format!(
                "the directory of the store is open to others and belongs to the user {owner}, who has to close it \
                 (chmod 700), unless it shall be shared: its mode is {mode:o}: {}",
                path.display()
            ))
            .with_hint(Hint::SharedStore));
        }
        tighten(path, &found).map_err(|error| from_access(path, error))
    }

    /// Tightens the files of a directory that are ours. The directory keeps others from those that are not.
    pub(super) fn settle_files(self, path: &Path) {
        if self == Modes::Shared {
            return;
        }
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            // A file may have gone since it was listed.
            let Ok(found) = entry.metadata() else { continue };
            let is_ours = found.uid() == geteuid().as_raw() && found.is_file();
            if is_ours && found.mode() & OTHERS != 0 {
                let _ = tighten(&entry.path(), &found);
            }
        }
    }
}

/// Only takes permissions away: what its owner may not write stays so.
fn tighten(path: &Path, found: &Metadata) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(found.mode() & 0o700))
}
