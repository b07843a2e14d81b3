//! The tiles that go with what is written.

use rocksdb::WriteBatch as RocksBatch;

use super::error::from_rocks;
use super::families::Database;
use super::order::Sorted;
use super::present::Known;
use super::store::Store;
use super::tiles::{prefix, whole_order};
use crate::error::Result;
use crate::key;
use crate::tile::{LEVELS, TileKey, place_of, unit_of};
use crate::time::Timestamp;

/// Bytes of deletions that are written at once.
const WRITE_BYTES_MAX: usize = 4 << 20;

/// The keys of the tiles that some events are in.
#[derive(Default)]
pub(super) struct Spoiled {
    keys: Vec<u8>,
    ends: Vec<usize>,
    /// The last event's tiles, of which the next one's are likely to be the same.
    view: u32,
    entity: Vec<u8>,
    tiles: Option<[i64; LEVELS]>,
}

impl Spoiled {
    /// The tiles that the events of a write are in. Notes them for whoever makes tiles.
    pub(super) fn by(store: &Store, known: &Known, sorted: &Sorted<'_>) -> Self {
        let mut spoiled = Spoiled::default();
        let (mut written, reach) = (store.tiles.written.lock(), store.tiles.reach.lock());
        let mut last = None;
        for (version, row) in (sorted.first_event()..sorted.len()).map(|index| sorted.get(index)) {
            let entity = key::entity_of(row.view, row.key);
            if let Some(written) = written.as_mut() {
                written.note(row.view, entity, version.event);
            }
            let of_view = match last {
                Some((view, of_view)) if view == row.view => of_view,
                _ => reach.get(&row.view),
            };
            last = Some((row.view, of_view));
            if of_view.is_some_and(|reach| version.event <= *reach) {
                spoiled.add(known, row.view, entity, version.event);
            }
        }
        spoiled
    }

    /// Adds the tiles of one event.
    fn add(&mut self, known: &Known, view: u32, entity: &[u8], event: Timestamp) {
        let tiles: [i64; LEVELS] = std::array::from_fn(|level| place_of(level, unit_of(level, event.as_micros())).0);
        let is_same = (self.view, self.entity.as_slice()) == (view, entity);
        let last = self.tiles.filter(|_| is_same);
        if !is_same {
            self.view = view;
            self.entity.clear();
            self.entity.extend_from_slice(entity);
        }
        self.tiles = Some(tiles);
        for level in (0..LEVELS).filter(|level| last.is_none_or(|last| last[*level] != tiles[*level])) {
            for windows in known.windows_over(view).iter().copied() {
                TileKey { events: view, entity, windows, level, tile: tiles[level] }.encode(&mut self.keys);
                self.ends.push(self.keys.len());
            }
        }
    }

    /// Bytes of memory that the keys take.
    pub(super) fn bytes(&self) -> usize {
        self.keys.len() + self.ends.len() * size_of::<usize>()
    }

    fn keys(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.keys[start..*end])
    }

    /// Adds the deletions to a batch, in front of the rows of the events: a log may be cut behind them.
    pub(super) fn delete(&self, database: &Database, batch: &mut RocksBatch) {
        self.keys().for_each(|key| batch.delete_cf(database.tiles(), key));
    }

    /// Writes the deletions by themselves, ahead of the events. Runs on the committer, which goes on to write these.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot write.
    pub(super) fn delete_ahead(&self, store: &Store) -> Result<()> {
        let mut batch = RocksBatch::default();
        for key in self.keys() {
            batch.delete_cf(store.database.tiles(), key);
            if batch.size_in_bytes() > WRITE_BYTES_MAX {
                store.write_rare(std::mem::take(&mut batch), false)?;
            }
        }
        if batch.is_empty() { Ok(()) } else { store.write_rare(batch, false) }
    }
}

/// Bytes of the keys of tiles that a load may spoil. Beyond it, all tiles of its views go.
const SPOILED_BYTES_MAX: usize = 32 << 20;

/// The tiles that the events of a load are in.
#[derive(Default)]
pub(super) struct Spoils {
    some: Vec<Spoiled>,
    bytes: usize,
    are_all: bool,
}

impl Spoils {
    pub(super) fn of(spoiled: Spoiled) -> Self {
        Spoils { bytes: spoiled.bytes(), some: vec![spoiled], are_all: false }
    }

    /// All tiles of the views of a load.
    pub(super) fn all() -> Self {
        Spoils { are_all: true, ..Spoils::default() }
    }

    /// Adds those of a part of the load.
    pub(super) fn add(&mut self, spoiled: Spoiled) {
        self.bytes += spoiled.bytes();
        self.are_all |= self.bytes > SPOILED_BYTES_MAX;
        match self.are_all {
            true => self.some.clear(),
            false => self.some.push(spoiled),
        }
    }

    /// Writes the deletions, as [`Spoiled::delete_ahead`] does.
    ///
    /// # Errors
    /// As there.
    pub(super) fn delete_ahead(&self, store: &Store, views: &[u32]) -> Result<()> {
        if !self.are_all {
            return self.some.iter().try_for_each(|spoiled| spoiled.delete_ahead(store));
        }
        let mut batch = RocksBatch::default();
        for view in views.iter().filter(|view| key::holds_events(**view)) {
            delete_view(&store.database, *view, &mut batch);
        }
        if batch.is_empty() { Ok(()) } else { store.write_rare(batch, false) }
    }
}

/// Adds deletions of all tiles of an entity to a batch.
///
/// # Errors
/// `Unavailable` when they cannot be read.
pub(super) fn delete_entity(store: &Store, view: u32, entity: &[u8], batch: &mut RocksBatch) -> Result<()> {
    store.tiles.note(view, entity);
    let (database, prefix) = (&store.database, prefix(view, entity));
    let mut raw = database.rocks.raw_iterator_cf_opt(database.tiles(), whole_order());
    raw.seek(&prefix);
    while let Some(found) = raw.key().filter(|found| found.starts_with(&prefix)) {
        batch.delete_cf(database.tiles(), found);
        raw.next();
    }
    raw.status().map_err(|error| from_rocks("cannot read tiles", error))
}

/// Adds the deletion of all tiles of an event view, or of an index of one, to a batch. How far they have reached stays on
/// record, as it does in memory.
pub(super) fn delete_view(database: &Database, view: u32, batch: &mut RocksBatch) {
    let start = view.to_be_bytes();
    if let Some(end) = key::prefix_end(&start) {
        // The record of the reach is the number of the view alone.
        batch.delete_range_cf(database.tiles(), [&start[..], &[0]].concat(), end);
    }
}

/// Removes all tiles of a database that nobody else uses.
///
/// # Errors
/// `Unavailable` when it cannot be written.
pub(super) fn delete_all(database: &Database) -> Result<()> {
    let mut batch = RocksBatch::default();
    batch.delete_range_cf(database.tiles(), &[][..], &[u8::MAX; 8][..]);
    database.rocks.write(batch).map_err(|error| from_rocks("cannot remove tiles", error))
}
