//! The records beside the catalog's own in the family `catalog`: format, time, notes, and work begun.
//!
//! | key | value |
//! |---|---|
//! | `f` | format version of the store |
//! | `t` | how far the store's time has come: greatest present, greatest stamp |
//! | `n`, name | a note: the bytes its writer gave |
//! | `b`, id (u64 BE) | a bulk load that was begun |
//! | `x`, id (u64 BE) | an erasure whose bytes may still be on disk |

use rocksdb::{Direction, IteratorMode, WriteBatch as RocksBatch};

use super::error::from_rocks;
use super::families::Database;
use crate::catalog::{Record, decode_record, encode_record};
use crate::clock::Reached;
use crate::error::{Error, Result};

/// The format of the store as a whole: families, keys and values. A store of a later one is refused.
pub(super) const STORE_FORMAT: u32 = 1;

const FORMAT_KEY: &[u8] = b"f";
const REACHED_KEY: &[u8] = b"t";
const NOTE: u8 = b'n';

/// Kinds of work that must be finished when the store is opened again.
#[derive(Clone, Copy)]
pub(super) enum Work {
    BulkLoad,
    Erasure,
}

impl Work {
    fn kind(self) -> u8 {
        match self {
            Work::BulkLoad => b'b',
            Work::Erasure => b'x',
        }
    }

    pub(super) fn key(self, id: u64) -> Vec<u8> {
        let mut key = vec![self.kind()];
        key.extend_from_slice(&id.to_be_bytes());
        key
    }

    /// The id in a key of begun work.
    pub(super) fn id(key: &[u8]) -> Result<u64> {
        let id = key.get(1..).and_then(|id| id.try_into().ok()).map(u64::from_be_bytes);
        id.ok_or_else(|| Error::corrupt(format!("a record of begun work has a key of {} bytes", key.len())))
    }
}

pub(super) fn note_key(name: &[u8]) -> Vec<u8> {
    let mut key = vec![NOTE];
    key.extend_from_slice(name);
    key
}

/// Every record of the catalog, notes and begun work included.
pub(super) fn all(database: &Database) -> Result<Vec<Record>> {
    collect(database, IteratorMode::Start, |_| true)
}

/// What was begun of one kind: the record's key and value.
pub(super) fn begun(database: &Database, work: Work) -> Result<Vec<Record>> {
    let kind = [work.kind()];
    collect(database, IteratorMode::From(&kind, Direction::Forward), |key| key.first() == Some(&kind[0]))
}

fn collect(database: &Database, from: IteratorMode<'_>, takes: impl Fn(&[u8]) -> bool) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    for record in database.rocks.iterator_cf(database.catalog(), from) {
        let (key, value) = record.map_err(|error| from_rocks("cannot read the catalog", error))?;
        if !takes(&key) {
            break;
        }
        records.push((key.into_vec(), value.into_vec()));
    }
    Ok(records)
}

/// Refuses a store of a newer format; gives a new store its own.
pub(super) fn check_format(database: &Database) -> Result<()> {
    let failed = |error| from_rocks("cannot read the store's format", error);
    match database.rocks.get_cf(database.catalog(), FORMAT_KEY).map_err(failed)? {
        Some(value) => check_supported(decode_record(FORMAT_KEY, &value)?),
        None => database
            .rocks
            .put_cf(database.catalog(), FORMAT_KEY, encode_record(&STORE_FORMAT)?)
            .map_err(|error| from_rocks("cannot write the store's format", error)),
    }
}

/// Refuses formats later than this code's.
pub(super) fn check_supported(format: u32) -> Result<()> {
    if format > STORE_FORMAT {
        return Err(Error::conflict(format!(
            "the store was written by a newer asofdb: its format is {format}, this one reads up to {STORE_FORMAT}"
        )));
    }
    Ok(())
}

/// Adds how far time has come to a batch.
pub(super) fn put_reached(database: &Database, reached: Reached, batch: &mut RocksBatch) -> Result<()> {
    batch.put_cf(database.catalog(), REACHED_KEY, encode_record(&reached)?);
    Ok(())
}

/// How far time had come when the store was last open; `None` for a new store.
pub(super) fn reached(database: &Database) -> Result<Option<Reached>> {
    let value = database.rocks.get_cf(database.catalog(), REACHED_KEY);
    let value = value.map_err(|error| from_rocks("cannot read how far the store's time has come", error))?;
    value.map(|value| decode_record(REACHED_KEY, &value)).transpose()
}
