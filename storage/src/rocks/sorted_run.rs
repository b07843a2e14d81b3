//! Sorted runs: rows of a large load that wait on disk in the order of the families.
//!
//! A run is a part of a file without a name, which the system removes when this process ends, however it does. It has
//! blocks, of which there is in memory the first key, the beginning, and a hash: what a disk gives back otherwise than it
//! was written does not get into the store. Rows follow each other as
//!
//! | bytes | what, little-endian |
//! |---|---|
//! | 0..4, 4..8 | id of the view, of the key space |
//! | 8..12, 12..16 | bytes of the row key, of the row |
//! | 16..24, 24..32 | event and created timestamp; of a row without a created timestamp, the greatest time |
//! | 32.. | the row key, and the row |

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use twox_hash::XxHash3_128;

use super::error::from_io;
use super::order::{Sorted, WARM_ROWS};
use crate::batch::{PlacedRow, WriteBatch};
use crate::error::{Error, Result};
use crate::key;
use crate::time::Timestamp;
use crate::version::Version;

const HEADER_BYTES: usize = 32;

/// The weight of a block, unless told otherwise: so much is read too much at each end of a slice.
pub(super) const BLOCK_WEIGHT: u64 = 64 << 10;

/// The weight of a row besides its bytes: its places while it is sorted.
const ROW_WEIGHT: u64 = 96;

/// The created timestamp of rows that have none: they are stamped when they are loaded.
pub(super) const UNSTAMPED: Timestamp = Timestamp::MAX;

const WRITE_BYTES: usize = 1 << 20;

/// The blocks of a run, in order.
#[derive(Default)]
struct Blocks {
    /// The first keys, one after the other, and where each ends.
    keys: Vec<u8>,
    key_ends: Vec<usize>,
    starts: Vec<u64>,
    hashes: Vec<u64>,
}

impl Blocks {
    fn begin(&mut self, key: &[u8], start: u64) {
        self.keys.extend_from_slice(key);
        self.key_ends.push(self.keys.len());
        self.starts.push(start);
    }

    fn key(&self, block: usize) -> &[u8] {
        let start = if block == 0 { 0 } else { self.key_ends[block - 1] };
        &self.keys[start..self.key_ends[block]]
    }

    fn len(&self) -> usize {
        self.starts.len()
    }

    /// Returns the number of blocks that begin before `key`.
    fn before(&self, key: &[u8]) -> usize {
        let (mut from, mut to) = (0, self.len());
        while from < to {
            let middle = from.midpoint(to);
            match self.key(middle) < key {
                true => from = middle + 1,
                false => to = middle,
            }
        }
        from
    }
}

/// Rows on disk, in order.
pub(super) struct SortedRun {
    file: Arc<File>,
    places: Range<u64>,
    blocks: Blocks,
}

/// Makes a file for runs at `path`, whose name is removed at once.
///
/// # Errors
/// `Unavailable` when it cannot be made.
pub(super) fn run_file(path: &Path) -> Result<Arc<File>> {
    let make = || {
        let file = File::options().read(true).write(true).create_new(true).mode(0o600).open(path)?;
        fs::remove_file(path)?;
        Ok(Arc::new(file))
    };
    make().map_err(unwritten)
}

/// A row as it lies in a run.
struct Record {
    view: u32,
    key_space: u32,
    key_bytes: u32,
    row_bytes: u32,
    event: Timestamp,
    created: Timestamp,
}

impl Record {
    fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        for (index, number) in [self.view, self.key_space, self.key_bytes, self.row_bytes].into_iter().enumerate() {
            bytes[4 * index..4 * index + 4].copy_from_slice(&number.to_le_bytes());
        }
        bytes[16..24].copy_from_slice(&self.event.as_micros().to_le_bytes());
        bytes[24..].copy_from_slice(&self.created.as_micros().to_le_bytes());
        bytes
    }

    /// Reads the header at the front of `bytes`, and what follows it; none where it is not whole.
    #[inline]
    fn decode(bytes: &[u8]) -> Option<(Record, &[u8])> {
        let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
        let (numbers, times) = header.split_first_chunk::<16>()?;
        let number = |index: usize| numbers[4 * index..].first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
        let time =
            |at: usize| times[at..].first_chunk().map(|bytes| Timestamp::from_micros(i64::from_le_bytes(*bytes)));
        let record = Record {
            view: number(0)?,
            key_space: number(1)?,
            key_bytes: number(2)?,
            row_bytes: number(3)?,
            event: time(0)?,
            created: time(8)?,
        };
        (rest.len() >= record.body_bytes()).then_some((record, rest))
    }

    fn body_bytes(&self) -> usize {
        self.key_bytes as usize + self.row_bytes as usize
    }

    fn version_key(&self, row_key: &[u8], out: &mut Vec<u8>) {
        out.clear();
        key::version_key(self.view, row_key, Version::new(self.event, self.created), out);
    }
}

impl SortedRun {
    /// Writes rows behind the `start` bytes that a file has.
    ///
    /// # Errors
    /// `Unavailable` when they cannot be written.
    pub(super) fn write(file: &Arc<File>, start: u64, block_weight: u64, sorted: &Sorted<'_>) -> Result<Self> {
        let mut writer = RunWriter::new(file, start, block_weight);
        for start in (0..sorted.len()).step_by(WARM_ROWS) {
            let some = start..sorted.len().min(start + WARM_ROWS);
            sorted.warm(some.clone());
            some.into_iter().try_for_each(|index| writer.put(sorted, index)).map_err(unwritten)?;
        }
        let (end, blocks) = writer.finish().map_err(unwritten)?;
        Ok(SortedRun { file: file.clone(), places: start..end, blocks })
    }

