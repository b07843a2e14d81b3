//! The in-memory backend: the executable specification of what a backend must answer.
//!
//! Written to be obviously right rather than fast. Every rule of the contract stands here once, as directly
//! as it can be said; property tests and fuzzing compare the RocksDB backend with it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

use parking_lot::{RwLock, RwLockReadGuard};

use crate::ages::{Ages, Histogram};
use crate::backend::{
    AsOfLookup, Catalogs, CheckpointFiles, Committed, Cursor, Erased, EventVersion, FamilyStats, Found, History,
    KeyRange, Lookup, Newest, NewestRow, Observer, Observers, RowKey, Scan, Scanned, Snapshot, StampedState,
    State as StateRead, Stats, Tiles, Timekeeping, Upkeep, Verified, Visit, VisitEventVersion, VisitVersion,
};
use crate::batch::{Durability, WriteBatch};
use crate::catalog::{Catalog, FeatureView};
use crate::catalog_change::{CHANGES_BYTES_MAX, CatalogChange, ChangeCause};
use crate::clock::{ClockRepair, ClockStatus, StoreClock};
use crate::closed::{Closed, SignsClosed};
use crate::error::{Error, Result};
use crate::event_copies::is_copy_of;
use crate::key::{entity_of, holds_events, version_bytes};
use crate::restamp::Restamp;
use crate::row::{self, RowKind};
use crate::stop::Stop;
use crate::store_id::StoreId;
use crate::time::{Clock, Timestamp};
use crate::version::Version;

/// The versions of one row, oldest first.
type Versions = BTreeMap<Version, Arc<[u8]>>;

#[derive(Debug, Clone, Default)]
struct State {
    catalog: Arc<Catalog>,
    /// Oldest first.
    changes: Vec<CatalogChange>,
    rows: BTreeMap<(u32, Vec<u8>), Versions>,
    notes: BTreeMap<Vec<u8>, Vec<u8>>,
    batches: u64,
    written: u64,
}

/// A store in memory. Nothing survives it.
pub struct MemoryBackend {
    clock: StoreClock,
    state: RwLock<State>,
    observers: Observers,
    closed: SignsClosed,
}

impl MemoryBackend {
    /// An empty store.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let id = StoreId::random().map(|id| (StoreId::NOTE.to_vec(), id.as_bytes().to_vec()));
        let state = State { notes: id.into_iter().collect(), ..State::default() };
        MemoryBackend {
            clock: StoreClock::new(clock),
            state: RwLock::new(state),
            observers: Observers::default(),
            closed: SignsClosed::default(),
        }
    }

    /// Answers all lookups from one state, with the retention that holds at `now`.
    fn read<'a>(
        &self,
        lookups: impl Iterator<Item = AsOfLookup<'a>>,
        known_at: Option<Timestamp>,
        now: Timestamp,
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        self.state.read().read(lookups, known_at, now, visit)
    }

    /// Tells the observers of the rows of a batch. The caller holds the state, so that events have its order.
    fn tell_put(&self, state: &State, batch: &WriteBatch, created: Timestamp) {
        if self.observers.is_empty() {
            return;
        }
        let rows = batch.rows().map(|row| NewestRow {
            of: RowKey { view: row.view, key_space: row.key_space, key: row.key },
            version: Version::new(row.event, row.created.unwrap_or(created)),
            row: row.row,
        });
        let rows: Vec<_> = rows.filter(|row| state.is_newest(row)).collect();
        self.observers.tell(&Newest::Put(&rows));
    }
}

impl MemoryBackend {
    /// Tells the observers of the newest versions of rows whose created timestamps have changed.
    fn tell_restamped(&self, state: &State, rows: &[(u32, Vec<u8>)]) {
        if rows.is_empty() || self.observers.is_empty() {
            return;
        }
        let is_one = |row: &NewestRow<'_>| rows.iter().any(|(view, key)| (*view, &**key) == (row.of.view, row.of.key));
        let newest: Vec<_> = state.newest().filter(is_one).collect();
        let keys: Vec<_> = newest.iter().map(|row| row.of).collect();
        let events = [Newest::Suspended, Newest::Erased(&keys), Newest::Put(&newest), Newest::Resumed];
        events.iter().for_each(|event| self.observers.tell(event));
    }
}

