//! A file that is read at any place, by any number of readers.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use asofdb_storage::{Error, Result};

use super::format::InputFormat;

/// Bytes of a buffer for reading on: large enough that system calls do not matter.
const BUFFER_BYTES: usize = 1 << 20;

/// Bytes of a buffer for reading one header.
const GLANCE_BYTES: usize = 1 << 10;

/// An open file with the length it had.
///
/// It is read with positioned reads, not through a memory map: a map was measured to save a tenth of the time
/// of decoding Parquet, a hundredth of an ingest, and a file that is cut short meanwhile would kill the process.
#[derive(Debug)]
pub(crate) struct SourceFile {
    name: String,
    file: File,
    len: u64,
    modified: Option<SystemTime>,
}

impl SourceFile {
    /// Opens a file that has content.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let name = format!("{path:?}");
        let file = File::open(path).map_err(|error| cannot_open(&name, error))?;
        SourceFile::new(name, file)
    }

    /// Copies everything a reader gives into a file that has no name and vanishes when it is closed.
    pub(super) fn spool(name: &str, mut reader: impl Read) -> Result<Self> {
        let fail = |error| Error::unavailable(format!("cannot copy {name} into a temporary file")).with_source(error);
        let mut file = tempfile::tempfile().map_err(fail)?;
        io::copy(&mut reader, &mut file).map_err(fail)?;
        SourceFile::new(name.to_owned(), file)
    }

    pub(super) fn new(name: String, file: File) -> Result<Self> {
        let metadata = file.metadata().map_err(|error| cannot_open(&name, error))?;
        if metadata.is_dir() {
            return Err(Error::invalid(format!("file {name} is a directory; name the files in it")));
        }
        if metadata.len() == 0 {
            return Err(Error::invalid(format!("file {name} is empty")));
        }
        Ok(SourceFile { name, file, len: metadata.len(), modified: metadata.modified().ok() })
    }

    /// The name for messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// A reader of all of it, which ends where the file ended when it was opened.
    pub(crate) fn reader(self: &Arc<Self>) -> BufReader<FileReader> {
        BufReader::with_capacity(BUFFER_BYTES, FileReader { file: self.clone(), at: 0 })
    }

    /// A reader of some bytes from `start` on.
    pub(super) fn glance(self: &Arc<Self>, start: u64) -> BufReader<FileReader> {
        BufReader::with_capacity(GLANCE_BYTES, FileReader { file: self.clone(), at: start })
    }

    /// Exactly `length` bytes from `start` on.
    pub(super) fn bytes(&self, start: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes)
    }

    /// The error of a file that cannot be read as what it should be.
    pub(super) fn unreadable(&self, format: InputFormat, error: impl Display) -> Error {
        // Messages of other crates may have several lines.
        let error = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        Error::corrupt(format!("file {} is cut short or not {}: {error}", self.name, format.title()))
    }

    /// Refuses a file that somebody changed since it was opened.
    pub(crate) fn check_unchanged(&self) -> Result<()> {
        let metadata = self.file.metadata().map_err(|error| cannot_open(&self.name, error))?;
        if metadata.len() == self.len && metadata.modified().ok() == self.modified {
            return Ok(());
        }
        Err(Error::unavailable(format!("file {} was changed while it was read; try again", self.name)))
    }
}

fn cannot_open(name: &str, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::not_found(format!("there is no file {name}")),
        _ => Error::unavailable(format!("cannot open file {name}")).with_source(error),
    }
}

/// Reads on through a file.
#[derive(Debug)]
pub(crate) struct FileReader {
    file: Arc<SourceFile>,
    at: u64,
}

impl FileReader {
    /// Returns the position up to which it has read.
    pub(crate) fn position(&self) -> u64 {
        self.at
    }
}

impl Read for FileReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.file.len.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let room = buffer.len().min(left);
        let read = self.file.file.read_at(&mut buffer[..room], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for FileReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.file.len.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a seek to before the start"))?;
        Ok(self.at)
    }
}
