//! Rows on their way into directories by event time.
//!
//! A scan visits entities, each with events of many days. Rows wait in memory, a list a partition; when they are
//! too many, all lists move to a temporary file. At the end each partition is read back and becomes one file.
//! So there are few large files rather than many small ones, and never more than one of them open.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;

use asofdb_storage::{Error, Result, Scanned, Timestamp, Version};

use super::options::PartitionBy;
use super::part::{Part, Written};
use super::task::{Task, part_name};
use crate::output::cannot_write;

/// Bytes of rows that wait in memory before they move to the temporary file.
const WAITING_BYTES_MAX: usize = 32 << 20;

/// Bytes of a waiting row before its key: the lengths of key (low half) and row, event, created.
const HEADER_BYTES: usize = 24;

/// The rows of one range, by partition.
pub(super) struct Partitions<'t> {
    task: &'t Task<'t>,
    by: PartitionBy,
    number: usize,
    /// By first moment of the partition.
    all: BTreeMap<Timestamp, Partition>,
    waiting_bytes: usize,
    spill: Option<Spill>,
}

#[derive(Default)]
struct Partition {
    name: String,
    waiting: Vec<u8>,
    /// What moved to the temporary file: offset and length, in the order of the scan.
    spilled: Vec<(u64, usize)>,
}

impl<'t> Partitions<'t> {
    pub(super) fn new(task: &'t Task<'t>, by: PartitionBy, number: usize) -> Self {
        Partitions { task, by, number, all: BTreeMap::new(), waiting_bytes: 0, spill: None }
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
            None => self.spill.insert(Spill::new(self.task.directory, self.task.target)?),
        };
        for partition in self.all.values_mut().filter(|partition| !partition.waiting.is_empty()) {
            partition.spilled.push(spill.append(&partition.waiting).map_err(|e| cannot_write(self.task.target, e))?);
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
            if self.task.counts.is_stopped() {
                break;
            }
            fs::create_dir_all(self.task.directory.join(&partition.name))
                .map_err(|error| cannot_write(self.task.target, error))?;
            let path = format!("{}/{}", partition.name, part_name(self.number));
            let mut part = Part::create(self.task, path)?;
            for (offset, len) in &partition.spilled {
                run.resize(*len, 0);
                if let Some(spill) = &self.spill {
                    spill.read(*offset, &mut run).map_err(|error| cannot_write(self.task.target, error))?;
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

/// A temporary file without a name, on the file system that the export is written to.
struct Spill {
    file: File,
    len: u64,
}

impl Spill {
    fn new(directory: &Path, target: &Path) -> Result<Self> {
        let file = tempfile::tempfile_in(directory).map_err(|error| cannot_write(target, error))?;
        Ok(Spill { file, len: 0 })
    }

    fn append(&mut self, bytes: &[u8]) -> std::io::Result<(u64, usize)> {
        let offset = self.len;
        self.file.write_all(bytes)?;
        self.len += bytes.len() as u64;
        Ok((offset, bytes.len()))
    }

    fn read(&self, offset: u64, run: &mut [u8]) -> std::io::Result<()> {
        self.file.read_exact_at(run, offset)
    }
}

impl PartitionBy {
    /// The first moment of the partition that `event` belongs to.
    fn start(self, event: Timestamp) -> Result<Timestamp> {
        const DAY_MICROS: i64 = 86_400_000_000;
        let midnight = event.as_micros().div_euclid(DAY_MICROS) * DAY_MICROS;
        match self {
            PartitionBy::Day => Ok(Timestamp::from_micros(midnight)),
            PartitionBy::Month => {
                let days = i64::from(date(event)?.day()) - 1;
                Ok(Timestamp::from_micros(midnight - days * DAY_MICROS))
            }
        }
    }

    /// The directory of the partition that starts at `start`.
    fn directory(self, start: Timestamp) -> Result<String> {
        let date = date(start)?;
        let (column, year, month) = (self.column(), date.year(), date.month());
        Ok(match self {
            PartitionBy::Day => format!("{column}={year:04}-{month:02}-{:02}", date.day()),
            PartitionBy::Month => format!("{column}={year:04}-{month:02}"),
        })
    }
}

/// The UTC date of a moment.
fn date(moment: Timestamp) -> Result<jiff::civil::Date> {
    let point = jiff::Timestamp::from_microsecond(moment.as_micros()).map_err(|error| {
        Error::invalid(format!("an event is outside the calendar; export it without partitions: {moment}"))
            .with_source(error)
    })?;
    Ok(point.to_zoned(jiff::tz::TimeZone::UTC).date())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_utc_days_and_months_also_before_the_epoch() {
        let directories = |time: &str| {
            let event: Timestamp = time.parse().unwrap();
            [PartitionBy::Day, PartitionBy::Month].map(|by| by.directory(by.start(event).unwrap()).unwrap())
        };
        for (time, day, month) in [
            ("2013-01-31T23:59:59.999999Z", "event_date=2013-01-31", "event_month=2013-01"),
            ("2013-02-01T00:00:00Z", "event_date=2013-02-01", "event_month=2013-02"),
            ("2016-02-29T12:00:00+14:00", "event_date=2016-02-28", "event_month=2016-02"),
            ("1969-12-31T23:59:59.999999Z", "event_date=1969-12-31", "event_month=1969-12"),
        ] {
            assert_eq!(directories(time), [day, month], "{time}");
        }
    }
}
