//! Partitions: ranges of keys that large loads are written by, one after the other, each sorted in memory.

use std::ops::Range;

use super::sorted_run::{SortedRun, batch_of};
use crate::batch::WriteBatch;
use crate::error::{Error, Result};
use crate::key;
use crate::time::Timestamp;

/// Blocks of a partition: 64 MiB of memory. Two partitions are written at a time.
pub(super) const PARTITION_BLOCKS: usize = 1 << 10;

/// Bytes of the rows of a partition at most. Only versions that must not be parted make one so large.
const PARTITION_BYTES_MAX: u64 = 512 << 20;

/// Bytes of the created timestamp at the end of each version key.
const CREATED_BYTES: usize = 8;

/// Some rows of runs, from one key to another.
pub(super) struct Partition {
    /// The places of the rows in each run.
    slices: Vec<Range<u64>>,
    /// True if versions of its first row are in the partition before.
    pub(super) continues: bool,
}

impl Partition {
    /// Returns the bytes of its rows in the runs.
    pub(super) fn bytes(&self) -> u64 {
        self.slices.iter().map(|slice| slice.end - slice.start).sum()
    }

    /// Reads the rows, in memory that was used before.
    ///
    /// # Errors
    /// `Unavailable` or `Corrupt` when they cannot be read; `Invalid` when there are too many that must not be parted.
    pub(super) fn read(&self, runs: &[SortedRun], mut arena: Vec<u8>, stamp: Timestamp) -> Result<WriteBatch> {
        let bytes = self.bytes();
        if bytes > PARTITION_BYTES_MAX {
            return Err(Error::invalid(format!(
                "of one entity and event timestamp there are {bytes} bytes of versions, some of them without a created \
                 timestamp: at most {PARTITION_BYTES_MAX} are sorted at once; give all of them a created timestamp"
            )));
        }
        arena.clear();
        arena.reserve(bytes as usize);
        for (run, slice) in runs.iter().zip(&self.slices) {
            run.read(slice.clone(), &mut arena)?;
        }
        batch_of(arena, stamp)
    }
}

/// Cuts runs into partitions of so many blocks, whose order is that of the keys. Where rows are still to be stamped, versions of one event
/// timestamp are not parted, as their order is not known yet.
///
/// # Errors
/// `Unavailable` or `Corrupt` when a run cannot be read.
pub(super) fn partitions(runs: &[SortedRun], blocks: usize, is_unstamped: bool) -> Result<Vec<Partition>> {
    let mut partitions = Vec::new();
    let mut starts: Vec<_> = runs.iter().map(|run| run.places().start).collect();
    let mut continues = false;
    for Bound { key, row } in bounds(runs, blocks, is_unstamped) {
        let ends = places(runs, &key)?;
        let slices = starts.iter().zip(&ends).map(|(start, end)| *start..*end).collect();
        partitions.push(Partition { slices, continues });
        continues = places(runs, &row)? != ends;
        starts = ends;
    }
    let slices = starts.iter().zip(runs).map(|(start, run)| *start..run.places().end).collect();
    partitions.push(Partition { slices, continues });
    Ok(partitions)
}

fn places(runs: &[SortedRun], key: &[u8]) -> Result<Vec<u64>> {
    runs.iter().map(|run| run.place_of(key)).collect()
}

/// The key at which a partition begins, and the part of it that all versions of its row share.
#[derive(PartialEq, Eq)]
struct Bound {
    key: Vec<u8>,
    row: Vec<u8>,
}

/// The bounds between partitions, in order.
fn bounds(runs: &[SortedRun], blocks: usize, is_unstamped: bool) -> Vec<Bound> {
    let mut keys: Vec<&[u8]> = runs.iter().flat_map(SortedRun::block_keys).collect();
    keys.sort_unstable();
    let bound = |key: &&[u8]| {
        let end = key.len() - if is_unstamped { CREATED_BYTES } else { 0 };
        Bound { key: key[..end].to_vec(), row: key::row_prefix(key).to_vec() }
    };
    let mut bounds: Vec<_> = keys.iter().skip(blocks).step_by(blocks).map(bound).collect();
    bounds.dedup();
    bounds
}