impl State {
    /// The versions of a row that retention lets be seen: those not older than the cut-off, and the newest one
    /// where the view keeps it.
    fn visible(&self, view: &FeatureView, key: &[u8], now: Timestamp) -> Vec<(Version, Arc<[u8]>)> {
        let Some(versions) = self.rows.get(&(view.id, key.to_vec())) else { return Vec::new() };
        let newest = versions.keys().next_back().copied();
        let seen =
            |version: Version| version.event >= view.cutoff(now) || (view.keep_newest && Some(version) == newest);
        versions.iter().filter(|(version, _)| seen(**version)).map(|(v, row)| (*v, row.clone())).collect()
    }

    fn as_of(
        &self,
        view: &FeatureView,
        key: &[u8],
        at: Timestamp,
        known_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<(Version, Arc<[u8]>)> {
        let visible = self.visible(view, key, now).into_iter();
        visible.filter(|(version, _)| version.is_visible(at, known_at)).max_by_key(|(version, _)| *version)
    }

    /// Answers all lookups, with the retention that holds at `now`.
    fn read<'a>(
        &self,
        lookups: impl Iterator<Item = AsOfLookup<'a>>,
        known_at: Option<Timestamp>,
        now: Timestamp,
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        for (index, lookup) in lookups.enumerate() {
            let found = self.as_of(lookup.view, lookup.key, lookup.at, known_at, now);
            visit(index, found.as_ref().map(|(version, row)| Found { version: *version, row }))?;
        }
        Ok(())
    }

    /// The rows that were written, without the copies of events.
    fn without_copies(&self) -> impl Iterator<Item = (&(u32, Vec<u8>), &Versions)> {
        let indexes: BTreeSet<u32> = self.catalog.indexes().map(|index| index.id).collect();
        self.rows.iter().filter(move |((id, _), _)| !indexes.contains(id))
    }

    fn is_newest(&self, row: &NewestRow<'_>) -> bool {
        if holds_events(row.of.view) {
            return false;
        }
        let versions = self.rows.get(&(row.of.view, row.of.key.to_vec()));
        versions.and_then(|versions| versions.keys().next_back()) == Some(&row.version)
    }

