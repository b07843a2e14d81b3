//! A state of the store for one read.

use rocksdb::{DBRawIterator, ReadOptions};

use super::as_of::as_of_all;
use super::cursor::{LazyIterator, RocksCursor};
use super::error::from_rocks;
use super::store::Store;
use super::walk::Walker;
use crate::backend::{AsOfLookup, Cursor, Lookup, State, Visit};
use crate::catalog::FeatureView;
use crate::error::Result;
use crate::tile::TileKey;
use crate::time::Timestamp;

pub(super) struct RocksState<'s> {
    store: &'s Store,
    /// The present of the read.
    now: Timestamp,
    /// True if `latest` was complete when the state was taken.
    has_latest: bool,
    /// Reads of this state; declared, and so dropped, before it.
    options: ReadOptions,
    state: rocksdb::Snapshot<'s>,
}

impl<'s> RocksState<'s> {
    /// Takes the state for a read whose present is `now`. With `known_at` all that was stamped up to then is in it.
    pub(super) fn new(store: &'s Store, now: Timestamp, known_at: Option<Timestamp>) -> Self {
        if let Some(known_at) = known_at {
            store.present.wait_settled(known_at);
        }
        let gate = store.online.gate();
        let mark = gate.mark();
        let state = store.database.rocks.snapshot();
        let has_latest = mark.is_some_and(|mark| gate.held(mark));
        let mut options = ReadOptions::default();
        options.set_snapshot(&state);
        RocksState { store, now, has_latest, options, state }
    }

    fn iterate(&self, view: u32, mut options: ReadOptions) -> DBRawIterator<'_> {
        options.set_auto_readahead_size(false);
        self.state.raw_iterator_cf_opt(self.store.database.versions(view), options)
    }

    /// An iterator over the tiles.
    pub(super) fn tiles(&self, options: ReadOptions) -> DBRawIterator<'_> {
        self.state.raw_iterator_cf_opt(self.store.database.tiles(), options)
    }

    /// The present of the read, or what compaction may have gone by, in what was read before this is asked.
    fn present(&self) -> Timestamp {
        self.store.present.no_earlier(self.now)
    }
}

impl State for RocksState<'_> {
    fn latest(&self, lookups: &[Lookup<'_>], at: Timestamp, visit: &mut Visit<'_>) -> Result<()> {
        if self.has_latest && self.store.online.look_up_in(&self.state, lookups, at, visit)?.is_answered() {
            return Ok(());
        }
        let lookups: Vec<_> = lookups.iter().map(|lookup| lookup.at(at)).collect();
        self.as_of(&lookups, None, visit)
    }

    fn as_of(&self, lookups: &[AsOfLookup<'_>], known_at: Option<Timestamp>, visit: &mut Visit<'_>) -> Result<()> {
        let Some(first) = lookups.first() else { return Ok(()) };
        let mut options = ReadOptions::default();
        options.set_total_order_seek(true);
        let mut raw = self.iterate(first.view.id, options);
        as_of_all(&mut raw, &mut Walker::default(), lookups, known_at, self.present(), visit)
    }

    fn events<'s>(&'s self, view: &'s FeatureView) -> Result<Box<dyn Cursor + 's>> {
        let raw = LazyIterator::new(|| {
            let mut options = ReadOptions::default();
            // The cursor never leaves the events of the entity that it was sent to, and asks the filters first.
            options.set_prefix_same_as_start(true);
            self.iterate(view.id, options)
        });
        Ok(Box::new(RocksCursor::new(raw, view, view.cutoff(self.present()))))
    }

    fn tile(&self, key: &TileKey<'_>, content: &mut Vec<u8>) -> Result<bool> {
        let database = &self.store.database;
        content.clear();
        key.encode(content);
        let stored = database.rocks.get_pinned_cf_opt(database.tiles(), &content, &self.options);
        let stored = stored.map_err(|error| from_rocks("cannot read tiles", error))?;
        content.clear();
        content.extend_from_slice(stored.as_deref().unwrap_or_default());
        Ok(stored.is_some())
    }
}
