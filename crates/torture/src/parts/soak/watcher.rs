//! Looks at the sidecar every second.

use std::fs;
use std::path::{Path, PathBuf};

use super::samples::Sample;
use super::tally::Tally;
use crate::process::Process;
use crate::sidecar::Sidecar;

/// The process that is looked at, and the files of its store.
#[derive(Debug)]
pub(super) struct Watcher {
    process: Process,
    store: PathBuf,
    /// True if a process was ended since the last look.
    has_end: bool,
}

impl Watcher {
    /// Looks at a sidecar.
    pub(super) fn start(sidecar: &Sidecar) -> Self {
        Watcher { process: sidecar.process(), store: sidecar.store(), has_end: false }
    }

    /// Looks at the process that has taken the place of one that was ended.
    pub(super) fn replaced(&mut self, sidecar: &Sidecar) {
        (self.process, self.has_end) = (sidecar.process(), true);
    }

    /// The samples of the seconds since the last look: what the clients did counts in the first of them.
    pub(super) fn take(&mut self, tally: Tally, seconds: usize) -> Vec<Sample> {
        let first = Sample {
            tally,
            resident_bytes: self.process.resident_bytes(),
            descriptors: self.process.descriptors(),
            disk_bytes: disk_bytes(&self.store),
            has_end: std::mem::take(&mut self.has_end),
        };
        let again = Sample { tally: Tally::default(), has_end: false, ..first.clone() };
        std::iter::once(first).chain(std::iter::repeat_n(again, seconds.saturating_sub(1))).collect()
    }
}

/// Bytes of the files in a directory, and below it.
fn disk_bytes(directory: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    // A file that has gone meanwhile takes no room.
    let bytes = |entry: fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => disk_bytes(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.map_while(Result::ok).map(bytes).sum()
}
