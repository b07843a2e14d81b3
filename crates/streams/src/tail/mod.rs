//! Files that grow by lines of JSON, and pipes of them.

mod files;
mod identity;
mod lines;
mod pipe;

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use asofdb::{Error, Result};

use self::files::{LogFile, find, following};
use self::identity::Identity;
pub use self::lines::LINE_BYTES_MAX;
use self::lines::Lines;
pub use self::pipe::Pipe;
use crate::options::Begin;
use crate::position::Position;
use crate::source::{Source, Take, Waited};

/// The one partition of a file.
const PARTITION: &str = "lines";

/// The time between two looks at a file.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A file that grows by lines, and is rotated: renamed, or copied and cut. The file that was read is known again by its
/// number and its first bytes wherever a rotation has put it; it is read to its end before the next one is begun.
pub struct Tail {
    address: String,
    path: PathBuf,
    open: Option<Open>,
}

/// The file that is being read.
struct Open {
    of: LogFile,
    identity: Identity,
    lines: Lines<File>,
}

impl Tail {
    /// The file of this path, which need not be there yet.
    ///
    /// # Errors
    /// `Invalid` for a path that names no file, but a directory or a pipe.
    pub fn new(path: &Path) -> Result<Self> {
        let named = std::path::absolute(path).ok().filter(|path| path.file_name().is_some());
        let path = named.ok_or_else(|| Error::invalid(format!("{} names no file", path.display())))?;
        if path.metadata().is_ok_and(|known| !known.is_file()) {
            return Err(Error::invalid(format!("{} is no file; a pipe is read as the standard input", path.display())));
        }
        Ok(Tail { address: format!("file:{}", path.display()), path, open: None })
    }

    /// Opens the file that a position is in, at the position.
    fn go_to(&mut self, position: &Position) -> Result<&mut Open> {
        let unknown = || Error::corrupt("the position of a stream is none in a file; begin it anew (--anew)");
        let identity = Identity::decode(&position.identity).ok_or_else(unknown)?;
        let offset = u64::try_from(position.offset).map_err(|_| unknown())?;
        self.open.take_if(|open| !open.is_at(position));
        if self.open.is_none() {
            let failed = |error| cannot_read(&self.path, error);
            let files = files::files(&self.path).map_err(failed)?;
            let found = find(&files, &identity, offset).map_err(failed)?;
            let (of, file) = found.ok_or_else(|| self.is_gone(&files, &identity, offset))?;
            self.open = Some(Open::new(of, file, identity, offset).map_err(failed)?);
        }
        self.open.as_mut().ok_or_else(unknown)
    }

    fn is_gone(&self, files: &[LogFile], identity: &Identity, offset: u64) -> Error {
        let path = self.path.display();
        let was_cut = files.iter().find(|file| file.inode == identity.inode && file.bytes < offset);
        let what = match was_cut {
            Some(file) => {
                format!("{} was cut to {} bytes, and {offset} were read of it", file.path.display(), file.bytes)
            }
            None => format!("the file that was read up to byte {offset} is neither {path} nor beside it any more"),
        };
        let message = "lines may be lost that were written to it since; begin anew with what is there (--anew) or with what \
                       comes from now on (--anew --begin latest)";
        Error::conflict(format!("{what}: {message}"))
    }

    /// Goes on with the file that follows the one that was read to its end; says whether there is one.
    fn go_on(&mut self) -> Result<bool> {
        let failed = |error| cannot_read(&self.path, error);
        let Some(open) = &self.open else { return Ok(false) };
        let files = files::files(&self.path).map_err(failed)?;
        // Where a rotation has put it by now.
        let Some(of) = files.iter().find(|file| file.inode == open.of.inode && !open.is_cut(file)) else {
            return Ok(false);
        };
        let Some(next) = following(&files, of).first() else { return Ok(false) };
        if next.is_packed {
            let (packed, was) = (next.path.display(), of.path.display());
            return Err(Error::conflict(format!(
                "{packed} follows {was}, and was compressed before it was read; ingest it by itself (asof ingest), then \
                 begin anew (--anew)"
            )));
        }
        // As long as the next one is empty, the writer may still add to this one.
        if next.bytes == 0 {
            return Ok(false);
        }
        let Some(file) = next.open().map_err(failed)? else { return Ok(false) };
        let identity = Identity::of(&file, 0).map_err(failed)?;
        self.open = Some(Open::new(next.clone(), file, identity, 0).map_err(failed)?);
        Ok(true)
    }
}

impl Open {
    fn new(of: LogFile, mut file: File, identity: Identity, offset: u64) -> io::Result<Self> {
        io::Seek::seek(&mut file, io::SeekFrom::Start(offset))?;
        Ok(Open { of, identity, lines: Lines::new(file, offset) })
    }

    fn is_at(&self, position: &Position) -> bool {
        u128::from(self.lines.offset()) == position.offset && self.identity.encode() == position.identity
    }

