//! Reads of the present, from the family `latest` where it may answer and from `history` where not.

use std::cell::RefCell;
use std::ops::ControlFlow;

use rocksdb::DBRawIterator;

use super::as_of::as_of;
use super::error::from_rocks;
use super::pool::Purpose;
use super::store::Store;
use super::stored;
use crate::backend::{AsOfLookup, Found, Lookup, Visit};
use crate::error::Result;
use crate::key;
use crate::time::Timestamp;
use crate::version::Version;

/// From this many views of one entity on, reading the neighbours in one pass beats looking each of them up.
const NEIGHBOURS_MIN: usize = 4;

thread_local! {
    /// Room for encoded keys.
    static KEYS: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// `history` must answer instead.
struct Declined;

type Answered = Result<ControlFlow<Declined>>;

/// Answers all lookups from one state, as `as_of` would at `at`.
pub(super) fn latest(store: &Store, lookups: &[Lookup<'_>], at: Timestamp, visit: &mut Visit<'_>) -> Result<()> {
    if let Some(mark) = store.accelerator.mark() {
        let mut answer = Answer { store, lookups, at, mark, visit };
        let answered = match lookups {
            [] => return Ok(()),
            [lookup] => answer.one(lookup),
            [first, rest @ ..] => {
                match lookups.len() >= NEIGHBOURS_MIN && rest.iter().all(|l| is_neighbour(l, first)) {
                    true => answer.neighbours(),
                    false => answer.several(),
                }
            }
        };
        if let ControlFlow::Continue(()) = answered? {
            return Ok(());
        }
    }
    let lookups: Vec<_> = lookups.iter().map(|lookup| AsOfLookup { view: lookup.view, key: lookup.key, at }).collect();
    as_of(store, &lookups, None, visit)
}

/// Whether two rows lie beside each other, the second not before the first.
fn is_neighbour(lookup: &Lookup<'_>, first: &Lookup<'_>) -> bool {
    lookup.view.key_space == first.view.key_space && lookup.key == first.key
}

struct Answer<'a, 'v> {
    store: &'a Store,
    lookups: &'a [Lookup<'a>],
    at: Timestamp,
    mark: u64,
    visit: &'a mut Visit<'v>,
}

impl Answer<'_, '_> {
    fn one(&mut self, lookup: &Lookup<'_>) -> Answered {
        let database = &self.store.database;
        let value = KEYS.with_borrow_mut(|key| {
            key.clear();
            key::latest_key(lookup.view.key_space, lookup.key, lookup.view.id, key);
            database.rocks.get_pinned_cf(database.latest(), key)
        });
        let value = value.map_err(|error| from_rocks("cannot read latest", error))?;
        self.give(&[value.as_deref()])
    }

    fn several(&mut self) -> Answered {
        let database = &self.store.database;
        let values = KEYS.with_borrow_mut(|keys| {
            keys.clear();
            let mut ends = Vec::with_capacity(self.lookups.len());
            for lookup in self.lookups {
                key::latest_key(lookup.view.key_space, lookup.key, lookup.view.id, keys);
                ends.push(keys.len());
            }
            let starts = std::iter::once(0).chain(ends.iter().copied());
            let each = starts.zip(&ends).map(|(start, end)| &keys[start..*end]);
            database.rocks.batched_multi_get_cf(database.latest(), each, false)
        });
        let values: Vec<_> =
            values.into_iter().collect::<Result<_, _>>().map_err(|error| from_rocks("cannot read latest", error))?;
        let values: Vec<_> = values.iter().map(Option::as_deref).collect();
        self.give(&values)
    }

    /// Passes on the values, one a lookup, unless one of them must come from `history`.
    fn give(&mut self, values: &[Option<&[u8]>]) -> Answered {
        if !self.store.accelerator.held(self.mark) {
            return Ok(ControlFlow::Break(Declined));
        }
        for value in values.iter().flatten() {
            if stored::decode(value)?.0.event > self.at {
                return Ok(ControlFlow::Break(Declined));
            }
        }
        let now = self.store.present.now();
        for (index, (value, lookup)) in values.iter().zip(self.lookups).enumerate() {
            let found = value.map(stored::decode).transpose()?.filter(|found| is_seen(lookup, found.0, now));
            (self.visit)(index, found.map(|(version, row)| Found { version, row }))?;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Reads the rows of one entity in one pass over its neighbours.
    fn neighbours(&mut self) -> Answered {
        let store = self.store;
        store.pool.with(Purpose::Neighbours, |raw, _| {
            let mut values = vec![None; self.lookups.len()];
            let mut rows = Vec::with_capacity(self.lookups.len() * 512);
            self.collect(raw, &mut rows, &mut values)?;
            let values: Vec<_> =
                values.into_iter().map(|range| range.map(|range: std::ops::Range<usize>| &rows[range])).collect();
            self.give(&values)
        })
    }

    fn collect(
        &self,
        raw: &mut DBRawIterator<'_>,
        rows: &mut Vec<u8>,
        values: &mut [Option<std::ops::Range<usize>>],
    ) -> Result<()> {
        let mut order: Vec<_> = (0..self.lookups.len()).collect();
        order.sort_unstable_by_key(|index| self.lookups[*index].view.id);
        let first = &self.lookups[order[0]];
        let mut key = Vec::with_capacity(first.key.len() + 8);
        key::latest_key(first.view.key_space, first.key, first.view.id, &mut key);
        raw.seek(&key);
        let entity = key.len() - 4;
        let mut order = order.into_iter().peekable();
        while let Some(index) = order.peek() {
            let Some((at, value)) = raw.item() else { break };
            let Some(view) = at.strip_prefix(&key[..entity]).and_then(|view| view.first_chunk::<4>()) else { break };
            let (view, wanted) = (u32::from_be_bytes(*view), self.lookups[*index].view.id);
            if view == wanted {
                let start = rows.len();
                rows.extend_from_slice(value);
                values[*index] = Some(start..rows.len());
            }
            if view >= wanted {
                order.next();
            }
            if view <= wanted {
                raw.next();
            }
        }
        raw.status().map_err(|error| from_rocks("cannot read latest", error))
    }
}

/// Whether retention lets the newest version of a row be seen.
fn is_seen(lookup: &Lookup<'_>, version: Version, now: Timestamp) -> bool {
    lookup.view.keep_newest || version.event >= lookup.view.cutoff(now)
}
