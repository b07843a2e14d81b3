//! The library that stands between a process and its C library, compiled when it is needed.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

const SOURCE: &str = include_str!("shim.c");

/// The compiled library.
#[derive(Debug)]
pub struct Shim {
    library: PathBuf,
    _directory: TempDir,
}

impl Shim {
    /// Compiles it into a directory; `Err` says why that is not possible here.
    pub fn new(directory: TempDir) -> Result<Self, String> {
        let (source, library) = (directory.path().join("shim.c"), directory.path().join("shim.so"));
        std::fs::write(&source, SOURCE).map_err(|error| format!("cannot write the shim: {error}"))?;
        let made = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).args([&library, &source]).output();
        match made {
            Ok(made) if made.status.success() => Ok(Shim { library, _directory: directory }),
            Ok(made) => Err(format!("cc refuses the shim: {}", String::from_utf8_lossy(&made.stderr))),
            Err(error) => Err(format!("no cc: {error}")),
        }
    }

    /// Has a process end by SIGKILL at its `number`th fsync or fdatasync, before or after it is done.
    pub fn kill_at_sync(&self, command: &mut Command, number: u64, is_after: bool) {
        let when = if is_after { "after" } else { "before" };
        command.env("LD_PRELOAD", &self.library).env("TORTURE_SYNC_KILL", format!("{number}:{when}"));
    }

    /// Has a process record in the file `log` what it does to the files below `root`, which is there.
    pub fn record(&self, command: &mut Command, log: &Path, root: &Path) {
        let what = format!("{}:{}", log.display(), root.display());
        command.env("LD_PRELOAD", &self.library).env("TORTURE_RECORD", what);
    }
}
