//! Files of a source: which there are, and which of them may have changed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use asofdb_storage::{Error, FeedFile, Result};
use glob::{MatchOptions, glob_with};

/// Most files of one source.
pub const FEED_FILES_MAX: usize = 10_000;

/// Nanoseconds for which the time of a file's change does not tell one change from the next: clocks of file systems are
/// coarse, so that a file which was changed right before it was read may be changed again within the same tick.
const TICK_NS: i64 = 2_000_000_000;

/// A pattern matches names as they are, and no hidden files: those are where others write before they rename.
const MATCHING: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// The directory that paths of sources are below, and what is done with bad rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedFiles {
    /// The directory to which relative paths of sources belong.
    pub root: PathBuf,
    /// True if sources must lie within that directory: whoever may define views must not thereby read other files of
    /// this host.
    pub is_confined: bool,
    /// The directory for files of bad rows, `VIEW-TIME.ndjson`; `None`: a bad row refuses all files of its view.
    pub rejects: Option<PathBuf>,
}

impl Default for FeedFiles {
    fn default() -> Self {
        FeedFiles { root: PathBuf::from("."), is_confined: false, rejects: None }
    }
}

/// A file that is there.
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) file: FeedFile,
}

impl FeedFiles {
    /// The files that a source names, by path.
    ///
    /// # Errors
    /// `Invalid` for a path that is no pattern, leaves the directory where that is not allowed, or names too many files;
    /// `NotFound` where it names none; `Unavailable` for what cannot be read.
    pub(super) fn find(&self, source: &str) -> Result<Vec<Found>> {
        let pattern = self.pattern(source)?;
        let paths = glob_with(&pattern, MATCHING)
            .map_err(|error| Error::invalid(format!("the path of the source is no pattern: {source:?}: {error}")))?;
        let mut found = Vec::new();
        for path in paths {
            let path = path.map_err(|error| unreadable(error.path()).with_source(std::io::Error::from(error)))?;
            let metadata = fs::metadata(&path).map_err(|error| unreadable(&path).with_source(error))?;
            if metadata.is_dir() {
                continue;
            }
            self.check_within(&path)?;
            if found.len() == FEED_FILES_MAX {
                let rule = "move what was loaded long ago elsewhere";
                return Err(Error::invalid(format!("a source has at most {FEED_FILES_MAX} files: {source:?}; {rule}")));
            }
            let modified = metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
            let name = path.strip_prefix(&self.root).unwrap_or(&path).to_string_lossy().into_owned();
            found.push(Found { file: FeedFile { path: name, bytes: metadata.len(), modified }, path });
        }
        match found.is_empty() {
            true => Err(Error::not_found(format!("no file matches the path of the source: {source:?}"))),
            false => Ok(found),
        }
    }

    /// The whole pattern, with the characters of the directory taken as they are.
    fn pattern(&self, source: &str) -> Result<String> {
        let path = Path::new(source);
        let leaves = path.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir));
        if self.is_confined && leaves {
            let rule = "sources lie below the directory of sources: give a relative path without \"..\"";
            return Err(Error::invalid(format!("{rule}: {source:?}")));
        }
        if path.is_absolute() {
            return Ok(source.to_owned());
        }
        let root = self.root.to_str().ok_or_else(|| {
            Error::invalid(format!("the directory of sources has a name that is no text: {}", self.root.display()))
        })?;
        Ok(format!("{}/{source}", glob::Pattern::escape(root)))
    }

    /// Refuses a file that a symbolic link brings in from elsewhere.
    fn check_within(&self, path: &Path) -> Result<()> {
        if !self.is_confined {
            return Ok(());
        }
        let real = |path: &Path| path.canonicalize().map_err(|error| unreadable(path).with_source(error));
        match real(path)?.starts_with(real(&self.root)?) {
            true => Ok(()),
            false => Err(Error::invalid(format!("a link leads out of the directory of sources: {}", path.display()))),
        }
    }
}

fn unreadable(path: &Path) -> Error {
    Error::unavailable(format!("cannot read {} of the source", path.display()))
}

/// Bytes of the paths of files that are remembered, so that the note about a feed stays far below what a record may have;
/// the rest is read again, and known by its content.
const REMEMBERED_BYTES_MAX: usize = 8 << 20;

/// The files that can be told from a file's place, size and time to be those that were loaded: `known` without what was
/// changed a moment before `began`, in nanoseconds since 1970.
pub(super) fn settled(files: impl Iterator<Item = FeedFile>, began: i64) -> Vec<FeedFile> {
    let mut bytes = 0;
    let mut has_room = |file: &FeedFile| {
        bytes += file.path.len();
        bytes <= REMEMBERED_BYTES_MAX
    };
    let settled = files.filter(|file| file.modified < began.saturating_sub(TICK_NS));
    settled.take_while(|file| has_room(file)).collect()
}

#[cfg(test)]
mod tests {
    use asofdb_storage::FeedRuns;

    use super::*;

    #[test]
    fn the_longest_paths_of_the_most_files_leave_a_note_that_can_be_written() {
        let file = |_| FeedFile { path: "p".repeat(4_096), bytes: 1, modified: 0 };
        let files = settled((0..FEED_FILES_MAX).map(file), 10 * TICK_NS);
        assert_eq!(files.len(), REMEMBERED_BYTES_MAX / 4_096);
        assert!(FeedRuns { files, ..FeedRuns::default() }.encode().is_ok());
    }
}
