//! Marks: records that are written with each batch while logs are kept, and tell its place among all of them.
//!
//! A mark stands under one key of the family `catalog`. So the newest one is how far the store itself has come, and a
//! copy of a store says exactly which write follows. Marks are numbered, and each has a hash of all before it: where
//! one is missing, or another was written in its place (as after a power cut that took the end of a log with it), the
//! chain does not go on.

use rocksdb::{ColumnFamily, WriteBatch as RocksBatch};
use twox_hash::XxHash3_128;

use crate::error::{Error, Result};
use crate::records::kept::{MarkKindRecordV1, MarkRecordV1};
use crate::records::{self, Reader, Recorded, codec};
use crate::rocks::error::from_rocks;
use crate::rocks::families::Database;
use crate::time::Timestamp;

/// The key of the newest mark.
pub(in crate::rocks) const KEY: &[u8] = b"k";

/// The place of a write among all that kept logs have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rocks) struct Mark {
    /// The logs that it belongs to.
    pub(in crate::rocks) id: u128,
    /// The number of the write, from 1 on.
    pub(in crate::rocks) number: u64,
    /// A hash of all marks up to this one.
    pub(in crate::rocks) chain: u64,
    /// The time of the write: a commit's stamp, and one between those of commits for other work.
    pub(in crate::rocks) time: Timestamp,
    pub(in crate::rocks) kind: MarkKind,
}

/// The kind of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rocks) enum MarkKind {
    /// Work that is no commit.
    Work,
    /// A commit, which ends with the mark.
    Commit,
    /// A bulk load that was begun, by its stamp.
    LoadBegun(Timestamp),
    /// The last step of a bulk load, by its stamp.
    Loaded(Timestamp),
    /// Every commit with a stamp up to this one was written before.
    Settled(Timestamp),
}

impl Mark {
    /// The mark that follows another, or is the first.
    pub(in crate::rocks) fn after(before: Option<&Mark>, id: u128, time: Timestamp, kind: MarkKind) -> Self {
        let (number, chain) = before.map_or((0, 0), |before| (before.number, before.chain));
        let number = number + 1;
        Mark { id, number, chain: link(chain, id, number, time), time, kind }
    }

    /// Returns whether this mark follows another one directly, or is the first.
    pub(in crate::rocks) fn follows(&self, before: Option<&Mark>) -> bool {
        let expected = Mark::after(before, self.id, self.time, self.kind);
        *self == expected && before.is_none_or(|before| before.id == self.id)
    }

    /// Adds the mark to a batch.
    pub(in crate::rocks) fn put(&self, family: &ColumnFamily, batch: &mut RocksBatch) -> Result<()> {
        batch.put_cf(family, KEY, records::encode(self)?);
        Ok(())
    }

    /// Reads the newest mark of a store; none where there is none.
    pub(in crate::rocks) fn newest(database: &Database) -> Result<Option<Self>> {
        let value = database.rocks.get_cf(database.catalog(), KEY);
        let value = value.map_err(|error| from_rocks("cannot read how far the kept logs have come", error))?;
        value.map(|value| Mark::decode(&value)).transpose()
    }

    /// Reads a mark.
    ///
    /// # Errors
    /// `Corrupt` when it is none; `Conflict` when a newer asofdb wrote it.
    pub(in crate::rocks) fn decode(bytes: &[u8]) -> Result<Self> {
        let mark: Mark = records::decode(KEY, bytes)?;
        let expected = |chain| link(chain, mark.id, mark.number, mark.time) == mark.chain;
        match mark.number == 0 || (mark.number == 1 && !expected(0)) {
            true => Err(Error::corrupt("a mark of the kept logs is damaged")),
            false => Ok(mark),
        }
    }
}

fn link(chain: u64, id: u128, number: u64, time: Timestamp) -> u64 {
    let mut bytes = Vec::with_capacity(40);
    bytes.extend_from_slice(&chain.to_le_bytes());
    bytes.extend_from_slice(&id.to_le_bytes());
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.extend_from_slice(&time.as_micros().to_le_bytes());
    XxHash3_128::oneshot(&bytes) as u64
}