    /// The newest version of each row, whatever its event. Events are not rows of which the newest counts.
    fn newest(&self) -> impl Iterator<Item = NewestRow<'_>> {
        self.catalog.views().filter(|view| !holds_events(view.id)).flat_map(|view| {
            let rows = self.rows.iter().filter(|((id, _), _)| *id == view.id);
            rows.filter_map(|((id, key), versions)| {
                let of = RowKey { view: *id, key_space: view.key_space, key };
                versions.iter().next_back().map(|(version, row)| NewestRow { of, version: *version, row })
            })
        })
    }

    /// The newest event of each entity, but of those whose newest version is a deletion or behind the retention.
    fn newest_events(&self, view: &FeatureView, now: Timestamp) -> Vec<Timestamp> {
        let mut newest: BTreeMap<&[u8], Timestamp> = BTreeMap::new();
        for ((_, key), versions) in self.rows.iter().filter(|((id, _), _)| *id == view.id) {
            let Some((version, row)) = versions.iter().next_back() else { continue };
            let is_kept = view.keep_newest || version.event >= view.cutoff(now);
            if is_kept && !matches!(row::kind(row), Ok(RowKind::Tombstone)) {
                // Of an event view an entity has many rows.
                let event = newest.entry(entity_of(view.id, key)).or_insert(version.event);
                *event = version.event.max(*event);
            }
        }
        newest.into_values().collect()
    }

    /// Gives versions other created timestamps; returns the rows that have some, and how many versions they are.
    fn restamp(&mut self, restamp: &Restamp) -> (Vec<(u32, Vec<u8>)>, u64) {
        let indexes: BTreeSet<u32> = self.catalog.indexes().map(|index| index.id).collect();
        let (mut rows, mut count) = (Vec::new(), 0);
        for (row, versions) in &mut self.rows {
            let moved = versions.keys().filter_map(|version| Some((*version, restamp.get(version.created)?)));
            let moved: Vec<_> = moved.collect();
            for (version, created) in &moved {
                if let Some(content) = versions.remove(version) {
                    versions.insert(Version::new(version.event, *created), content);
                }
            }
            // Copies move with their events, and are none.
            count += if indexes.contains(&row.0) { 0 } else { moved.len() as u64 };
            if !moved.is_empty() {
                rows.push(row.clone());
            }
        }
        (rows, count)
    }

    /// Removes the versions of a row, or those of all events of an entity: no entity key is a prefix of another.
    fn erase(&mut self, lookup: &Lookup<'_>) -> Erased {
        let view = lookup.view.id;
        let is_of = |id: u32, key: &[u8]| id == view && entity_of(id, key) == lookup.key;
        let mut erased = Erased { view: lookup.view.name.clone(), versions: 0, bytes: 0 };
        self.rows.retain(|(id, key), versions| {
            if !is_of(*id, key) {
                return true;
            }
            let key_bytes = 4 + key.len() + version_bytes(view);
            erased.versions += versions.len() as u64;
            erased.bytes += versions.values().map(|row| (key_bytes + row.len()) as u64).sum::<u64>();
            false
        });
        let is_index = |id: u32| lookup.view.also_by.iter().any(|index| index.id == id);
        self.rows.retain(|(id, key), _| !(is_index(*id) && is_copy_of(key, lookup.key)));
        erased
    }

    fn write(&mut self, batch: &WriteBatch, created: Timestamp) -> Result<()> {
        for row in batch.rows() {
            if self.catalog.view_by_id(row.view).is_none_or(|view| !view.is_stored()) {
                return Err(Error::not_found(format!("a view of the batch was dropped: id {}", row.view)));
            }
        }
        for row in batch.written() {
            let version = Version::new(row.event, row.created.unwrap_or(created));
            let versions = self.rows.entry((row.view, row.key.to_vec())).or_default();
            versions.insert(version, row.row.into());
        }
        for (name, value) in batch.notes() {
            match value {
                Some(value) => self.notes.insert(name.clone(), value.clone()),
                None => self.notes.remove(name),
            };
        }
        self.batches += 1;
        self.written += batch.len() as u64;
        Ok(())
    }
}

impl Catalogs for MemoryBackend {
    fn catalog(&self) -> Arc<Catalog> {
        self.state.read().catalog.clone()
    }

    fn change_catalog(&self, next: Catalog, cause: ChangeCause) -> Result<()> {
        let mut state = self.state.write();
        if state.catalog.revision() + 1 != next.revision() {
            return Err(Error::conflict("the catalog was changed meanwhile; read it and try again"));
        }
        let dropped: Vec<_> = next.dropped_views().difference(state.catalog.dropped_views()).copied().collect();
        state.rows.retain(|(view, _), _| !next.dropped_views().contains(view));
        let (at, old) = ((next.revision(), self.clock.now()), state.catalog.to_records()?);
        let change = CatalogChange::new(at, cause, &old, &next.to_records()?);
        state.changes.push(change);
        state.catalog = Arc::new(next);
        if !dropped.is_empty() {
            self.observers.tell(&Newest::Dropped(&dropped));
        }
        Ok(())
    }

