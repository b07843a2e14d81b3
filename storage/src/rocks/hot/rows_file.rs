//! The rows of the hot table from one opening of a store to the next.
//!
//! They are written when the store is closed, behind the last operation, and taken over when it is opened, if no operation
//! came after: RocksDB's number of the last one and the revision of the catalog are those that the file has. Then `latest`
//! is what it was, and so are the rows. The file is removed before the first write, but nothing hangs on that: should it
//! come back, as after a power cut, its number is not that of a store that was written to.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use asofdb_hot::{Held, Row, Standing, Table};

use super::kept_file::{self, Belonging, Kind, Outcome, Writer, damaged, take, take_array};
use super::patience::Patience;
use crate::rocks::modes::Modes;

/// The rows of a table.
pub(super) const ROWS: Kind = Kind { name: "HOT.rows", format: b"asof-hr1" };

/// The most bytes of rows that are written, those of the greatest worth.
const BYTES_MAX: u64 = 1 << 30;

/// The longest time in which they are written, and in which they are read: closing and opening a store wait for it.
const TIME_MAX: Duration = Duration::from_secs(5);

/// Rows after which the clock is looked at.
const LOOK_EVERY: u64 = 1_024;

/// Writes the rows of a table; returns their number. Where there is none, no file is left.
pub(super) fn write(table: &Table, directory: &Path, modes: Modes, of: Belonging) -> io::Result<u64> {
    let (mut writer, mut rows, patience) = (Writer::create(directory, &ROWS, modes, of)?, 0, Patience::of(TIME_MAX));
    let mut failed = None;
    let _ = table.each_by_worth(&mut |held| {
        let is_late = rows % LOOK_EVERY == 0 && patience.is_over();
        if is_late || writer.bytes() > BYTES_MAX {
            return ControlFlow::Break(());
        }
        rows += 1;
        put(&mut writer, &held).map_or_else(
            |error| {
                failed = Some(error);
                ControlFlow::Break(())
            },
            ControlFlow::Continue,
        )
    });
    match failed {
        Some(error) => Err(error),
        None if rows == 0 => Ok(0),
        None => writer.finish().map(|()| rows),
    }
}

fn put(writer: &mut Writer, held: &Held<'_>) -> io::Result<()> {
    let Held { view, key, row, standing } = held;
    let (Ok(key_bytes), Ok(row_bytes)) = (u16::try_from(key.len()), u32::try_from(row.bytes.len())) else {
        return Ok(());
    };
    let [event, created] = row.version.map(i64::to_le_bytes);
    writer.put(&[
        &view.to_le_bytes(),
        &[standing.number()],
        &key_bytes.to_le_bytes(),
        &row_bytes.to_le_bytes(),
        &event,
        &created,
        key,
        row.bytes,
    ])
}

/// Adds the rows of the file to a table that nobody uses yet, if it belongs to this state; their number in the file and in
/// the table.
///
/// # Errors
/// Where the file is torn or damaged; the table has some of it.
pub(super) fn read(table: &Table, directory: &Path, of: Belonging) -> io::Result<(Outcome, [u64; 2])> {
    let ([mut rows, mut held], patience) = ([0, 0], Patience::of(TIME_MAX));
    let outcome = kept_file::read(directory, &ROWS, of, &mut |mut block| {
        while !block.is_empty() {
            rows += 1;
            held += u64::from(table.hold(&next(&mut block)?));
        }
        Ok(if patience.is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok((outcome, [rows, held]))
}

fn next<'b>(block: &mut &'b [u8]) -> io::Result<Held<'b>> {
    let view = u32::from_le_bytes(take_array(block)?);
    let [number] = take_array(block)?;
    let key_bytes = u16::from_le_bytes(take_array(block)?);
    let row_bytes = u32::from_le_bytes(take_array(block)?);
    let version = [i64::from_le_bytes(take_array(block)?), i64::from_le_bytes(take_array(block)?)];
    let key = take(block, key_bytes.into())?;
    let row = Row { version, bytes: take(block, row_bytes as usize)? };
    Ok(Held { view, key, row, standing: Standing::from_number(number).ok_or_else(damaged)? })
}
