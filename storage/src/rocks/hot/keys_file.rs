//! A sample of the keys of the rows in the hot table, for the opening after a crash: they are read again then, the most
//! used first. A sample is old by nature and never wrong, since the rows come from `latest`.
//!
//! Keys are of entities, which may be erased: an erasure removes the sample with them.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use asofdb_hot::Table;

use super::kept_file::{self, Belonging, Kind, Writer, take, take_array};
use crate::rocks::modes::Modes;

/// The keys of rows in a table.
pub(super) const KEYS: Kind = Kind { name: "HOT.keys", format: b"asof-hk1" };

/// The most bytes of a sample.
const BYTES_MAX: u64 = 4 << 20;

/// The most keys of a sample: each takes a few bytes more in memory while it is read.
const KEYS_MAX: usize = 500_000;

/// A row, by the id of its view and its entity key.
pub(in crate::rocks) type RowName = (u32, Vec<u8>);

/// Writes a sample of the rows of a table.
pub(super) fn write(table: &Table, directory: &Path, modes: Modes) -> io::Result<()> {
    let mut writer = Writer::create(directory, &KEYS, modes, Belonging::default())?;
    let (mut keys, mut failed) = (0, None);
    let _ = table.each_by_worth(&mut |held| {
        if keys == KEYS_MAX || writer.bytes() > BYTES_MAX {
            return ControlFlow::Break(());
        }
        keys += 1;
        let Ok(length) = u16::try_from(held.key.len()) else { return ControlFlow::Continue(()) };
        match writer.put(&[&held.view.to_le_bytes(), &length.to_le_bytes(), held.key]) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    });
    failed.map_or_else(|| writer.finish(), Err)
}

/// Reads the sample, if there is one.
///
/// # Errors
/// Those of [`kept_file::read`].
pub(super) fn read(directory: &Path) -> io::Result<Vec<RowName>> {
    let mut names = Vec::new();
    kept_file::read(directory, &KEYS, Belonging::default(), &mut |mut block| {
        while !block.is_empty() {
            let view = u32::from_le_bytes(take_array(&mut block)?);
            let length = u16::from_le_bytes(take_array(&mut block)?);
            names.push((view, take(&mut block, length.into())?.to_vec()));
        }
        Ok(if names.len() < KEYS_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(names)
}
