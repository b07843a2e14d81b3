//! The files of a log: where they lie, and which of them are removed.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use asofdb_storage::{Span, Timestamp};

/// The beginning of the name of an hour's directory, as Hive names partitions.
const HOUR: &str = "hour=";

/// Letters of a time up to its hour.
const HOUR_LETTERS: usize = 13;

const ENDING: &str = "parquet";

/// A file of a log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Part {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
}

/// The hour of a time, as the name of a directory.
pub(crate) fn hour_of(time: Timestamp) -> String {
    let text = time.to_string();
    format!("{HOUR}{}", text.get(..HOUR_LETTERS).unwrap_or("unknown"))
}

/// The beginning of the hour that a directory is of.
fn start_of(directory: &Path) -> Option<Timestamp> {
    let hour = directory.file_name()?.to_str()?.strip_prefix(HOUR)?;
    format!("{hour}:00:00Z").parse().ok()
}

/// Makes a directory that is its owner's alone, where there is none.
///
/// # Errors
/// Those of the file system.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).recursive(true).create(path)
}

/// The files of a log in the order of their hours, or the one file that `path` is.
///
/// # Errors
/// Those of the file system.
pub(crate) fn parts(path: &Path) -> io::Result<Vec<Part>> {
    let metadata = fs::metadata(path)?;
    if metadata.is_file() {
        return Ok(vec![Part { path: path.to_owned(), bytes: metadata.len() }]);
    }
    let mut all = Vec::new();
    for entry in fs::read_dir(path)? {
        let (directory, is_hour) = (entry?.path(), |path: &Path| start_of(path).is_some());
        if !is_hour(&directory) {
            continue;
        }
        for file in fs::read_dir(&directory)? {
            let file = file?;
            let is_part = file.path().extension().is_some_and(|ending| ending == ENDING)
                && !file.file_name().to_string_lossy().starts_with('.');
            if is_part {
                all.push(Part { path: file.path(), bytes: file.metadata()?.len() });
            }
        }
    }
    all.sort();
    Ok(all)
}

/// Removes the files that are older than `age_max` at `now`, and then the oldest until all have `bytes_max` at most.
/// The last file stays.
///
/// # Errors
/// Those of the file system.
pub(crate) fn sweep(log: &Path, now: Timestamp, age_max: Span, bytes_max: u64) -> io::Result<()> {
    let parts = parts(log)?;
    let mut bytes: u64 = parts.iter().map(|part| part.bytes).sum();
    let oldest = now.minus(age_max).minus(Span::from_secs(3_600));
    for part in &parts[..parts.len().saturating_sub(1)] {
        let directory = part.path.parent().unwrap_or(log);
        let is_old = start_of(directory).is_some_and(|start| start < oldest);
        if !is_old && bytes <= bytes_max {
            continue;
        }
        fs::remove_file(&part.path)?;
        bytes -= part.bytes;
        // Fails as long as there are others.
        let _ = fs::remove_dir(directory);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn files_lie_by_the_hour_and_go_by_age_and_by_bytes_the_oldest_first() {
        let log = tempfile::tempdir().unwrap();
        let make = |time: &str, name: &str, bytes: usize| {
            let directory = log.path().join(hour_of(at(time)));
            make_directory(&directory).unwrap();
            fs::write(directory.join(name), vec![0; bytes]).unwrap();
        };
        make("2024-06-01T10:59:00Z", "a.parquet", 10);
        make("2024-06-01T12:00:00Z", "b.parquet", 10);
        make("2024-06-01T12:30:00Z", "c.parquet", 10);
        make("2024-06-01T13:00:00Z", ".d.parquet.asof-tmp-1-1", 10);
        make("2024-06-01T13:00:00Z", "d.parquet", 10);
        let names = || {
            let parts = parts(log.path()).unwrap();
            let name = |part: &Part| part.path.strip_prefix(log.path()).unwrap().display().to_string();
            parts.iter().map(name).collect::<Vec<_>>()
        };
        let hours = |hours: i64| Span::from_secs(hours * 3_600);
        let all = ["T10/a", "T12/b", "T12/c", "T13/d"].map(|rest| format!("hour=2024-06-01{rest}.parquet")).to_vec();
        assert_eq!(names(), all);
        sweep(log.path(), at("2024-06-01T13:30:00Z"), hours(3), 40).unwrap();
        assert_eq!(names(), all);
        sweep(log.path(), at("2024-06-01T13:30:00Z"), hours(2), 40).unwrap();
        assert_eq!(names(), all[1..]);
        assert!(!log.path().join("hour=2024-06-01T10").exists());
        sweep(log.path(), at("2024-06-01T13:30:00Z"), hours(2), 20).unwrap();
        assert_eq!(names(), all[2..]);
        sweep(log.path(), at("2025-06-01T13:30:00Z"), hours(2), 1).unwrap();
        assert_eq!(names(), all[3..], "the last one stays");
    }
}