    fn catalog_changes(&self, before: u64, limit: usize) -> Result<Vec<CatalogChange>> {
        let state = self.state.read();
        let mut bytes = 0;
        let newest = state.changes.iter().rev().filter(|change| change.revision < before).take(limit);
        let fits = |change: &&CatalogChange| {
            let goes_on = bytes <= CHANGES_BYTES_MAX;
            bytes += change.bytes();
            goes_on
        };
        Ok(newest.take_while(fits).cloned().collect())
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl Tiles for MemoryBackend {}

impl History for MemoryBackend {
    fn commit(&self, batch: WriteBatch, _durability: Durability) -> Result<Committed> {
        let mut state = self.state.write();
        let created = self.clock.stamp();
        state.write(&batch, created)?;
        self.tell_put(&state, &batch, created);
        Ok(Committed { created })
    }

    fn bulk_load(&self, batch: WriteBatch) -> Result<Committed> {
        self.commit(batch, Durability::Sync)
    }

    fn erase(&self, lookups: &[Lookup<'_>]) -> Result<Vec<Erased>> {
        let mut state = self.state.write();
        let receipts = lookups.iter().map(|lookup| state.erase(lookup)).collect();
        let rows = lookups.iter().filter(|lookup| !holds_events(lookup.view.id)).map(Lookup::row_key);
        let rows: Vec<_> = rows.collect();
        self.observers.tell(&Newest::Erased(&rows));
        Ok(receipts)
    }

    fn note(&self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.state.read().notes.get(name).cloned())
    }

    fn latest(&self, lookups: &[Lookup<'_>], at: Timestamp, visit: &mut Visit<'_>) -> Result<()> {
        self.read(lookups.iter().map(|lookup| lookup.at(at)), None, at, visit)
    }

    fn as_of(&self, lookups: &[AsOfLookup<'_>], known_at: Option<Timestamp>, visit: &mut Visit<'_>) -> Result<()> {
        self.read(lookups.iter().copied(), known_at, self.clock.now(), visit)
    }

    fn state(&self, now: Timestamp, _known_at: Option<Timestamp>) -> Box<dyn StateRead + '_> {
        Box::new(MemoryState { now, state: self.state.read() })
    }

    fn stamped_state(&self, now: Timestamp, _known_at: Option<Timestamp>) -> Option<StampedState<'_>> {
        let state = self.state.read();
        // Commits are stamped under the lock.
        let stamp = self.clock.stamp();
        Some((Box::new(MemoryState { now, state }), stamp))
    }

    fn snapshot(&self) -> Box<dyn Snapshot + '_> {
        Box::new(MemorySnapshot { now: self.clock.now(), state: self.state.read().clone() })
    }

    fn observe(&self, observer: Arc<dyn Observer>) -> Result<()> {
        let state = self.state.write();
        observer.hear(&Newest::Suspended);
        observer.hear(&Newest::Put(&state.newest().collect::<Vec<_>>()));
        observer.hear(&Newest::Resumed);
        self.observers.add(observer);
        Ok(())
    }
}

impl Upkeep for MemoryBackend {
    fn flush(&self) -> Result<()> {
        Ok(())
    }

    fn compact_until(&self, stop: &Stop) -> Result<()> {
        stop.check()
    }

    fn checkpoint_until(&self, _directory: &Path, _files: CheckpointFiles, _stop: &Stop) -> Result<()> {
        Err(Error::invalid("a store in memory cannot be checkpointed"))
    }

    fn ages(&self, view: &FeatureView) -> Result<Option<Ages>> {
        let (now, mut histogram) = (self.clock.now(), Histogram::new(self.clock.now()));
        self.state.read().newest_events(view, now).into_iter().for_each(|event| {
            histogram.add(event.as_micros(), 1);
        });
        Ok(Some(histogram.ages(now, Timestamp::MIN)))
    }

    fn stats(&self) -> Result<Stats> {
        let state = self.state.read();
        let family = |name: &str, has_events: bool| {
            let rows = state.without_copies().filter(|((view, _), _)| holds_events(*view) == has_events);
            let rows_estimate = rows.map(|(_, versions)| versions.len() as u64).sum();
            FamilyStats { name: name.to_owned(), rows_estimate, disk_bytes: 0 }
        };
        let families = vec![family("history", false), family("events", true)];
        Ok(Stats { families, batches: state.batches, rows: state.written, ..Stats::default() })
    }

