//! Records that are no good rows, set aside.

use std::fs::File;
use std::io::{Error as IoError, Result as IoResult, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use asofdb::{Error, Result};
use serde_json::json;

use crate::progress::Done;

/// The file of bad records: a line of JSON each, with partition, offset, the rule and what it was.
///
/// Its length is written in the same step as the positions: what a process that was killed has added without them is cut
/// off, and comes again.
pub(crate) struct Rejects {
    path: PathBuf,
    file: File,
    bytes: u64,
}

/// One bad record.
pub(crate) struct Reject<'r> {
    pub(crate) partition: &'r str,
    pub(crate) offset: &'r str,
    pub(crate) reason: &'r str,
    pub(crate) value: &'r [u8],
}

impl Rejects {
    /// Opens the file where what was done has left it; a file that others have made shorter, or another one, is gone on
    /// with at its end.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be opened.
    pub(crate) fn open(path: &Path, done: &Done) -> Result<Self> {
        let failed = |error| cannot_write(path, error);
        let path = std::path::absolute(path).map_err(failed)?;
        let file = File::options().create(true).append(true).open(&path).map_err(failed)?;
        let there = file.metadata().map_err(failed)?.len();
        let is_ours = done.file == path.as_os_str().as_bytes();
        let bytes = if is_ours { there.min(done.set_aside) } else { there };
        if bytes < there {
            file.set_len(bytes).map_err(failed)?;
        }
        Ok(Rejects { path, file, bytes })
    }

    /// Notes where the file ends before anything is added to it; says whether that was not noted yet.
    pub(crate) fn note(&self, done: &mut Done) -> bool {
        let noted = Done { set_aside: self.bytes, file: self.path.as_os_str().as_bytes().to_vec(), ..done.clone() };
        let is_new = noted != *done;
        *done = noted;
        is_new
    }

    /// Adds records behind those of the last step, on disk when it returns, and notes where the file ends then.
    ///
    /// # Errors
    /// `Unavailable` when they cannot be written.
    pub(crate) fn add<'r>(&mut self, rejects: impl Iterator<Item = Reject<'r>>, done: &mut Done) -> Result<()> {
        let mut lines = Vec::new();
        for Reject { partition, offset, reason, value } in rejects {
            let value = serde_json::from_slice(value)
                .unwrap_or_else(|_| json!(String::from_utf8_lossy(value).trim_end_matches(['\r', '\n'])));
            let offset = offset.parse::<u64>().map_or_else(|_| json!(offset), |number| json!(number));
            let line = json!({"partition": partition, "offset": offset, "reason": reason, "value": value});
            lines.extend(line.to_string().into_bytes());
            lines.push(b'\n');
        }
        let written = self.write(&lines);
        done.set_aside = written.map_err(|error| cannot_write(&self.path, error))?;
        done.file = self.path.as_os_str().as_bytes().to_vec();
        Ok(())
    }

    /// Writes behind the last step; returns where the file ends then.
    fn write(&mut self, lines: &[u8]) -> IoResult<u64> {
        // A try before this one may have failed in the middle, or its commit; others may have made the file shorter.
        let end = self.bytes.min(self.file.metadata()?.len());
        self.file.set_len(end)?;
        self.file.write_all(lines)?;
        self.file.sync_data()?;
        Ok(end + lines.len() as u64)
    }

    /// Takes a step as done: the next one adds behind it.
    pub(crate) fn committed(&mut self, done: &Done) {
        self.bytes = done.set_aside;
    }
}

fn cannot_write(path: &Path, error: IoError) -> Error {
    Error::unavailable(format!("cannot write bad records to {}", path.display())).with_source(error)
}
