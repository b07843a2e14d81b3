//! The ages of entities on record, from one opening of a store to the next.
//!
//! | key | value |
//! |---|---|
//! | `a` | the record of all: that the others hold |
//! | `a`, view (u32 BE) | the ages of the entities of a view |
//!
//! They are written as the last thing before a store is closed. The first write after that takes the record of all back
//! in its own batch, so that no write can be there which the record does not know of. An asofdb of before this record
//! would not do so: therefore the record also has RocksDB's number of the last operation, behind which there is none as
//! long as it holds.

use std::sync::atomic::Ordering;

use rocksdb::WriteBatch as RocksBatch;

use super::counts::{AgeCounts, Counts, OfView};
use crate::ages::{Histogram, Part};
use crate::error::Result;
use crate::records::ages::{AgesRecordV1, ViewAgesRecordV1};
use crate::records::{self, Reader, Recorded, codec};
use crate::rocks::families::Database;
use crate::rocks::present::Present;

const KEY: &[u8] = b"a";

/// The most parts of all views that are put on record, some 50 MB. With more they are counted anew instead.
const PARTS_MAX: usize = 2_000_000;

/// The record of all.
#[derive(Debug, PartialEq, Eq)]
struct OnRecord {
    sequence: u64,
}

/// The record of a view.
#[derive(Debug, PartialEq, Eq)]
struct ViewOnRecord {
    sequence: u64,
    floor: i64,
    parts: Vec<Part>,
}

fn view_key(view: u32) -> Vec<u8> {
    [KEY, &view.to_be_bytes()].concat()
}

/// Takes the record back.
pub(in crate::rocks) fn take_back(database: &Database, batch: &mut RocksBatch) {
    batch.delete_cf(database.catalog(), KEY);
}

impl AgeCounts {
    /// Goes on from what is on record, if that still holds. Before anything is written.
    pub(in crate::rocks) fn resume(database: &Database, present: &Present) -> Self {
        let counts = AgeCounts::default();
        let (now, known) = (present.now(), present.known());
        // What cannot be read is as if it were not there.
        let all: Option<OnRecord> = read(database, KEY);
        let sequence = all.map(|all| all.sequence).filter(|all| *all == database.rocks.latest_sequence_number());
        let mut views = counts.views.lock();
        for view in known.catalog.views().filter(|view| view.is_stored()) {
            let of_view: Option<ViewOnRecord> = sequence.and_then(|_| read(database, &view_key(view.id)));
            let of_view = of_view.filter(|of_view| Some(of_view.sequence) == sequence);
            let known = of_view.and_then(|of| Some((of.floor, Histogram::of(now, &of.parts)?)));
            let (floor, counts) = match known {
                Some((floor, histogram)) => (floor, Counts::Known(histogram)),
                None => (i64::MIN, Counts::Unknown),
            };
            views.insert(view.id, OfView { floor, counts });
        }
        drop(views);
        counts.is_on_record.store(sequence.is_some(), Ordering::Relaxed);
        counts
    }

    /// Puts what is known on record, in a batch that has everything else already. The last write before closing.
    ///
    /// # Errors
    /// `Internal` only.
    pub(in crate::rocks) fn put(&self, database: &Database, batch: &mut RocksBatch) -> Result<()> {
        let views = self.views.lock();
        let known = views.iter().filter_map(|(view, of)| match &of.counts {
            Counts::Known(histogram) => Some((*view, of.floor, histogram.parts().collect::<Vec<_>>())),
            Counts::Counting(_) | Counts::Unknown => None,
        });
        let known: Vec<_> = known.collect();
        if known.iter().map(|(_, _, parts)| parts.len()).sum::<usize>() > PARTS_MAX {
            take_back(database, batch);
            return Ok(());
        }
        let first = database.rocks.latest_sequence_number() + 1;
        let sequence = first + (batch.len() + known.len()) as u64;
        for (view, floor, parts) in known {
            let of_view = ViewOnRecord { sequence, floor, parts };
            batch.put_cf(database.catalog(), view_key(view), records::encode(&of_view)?);
        }
        batch.put_cf(database.catalog(), KEY, records::encode(&OnRecord { sequence })?);
        Ok(())
    }
}

fn read<T: Recorded>(database: &Database, key: &[u8]) -> Option<T> {
    let stored = database.rocks.get_pinned_cf(database.catalog(), key).ok()??;
    records::decode(key, &stored).ok()
}

impl Recorded for OnRecord {
    type Written = AgesRecordV1;

    const READERS: &'static [Reader<Self>] = &[codec::read::<AgesRecordV1, Self>];

    fn name(_key: &[u8]) -> String {
        "the ages of entities".to_owned()
    }
}

impl Recorded for ViewOnRecord {
    type Written = ViewAgesRecordV1;

    const READERS: &'static [Reader<Self>] = &[codec::read::<ViewAgesRecordV1, Self>];

    fn name(key: &[u8]) -> String {
        format!("the ages of the entities of view {:?}", key.get(1..).unwrap_or_default())
    }
}

impl From<&OnRecord> for AgesRecordV1 {
    fn from(all: &OnRecord) -> Self {
        AgesRecordV1 { sequence: all.sequence }
    }
}

impl From<AgesRecordV1> for OnRecord {
    fn from(record: AgesRecordV1) -> Self {
        OnRecord { sequence: record.sequence }
    }
}

impl From<&ViewOnRecord> for ViewAgesRecordV1 {
    fn from(of: &ViewOnRecord) -> Self {
        ViewAgesRecordV1 { sequence: of.sequence, floor: of.floor, buckets: of.parts.clone() }
    }
}

impl From<ViewAgesRecordV1> for ViewOnRecord {
    fn from(record: ViewAgesRecordV1) -> Self {
        ViewOnRecord { sequence: record.sequence, floor: record.floor, parts: record.buckets }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_records_of_ages_have_the_bytes_that_are_described() {
        let number = |number: i64| number.to_le_bytes().to_vec();
        let bytes = [vec![1], number(7)].concat();
        assert_eq!(records::encode(&OnRecord { sequence: 7 }).unwrap(), bytes);
        assert_eq!(records::decode::<OnRecord>(KEY, &bytes).unwrap(), OnRecord { sequence: 7 });
        let of_view = ViewOnRecord { sequence: 7, floor: i64::MIN, parts: vec![(0, 60, 2), (60, 120, 1)] };
        let parts = [2, 0, 60, 2, 60, 120, 1].map(number).concat();
        let bytes = [vec![1], number(7), number(i64::MIN), parts].concat();
        assert_eq!(records::encode(&of_view).unwrap(), bytes);
        assert_eq!(records::decode::<ViewOnRecord>(&view_key(3), &bytes).unwrap(), of_view);
    }
}
