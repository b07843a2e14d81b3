//! Rows of any size in a file for a while: what is read more than once, or by its path.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use arrow::ipc::writer::FileWriter;
use asofdb::{Error, Result};
use tempfile::TempDir;

use crate::capsule::Rows;

/// A file of Arrow IPC that goes with this.
pub(crate) struct Spooled {
    _directory: TempDir,
    path: PathBuf,
}

impl Spooled {
    /// Writes all rows.
    ///
    /// # Errors
    /// `Unavailable` when there is no room where temporary files are; `Invalid` when the rows cannot be read.
    pub(crate) fn new(rows: Rows) -> Result<Self> {
        let directory = tempfile::tempdir().map_err(cannot_spool)?;
        let path = directory.path().join("table.arrow");
        let file = BufWriter::new(File::create(&path).map_err(cannot_spool)?);
        let mut writer = FileWriter::try_new(file, &rows.schema()).map_err(cannot_spool)?;
        for batch in rows {
            let batch = batch.map_err(|error| Error::invalid("cannot read the rows").with_source(error))?;
            writer.write(&batch).map_err(cannot_spool)?;
        }
        writer.finish().map_err(cannot_spool)?;
        Ok(Spooled { _directory: directory, path })
    }

    /// The file, at its beginning.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be opened.
    pub(crate) fn file(&self) -> Result<File> {
        File::open(&self.path).map_err(cannot_spool)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn cannot_spool(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::unavailable("cannot copy the rows into a temporary file; is there room where TMPDIR is?").with_source(error)
}