    fn is_cut(&self, file: &LogFile) -> bool {
        file.bytes < self.lines.offset()
    }

    /// Returns whether it is still what was read: it may have been cut, and have grown again.
    fn is_same(&self) -> io::Result<bool> {
        let file = self.lines.get_ref();
        Ok(file.metadata()?.len() >= self.lines.offset() && self.identity.begins(file)?)
    }

    fn position(&mut self) -> io::Result<Position> {
        let offset = self.lines.offset();
        self.identity = Identity::of(self.lines.get_ref(), offset)?;
        Ok(Position { offset: offset.into(), identity: self.identity.encode() })
    }
}

impl Source for Tail {
    fn address(&self) -> &str {
        &self.address
    }

    fn partitions(&mut self) -> Result<Vec<String>> {
        Ok(vec![PARTITION.to_owned()])
    }

    fn begin(&mut self, _partition: &str, begin: Begin) -> Result<Option<Position>> {
        let failed = |error| cannot_read(&self.path, error);
        let Some(of) = files::files(&self.path).map_err(failed)?.pop().filter(|file| file.is_current) else {
            return Ok(None);
        };
        let Some(file) = of.open().map_err(failed)? else { return Ok(None) };
        let offset = match begin {
            Begin::Earliest => 0,
            Begin::Latest => last_end(&file).map_err(failed)?,
        };
        let identity = Identity::of(&file, offset).map_err(failed)?;
        Ok(Some(Position { offset: offset.into(), identity: identity.encode() }))
    }

    fn read(&mut self, _partition: &str, from: &Position, take: &mut Take<'_>) -> Result<Position> {
        let path = self.path.clone();
        let failed = |error| cannot_read(&path, error);
        let mut open = self.go_to(from)?;
        if !open.is_same().map_err(failed)? {
            // It was cut; what was in it may have been copied before.
            self.open = None;
            open = self.go_to(from)?;
        }
        let mut was_ended = false;
        loop {
            while let Some(record) = open.lines.next().map_err(failed)? {
                was_ended = false;
                if take(record) == ControlFlow::Break(()) {
                    return open.position().map_err(failed);
                }
            }
            // Once more after it was seen that the writer has gone on: its last lines may have come meanwhile.
            let position = open.position().map_err(failed)?;
            if !was_ended {
                was_ended = true;
                if !self.has_followed()? {
                    return Ok(position);
                }
            } else if let Some(open) = &mut self.open
                && let Some(record) = open.lines.last()
            {
                let wants_more = take(record) == ControlFlow::Continue(());
                let position = open.position().map_err(failed)?;
                if !wants_more {
                    return Ok(position);
                }
            } else if self.go_on()? {
                was_ended = false;
            } else {
                return Ok(position);
            }
            open = self.open.as_mut().ok_or_else(|| Error::internal("a file that is read is not open"))?;
        }
    }

    fn wait(&mut self, patience: Duration) -> Waited {
        std::thread::sleep(patience.min(LOOK_EVERY));
        Waited::Maybe
    }

    fn behind(&mut self, _partition: &str, at: &Position) -> Result<Option<u64>> {
        let failed = |error| cannot_read(&self.path, error);
        let files = files::files(&self.path).map_err(failed)?;
        let Some(identity) = Identity::decode(&at.identity) else { return Ok(None) };
        let Ok(offset) = u64::try_from(at.offset) else { return Ok(None) };
        let of = files.iter().find(|file| file.inode == identity.inode && file.bytes >= offset);
        Ok(of.map(|of| of.bytes - offset + following(&files, of).iter().map(|file| file.bytes).sum::<u64>()))
    }
}

impl Tail {
    /// Returns whether the writer has gone on to another file.
    fn has_followed(&self) -> Result<bool> {
        let Some(open) = &self.open else { return Ok(false) };
        let files = files::files(&self.path).map_err(|error| cannot_read(&self.path, error))?;
        let of = files.iter().find(|file| file.inode == open.of.inode && !open.is_cut(file));
        Ok(of.is_some_and(|of| following(&files, of).first().is_some_and(|next| next.is_packed || next.bytes > 0)))
    }
}

/// The offset behind the last line that has its end.
fn last_end(file: &File) -> io::Result<u64> {
    use std::os::unix::fs::FileExt;
    let mut end = file.metadata()?.len();
    let mut bytes = [0; 4_096];
    while end > 0 {
        let begin = end.saturating_sub(bytes.len() as u64);
        let piece = &mut bytes[..(end - begin) as usize];
        file.read_exact_at(piece, begin)?;
        if let Some(at) = piece.iter().rposition(|byte| *byte == b'\n') {
            return Ok(begin + at as u64 + 1);
        }
        end = begin;
    }
    Ok(0)
}

fn cannot_read(path: &Path, error: io::Error) -> Error {
    Error::unavailable(format!("cannot read {}", path.display())).with_source(error)
}
