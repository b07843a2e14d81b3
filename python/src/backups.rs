//! Backups of a store, and stores made from them. Reports are JSON, which the package reads.

use std::path::{Path, PathBuf};

use asofdb::{BackupKey, Backups, Error, KeepPolicy, Result, Session, Span, back_up};
use pyo3::prelude::*;
use serde_json::{Value as Json, json};

use crate::engine::Engine;
use crate::errors::OrRaise;

fn key(path: Option<&Path>) -> Result<Option<BackupKey>> {
    path.map(BackupKey::read).transpose()
}

/// Adds a backup to a directory, and removes those that the policy does not keep: the newest `keep`, and those of
/// `keep_for_micros` before the newest.
#[pyfunction]
pub(crate) fn backup(
    py: Python<'_>,
    engine: &Engine,
    directory: PathBuf,
    key_file: Option<PathBuf>,
    keep: Option<usize>,
    keep_for_micros: Option<i64>,
    checkpoint: Option<PathBuf>,
) -> PyResult<String> {
    let policy = KeepPolicy { newest: keep, within: keep_for_micros.map(Span::from_micros) };
    let run = move |engine: &asofdb_client::Engine| {
        if keep == Some(0) || keep_for_micros.is_some_and(|micros| micros < 0) {
            return Err(Error::invalid("keep is 1 or more, and keep_for no time before the newest backup"));
        }
        let backups = Backups::create(&directory, key(key_file.as_deref())?)?;
        let added = back_up(engine, &backups, checkpoint.as_deref())?;
        let expired = match policy == KeepPolicy::default() {
            true => Vec::new(),
            false => backups.expire(&policy, engine.clock()?.believed)?,
        };
        Ok(json!({
            "name": added.name,
            "files": added.files,
            "bytes": added.bytes,
            "new_files": added.new_files,
            "new_bytes": added.new_bytes,
            "expired": expired,
        })
        .to_string())
    };
    engine.run(py, run)
}

/// Lists the backups in a directory.
#[pyfunction]
pub(crate) fn backups(py: Python<'_>, directory: PathBuf, key_file: Option<PathBuf>) -> PyResult<String> {
    let list = move || -> Result<String> {
        let backups = Backups::open(&directory, key(key_file.as_deref())?)?.list()?;
        let one = |backup: &asofdb::Backup| {
            json!({
                "name": backup.name(),
                "files": backup.files(),
                "bytes": backup.bytes(),
                "kept_logs": backup.has_logs(),
            })
        };
        Ok(Json::from(backups.iter().map(one).collect::<Vec<_>>()).to_string())
    };
    py.detach(list).or_raise(py)
}

/// Makes a store from a checkpoint, or from the backups in a directory: files, bytes, versions read.
#[pyfunction]
pub(crate) fn restore(
    py: Python<'_>,
    from: PathBuf,
    store: PathBuf,
    at: Option<String>,
    key_file: Option<PathBuf>,
) -> PyResult<(u64, u64, Option<u64>)> {
    let restore = move || match Backups::is_at(&from) {
        true => asofdb::restore_at(&Backups::open(&from, key(key_file.as_deref())?)?, at.as_deref(), &store),
        false if at.is_some() => {
            Err(Error::invalid(format!("there are no backups here to choose from: {}", from.display())))
        }
        false => asofdb::restore(&from, &store),
    };
    let restored = py.detach(restore).or_raise(py)?;
    Ok((restored.files, restored.bytes, restored.versions_read))
}

/// Turns the keeping of a store's logs on or off.
#[pyfunction]
pub(crate) fn keep_logs(py: Python<'_>, store: PathBuf, bytes_max: Option<u64>) -> PyResult<()> {
    py.detach(|| asofdb::keep_logs(&store, bytes_max)).or_raise(py)
}
