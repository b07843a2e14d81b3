//! Encoded rows of a view, as they travel in the chunks of a load.
//!
//! | bytes | what |
//! |---|---|
//! | 0..4 | bytes of the entity key |
//! | 4..8 | bytes of the row |
//! | 8..16 | event timestamp |
//! | 16..24 | created timestamp; the least `i64`: when it is committed |
//! | then | the entity key, the row |
//!
//! Integers are little-endian. A chunk holds whole rows, one after the other.

use asofdb::storage::BatchRow;
use asofdb::{Error, Result, Timestamp};

/// Bytes of a row before its key.
const HEADER_BYTES: usize = 24;

/// `created` of a row that becomes known when it is committed.
const AT_COMMIT: i64 = i64::MIN;

/// A row that has travelled: nothing of it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WireRow<'b> {
    /// Encoded entity key.
    pub key: &'b [u8],
    /// Event timestamp.
    pub event: Timestamp,
    /// Created timestamp; `None`: when it is committed.
    pub created: Option<Timestamp>,
    /// The encoded row.
    pub row: &'b [u8],
}

/// Appends a row.
pub fn write_row(row: &BatchRow<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(&(row.key.len() as u32).to_le_bytes());
    out.extend_from_slice(&(row.row.len() as u32).to_le_bytes());
    out.extend_from_slice(&row.event.as_micros().to_le_bytes());
    out.extend_from_slice(&row.created.map_or(AT_COMMIT, Timestamp::as_micros).to_le_bytes());
    out.extend_from_slice(row.key);
    out.extend_from_slice(row.row);
}

/// Takes a row from the front of a chunk; `None` at its end.
///
/// # Errors
/// `Invalid` when it is cut short.
pub fn read_row<'b>(chunk: &mut &'b [u8]) -> Result<Option<WireRow<'b>>> {
    if chunk.is_empty() {
        return Ok(None);
    }
    let cut_short = || Error::invalid("a row of a load is cut short");
    let (header, rest) = chunk.split_first_chunk::<HEADER_BYTES>().ok_or_else(cut_short)?;
    let [a, b, c, d, e, f, g, h, times @ ..] = *header;
    let (key_bytes, row_bytes) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
    let ([event, created], []) = times.as_chunks::<8>() else { return Err(cut_short()) };
    let created = i64::from_le_bytes(*created);
    let (key, rest) = rest.split_at_checked(key_bytes as usize).ok_or_else(cut_short)?;
    let (row, rest) = rest.split_at_checked(row_bytes as usize).ok_or_else(cut_short)?;
    *chunk = rest;
    Ok(Some(WireRow {
        key,
        event: Timestamp::from_micros(i64::from_le_bytes(*event)),
        created: (created != AT_COMMIT).then(|| Timestamp::from_micros(created)),
        row,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_read_back_and_cut_ones_are_refused() {
        let row = |created| BatchRow {
            view: 1,
            key_space: 1,
            key: b"key",
            event: Timestamp::from_micros(-5),
            created,
            row: b"a row",
        };
        let mut bytes = Vec::new();
        let created = [None, Some(Timestamp::from_micros(7)), Some(Timestamp::MAX)];
        created.iter().for_each(|created| write_row(&row(*created), &mut bytes));
        let mut chunk = bytes.as_slice();
        for created in created {
            let wanted = WireRow { key: b"key", event: Timestamp::from_micros(-5), created, row: b"a row" };
            assert_eq!(read_row(&mut chunk).unwrap(), Some(wanted));
        }
        assert_eq!(read_row(&mut chunk).unwrap(), None);
        for end in 1..HEADER_BYTES + 8 {
            assert!(read_row(&mut &bytes[..end]).is_err(), "{end}");
        }
    }
}
