//! The manifest of an export.

use std::fs;
use std::path::Path;

use asofdb_storage::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};

use super::options::PartitionBy;
use crate::files::output::cannot_write;
use crate::files::parquet::Compression;
use crate::json::rfc3339;
use crate::scan::{EXPORT_FORMAT, ExportRows, ManifestColumn};

/// The name of the manifest in the directory of an export. Readers of data sets pass over names with an underscore.
pub const MANIFEST_FILE: &str = "_manifest.json";

/// The contents of an export, as written to [`MANIFEST_FILE`] in its directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format of this manifest and of the files: [`EXPORT_FORMAT`].
    pub format: u32,
    /// The version of asofdb that wrote it.
    pub asofdb_version: String,
    /// The view.
    pub view: String,
    /// The request.
    pub asked: Asked,
    /// The time of the state that was exported.
    #[serde(with = "rfc3339")]
    pub snapshot: Timestamp,
    /// Rows in all files.
    pub rows: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// The first event timestamp; `None` when there are no rows.
    #[serde(with = "rfc3339::option")]
    pub event_min: Option<Timestamp>,
    /// The last event timestamp.
    #[serde(with = "rfc3339::option")]
    pub event_max: Option<Timestamp>,
    /// The columns of the files, in order.
    pub columns: Vec<ManifestColumn>,
    /// The files, by path.
    pub files: Vec<ManifestFile>,
}

/// The request of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The rows that were chosen.
    pub rows: ExportRows,
    /// Directories by event time.
    pub partition_by: Option<PartitionBy>,
    /// Compression of the files.
    pub compression: Compression,
}

/// A file of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// Path within the export's directory, with `/`.
    pub path: String,
    /// Rows.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Manifest {
    /// Reads the manifest of the export in `directory`.
    ///
    /// # Errors
    /// `NotFound` when there is none, `Corrupt` when it cannot be read, `Conflict` when a newer asofdb wrote it.
    pub fn read(directory: &Path) -> Result<Self> {
        let path = directory.join(MANIFEST_FILE);
        let text = fs::read(&path).map_err(|error| {
            Error::not_found(format!("not an export, or not a whole one: cannot read {}", path.display()))
                .with_source(error)
        })?;
        let unreadable =
            |error| Error::corrupt(format!("cannot read the manifest {}", path.display())).with_source(error);
        let value: serde_json::Value = serde_json::from_slice(&text).map_err(unreadable)?;
        let format = value.get("format").and_then(serde_json::Value::as_u64);
        if let Some(newer) = format.filter(|format| *format > u64::from(EXPORT_FORMAT)) {
            let path = path.display();
            return Err(Error::conflict(format!("a newer asofdb wrote this export (format {newer}): {path}")));
        }
        serde_json::from_value(value).map_err(unreadable)
    }

    pub(super) fn write(&self, directory: &Path, target: &Path) -> Result<()> {
        let mut text = serde_json::to_vec_pretty(self)
            .map_err(|error| Error::internal("cannot write a manifest").with_source(error))?;
        text.push(b'\n');
        fs::write(directory.join(MANIFEST_FILE), text).map_err(|error| cannot_write(target, error))
    }
}
