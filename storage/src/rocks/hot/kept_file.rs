//! Files in a store's directory that say what the hot table held. What is wrong with one is no error of the store: it is
//! as if it were not there.
//!
//! | bytes | |
//! |---|---|
//! | 0..8 | the format, with its version |
//! | 8..24 | what it belongs to: RocksDB's number of the last operation and the revision of the catalog, `u64` each |
//! | 24..32 | the low half of the xxh3-128 of the bytes before |
//! | a block | its length (`u32`), not 0; the xxh3-128 of its content, seeded with bytes 24..32 and its number; its content |
//! | the end | a length of 0; the xxh3-128 of nothing, seeded as that of a block |
//!
//! Integers are little-endian. No record is in two blocks.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use twox_hash::XxHash3_128;

use crate::rocks::modes::Modes;

/// Bytes of records after which a block is written.
const BLOCK_BYTES: usize = 64 << 10;

/// The longest block: one record may be long, and longer ones are left out.
const BLOCK_BYTES_MAX: usize = 16 << 20;

const HEAD_BYTES: usize = 32;

/// A kind of file: its name, and its format.
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) format: &'static [u8; 8],
}

impl Kind {
    fn path(&self, directory: &Path) -> PathBuf {
        directory.join(self.name)
    }

    /// The name under which it is written.
    fn new_path(&self, directory: &Path) -> PathBuf {
        directory.join(format!("{}.new", self.name))
    }

    /// Removes the file, and what a crash left of one that was being written; says whether there was one.
    pub(super) fn remove(&self, directory: &Path) -> io::Result<bool> {
        remove(&self.new_path(directory))?;
        remove(&self.path(directory))
    }
}

fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The state of the store that a file belongs to; the default where it belongs to any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Belonging {
    /// RocksDB's number of the last operation.
    pub(super) sequence: u64,
    /// The revision of the catalog.
    pub(super) revision: u64,
}

/// The head of a file, and the seed of its blocks.
fn head(kind: &Kind, of: Belonging) -> ([u8; HEAD_BYTES], u64) {
    let mut head = [0; HEAD_BYTES];
    head[..8].copy_from_slice(kind.format);
    head[8..16].copy_from_slice(&of.sequence.to_le_bytes());
    head[16..24].copy_from_slice(&of.revision.to_le_bytes());
    let seed = XxHash3_128::oneshot(&head[..24]) as u64;
    head[24..].copy_from_slice(&seed.to_le_bytes());
    (head, seed)
}

fn sum(seed: u64, number: u64, content: &[u8]) -> [u8; 16] {
    XxHash3_128::oneshot_with_seed(seed.wrapping_add(number), content).to_le_bytes()
}

/// A file that is being written. Dropped before it is finished, it leaves nothing.
pub(super) struct Writer {
    file: File,
    new: PathBuf,
    path: PathBuf,
    seed: u64,
    block: Vec<u8>,
    blocks: u64,
    bytes: u64,
    is_finished: bool,
}

impl Writer {
    pub(super) fn create(directory: &Path, kind: &Kind, modes: Modes, of: Belonging) -> io::Result<Self> {
        let (new, path) = (kind.new_path(directory), kind.path(directory));
        remove(&new)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(modes.file()).open(&new)?;
        let (head, seed) = head(kind, of);
        let mut writer = Writer {
            file,
            new,
            path,
            seed,
            block: Vec::with_capacity(2 * BLOCK_BYTES),
            blocks: 0,
            bytes: HEAD_BYTES as u64,
            is_finished: false,
        };
        writer.file.write_all(&head)?;
        Ok(writer)
    }

    /// Adds a record, given in parts.
    pub(super) fn put(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if length > BLOCK_BYTES_MAX - BLOCK_BYTES {
            return Ok(());
        }
        parts.iter().for_each(|part| self.block.extend_from_slice(part));
        self.bytes += length as u64;
        if self.block.len() >= BLOCK_BYTES { self.end_block() } else { Ok(()) }
    }

    /// Bytes so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn end_block(&mut self) -> io::Result<()> {
        self.file.write_all(&(self.block.len() as u32).to_le_bytes())?;
        self.file.write_all(&sum(self.seed, self.blocks, &self.block))?;
        self.file.write_all(&self.block)?;
        self.block.clear();
        self.blocks += 1;
        Ok(())
    }

    /// Ends the file and gives it its name. It is not made durable: what a power cut leaves of it is known by its sums.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        // An empty block is the end.
        self.end_block()?;
        fs::rename(&self.new, &self.path)?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.is_finished {
            // Where this fails, the next one removes it.
            let _ = remove(&self.new);
        }
    }
}

/// The outcome of reading a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// There is none.
    Nothing,
    /// It belongs to another state, and nothing of it was read.
    Foreign,
    /// It was read to its end, or as far as was wanted.
    Read,
}

/// Reads a file block by block, each of which is as it was written, until `take` has enough.
///
/// # Errors
/// Those of the disk; `InvalidData` for a file that is torn or damaged, of which `take` has had the blocks before.
pub(super) fn read(
    directory: &Path,
    kind: &Kind,
    of: Belonging,
    take: &mut dyn FnMut(&[u8]) -> io::Result<ControlFlow<()>>,
) -> io::Result<Outcome> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(kind.path(directory)) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Outcome::Nothing),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Err(damaged());
    }
    let (wanted, seed) = head(kind, of);
    let mut file = BufReader::with_capacity(BLOCK_BYTES, file);
    if file_array::<HEAD_BYTES>(&mut file)? != wanted {
        return Ok(Outcome::Foreign);
    }
    let mut block = Vec::new();
    for number in 0.. {
        let length = u32::from_le_bytes(file_array(&mut file)?) as usize;
        let wanted: [u8; 16] = file_array(&mut file)?;
        if length > BLOCK_BYTES_MAX {
            return Err(damaged());
        }
        block.resize(length, 0);
        file.read_exact(&mut block)?;
        if sum(seed, number, &block) != wanted {
            return Err(damaged());
        }
        if length == 0 || take(&block)?.is_break() {
            break;
        }
    }
    Ok(Outcome::Read)
}

