//! A store that is damaged, over and over.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use asofdb_storage::ErrorKind;
use tempfile::TempDir;

use super::files::{self, contents};
use super::rows::{self, Found, Rows, open_and_read};
use crate::check::Checked;
use crate::place::in_memory;

/// The outcome of opening and reading a damaged store, which is one of these or a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    /// It was not opened, and no file of it was changed.
    Refused,
    /// An error names what is damaged, while it is opened or read.
    Named,
    /// It opens with every row, and says what was damaged.
    Said,
    /// It opens with every row: the damage does not matter.
    Whole,
}

impl Outcome {
    /// The words for it in a report.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Outcome::Refused => "refused, unchanged",
            Outcome::Named => "refused by name while opening or reading",
            Outcome::Said => "opened whole, the damage said",
            Outcome::Whole => "opened whole",
        }
    }
}

/// A whole store, which nobody touches, and what it holds.
pub(super) struct Whole {
    directory: TempDir,
    pub(super) rows: Rows,
}

impl Whole {
    /// Makes one.
    pub(super) fn new() -> Checked<Self> {
        let directory = in_memory()?;
        let rows = rows::make(&directory.path().join("whole"))?;
        Ok(Whole { directory, rows })
    }

    /// Its path.
    pub(super) fn path(&self) -> PathBuf {
        self.directory.path().join("whole")
    }

    /// A copy that can be damaged.
    pub(super) fn patient(&self) -> Checked<Patient<'_>> {
        let directory = in_memory()?;
        files::copy(&self.path(), &directory.path().join("store"))?;
        Ok(Patient { whole: self, directory })
    }
}

/// A copy of a whole store, which is damaged.
pub(super) struct Patient<'w> {
    whole: &'w Whole,
    directory: TempDir,
}

impl Patient<'_> {
    /// Its path.
    pub(super) fn path(&self) -> PathBuf {
        self.directory.path().join("store")
    }

    /// The rows that it has when it is well.
    pub(super) fn rows(&self) -> &Rows {
        &self.whole.rows
    }

    /// Damages a file of the store, opens and reads it, and puts it back as it was.
    ///
    /// # Errors
    /// With what is wrong, where the outcome is none that is allowed.
    pub(super) fn suffer(&self, name: &str, damage: impl FnOnce(&Path) -> io::Result<()>) -> Checked<Outcome> {
        let path = self.path();
        damage(&path.join(name))?;
        let damaged = contents(&path)?;
        let outcome = self.judge(open_and_read(&path), || Ok(contents(&path)? == damaged))?;
        match outcome {
            // Nothing else was changed.
            Outcome::Refused => drop(fs::copy(self.whole.path().join(name), path.join(name))?),
            _ => files::copy(&self.whole.path(), &path)?,
        }
        Ok(outcome)
    }

    fn judge(&self, found: Found, is_unchanged: impl FnOnce() -> Checked<bool>) -> Checked<Outcome> {
        match found {
            Found::Rows(rows, notices) if rows == self.whole.rows => {
                Ok(if notices.is_empty() { Outcome::Whole } else { Outcome::Said })
            }
            Found::Rows(rows, notices) => {
                let (found, there) = (rows.len(), self.whole.rows.len());
                let wrong = rows.iter().filter(|(key, value)| self.whole.rows.get(key) != Some(value)).count();
                Err(format!("SILENT: it opened with {found} rows of {there}, {wrong} wrong; it said {notices:?}")
                    .into())
            }
            Found::Wrong(wrong) => Err(format!("WRONG: {wrong}").into()),
            Found::Endless => Err("ENDLESS: it opens without an end".into()),
            Found::Refused(error) if !matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Conflict) => {
                Err(format!("the error has the kind {}: {error:#}", error.kind()).into())
            }
            Found::Refused(error) if error.to_string().contains("nothing was changed") => match is_unchanged()? {
                true => Ok(Outcome::Refused),
                false => Err(format!("it was refused, but a file was changed: {error:#}").into()),
            },
            Found::Refused(_) => Ok(Outcome::Named),
        }
    }
}
