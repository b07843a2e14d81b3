//! The files of a log: the one that grows, and those that it was before.

use std::cmp::Reverse;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::identity::Identity;

/// Most digits of the number of a rotation; what has more is a day.
const NUMBER_DIGITS_MAX: usize = 4;

/// Endings of files that were compressed.
const PACKED: [&str; 6] = ["gz", "zst", "xz", "bz2", "lz4", "Z"];

/// The file that a path names, and those beside it whose names begin with that name and `.` or `-`: what a rotation made
/// of it. Oldest first, by the time of the last change.
pub(super) fn files(path: &Path) -> io::Result<Vec<LogFile>> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default();
    let mut files = Vec::new();
    for entry in fs::read_dir(parent)? {
        let path = entry?.path();
        let of = path.file_name().and_then(|of| of.as_encoded_bytes().strip_prefix(name.as_encoded_bytes()));
        let is_current = match of {
            Some([]) => true,
            Some([b'.' | b'-', ..]) => false,
            _ => continue,
        };
        // One that goes meanwhile is not there.
        let Some(known) = fs::metadata(&path).ok().filter(fs::Metadata::is_file) else { continue };
        let modified = (known.mtime(), known.mtime_nsec());
        let is_packed = !is_current && path.extension().is_some_and(|end| PACKED.iter().any(|packed| end == *packed));
        files.push(LogFile { path, is_current, is_packed, modified, inode: known.ino(), bytes: known.len() });
    }
    files.sort_by_cached_key(|file| (file.is_current, file.modified, age_by_name(&file.path)));
    Ok(files)
}

/// One of them.
#[derive(Debug, Clone)]
pub(super) struct LogFile {
    pub(super) path: PathBuf,
    /// True for the one that grows.
    pub(super) is_current: bool,
    /// True for one that was compressed, of which no line can be read.
    pub(super) is_packed: bool,
    /// The time of its last change, in seconds and nanoseconds.
    pub(super) modified: (i64, i64),
    pub(super) inode: u64,
    pub(super) bytes: u64,
}

impl LogFile {
    /// Opens it; `None` where it is gone, or another one has come in its place.
    pub(super) fn open(&self) -> io::Result<Option<File>> {
        match File::open(&self.path) {
            Ok(file) => Ok((file.metadata()?.ino() == self.inode).then_some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The file of an identity that has an offset: the very same one, else a copy.
pub(super) fn find(files: &[LogFile], identity: &Identity, offset: u64) -> io::Result<Option<(LogFile, File)>> {
    let is_same = |file: &&LogFile| file.inode == identity.inode;
    let same = files.iter().filter(is_same);
    // What nothing was read of is like any other.
    let copies = files.iter().rev().filter(|file| identity.prefix > 0 && !is_same(file));
    for file in same.chain(copies).filter(|file| file.bytes >= offset && !file.is_packed) {
        if let Some(open) = file.open()?
            && identity.begins(&open)?
        {
            return Ok(Some((file.clone(), open)));
        }
    }
    Ok(None)
}

/// The files that follow one, oldest first.
pub(super) fn following<'f>(files: &'f [LogFile], of: &LogFile) -> &'f [LogFile] {
    let at = files.iter().position(|file| file.inode == of.inode);
    at.map_or(&[], |at| &files[at + 1..])
}

/// The order of files that were changed within one tick of the clock: rotations count up, or name the day.
fn age_by_name(path: &Path) -> (Reverse<u32>, OsString) {
    let number = path.extension().and_then(OsStr::to_str).filter(|end| end.len() <= NUMBER_DIGITS_MAX);
    (Reverse(number.and_then(|number| number.parse().ok()).unwrap_or(0)), path.as_os_str().to_owned())
}