    /// Returns the first key of each block.
    pub(super) fn block_keys(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.blocks.len()).map(|block| self.blocks.key(block))
    }

    /// The places of all rows in the file.
    pub(super) fn places(&self) -> Range<u64> {
        self.places.clone()
    }

    /// Returns the place of the first row whose version key is not before `key`.
    ///
    /// # Errors
    /// `Unavailable` when the file cannot be read, `Corrupt` when it is not what was written.
    pub(super) fn place_of(&self, key: &[u8]) -> Result<u64> {
        let Some(block) = self.blocks.before(key).checked_sub(1) else { return Ok(self.places.start) };
        let (mut bytes, mut version_key) = (Vec::new(), Vec::new());
        let start = self.blocks.starts[block];
        self.read_block(block, &mut bytes)?;
        let mut at = 0;
        while at < bytes.len() {
            let (record, rest) = Record::decode(&bytes[at..]).ok_or_else(damaged)?;
            record.version_key(&rest[..record.key_bytes as usize], &mut version_key);
            if version_key.as_slice() >= key {
                break;
            }
            at += HEADER_BYTES + record.body_bytes();
        }
        Ok(start + at as u64)
    }

    /// Appends the rows at some places to `arena`.
    ///
    /// # Errors
    /// As [`SortedRun::place_of`].
    pub(super) fn read(&self, places: Range<u64>, arena: &mut Vec<u8>) -> Result<()> {
        if places.is_empty() {
            return Ok(());
        }
        let first = self.blocks.starts.partition_point(|start| *start <= places.start) - 1;
        let end = self.blocks.starts.partition_point(|start| *start < places.end);
        let mut bytes = Vec::new();
        for block in first..end {
            let start = self.blocks.starts[block];
            self.read_block(block, &mut bytes)?;
            let from = places.start.saturating_sub(start) as usize;
            let to = bytes.len().min((places.end - start) as usize);
            arena.extend_from_slice(&bytes[from..to]);
        }
        Ok(())
    }

    fn read_block(&self, block: usize, bytes: &mut Vec<u8>) -> Result<()> {
        let start = self.blocks.starts[block];
        let end = self.blocks.starts.get(block + 1).copied().unwrap_or(self.places.end);
        bytes.resize((end - start) as usize, 0);
        let read = self.file.read_exact_at(bytes, start);
        read.map_err(|error| from_io("cannot read the rows of a bulk load from a temporary file", error))?;
        if hash(bytes) == self.blocks.hashes[block] { Ok(()) } else { Err(damaged()) }
    }
}

fn unwritten(error: io::Error) -> Error {
    from_io("cannot write the rows of a bulk load to a temporary file", error)
}

fn hash(bytes: &[u8]) -> u64 {
    XxHash3_128::oneshot(bytes) as u64
}

fn damaged() -> Error {
    Error::corrupt("a temporary file of a bulk load does not have what was written; nothing was loaded")
}

/// Writes a run.
struct RunWriter<'f> {
    out: BufWriter<&'f File>,
    blocks: Blocks,
    /// The block that is being filled.
    block: Vec<u8>,
    weight: u64,
    block_weight: u64,
    /// Bytes of the file up to the block.
    written: u64,
    key: Vec<u8>,
}

impl<'f> RunWriter<'f> {
    /// The file has `written` bytes, and is written at its end.
    fn new(file: &'f File, written: u64, block_weight: u64) -> Self {
        let out = BufWriter::with_capacity(WRITE_BYTES, file);
        RunWriter {
            out,
            blocks: Blocks::default(),
            block: Vec::new(),
            weight: 0,
            block_weight,
            written,
            key: Vec::new(),
        }
    }

    fn put(&mut self, sorted: &Sorted<'_>, index: usize) -> io::Result<()> {
        let (version, row) = sorted.get(index);
        let record = Record {
            view: row.view,
            key_space: row.key_space,
            key_bytes: row.key.len() as u32,
            row_bytes: row.row.len() as u32,
            event: version.event,
            created: version.created,
        };
        if self.weight >= self.block_weight {
            self.end_block()?;
        }
        if self.block.is_empty() {
            record.version_key(row.key, &mut self.key);
            self.blocks.begin(&self.key, self.written);
        }
        self.block.extend_from_slice(&record.encode());
        self.block.extend_from_slice(row.key);
        self.block.extend_from_slice(row.row);
        self.weight += ROW_WEIGHT + (HEADER_BYTES + record.body_bytes()) as u64;
        Ok(())
    }

    fn end_block(&mut self) -> io::Result<()> {
        if !self.block.is_empty() {
            self.blocks.hashes.push(hash(&self.block));
            self.out.write_all(&self.block)?;
            self.written += self.block.len() as u64;
            self.block.clear();
            self.weight = 0;
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<(u64, Blocks)> {
        self.end_block()?;
        self.out.flush()?;
        Ok((self.written, self.blocks))
    }
}

/// Makes a batch of rows that were read from runs, those of later runs behind those of earlier ones. Rows without a
/// created timestamp get `stamp`.
///
/// # Errors
/// `Corrupt` when they are not whole.
pub(super) fn batch_of(arena: Vec<u8>, stamp: Timestamp) -> Result<WriteBatch> {
    let (mut places, mut at) = (Vec::new(), 0);
    while at < arena.len() {
        let (record, _) = Record::decode(&arena[at..]).ok_or_else(damaged)?;
        let start = at + HEADER_BYTES;
        let Record { view, key_space, key_bytes, row_bytes, event, created } = record;
        let created = if created == UNSTAMPED { stamp } else { created };
        at = start + record.body_bytes();
        places.push(PlacedRow { view, key_space, start, key_bytes, row_bytes, event, created });
    }
    let mut batch = WriteBatch::of_arena(arena);
    places.iter().for_each(|place| batch.place(place));
    Ok(batch)
}
