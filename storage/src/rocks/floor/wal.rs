//! A write-ahead log, read without RocksDB: whether its batches are whole, and how far they reach.

use std::io;
use std::path::{Path, PathBuf};

use super::log::{self, Walked};

/// A batch begins with its first sequence number and the number of its entries.
const BATCH_HEAD_BYTES: usize = 12;

/// The contents of a write-ahead log, up to its end or to what is damaged.
#[derive(Debug)]
pub(super) struct Wal {
    pub(super) number: u64,
    pub(super) walked: Walked,
    /// The sequence number of the last entry of its whole batches; 0 where there is none.
    pub(super) last_sequence: u64,
}

impl Wal {
    /// Reads the log of this number.
    pub(super) fn read(directory: &Path, number: u64) -> io::Result<Self> {
        let (mut head, mut last_sequence) = (Vec::with_capacity(BATCH_HEAD_BYTES), 0);
        let walked = log::walk(&path(directory, number), None, |fragment| {
            if fragment.is_first {
                head.clear();
            }
            let wanted = (BATCH_HEAD_BYTES - head.len()).min(fragment.bytes.len());
            head.extend_from_slice(&fragment.bytes[..wanted]);
            if fragment.is_last {
                last_sequence = last(&head).max(last_sequence);
            }
        })?;
        Ok(Wal { number, walked, last_sequence })
    }
}

fn last(head: &[u8]) -> u64 {
    let Some((first, count)) = head.split_first_chunk::<8>() else { return 0 };
    let count = count.first_chunk().map_or(0, |count| u64::from(u32::from_le_bytes(*count)));
    // A batch without entries takes no sequence number.
    (u64::from_le_bytes(*first) + count).saturating_sub(1)
}

/// The path of the log of this number.
pub(super) fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(name(number))
}

/// The name of the log of this number.
pub(super) fn name(number: u64) -> String {
    format!("{number:06}.log")
}

/// Returns the number in the name of a log.
pub(super) fn number(name: &str) -> Option<u64> {
    name.strip_suffix(".log")?.parse().ok()
}

/// The logs in a directory, by their number, with their bytes.
pub(super) fn logs(directory: &Path) -> io::Result<std::collections::BTreeMap<u64, u64>> {
    let mut logs = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if let Some(number) = entry.file_name().to_str().and_then(number) {
            match entry.metadata() {
                Ok(metadata) => drop(logs.insert(number, metadata.len())),
                // RocksDB removes those that it needs no more.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(logs)
}
