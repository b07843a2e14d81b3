//! A backup: the files of a store at one time, and the objects that have their contents.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::records::backup::{BackedUpFileRecordV1, BackupRecordV1, BackupRecordV2};
use crate::records::{self, Reader, Recorded, codec};
use crate::rocks::kept::KeptName;
use crate::rocks::manifest::is_plain;
use crate::rocks::sums::FileSum;
use crate::time::Timestamp;

/// Bytes of the checksum behind the record.
const SUM_BYTES: usize = size_of::<u128>();

/// A backup in a directory of backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// The time it was taken at, which is its name.
    pub taken: Timestamp,
    /// Its number: later ones have greater numbers, whatever the clock shows. Those of before there were numbers have
    /// 0.
    pub(super) number: u64,
    pub(super) files: Vec<BackedUpFile>,
}

/// A file of a store in a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BackedUpFile {
    pub(super) name: String,
    pub(super) sum: FileSum,
    pub(super) object: String,
}

/// The objects that have contents, by the contents' sums.
pub(super) type Objects = HashMap<(u64, u128), String>;

impl Backup {
    /// Returns the name: its time in RFC 3339.
    pub fn name(&self) -> String {
        self.taken.to_string()
    }

    /// Returns the number of its files.
    pub fn files(&self) -> u64 {
        self.files.len() as u64
    }

    /// Returns the bytes of its files, as they are in a store.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.sum.bytes).sum()
    }

    /// Returns whether it has kept logs: those of the time before it.
    pub fn has_logs(&self) -> bool {
        self.files.iter().any(|file| KeptName::of(&file.name).is_some())
    }

    /// The record with its checksum.
    pub(super) fn encode(&self) -> Result<Vec<u8>> {
        let mut bytes = records::encode(self)?;
        bytes.extend(FileSum::of(&bytes).xxh3.to_le_bytes());
        Ok(bytes)
    }

    /// Reads back what [`Backup::encode`] made.
    ///
    /// # Errors
    /// `Corrupt` when it is damaged; `Conflict` when a newer asofdb wrote it.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self> {
        let damaged = || Error::corrupt("the list of a backup's files is damaged");
        let (record, sum) = bytes.split_last_chunk::<SUM_BYTES>().ok_or_else(damaged)?;
        if FileSum::of(record).xxh3.to_le_bytes() != *sum {
            return Err(damaged());
        }
        let backup: Backup = records::decode(&[], record)?;
        // A name that leads elsewhere would be read or written there.
        match backup.files.iter().all(|file| is_plain(&file.name) && is_plain(&file.object)) {
            true => Ok(backup),
            false => Err(damaged()),
        }
    }
}

impl Recorded for Backup {
    type Written = BackupRecordV2;

    const READERS: &'static [Reader<Self>] =
        &[codec::read::<BackupRecordV1, Self>, codec::read::<BackupRecordV2, Self>];

    fn name(_key: &[u8]) -> String {
        "the list of a backup's files".to_owned()
    }
}

impl From<&BackedUpFile> for BackedUpFileRecordV1 {
    fn from(file: &BackedUpFile) -> Self {
        BackedUpFileRecordV1 {
            name: file.name.clone(),
            bytes: file.sum.bytes,
            xxh3: file.sum.xxh3,
            object: file.object.clone(),
        }
    }
}

impl From<BackedUpFileRecordV1> for BackedUpFile {
    fn from(file: BackedUpFileRecordV1) -> Self {
        let sum = FileSum { bytes: file.bytes, xxh3: file.xxh3 };
        BackedUpFile { name: file.name, sum, object: file.object }
    }
}

impl From<&Backup> for BackupRecordV2 {
    fn from(backup: &Backup) -> Self {
        let files = backup.files.iter().map(BackedUpFileRecordV1::from).collect();
        BackupRecordV2 { number: backup.number, taken: backup.taken.as_micros(), files }
    }
}

impl From<BackupRecordV1> for Backup {
    fn from(BackupRecordV1 { taken, files }: BackupRecordV1) -> Self {
        BackupRecordV2 { number: 0, taken, files }.into()
    }
}

impl From<BackupRecordV2> for Backup {
    fn from(record: BackupRecordV2) -> Self {
        let files = record.files.into_iter().map(BackedUpFile::from).collect();
        Backup { taken: Timestamp::from_micros(record.taken), number: record.number, files }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN_1: &[u8] = include_bytes!("../../../tests/fixtures/records-1/backup");
    const GOLDEN: &[u8] = include_bytes!("../../../tests/fixtures/records-1/backup-2");

    fn backup(number: u64) -> Backup {
        let file = |name: &str, content: &[u8], object: &str| BackedUpFile {
            name: name.to_owned(),
            sum: FileSum::of(content),
            object: object.to_owned(),
        };
        let files = vec![file("000030.sst", b"rows", "0a"), file("CURRENT", b"", "0b")];
        Backup { taken: Timestamp::from_micros(5), number, files }
    }

    #[test]
    fn the_record_of_a_backup_is_read_and_written_as_version_2_has_it() {
        assert_eq!(backup(7).encode().unwrap(), GOLDEN);
        assert_eq!(Backup::decode(GOLDEN).unwrap(), backup(7));
        for bit in 0..GOLDEN.len() * 8 {
            let mut bytes = GOLDEN.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Backup::decode(&bytes).unwrap_err().kind(), crate::ErrorKind::Corrupt, "bit {bit}");
        }
    }

    #[test]
    fn backups_of_before_they_were_numbered_are_read() {
        assert_eq!(Backup::decode(GOLDEN_1).unwrap(), backup(0));
    }
}