impl Recorded for Mark {
    type Written = MarkRecordV1;

    const READERS: &'static [Reader<Self>] = &[codec::read::<MarkRecordV1, Self>];

    fn name(_key: &[u8]) -> String {
        "a mark of the kept logs".to_owned()
    }
}

impl From<&Mark> for MarkRecordV1 {
    fn from(mark: &Mark) -> Self {
        let kind = match mark.kind {
            MarkKind::Work => MarkKindRecordV1::Work,
            MarkKind::Commit => MarkKindRecordV1::Commit,
            MarkKind::LoadBegun(stamp) => MarkKindRecordV1::LoadBegun(stamp.as_micros()),
            MarkKind::Loaded(stamp) => MarkKindRecordV1::Loaded(stamp.as_micros()),
            MarkKind::Settled(until) => MarkKindRecordV1::Settled(until.as_micros()),
        };
        let Mark { id, number, chain, time, .. } = *mark;
        MarkRecordV1 { id, number, chain, time: time.as_micros(), kind }
    }
}

impl From<MarkRecordV1> for Mark {
    fn from(record: MarkRecordV1) -> Self {
        let at = Timestamp::from_micros;
        let kind = match record.kind {
            MarkKindRecordV1::Work => MarkKind::Work,
            MarkKindRecordV1::Commit => MarkKind::Commit,
            MarkKindRecordV1::LoadBegun(stamp) => MarkKind::LoadBegun(at(stamp)),
            MarkKindRecordV1::Loaded(stamp) => MarkKind::Loaded(at(stamp)),
            MarkKindRecordV1::Settled(until) => MarkKind::Settled(at(until)),
        };
        let MarkRecordV1 { id, number, chain, time, .. } = record;
        Mark { id, number, chain, time: at(time), kind }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn the_record_of_a_mark_is_read_and_written_as_version_1_has_it() {
        let kinds = [MarkKind::Work, MarkKind::Commit, MarkKind::LoadBegun(at(3)), MarkKind::Loaded(at(4))];
        for (index, kind) in kinds.into_iter().chain([MarkKind::Settled(at(5))]).enumerate() {
            let mark = Mark { id: 7, number: 9, chain: 11, time: at(-6), kind };
            let about = match kind {
                MarkKind::Work | MarkKind::Commit => Vec::new(),
                _ => (index as i64 + 1).to_le_bytes().to_vec(),
            };
            let bytes = [
                vec![1],
                7_u128.to_le_bytes().to_vec(),
                9_u64.to_le_bytes().to_vec(),
                11_u64.to_le_bytes().to_vec(),
                (-6_i64).to_le_bytes().to_vec(),
                (index as u32).to_le_bytes().to_vec(),
                about,
            ]
            .concat();
            assert_eq!(records::encode(&mark).unwrap(), bytes);
            assert_eq!(Mark::decode(&bytes).unwrap(), mark);
        }
    }

    #[test]
    fn a_chain_goes_on_only_with_the_write_that_followed() {
        let first = Mark::after(None, 7, at(1), MarkKind::Commit);
        let second = Mark::after(Some(&first), 7, at(2), MarkKind::Work);
        let third = Mark::after(Some(&second), 7, at(3), MarkKind::Commit);
        assert!(first.follows(None) && second.follows(Some(&first)) && third.follows(Some(&second)));
        assert!(!third.follows(Some(&first)) && !second.follows(None) && !first.follows(Some(&second)));
        let other = Mark::after(Some(&first), 7, at(20), MarkKind::Work);
        assert!(!third.follows(Some(&other)), "another write was in the place of the second");
        let elsewhere = Mark::after(None, 8, at(1), MarkKind::Commit);
        assert!(!second.follows(Some(&elsewhere)));
    }
}
