//! The files of kept logs in a store's directory: RocksDB moves the logs that it needs no more to `archive`, and files
//! of bulk loads are linked to `kept`, in a directory a load, named by its stamp.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::name::{KeptFile, KeptName};
use super::setting::Setting;
use crate::error::Result;
use crate::rocks::directory::sync_directory;
use crate::rocks::error::from_io;
use crate::rocks::modes::Modes;
use crate::time::Timestamp;

/// The directory of the logs that RocksDB needs no more, by its own name for it.
const ARCHIVE: &str = "archive";

/// The directory of the files of bulk loads.
const LOADS: &str = "kept";

/// The files of a load within that, while they are linked.
const NEW_LOAD: &str = "new";

fn failed(directory: &Path) -> impl Fn(io::Error) -> crate::error::Error + '_ {
    move |error| from_io(&format!("cannot keep the logs of {}", directory.display()), error)
}

/// The names in a directory; none where it does not exist.
fn names(directory: &Path) -> io::Result<Vec<String>> {
    match fs::read_dir(directory) {
        Ok(entries) => entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect(),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The numbers of the logs in a directory, in order.
fn logs(directory: &Path) -> io::Result<Vec<u64>> {
    let number = |name: &String| name.strip_suffix(".log")?.parse().ok();
    let mut logs: Vec<_> = names(directory)?.iter().filter_map(number).collect();
    logs.sort_unstable();
    Ok(logs)
}

fn log_name(number: u64) -> String {
    format!("{number:06}.log")
}

/// Returns the number of the log that is being written; 0 where there is none.
pub(super) fn newest_log(directory: &Path) -> Result<u64> {
    Ok(logs(directory).map_err(failed(directory))?.pop().unwrap_or_default())
}

/// Removes the logs before the first that is kept, as far as RocksDB needs them no more.
pub(super) fn sweep(directory: &Path, first_log: u64) -> Result<()> {
    let archive = directory.join(ARCHIVE);
    let old = logs(&archive).map_err(failed(directory))?.into_iter().filter(|number| *number < first_log);
    old.map(|number| archive.join(log_name(number))).try_for_each(|path| remove_file(&path).map_err(failed(directory)))
}

/// Removes all kept logs and files of loads from the directory of a store that nobody has open.
pub(in crate::rocks) fn remove_all(directory: &Path) -> Result<()> {
    sweep(directory, u64::MAX)?;
    remove_loads(directory)
}

/// Removes the kept files of bulk loads.
pub(super) fn remove_loads(directory: &Path) -> Result<()> {
    match fs::remove_dir_all(directory.join(LOADS)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(directory)(error)),
        _ => Ok(()),
    }
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Links the files of a load, by the names of their families. They appear together.
pub(super) fn keep_load(directory: &Path, stamp: Timestamp, files: [(&str, &[PathBuf]); 2]) -> Result<()> {
    let loads = directory.join(LOADS);
    let new = loads.join(NEW_LOAD);
    let keep = || -> io::Result<()> {
        match fs::remove_dir_all(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(&new)?,
        }
        for (family, files) in files {
            for (index, file) in files.iter().enumerate() {
                fs::hard_link(file, new.join(format!("{family}-{index:03}.sst")))?;
            }
        }
        sync_directory(&new)?;
        fs::rename(&new, loads.join(stamp.as_micros().to_string()))?;
        sync_directory(&loads)
    };
    keep().map_err(failed(directory))
}

/// Removes the oldest loads until the others have so many bytes at most.
pub(super) fn trim_loads(directory: &Path, bytes_max: u64) -> Result<()> {
    let loads = directory.join(LOADS);
    let trim = || -> io::Result<()> {
        let mut left = bytes_max;
        for stamp in stamps(&loads)?.into_iter().rev() {
            let load = loads.join(stamp.to_string());
            let bytes: u64 =
                names(&load)?.iter().map(|name| fs::metadata(load.join(name)).map_or(0, |it| it.len())).sum();
            match left.checked_sub(bytes) {
                Some(rest) => left = rest,
                None => {
                    left = 0;
                    fs::remove_dir_all(&load)?;
                }
            }
        }
        Ok(())
    };
    trim().map_err(failed(directory))
}

/// The stamps of the loads that are kept, in order.
fn stamps(loads: &Path) -> io::Result<Vec<i64>> {
    let mut stamps: Vec<i64> = names(loads)?.iter().filter_map(|name| name.parse().ok()).collect();
    stamps.sort_unstable();
    Ok(stamps)
}

/// Adds the files of kept logs to a directory. What RocksDB is writing is copied, as far as it is now; what does not
/// change any more is linked.
pub(super) fn copy(directory: &Path, setting: &Setting, to: &Path, modes: Modes) -> Result<()> {
    let copy = || -> io::Result<()> {
        let target = |file: KeptFile| to.join(KeptName { id: setting.id, file }.text());
        // In this order: a log that is moved meanwhile is in the first list.
        let (live, archive) = (logs(directory)?, directory.join(ARCHIVE));
        for number in live.iter().copied().filter(|number| *number >= setting.first_log) {
            let target = target(KeptFile::Log(number));
            match fs::copy(directory.join(log_name(number)), &target) {
                Err(error) if error.kind() == ErrorKind::NotFound => link(&archive.join(log_name(number)), &target)?,
                copied => drop(copied?),
            }
        }
        for number in logs(&archive)?.into_iter().filter(|number| *number >= setting.first_log) {
            let target = target(KeptFile::Log(number));
            if !target.exists() {
                link(&archive.join(log_name(number)), &target)?;
            }
        }
        let loads = directory.join(LOADS);
        for stamp in stamps(&loads)? {
            let load = loads.join(stamp.to_string());
            for name in names(&load)? {
                link(&load.join(&name), &target(KeptFile::Load(stamp, name)))?;
            }
        }
        Ok(())
    };
    copy().map_err(failed(directory))?;
    modes.settle_files(to);
    Ok(())
}

/// Links a file that does not change any more, or copies it where that cannot be. One that was removed because it was
/// too old is left out: whoever needs it notices.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(_) => fs::copy(from, to).map(drop),
    }
}
