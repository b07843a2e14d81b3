//! Point-in-time reads of the present state.

use rocksdb::DBRawIterator;

use super::order::common;
use super::pool::Purpose;
use super::store::Store;
use super::walk::{VersionLookup, Walker};
use crate::backend::{AsOfLookup, Found, Visit};
use crate::error::Result;
use crate::key::digest;
use crate::time::Timestamp;

/// The number of lookups from which on sorting them pays.
const SORTED_MIN: usize = 8;

/// Answers all lookups from one state, with the retention of the present `now`.
pub(super) fn as_of(
    store: &Store,
    lookups: &[AsOfLookup<'_>],
    known_at: Option<Timestamp>,
    now: Timestamp,
    visit: &mut Visit<'_>,
) -> Result<()> {
    if let Some(known_at) = known_at {
        store.present.wait_settled(known_at);
    }
    let sorted = lookups.len() >= SORTED_MIN;
    let purpose = if sorted { Purpose::Rows } else { Purpose::Row };
    store.pool.with(purpose, |raw, walker| {
        // The state is fixed by now, and with it what compaction had reclaimed.
        let now = store.present.no_earlier(now);
        if sorted {
            return as_of_all(raw, walker, lookups, known_at, now, visit);
        }
        let mut answer = Answer { now, known_at, raw, walker, visit };
        (0..lookups.len()).try_for_each(|index| {
            // This iterator ends with the row it was sent to, and cannot be stepped to another.
            answer.walker.forget();
            answer.give(index, lookups)
        })
    })
}

/// Answers all lookups with an iterator that can be stepped from row to row, in the order of `history`.
pub(super) fn as_of_all(
    raw: &mut DBRawIterator<'_>,
    walker: &mut Walker,
    lookups: &[AsOfLookup<'_>],
    known_at: Option<Timestamp>,
    now: Timestamp,
    visit: &mut Visit<'_>,
) -> Result<()> {
    let mut answer = Answer { now, known_at, raw, walker, visit };
    sequence(lookups).into_iter().try_for_each(|(_, index)| answer.give(index as usize, lookups))
}

struct Answer<'a, 'i, 'v> {
    now: Timestamp,
    known_at: Option<Timestamp>,
    raw: &'a mut DBRawIterator<'i>,
    walker: &'a mut Walker,
    visit: &'a mut Visit<'v>,
}

impl Answer<'_, '_, '_> {
    fn give(&mut self, index: usize, lookups: &[AsOfLookup<'_>]) -> Result<()> {
        let AsOfLookup { view, key, at } = lookups[index];
        let lookup = VersionLookup { view, key, at, known_at: self.known_at, cutoff: view.cutoff(self.now) };
        let version = self.walker.find(self.raw, &lookup)?;
        let found = version.zip(self.raw.value()).map(|(version, row)| Found { version, row });
        (self.visit)(index, found)
    }
}

/// The lookups in the order of `history`, each with what most comparisons need.
fn sequence(lookups: &[AsOfLookup<'_>]) -> Vec<(u64, u32)> {
    let first = lookups.first().map_or(&[][..], |lookup| lookup.key);
    let shared = lookups.iter().fold(first.len(), |shared, lookup| common(&first[..shared], lookup.key));
    let digests = lookups.iter().map(|lookup| digest(&lookup.key[shared..]));
    let mut sequence: Vec<_> = digests.zip(0..).collect();
    sequence.sort_unstable_by(|(a_digest, a), (b_digest, b)| {
        let (a, b) = (&lookups[*a as usize], &lookups[*b as usize]);
        let by_row = (a.view.id, a_digest).cmp(&(b.view.id, b_digest)).then_with(|| a.key.cmp(b.key));
        by_row.then_with(|| b.at.cmp(&a.at))
    });
    sequence
}
