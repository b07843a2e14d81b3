//! Making `latest` again from `history`, of which it is a derivation.

use rocksdb::{ReadOptions, WriteBatch as RocksBatch};

use super::error::from_rocks;
use super::scan::key_parts;
use super::store::Store;
use super::stored;
use super::work::LoadedRows;
use crate::error::Result;
use crate::key;

/// Bytes of rows that are written at once.
const WRITE_BYTES_MAX: usize = 4 << 20;

/// Writes the greatest version of each row into `latest`. Only while no one else writes. Events are not in `latest`.
pub(super) fn rebuild_latest(store: &Store, rows: &LoadedRows) -> Result<()> {
    if key::holds_events(rows.view) {
        return Ok(());
    }
    store.ages.distrust([rows.view]);
    let database = &store.database;
    let mut options = ReadOptions::default();
    options.set_total_order_seek(true);
    let mut raw = database.rocks.raw_iterator_cf_opt(database.history(), options);
    let mut position = Vec::new();
    key::version_prefix(rows.view, &rows.first, &mut position);
    raw.seek(&position);
    let mut batch = RocksBatch::default();
    let (mut latest_key, mut value) = (Vec::new(), Vec::new());
    while let Some((found, row)) = raw.item() {
        let (view, entity, version) = key_parts(found)?;
        if view != rows.view || entity > rows.last.as_slice() {
            break;
        }
        latest_key.clear();
        key::latest_key(rows.key_space, entity, view, &mut latest_key);
        value.clear();
        stored::encode(version, row, &mut value);
        batch.put_cf(database.latest(), &latest_key, &value);
        if batch.size_in_bytes() > WRITE_BYTES_MAX {
            store.write_rare(std::mem::take(&mut batch), false)?;
        }
        position.clear();
        position.extend_from_slice(found);
        to_next_row(&mut raw, &position);
    }
    raw.status().map_err(|error| from_rocks("cannot read history", error))?;
    store.write_rare(batch, false)
}

/// Leaves the versions of the row of `history_key`.
fn to_next_row(raw: &mut rocksdb::DBRawIterator<'_>, history_key: &[u8]) {
    let row = key::row_prefix(history_key);
    while raw.key().is_some_and(|key| key.starts_with(row)) {
        raw.next();
    }
}
