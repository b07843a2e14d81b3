//! Scanned rows that are sorted into directories by event time.
//!
//! A scan visits entities, each with events of many days. Rows wait in memory, a list a partition; when they are
//! too many, all lists move to a temporary file. At the end each partition is read back and becomes one file.
//! So there are few large files rather than many small ones, and never more than one of them open.

use std::collections::BTreeMap;
use std::sync::Arc;

use asofdb_storage::{Result, Scanned, Timestamp, Version};

use super::destination::Destination;
use super::options::PartitionBy;
use super::part::{Part, Written, part_name};
use super::spill::{Place, Spill, WAITING_BYTES_MAX};
use crate::scan::{Counts, Selection};

/// Bytes of a waiting row before its key: the lengths of key (low half) and row, event, created.
const HEADER_BYTES: usize = 24;

/// The rows of one range, by partition.
pub(super) struct RowPartitions<'t> {
    destination: Arc<Destination>,
    selection: &'t Selection<'t>,
    /// Asks all threads to stop.
    counts: &'t Counts,
    by: PartitionBy,
    /// The number of the range.
    number: usize,
    /// All partitions, by their first moment.
    all: BTreeMap<Timestamp, Partition>,
    waiting_bytes: usize,
    spill: Option<Spill>,
}

#[derive(Default)]
struct Partition {
    name: String,
    waiting: Vec<u8>,
    /// The rows that moved to the temporary file, in the order of the scan.
    spilled: Vec<Place>,
}

impl<'t> RowPartitions<'t> {
    pub(super) fn new(
        destination: &Arc<Destination>,
        selection: &'t Selection<'t>,
        counts: &'t Counts,
        by: PartitionBy,
        number: usize,
    ) -> Self {
        let destination = destination.clone();
        RowPartitions {
            destination,
            selection,
            counts,
            by,
            number,
            all: BTreeMap::new(),
            waiting_bytes: 0,
            spill: None,
        }
    }

    pub(super) fn push(&mut self, scanned: Scanned<'_>) -> Result<()> {
        let start = self.by.start(scanned.version.event)?;
        let partition = match self.all.entry(start) {
            std::collections::btree_map::Entry::Occupied(found) => found.into_mut(),
            std::collections::btree_map::Entry::Vacant(free) => {
                free.insert(Partition { name: self.by.directory(start)?, ..Partition::default() })
            }
        };
        self.waiting_bytes += wait(scanned, &mut partition.waiting);
        if self.waiting_bytes >= WAITING_BYTES_MAX { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> Result<()> {
        let spill = match &mut self.spill {
            Some(spill) => spill,
            None => self.spill.insert(Spill::new(&self.destination)?),
        };
        for partition in self.all.values_mut().filter(|partition| !partition.waiting.is_empty()) {
            partition.spilled.push(spill.append(&partition.waiting)?);
            partition.waiting = Vec::new();
        }
        self.waiting_bytes = 0;
        Ok(())
    }

    /// Writes the file of each partition.
    pub(super) fn finish(mut self) -> Result<Vec<Written>> {
        let mut written = Vec::new();
        let mut run = Vec::new();
        for (_, partition) in std::mem::take(&mut self.all) {
            if self.counts.is_stopped() {
                break;
            }
            self.destination.create_directory(&partition.name)?;
            let path = format!("{}/{}", partition.name, part_name(self.number));
            let mut part = Part::create(&self.destination, self.selection, path)?;
            for place in &partition.spilled {
                if let Some(spill) = &self.spill {
                    spill.read(*place, &mut run)?;
                }
                push_run(&run, &mut part)?;
            }
            push_run(&partition.waiting, &mut part)?;
            written.push(part.finish()?);
        }
        Ok(written)
    }
}

/// Appends a row to a list, and says how many bytes it takes.
fn wait(scanned: Scanned<'_>, list: &mut Vec<u8>) -> usize {
    let Scanned { key, version, row } = scanned;
    let lengths = key.len() as u64 | (row.len() as u64) << 32;
    for word in [lengths, version.event.as_micros() as u64, version.created.as_micros() as u64] {
        list.extend_from_slice(&word.to_ne_bytes());
    }
    list.extend_from_slice(key);
    list.extend_from_slice(row);
    HEADER_BYTES + key.len() + row.len()
}

/// Hands the rows of a list to a file.
fn push_run(mut run: &[u8], part: &mut Part<'_>) -> Result<()> {
    while let Some((header, rest)) = run.split_first_chunk::<HEADER_BYTES>() {
        let word = |at: usize| u64::from_ne_bytes(header[at..at + 8].try_into().expect("8 bytes"));
        let time = |at: usize| Timestamp::from_micros(word(at) as i64);
        let (key, rest) = rest.split_at(word(0) as usize & u32::MAX as usize);
        let (row, rest) = rest.split_at((word(0) >> 32) as usize);
        let version = Version::new(time(8), time(16));
        part.push(Scanned { key, version, row })?;
        run = rest;
    }
    Ok(())
}