fn file_array<const N: usize>(file: &mut impl Read) -> io::Result<[u8; N]> {
    let mut array = [0; N];
    file.read_exact(&mut array)?;
    Ok(array)
}

/// The error for bytes that are not those that were written.
pub(super) fn damaged() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "it is damaged")
}

/// Takes bytes from the front of a block.
pub(super) fn take<'b>(block: &mut &'b [u8], count: usize) -> io::Result<&'b [u8]> {
    let (front, rest) = block.split_at_checked(count).ok_or_else(damaged)?;
    *block = rest;
    Ok(front)
}

/// Takes an array from the front of a block.
pub(super) fn take_array<const N: usize>(block: &mut &[u8]) -> io::Result<[u8; N]> {
    let (front, rest) = block.split_first_chunk().ok_or_else(damaged)?;
    *block = rest;
    Ok(*front)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    const KIND: Kind = Kind { name: "kept", format: b"a-test-1" };
    const OF: Belonging = Belonging { sequence: 7, revision: 3 };

    fn write(directory: &Path, records: usize) {
        let mut writer = Writer::create(directory, &KIND, Modes::Private, OF).unwrap();
        (0..records).for_each(|record| writer.put(&[&(record as u32).to_le_bytes(), &[1; 96]]).unwrap());
        writer.finish().unwrap();
    }

    /// The records of a file, and what became of reading it.
    fn read_all(directory: &Path, of: Belonging) -> (Vec<u32>, io::Result<Outcome>) {
        let mut records = Vec::new();
        let outcome = read(directory, &KIND, of, &mut |mut block| {
            while !block.is_empty() {
                records.push(u32::from_le_bytes(take_array(&mut block)?));
                assert_eq!(take(&mut block, 96)?, [1; 96]);
            }
            Ok(ControlFlow::Continue(()))
        });
        (records, outcome)
    }

    #[test]
    fn a_file_is_read_as_it_was_written_by_the_state_that_it_belongs_to_and_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        assert_eq!(read_all(path, OF).1.unwrap(), Outcome::Nothing);
        for records in [0, 1, 3_000] {
            write(path, records);
            let (read, outcome) = read_all(path, OF);
            assert_eq!((read, outcome.unwrap()), ((0..records as u32).collect(), Outcome::Read));
        }
        for of in [Belonging { sequence: 8, ..OF }, Belonging { revision: 2, ..OF }, Belonging::default()] {
            let (read, outcome) = read_all(path, of);
            assert_eq!((read, outcome.unwrap()), (Vec::new(), Outcome::Foreign));
        }
        assert_eq!(fs::metadata(path.join("kept")).unwrap().mode() & 0o777, 0o600);
        assert!(KIND.remove(path).unwrap() && !KIND.remove(path).unwrap());
        assert_eq!(fs::read_dir(path).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_is_cut_short_or_changed_anywhere_is_damaged_and_what_was_read_of_it_is_right() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kept");
        write(directory.path(), 1_500);
        let whole = fs::read(&path).unwrap();
        let all: Vec<_> = (0..1_500).collect();
        for end in (0..whole.len()).step_by(997).chain([31, 32, 35, 51, whole.len() - 1]) {
            fs::write(&path, &whole[..end]).unwrap();
            let (records, outcome) = read_all(directory.path(), OF);
            assert!(all.starts_with(&records) && outcome.is_err(), "cut at {end}");
        }
        for at in (0..whole.len()).step_by(997).chain([7, 8, 16, 31, 32, 36, whole.len() - 20, whole.len() - 1]) {
            let mut changed = whole.clone();
            changed[at] ^= 0x10;
            fs::write(&path, changed).unwrap();
            let (records, outcome) = read_all(directory.path(), OF);
            assert!(all.starts_with(&records), "changed at {at}");
            assert!(outcome.is_err() || at < HEAD_BYTES && outcome.unwrap() == Outcome::Foreign, "changed at {at}");
        }
    }

    #[test]
    fn what_is_not_finished_leaves_nothing_and_what_a_crash_left_is_in_nobody_s_way() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        drop(Writer::create(path, &KIND, Modes::Private, OF).unwrap());
        assert_eq!(fs::read_dir(path).unwrap().count(), 0);
        fs::write(path.join("kept.new"), "half").unwrap();
        write(path, 2);
        assert_eq!(read_all(path, OF).0, [0, 1]);
        fs::write(path.join("kept.new"), "half").unwrap();
        KIND.remove(path).unwrap();
        assert_eq!(fs::read_dir(path).unwrap().count(), 0);
        symlink("/etc/hostname", path.join("kept")).unwrap();
        assert!(read_all(path, OF).1.is_err());
        let long = vec![0; BLOCK_BYTES_MAX];
        let mut writer = Writer::create(path, &KIND, Modes::Private, OF).unwrap();
        writer.put(&[&long]).unwrap();
        assert_eq!(writer.bytes(), 32);
    }
}
