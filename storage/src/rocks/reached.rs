//! The record of how far a store's time has come, under the key `t`.

use rocksdb::WriteBatch as RocksBatch;

use super::error::from_rocks;
use super::families::Database;
use crate::clock::{Reached, RecordedClaim, StampRun};
use crate::error::Result;
use crate::records::work::{ClaimRecordV2, ReachedRecordV1, ReachedRecordV2, RunRecordV2};
use crate::records::{self, Reader, Recorded, codec};
use crate::time::{Span, Timestamp};

const KEY: &[u8] = b"t";

/// Adds how far time has come to a batch.
pub(super) fn put_reached(database: &Database, reached: &Reached, batch: &mut RocksBatch) -> Result<()> {
    batch.put_cf(database.catalog(), KEY, records::encode(reached)?);
    Ok(())
}

/// Returns the time that was reached when the store was last open; `None` for a new store.
pub(super) fn reached(database: &Database) -> Result<Option<Reached>> {
    let value = database.rocks.get_cf(database.catalog(), KEY);
    let value = value.map_err(|error| from_rocks("cannot read how far the store's time has come", error))?;
    value.map(|value| records::decode(KEY, &value)).transpose()
}

impl Recorded for Reached {
    type Written = ReachedRecordV2;

    const READERS: &'static [Reader<Self>] =
        &[codec::read::<ReachedRecordV1, Self>, codec::read::<ReachedRecordV2, Self>];

    fn name(_key: &[u8]) -> String {
        "how far the store's time has come".to_owned()
    }
}

/// Version 1's times on record were believed at once.
impl From<ReachedRecordV1> for Reached {
    fn from(record: ReachedRecordV1) -> Self {
        Reached {
            believed: Some(Timestamp::from_micros(record.newest)),
            stamped: Timestamp::from_micros(record.stamped),
            claim: None,
            runs: Vec::new(),
        }
    }
}

impl From<&Reached> for ReachedRecordV2 {
    fn from(reached: &Reached) -> Self {
        let claim = |claim: RecordedClaim| ClaimRecordV2 {
            least: claim.least.as_micros(),
            agreed: claim.agreed.as_micros(),
            seen: claim.seen.as_micros(),
        };
        let run = |run: &StampRun| RunRecordV2 {
            first: run.first.as_micros(),
            last: run.last.as_micros(),
            until: run.until.map(Timestamp::as_micros),
        };
        ReachedRecordV2 {
            believed: reached.believed.map(Timestamp::as_micros),
            stamped: reached.stamped.as_micros(),
            claim: reached.claim.map(claim),
            runs: reached.runs.iter().map(run).collect(),
        }
    }
}

impl From<ReachedRecordV2> for Reached {
    fn from(record: ReachedRecordV2) -> Self {
        let claim = |claim: ClaimRecordV2| RecordedClaim {
            least: Timestamp::from_micros(claim.least),
            agreed: Span::from_micros(claim.agreed),
            seen: Timestamp::from_micros(claim.seen),
        };
        let run = |run: RunRecordV2| StampRun {
            first: Timestamp::from_micros(run.first),
            last: Timestamp::from_micros(run.last),
            until: run.until.map(Timestamp::from_micros),
        };
        Reached {
            believed: record.believed.map(Timestamp::from_micros),
            stamped: Timestamp::from_micros(record.stamped),
            claim: record.claim.map(claim),
            runs: record.runs.into_iter().map(run).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_asofdb_0_1_0_is_read_as_believed() {
        let bytes = include_bytes!("../../tests/fixtures/records-1/reached");
        let reached: Reached = records::decode(KEY, bytes).unwrap();
        assert_eq!(reached.believed, Some(Timestamp::from_micros(5)));
        assert_eq!((reached.stamped, reached.claim, reached.runs.len()), (Timestamp::from_micros(-6), None, 0));
    }

    #[test]
    fn the_record_of_time_has_the_bytes_that_are_described() {
        let at = Timestamp::from_micros;
        let reached = Reached {
            believed: Some(at(5)),
            stamped: at(-6),
            claim: Some(RecordedClaim { least: at(7), agreed: Span::from_micros(8), seen: at(12) }),
            runs: vec![StampRun { first: at(9), last: at(10), until: Some(at(11)) }],
        };
        let number = |number: i64| number.to_le_bytes().to_vec();
        let bytes = [
            vec![2, 1],
            number(5),
            number(-6),
            vec![1],
            number(7),
            number(8),
            number(12),
            number(1),
            number(9),
            number(10),
            vec![1],
            number(11),
        ]
        .concat();
        assert_eq!(records::encode(&reached).unwrap(), bytes);
        assert_eq!(records::decode::<Reached>(KEY, &bytes).unwrap(), reached);
        let new = Reached { believed: None, stamped: Timestamp::MIN, claim: None, runs: Vec::new() };
        let bytes = [vec![2, 0], number(i64::MIN), vec![0], number(0)].concat();
        assert_eq!(records::encode(&new).unwrap(), bytes);
        assert_eq!(records::decode::<Reached>(KEY, &bytes).unwrap(), new);
    }
}
