//! Filling an observer of the newest versions that comes to an open store.

use std::sync::Arc;

use rocksdb::ReadOptions;

use super::error::from_rocks;
use super::store::Store;
use super::stored;
use crate::backend::{Found, Newest, NewestRow, Observer, RowKey};
use crate::error::{Error, Result};
use crate::key;

/// Bytes of rows that are told at once.
const TOLD_BYTES_MAX: usize = 4 << 20;

/// Tells an observer all that `latest` has, and adds it to those that hear what changes. Runs between commits.
pub(super) fn observe(store: &Store, observer: Arc<dyn Observer>) -> Result<()> {
    if store.online.gate().mark().is_none() {
        return Err(Error::unavailable("a bulk load is not finished; open the store again to finish it"));
    }
    observer.hear(&Newest::Suspended);
    let known = store.present.known();
    // Rows of dropped views wait for compaction and are told to nobody.
    tell_all(store, |view| known.has_view(view), &|event| observer.hear(event))?;
    observer.hear(&Newest::Resumed);
    store.observers.add(observer);
    Ok(())
}

/// Rows that are copied out of the family before they are told.
#[derive(Default)]
struct Told {
    bytes: Vec<u8>,
    /// The ends of each key and value.
    ends: Vec<(usize, usize)>,
}

impl Told {
    fn add(&mut self, key: &[u8], value: &[u8]) {
        self.bytes.extend_from_slice(key);
        let key_end = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.ends.push((key_end, self.bytes.len()));
    }

    fn tell(&mut self, hear: &dyn Fn(&Newest<'_>)) -> Result<()> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(_, end)| *end));
        let rows = starts.zip(&self.ends).map(|(start, &(key_end, end))| {
            let (key_space, key, view) = key::split_latest_key(&self.bytes[start..key_end])
                .ok_or_else(|| Error::corrupt(format!("a key of latest is cut short: {} bytes", key_end - start)))?;
            let Found { version, row } = stored::decode(&self.bytes[key_end..end])?;
            Ok(NewestRow { of: RowKey { view, key_space, key }, version, row })
        });
        hear(&Newest::Put(&rows.collect::<Result<Vec<_>>>()?));
        self.bytes.clear();
        self.ends.clear();
        Ok(())
    }
}

/// Tells the observers that there are all that `latest` has of some views. Runs between commits.
pub(super) fn tell_views(store: &Store, views: &[u32]) -> Result<()> {
    match store.observers.is_empty() {
        true => Ok(()),
        false => tell_all(store, |view| views.contains(&view), &|event| store.tell(event)),
    }
}

/// Passes on the rows of the views that `takes` names.
fn tell_all(store: &Store, takes: impl Fn(u32) -> bool, hear: &dyn Fn(&Newest<'_>)) -> Result<()> {
    let mut options = ReadOptions::default();
    options.fill_cache(false);
    let mut raw = store.database.rocks.raw_iterator_cf_opt(store.database.latest(), options);
    let mut told = Told::default();
    raw.seek_to_first();
    while let Some((found, value)) = raw.item() {
        if key::split_latest_key(found).is_none_or(|(_, _, view)| takes(view)) {
            told.add(found, value);
        }
        if told.bytes.len() > TOLD_BYTES_MAX {
            told.tell(hear)?;
        }
        raw.next();
    }
    raw.status().map_err(|error| from_rocks("cannot read latest", error))?;
    told.tell(hear)
}
