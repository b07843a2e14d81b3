//! The records beside the catalog's own in the family `catalog`: format, time, notes, and work begun.
//!
//! | key | value |
//! |---|---|
//! | `f` | format version of the store |
//! | `t` | how far the store's time has come; see [`super::reached`] |
//! | `k` | the mark of the newest write, where logs are kept; see [`super::kept`] |
//! | `n`, name | a note: the bytes its writer gave |
//! | `h`, revision (u64 BE) | a change of the catalog; see [`super::changes`] |
//! | `b`, id (u64 BE) | a bulk load that was begun |
//! | `x`, id (u64 BE) | an erasure whose bytes may still be on disk |

use rocksdb::{Direction, IteratorMode, WriteBatch as RocksBatch, WriteOptions};

use super::changes;
use super::error::from_rocks;
use super::families::Database;
use super::store::Store;
use super::work::{ErasedRow, LoadRecord, LoadedRows};
use crate::error::{Error, Result};
use crate::records::work::{ErasedRowRecordV1, ErasureRecordV1, FormatRecordV1, LoadRecordV1, LoadedRowsRecordV1};
use crate::records::{self, Reader, Record, Recorded, codec};
use crate::store_id::StoreId;

/// The format of the store as a whole: families, keys and values. A store of a later one is refused.
pub const STORE_FORMAT: u32 = 1;

const FORMAT_KEY: &[u8] = b"f";
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

/// Every record of the catalog, notes and begun work included, but not the log of its changes.
pub(super) fn all(database: &Database) -> Result<Vec<Record>> {
    let mut records = collect(database, IteratorMode::Start, |key| key.first() < Some(&changes::KIND))?;
    let after = [changes::KIND + 1];
    records.extend(collect(database, IteratorMode::From(&after, Direction::Forward), |_| true)?);
    Ok(records)
}

/// Returns the work of one kind that was begun: the record's key and value.
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

/// Refuses a store of a newer format; gives a new store its own, and an id.
pub(super) fn check_format(database: &Database) -> Result<()> {
    let failed = |error| from_rocks("cannot read the store's format", error);
    match database.rocks.get_cf(database.catalog(), FORMAT_KEY).map_err(failed)? {
        Some(value) => check_supported(records::decode::<Format>(FORMAT_KEY, &value)?.0),
        None => begin(database),
    }
}

fn begin(database: &Database) -> Result<()> {
    let mut batch = RocksBatch::default();
    batch.put_cf(database.catalog(), FORMAT_KEY, records::encode(&Format(STORE_FORMAT))?);
    batch.put_cf(database.catalog(), note_key(StoreId::NOTE), StoreId::random()?.as_bytes());
    let mut options = WriteOptions::default();
    // An id that was told must not be another after a power cut.
    options.set_sync(true);
    let written = database.rocks.write_opt(batch, &options);
    written.map_err(|error| from_rocks("cannot write the store's format", error))
}

