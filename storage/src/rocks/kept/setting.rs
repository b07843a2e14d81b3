//! The setting that a store keeps its logs, in a file of its directory: every process that opens it must keep to that.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::error::{Error, Result};
use crate::rocks::directory::sync_directory;
use crate::rocks::error::from_io;

/// The file.
const FILE: &str = "ASOFDB.kept";

/// The file while it is written.
const NEW: &str = "ASOFDB.kept.new";

const START: &str = "asofdb kept logs 1";

/// The keeping of logs, as an operator has set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rocks) struct Setting {
    /// Bytes of logs to keep at most, and as many of files of bulk loads; the oldest go first.
    pub(in crate::rocks) bytes_max: u64,
    /// The identity of the logs: they have all that was written since they got it.
    pub(in crate::rocks) id: u128,
    /// The number of their first log; older ones are not kept.
    pub(in crate::rocks) first_log: u64,
}

impl Setting {
    /// Reads the setting of the store at `path`; none where it keeps no logs.
    ///
    /// # Errors
    /// `Corrupt` when it cannot be understood; `Unavailable` when it cannot be read.
    pub(in crate::rocks) fn read(path: &Path) -> Result<Option<Self>> {
        let file = path.join(FILE);
        let text = match fs::read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(from_io(&format!("cannot read {}", file.display()), error)),
        };
        let setting = str::from_utf8(&text).ok().and_then(Setting::parse);
        setting.map(Some).ok_or_else(|| {
            let message = "the file that says which logs are kept is damaged; remove it to go on without them";
            Error::corrupt(format!("{message}: {}", file.display()))
        })
    }

    /// Writes the setting, in one step.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be written: then it is as before.
    pub(in crate::rocks) fn write(&self, path: &Path) -> Result<()> {
        let write = || {
            let mut file = fs::File::create(path.join(NEW))?;
            file.write_all(self.text().as_bytes())?;
            file.sync_all()?;
            fs::rename(path.join(NEW), path.join(FILE))?;
            sync_directory(path)
        };
        write().map_err(|error| from_io(&format!("cannot write {}", path.join(FILE).display()), error))
    }

    /// Removes the setting.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be removed.
    pub(in crate::rocks) fn remove(path: &Path) -> Result<()> {
        match fs::remove_file(path.join(FILE)).and_then(|()| sync_directory(path)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(from_io(&format!("cannot remove {}", path.join(FILE).display()), error))
            }
            _ => Ok(()),
        }
    }

    fn text(&self) -> String {
        format!("{START}, {} bytes, {:032x}, from log {}\n", self.bytes_max, self.id, self.first_log)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_suffix('\n')?.strip_prefix(START)?.strip_prefix(", ")?.split(", ");
        let bytes_max = parts.next()?.strip_suffix(" bytes")?.parse().ok()?;
        let id = parts.next().filter(|id| id.len() == 32).and_then(|id| u128::from_str_radix(id, 16).ok())?;
        let first_log = parts.next()?.strip_prefix("from log ")?.parse().ok()?;
        parts.next().is_none().then_some(Setting { bytes_max, id, first_log })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_read_as_it_was_written_and_a_damaged_one_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        assert_eq!(Setting::read(path).unwrap(), None);
        let setting = Setting { bytes_max: 1 << 30, id: 7, first_log: 12 };
        setting.write(path).unwrap();
        assert_eq!(Setting::read(path).unwrap(), Some(setting));
        let text = fs::read_to_string(path.join(FILE)).unwrap();
        assert_eq!(text, "asofdb kept logs 1, 1073741824 bytes, 00000000000000000000000000000007, from log 12\n");
        for end in 0..text.len() {
            fs::write(path.join(FILE), &text[..end]).unwrap();
            let error = Setting::read(path).unwrap_err();
            assert!(error.kind() == crate::ErrorKind::Corrupt && error.to_string().contains(FILE), "{end}: {error}");
        }
        Setting::remove(path).unwrap();
        Setting::remove(path).unwrap();
        assert_eq!(Setting::read(path).unwrap(), None);
    }
}