    fn verify_until(&self, stop: &Stop) -> Result<Verified> {
        stop.check()?;
        let state = self.state.read();
        let versions = state.without_copies().map(|(_, versions)| versions.len() as u64).sum();
        let keys = state.without_copies().map(|(key, _)| key);
        let entities: BTreeSet<_> = keys.map(|(view, key)| (*view, entity_of(*view, key))).collect();
        Ok(Verified { versions, entities: entities.len() as u64, problems: Vec::new() })
    }

    fn closed(&self) -> Closed {
        self.closed.sign()
    }
}

impl Timekeeping for MemoryBackend {
    fn believed(&self) -> Timestamp {
        self.clock.believed()
    }

    fn clock(&self) -> ClockStatus {
        self.clock.status()
    }

    fn confirm_clock(&self) -> Result<()> {
        self.clock.believe();
        Ok(())
    }

    fn repair_clock_until(&self, stop: &Stop) -> Result<ClockRepair> {
        stop.check()?;
        let mut state = self.state.write();
        let before = self.clock.believed();
        let is_back = self.clock.set_back()?;
        if let Some(next) = state.catalog.without_floors_after(self.clock.believed()).filter(|_| is_back) {
            state.catalog = Arc::new(next);
        }
        let mut restamp = Restamp::new(&self.clock.status().apart);
        state.rows.values().flat_map(BTreeMap::keys).for_each(|version| restamp.note(version.created));
        restamp.seal();
        let (rows, restamped) = state.restamp(&restamp);
        self.tell_restamped(&state, &rows);
        self.clock.forget_apart();
        let reclaimed = if is_back { state.catalog.with_retention() } else { Vec::new() };
        Ok(ClockRepair { back_from: is_back.then_some(before), reclaimed, restamped })
    }
}

struct MemoryState<'s> {
    now: Timestamp,
    state: RwLockReadGuard<'s, State>,
}

impl StateRead for MemoryState<'_> {
    fn latest(&self, lookups: &[Lookup<'_>], at: Timestamp, visit: &mut Visit<'_>) -> Result<()> {
        self.state.read(lookups.iter().map(|lookup| lookup.at(at)), None, at, visit)
    }

    fn as_of(&self, lookups: &[AsOfLookup<'_>], known_at: Option<Timestamp>, visit: &mut Visit<'_>) -> Result<()> {
        self.state.read(lookups.iter().copied(), known_at, self.now, visit)
    }

    fn events<'s>(&'s self, view: &'s FeatureView) -> Result<Box<dyn Cursor + 's>> {
        Ok(Box::new(MemoryCursor { state: &self.state, now: self.now, view, found: None }))
    }
}

struct MemorySnapshot {
    now: Timestamp,
    state: State,
}

impl Snapshot for MemorySnapshot {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn cursor<'s>(&'s self, view: &'s FeatureView) -> Result<Box<dyn Cursor + 's>> {
        Ok(Box::new(MemoryCursor { state: &self.state, now: self.now, view, found: None }))
    }

    fn ordered_cursor<'s>(&'s self, view: &'s FeatureView, _finds: u64) -> Result<Box<dyn Cursor + 's>> {
        self.cursor(view)
    }

    fn scan<'s>(&'s self, view: &'s FeatureView, range: &KeyRange) -> Result<Box<dyn Scan + 's>> {
        let keys = self.state.rows.keys().filter(|(id, key)| *id == view.id && range.contains(key));
        let rows = keys.flat_map(|(_, key)| {
            let versions = self.state.visible(view, key, self.now).into_iter().rev();
            versions.map(|(version, row)| (key.clone(), version, row))
        });
        Ok(Box::new(MemoryScan { rows: rows.collect(), next: 0 }))
    }

    fn versions_estimate(&self, view: &FeatureView) -> Result<u64> {
        let versions = self.state.rows.iter().filter(|((id, _), _)| *id == view.id).map(|(_, versions)| versions.len());
        Ok(versions.sum::<usize>() as u64)
    }

    fn split(&self, view: &FeatureView, parts: usize) -> Result<Vec<KeyRange>> {
        let keys: Vec<_> = self.state.rows.keys().filter(|(id, _)| *id == view.id).map(|(_, key)| key).collect();
        let each = keys.len().div_ceil(parts.max(1)).max(1);
        let mut starts: Vec<Option<Vec<u8>>> = keys.chunks(each).skip(1).map(|c| Some(c[0].clone())).collect();
        starts.insert(0, None);
        let ends = starts.iter().skip(1).cloned().chain([None]);
        Ok(starts.iter().cloned().zip(ends).map(|(start, end)| KeyRange { start, end }).collect())
    }
}

struct MemoryCursor<'s> {
    state: &'s State,
    now: Timestamp,
    view: &'s FeatureView,
    found: Option<(Version, Arc<[u8]>)>,
}

