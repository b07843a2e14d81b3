//! Cutting a view's keys into ranges of about equal size.

use rocksdb::{DBRawIterator, Range};

use super::error::from_rocks;
use super::order::common;
use super::scan::key_parts;
use super::store::Store;
use crate::backend::KeyRange;
use crate::catalog::FeatureView;
use crate::error::Result;
use crate::key;

/// Halvings of the key space for each cut: near enough to equal parts for keys however unevenly spread.
const HALVINGS: u32 = 48;

/// Cuts the keys of `view` into at most `parts` ranges. Each cut is looked for by halving: keys are taken for
/// numbers, and RocksDB tells roughly how many bytes lie before one.
pub(super) fn split(
    store: &Store,
    raw: &mut DBRawIterator<'_>,
    view: &FeatureView,
    parts: usize,
) -> Result<Vec<KeyRange>> {
    let mut cuts = Vec::new();
    if let Some(keys) = Keys::new(store, raw, view)? {
        let total = keys.bytes_before(u128::MAX);
        for part in 1..parts as u64 {
            let wanted = (u128::from(total) * u128::from(part) / parts as u128) as u64;
            if let Some(cut) = entity_from(raw, &keys.position(keys.halve(wanted)))? {
                cuts.push(cut);
            }
        }
        cuts.retain(|cut| *cut > keys.first);
    }
    Ok(between(cuts))
}

/// The ranges between cuts, which lie side by side. The cuts come in any order: what RocksDB tells of sizes is rough, and
/// changes while memory is written to files, so that a later cut may be found before an earlier one.
fn between(mut cuts: Vec<Vec<u8>>) -> Vec<KeyRange> {
    cuts.sort_unstable();
    cuts.dedup();
    let starts = std::iter::once(None).chain(cuts.iter().cloned().map(Some));
    let ends = cuts.iter().cloned().map(Some).chain([None]);
    starts.zip(ends).map(|(start, end)| KeyRange { start, end }).collect()
}

/// About how many versions `view` has: of all keys of its family, as large a share as of its bytes. What has not been
/// flushed yet is in the keys but not in the bytes; while nothing has been, all keys are taken for the view's.
pub(super) fn versions_estimate(store: &Store, view: &FeatureView) -> Result<u64> {
    let (rocks, family) = (&store.database.rocks, store.database.versions(view.id));
    let keys = rocks.property_int_value_cf(family, "rocksdb.estimate-num-keys");
    let keys = keys.map_err(|error| from_rocks("cannot read the store's figures", error))?.unwrap_or_default();
    let (first, last, prefix) = ([0; 4], [u8::MAX; 32], view.id.to_be_bytes());
    let end = key::prefix_end(&prefix).unwrap_or_else(|| last.to_vec());
    let ranges = [Range::new(&first, &last), Range::new(&prefix, &end)];
    match rocks.get_approximate_sizes_cf(family, &ranges)[..] {
        [all, ours] if all > 0 => Ok((u128::from(keys) * u128::from(ours.min(all)) / u128::from(all)) as u64),
        _ => Ok(keys),
    }
}

/// The keys of a view as numbers: the sixteen bytes after those that all of them share.
struct Keys<'s> {
    store: &'s Store,
    view: u32,
    /// The first row key.
    first: Vec<u8>,
    /// View id and the shared bytes.
    shared: Vec<u8>,
    start: Vec<u8>,
    end: Vec<u8>,
}

impl<'s> Keys<'s> {
    fn new(store: &'s Store, raw: &mut DBRawIterator<'_>, view: &FeatureView) -> Result<Option<Self>> {
        let prefix = view.id.to_be_bytes();
        let Some(first) = entity_from(raw, &prefix)? else { return Ok(None) };
        raw.seek_to_last();
        let Some(last) = raw.key() else { return Ok(None) };
        let (_, last, _) = key_parts(last)?;
        let mut shared = prefix.to_vec();
        shared.extend_from_slice(&first[..common(&first, last)]);
        let end = key::prefix_end(&prefix).unwrap_or_else(|| vec![u8::MAX; 32]);
        Ok(Some(Keys { store, view: view.id, first, shared, start: prefix.to_vec(), end }))
    }

    fn position(&self, number: u128) -> Vec<u8> {
        let mut position = self.shared.clone();
        position.extend_from_slice(&number.to_be_bytes());
        position
    }

    fn bytes_before(&self, number: u128) -> u64 {
        let end = if number == u128::MAX { self.end.clone() } else { self.position(number) };
        let database = &self.store.database;
        let range = Range::new(&self.start, &end);
        database
            .rocks
            .get_approximate_sizes_cf(database.versions(self.view), &[range])
            .first()
            .copied()
            .unwrap_or_default()
    }

    /// The least number, about, with `wanted` bytes before it.
    fn halve(&self, wanted: u64) -> u128 {
        let (mut low, mut width) = (0u128, 1u128 << 127);
        for _ in 0..HALVINGS {
            if self.bytes_before(low + width) <= wanted {
                low += width;
            }
            width /= 2;
        }
        low
    }
}

/// The entity key of the first version from `position` on.
fn entity_from(raw: &mut DBRawIterator<'_>, position: &[u8]) -> Result<Option<Vec<u8>>> {
    raw.seek(position);
    match raw.key() {
        Some(found) => Ok(Some(key_parts(found)?.1.to_vec())),
        None => raw.status().map(|()| None).map_err(|error| from_rocks("cannot read history", error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_in_one_range_in_whatever_order_the_cuts_were_found() {
        let cuts = ["m", "c", "x", "c"].map(|cut| cut.as_bytes().to_vec()).to_vec();
        let ranges = between(cuts);
        assert_eq!(ranges.len(), 4);
        for key in ["", "a", "c", "d", "m", "w", "x", "z"] {
            let holding = ranges.iter().filter(|range| range.contains(key.as_bytes())).count();
            assert_eq!(holding, 1, "{key:?} in {ranges:?}");
        }
    }
}
