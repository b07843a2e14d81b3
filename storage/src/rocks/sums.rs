//! Sums of files, their sizes and checksums, and copies that are checked by them.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{Advice, OFlags, fadvise};
use twox_hash::XxHash3_128;

use super::modes::Modes;
use crate::stop::Stop;

/// Bytes that are read at a time.
const PIECE_BYTES: usize = 1 << 20;

/// The sums of files by their names.
pub(super) type Sums = HashMap<String, FileSum>;

/// Size and checksum of a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileSum {
    /// Its bytes.
    pub(super) bytes: u64,
    /// xxh3-128 of them.
    pub(super) xxh3: u128,
}

impl FileSum {
    /// The sum of bytes in memory.
    pub(super) fn of(bytes: &[u8]) -> Self {
        FileSum { bytes: bytes.len() as u64, xxh3: XxHash3_128::oneshot(bytes) }
    }

    /// Reads a file to its end, unless it is told to stop.
    pub(super) fn of_file(path: &Path, stop: &Stop) -> io::Result<Self> {
        each_piece(&mut open(path)?, stop, |_| Ok(()))
    }
}

/// Opens a file to be read. What is no file, or only leads to one, is refused.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("not a file")),
    }
}

/// Copies a file and makes the copy durable; the sum of what was read. The copy is then read back from the disk and
/// compared. When it is told to stop, what was copied until then is left.
pub(super) fn copy(from: &Path, to: &Path, modes: Modes, stop: &Stop) -> io::Result<FileSum> {
    let mut source = open(from)?;
    let mut target = OpenOptions::new().read(true).write(true).create_new(true).mode(modes.file()).open(to)?;
    let sum = each_piece(&mut source, stop, |piece| target.write_all(piece))?;
    target.sync_all()?;
    // Otherwise it would be read from memory. Where that is not to be had, reading it still proves something.
    let _ = fadvise(&target, 0, None, Advice::DontNeed);
    target.rewind()?;
    match each_piece(&mut target, stop, |_| Ok(()))? == sum {
        true => Ok(sum),
        false => Err(io::Error::other("what was written reads back differently, so the disk cannot be trusted")),
    }
}

fn each_piece(file: &mut File, stop: &Stop, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<FileSum> {
    let (mut hasher, mut bytes, mut piece) = (XxHash3_128::new(), 0, vec![0; PIECE_BYTES]);
    loop {
        stop.check().map_err(io::Error::other)?;
        let read = match file.read(&mut piece) {
            Ok(0) => return Ok(FileSum { bytes, xxh3: hasher.finish_128() }),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.write(&piece[..read]);
        take(&piece[..read])?;
        bytes += read as u64;
    }
}