impl Cursor for MemoryCursor<'_> {
    fn cutoff(&self) -> Timestamp {
        self.view.cutoff(self.now)
    }

    fn find(&mut self, key: &[u8], at: Timestamp, known_at: Option<Timestamp>) -> Result<Option<Found<'_>>> {
        self.found = self.state.as_of(self.view, key, at, known_at, self.now);
        Ok(self.found.as_ref().map(|(version, row)| Found { version: *version, row }))
    }

    fn each(
        &mut self,
        key: &[u8],
        events: RangeInclusive<Timestamp>,
        known_at: Option<Timestamp>,
        visit: &mut VisitVersion<'_>,
    ) -> Result<()> {
        let visible = self.state.visible(self.view, key, self.now).into_iter().rev();
        let is_asked =
            |version: Version| version.event >= *events.start() && version.is_visible(*events.end(), known_at);
        for (version, row) in visible.filter(|(version, _)| is_asked(*version)) {
            if visit(Found { version, row: &row })?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn each_event(
        &mut self,
        entity_key: &[u8],
        events: RangeInclusive<Timestamp>,
        known_at: Option<Timestamp>,
        visit: &mut VisitVersion<'_>,
    ) -> Result<()> {
        let MemoryCursor { state, now, .. } = self;
        let of_entity = state.rows.keys().filter(|(id, key)| *id == self.view.id && entity_of(*id, key) == entity_key);
        // Their keys are in the order of the visits.
        for (_, key) in of_entity {
            let newest = state.as_of(self.view, key, Timestamp::MAX, known_at, *now);
            let Some((version, row)) = newest.filter(|(version, _)| events.contains(&version.event)) else { continue };
            if row::kind(&row)? != RowKind::Tombstone && visit(Found { version, row: &row })?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn each_event_version(
        &mut self,
        entity_key: &[u8],
        events: RangeInclusive<Timestamp>,
        visit: &mut VisitEventVersion<'_>,
    ) -> Result<()> {
        let of_entity =
            self.state.rows.keys().filter(|(id, key)| *id == self.view.id && entity_of(*id, key) == entity_key);
        for (_, key) in of_entity {
            let versions = self.state.visible(self.view, key, self.now).into_iter().rev().enumerate();
            for (place, (version, row)) in versions.filter(|(_, (version, _))| events.contains(&version.event)) {
                if visit(EventVersion { version, row: &row, is_greatest: place == 0 })?.is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

struct MemoryScan {
    rows: Vec<(Vec<u8>, Version, Arc<[u8]>)>,
    next: usize,
}

impl Scan for MemoryScan {
    fn next(&mut self) -> Result<Option<Scanned<'_>>> {
        let row = self.rows.get(self.next);
        self.next += 1;
        Ok(row.map(|(key, version, row)| Scanned { key, version: *version, row }))
    }
}
