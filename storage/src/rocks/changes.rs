//! The log of the catalog: a record a change, and one for each record that it has replaced.
//!
//! | key | value |
//! |---|---|
//! | `h`, revision (u64 BE) | the change |
//! | `h`, revision (u64 BE), key | the record of that key before: 0 for none, or 1 and its bytes |

use rocksdb::{Direction, IteratorMode, WriteBatch as RocksBatch};

use super::error::from_rocks;
use super::families::Database;
use crate::catalog_change::{CHANGES_BYTES_MAX, CatalogChange, Undo};
use crate::error::{Error, Result};
use crate::records;

/// The first byte of the keys.
pub(super) const KIND: u8 = b'h';

/// Bytes of a kind and a revision.
const HEAD_BYTES: usize = 9;

/// Adds a change to the batch that makes it.
pub(super) fn put(database: &Database, change: &CatalogChange, batch: &mut RocksBatch) -> Result<()> {
    let head = head_key(change.revision);
    batch.put_cf(database.catalog(), &head, records::encode(change)?);
    for (key, value) in &change.before {
        let value = value.as_ref().map_or(vec![0], |value| [&[1], &value[..]].concat());
        batch.put_cf(database.catalog(), [&head[..], key].concat(), value);
    }
    Ok(())
}

/// The newest changes that led to a revision before the given one, newest first: at most `limit`, and fewer where they
/// are long.
pub(super) fn read(database: &Database, before: u64, limit: usize) -> Result<Vec<CatalogChange>> {
    let (mut changes, mut undo, mut bytes) = (Vec::new(), Vec::new(), 0);
    let from = head_key(before);
    for record in database.rocks.iterator_cf(database.catalog(), IteratorMode::From(&from, Direction::Reverse)) {
        let (key, value) = record.map_err(|error| from_rocks("cannot read the log of the catalog", error))?;
        if key.first() != Some(&KIND) || changes.len() >= limit || bytes > CHANGES_BYTES_MAX {
            break;
        }
        if *key >= from[..] {
            continue;
        }
        match key.get(HEAD_BYTES..) {
            Some([]) => {
                let mut change: CatalogChange = records::decode(&key, &value)?;
                undo.reverse();
                change.before = std::mem::take(&mut undo);
                bytes += change.bytes();
                changes.push(change);
            }
            Some(of) => undo.push(undo_of(of, &value)?),
            None => return Err(Error::corrupt("the log of the catalog has a key that is too short")),
        }
    }
    Ok(changes)
}

fn undo_of(key: &[u8], value: &[u8]) -> Result<Undo> {
    match value.split_first() {
        Some((0, [])) => Ok((key.to_vec(), None)),
        Some((1, value)) => Ok((key.to_vec(), Some(value.to_vec()))),
        _ => Err(Error::corrupt("the log of the catalog has a record that says neither none nor some")),
    }
}

fn head_key(revision: u64) -> Vec<u8> {
    [&[KIND], &revision.to_be_bytes()[..]].concat()
}
