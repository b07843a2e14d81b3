//! The order in which a view is visited: by key, then newest time first, as its versions lie on disk.

use asofdb_storage::{Timestamp, key};

use crate::rows::keys::EncodedKeys;

/// One row to look up. The first eight bytes of the key decide most comparisons without touching it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    prefix: u64,
    /// Greater is older, so that the newest time comes first.
    descending: u64,
    pub(super) row: u32,
}

impl Entry {
    pub(super) fn at(&self) -> Timestamp {
        Timestamp::from_micros((!self.descending ^ (1 << 63)) as i64)
    }
}

/// Bytes of memory an entry takes.
pub(super) const ENTRY_BYTES: usize = size_of::<Entry>();

/// The rows of a chunk in visiting order.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) entries: Vec<Entry>,
    /// The length of every key, where it is one and so short that entries hold the keys whole.
    short: Option<usize>,
}

impl Order {
    /// Returns whether two entries are of one key.
    #[inline]
    pub(super) fn is_same_key(&self, a: &Entry, b: &Entry, keys: &EncodedKeys) -> bool {
        a.prefix == b.prefix && (self.short.is_some() || keys.get(a.row as usize) == keys.get(b.row as usize))
    }

    /// The key of an entry. Short ones need no look at the chunk's keys, which lie in another order.
    #[inline]
    pub(super) fn key<'k>(&self, entry: &Entry, keys: &'k EncodedKeys, short: &'k mut [u8; 8]) -> Option<&'k [u8]> {
        match self.short {
            Some(len) => {
                *short = entry.prefix.to_be_bytes();
                Some(&short[..len])
            }
            None => keys.get(entry.row as usize),
        }
    }
}

/// The rows of a chunk in visiting order; rows without a key or a time are left out.
pub(super) fn visiting_order(keys: &EncodedKeys, times: &[Option<Timestamp>]) -> Order {
    let (mut shortest, mut longest) = (usize::MAX, 0);
    let entry = |row: usize| {
        let (key, time) = (keys.get(row)?, times[row]?);
        shortest = shortest.min(key.len());
        longest = longest.max(key.len());
        let descending = !((time.as_micros() as u64) ^ (1 << 63));
        Some(Entry { prefix: key::digest(key), descending, row: row as u32 })
    };
    let mut entries: Vec<Entry> = (0..keys.len()).filter_map(entry).collect();
    let long = longest > size_of::<u64>();
    if long {
        // Only rows with keys are entries.
        let rest = |entry: &Entry| keys.get(entry.row as usize).and_then(|key| key.get(8..));
        entries.sort_unstable_by(|a, b| {
            a.prefix.cmp(&b.prefix).then_with(|| rest(a).cmp(&rest(b))).then(a.descending.cmp(&b.descending))
        });
    } else {
        entries.sort_unstable_by_key(|entry| (entry.prefix, entry.descending));
    }
    Order { entries, short: (shortest == longest && !long).then_some(longest) }
}