/// Gives an id to a store that was made before stores had one. Where it cannot be written, the store has none until it
/// is opened again.
pub(super) fn identify(store: &Store) -> Result<()> {
    let key = note_key(StoreId::NOTE);
    let note = store.database.rocks.get_cf(store.database.catalog(), &key);
    if note.map_err(|error| from_rocks("cannot read the store's id", error))?.is_some() {
        return Ok(());
    }
    let mut batch = RocksBatch::default();
    batch.put_cf(store.database.catalog(), &key, StoreId::random()?.as_bytes());
    // What is wrong with the disk shows when something is written that is asked for.
    let _ = store.write_rare(batch, true);
    Ok(())
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

/// The format of a store, as its record has it.
struct Format(u32);

impl Recorded for Format {
    type Written = FormatRecordV1;

    const READERS: &'static [Reader<Self>] = &[codec::read::<FormatRecordV1, Self>];

    fn name(_key: &[u8]) -> String {
        "the store's format".to_owned()
    }
}

impl From<&Format> for FormatRecordV1 {
    fn from(format: &Format) -> Self {
        FormatRecordV1 { format: format.0 }
    }
}

impl From<FormatRecordV1> for Format {
    fn from(record: FormatRecordV1) -> Self {
        Format(record.format)
    }
}

/// Names begun work by its id.
fn numbered(what: &str, key: &[u8]) -> String {
    Work::id(key).map_or_else(|_| what.to_owned(), |id| format!("{what} {id}"))
}

impl Recorded for LoadRecord {
    type Written = LoadRecordV1;

    const READERS: &'static [Reader<Self>] = &[codec::read::<LoadRecordV1, Self>];

    fn name(key: &[u8]) -> String {
        numbered("bulk load", key)
    }
}

impl From<&LoadRecord> for LoadRecordV1 {
    fn from(load: &LoadRecord) -> Self {
        let rows = |rows: &LoadedRows| LoadedRowsRecordV1 {
            view: rows.view,
            key_space: rows.key_space,
            first: rows.first.clone(),
            last: rows.last.clone(),
        };
        LoadRecordV1 { rows: load.rows.iter().map(rows).collect(), notes: load.notes.clone() }
    }
}

impl From<LoadRecordV1> for LoadRecord {
    fn from(record: LoadRecordV1) -> Self {
        let rows = |LoadedRowsRecordV1 { view, key_space, first, last }| LoadedRows { view, key_space, first, last };
        LoadRecord { rows: record.rows.into_iter().map(rows).collect(), notes: record.notes }
    }
}

impl Recorded for Vec<ErasedRow> {
    type Written = ErasureRecordV1;

    const READERS: &'static [Reader<Self>] = &[codec::read::<ErasureRecordV1, Self>];

    fn name(key: &[u8]) -> String {
        numbered("erasure", key)
    }
}

impl From<&Vec<ErasedRow>> for ErasureRecordV1 {
    fn from(rows: &Vec<ErasedRow>) -> Self {
        let row =
            |row: &ErasedRow| ErasedRowRecordV1 { view: row.view, key_space: row.key_space, key: row.key.clone() };
        ErasureRecordV1 { rows: rows.iter().map(row).collect() }
    }
}

impl From<ErasureRecordV1> for Vec<ErasedRow> {
    fn from(record: ErasureRecordV1) -> Self {
        let row = |ErasedRowRecordV1 { view, key_space, key }| ErasedRow { view, key_space, key };
        record.rows.into_iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes a record that format 1 has had from the beginning, and encodes it again.
    fn again<T: Recorded>(key: &[u8], bytes: &[u8]) -> T {
        let value: T = records::decode(key, bytes).unwrap();
        assert_eq!(records::encode(&value).unwrap(), bytes, "{}", T::name(key));
        value
    }

    #[test]
    fn records_of_begun_work_are_read_and_written_as_format_1_has_them() {
        assert_eq!(again::<Format>(FORMAT_KEY, include_bytes!("../../tests/fixtures/records-1/format")).0, 1);
        let key = Work::BulkLoad.key(7);
        let load: LoadRecord = again(&key, include_bytes!("../../tests/fixtures/records-1/load"));
        assert_eq!(load.notes, [(b"ingest/a".to_vec(), Some(vec![1, 2])), (b"b".to_vec(), None)]);
        let [rows] = load.rows.as_slice() else { panic!("one view") };
        assert_eq!((rows.view, rows.key_space, &*rows.first, &*rows.last), (3, 2, &[128, 0][..], &[255][..]));
        let erasure: Vec<ErasedRow> = again(&key, include_bytes!("../../tests/fixtures/records-1/erasure"));
        let rows: Vec<_> = erasure.iter().map(|row| (row.view, row.key_space, row.key.as_slice())).collect();
        assert_eq!(rows, [(3, 2, &[1, 2, 3][..]), (4, 2, &[])]);
    }

    #[test]
    fn begun_work_of_a_newer_asofdb_is_refused_by_its_number() {
        let error = records::decode::<Vec<ErasedRow>>(&Work::Erasure.key(7), &[2]).err().unwrap();
        assert_eq!(error.to_string(), "erasure 7: record version 2 is newer than this asofdb reads (1)");
    }
}
