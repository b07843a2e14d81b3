//! Reading everything: whether it can be read, and whether `latest` is what `history` says.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rocksdb::{ColumnFamily, DBRawIterator, ReadOptions};

use super::error::from_rocks;
use super::scan::key_parts;
use super::store::Store;
use super::stored;
use super::verify_indexes::IndexSums;
use crate::backend::Verified;
use crate::catalog::FeatureView;
use crate::error::{Error, Result};
use crate::key;
use crate::row::{self, RowKind, RowRef};
use crate::schema::RowLayout;
use crate::stop::{Steps, Stop};
use crate::time::Timestamp;
use crate::value::Value;
use crate::version::Version;

/// Problems that are kept; after so many the store is to be restored, not mended.
const PROBLEMS_MAX: usize = 100;

const READAHEAD_BYTES: usize = 4 << 20;

/// The pauses in which to wait for a bulk load that is being taken over, which is a matter of milliseconds.
const SETTLING_PAUSE: Duration = Duration::from_millis(10);
const SETTLING_PAUSES_MAX: usize = 500;

/// Checks the files against the floor, and the state as of now. Rows that retention hides are checked where they are
/// still there.
pub(super) fn verify(store: &Store, stop: &Stop) -> Result<Verified> {
    let live = || store.database.rocks.live_files().unwrap_or_default();
    let is_live = |number: u64| live().iter().any(|file| file.name.ends_with(&format!("/{number:06}.sst")));
    let problems = store.floor.verify(is_live)?;
    let mut verified = verify_data(store, stop)?;
    verified.problems.splice(0..0, problems);
    verified.problems.truncate(PROBLEMS_MAX);
    Ok(verified)
}

/// Reads everything: whether it can be read, and whether `latest` agrees with `history`.
pub(super) fn verify_data(store: &Store, stop: &Stop) -> Result<Verified> {
    let state = settled_state(store, stop)?;
    let known = store.present.known();
    let views = known.catalog.views().chain(known.catalog.indexes());
    let views = views.map(|view| (view.id, Checked::new(view, store.present.now())));
    let indexes = IndexSums::new(&known.catalog)?;
    let mut check = Check { store, stop, state, views: views.collect(), indexes, verified: Verified::default() };
    check.versions(store.database.history(), "history")?;
    check.versions(store.database.events(), "events")?;
    check.indexes.problems().into_iter().for_each(|problem| check.problem(problem));
    check.latest()?;
    Ok(check.verified)
}

/// Reads all of a store that has no floor, before it is given one: it was made by an older asofdb, or its floor was
/// lost. Returns what its operator should hear.
///
/// # Errors
/// `Corrupt` when something is wrong with it; `Unavailable` when it cannot be read.
pub(super) fn read_all(store: &Store) -> Result<String> {
    let verified = verify_data(store, &Stop::NEVER)?;
    match verified.problems.split_first() {
        None => Ok(format!(
            "the store had no floor, by which lost writes are noticed: all of it was read ({} versions, none damaged), \
             and it has one now",
            verified.versions
        )),
        Some((first, rest)) => Err(Error::corrupt(format!(
            "the store is damaged: {first}; and {} more; restore a checkpoint of it, or let `asof repair` open it with \
             what is left",
            rest.len()
        ))),
    }
}

/// A state between bulk loads, one of which may be in `history` and not yet in `latest`.
fn settled_state<'s>(store: &'s Store, stop: &Stop) -> Result<rocksdb::Snapshot<'s>> {
    for _ in 0..SETTLING_PAUSES_MAX {
        stop.check()?;
        if let Some(mark) = store.online.gate().mark() {
            let state = store.database.rocks.snapshot();
            if store.online.gate().held(mark) {
                return Ok(state);
            }
        }
        std::thread::sleep(SETTLING_PAUSE);
    }
    Err(Error::unavailable("a bulk load is not finished; open the store again to finish it"))
}

/// A view, with what its rows are checked by.
struct Checked {
    view: Arc<FeatureView>,
    layouts: Vec<RowLayout>,
    cutoff: Timestamp,
}

impl Checked {
    fn new(view: &Arc<FeatureView>, now: Timestamp) -> Self {
        Checked { view: view.clone(), layouts: view.layouts(), cutoff: view.cutoff(now) }
    }

    /// Returns whether compaction may have taken a version from one family and not yet from the other; a late row may
    /// then be the newest of the one but not of the other. No read sees any of them.
    fn may_be_gone(&self, version: Version) -> bool {
        !self.view.keep_newest && version.event < self.cutoff
    }

    fn check_row(&self, row_key: &[u8], bytes: &[u8]) -> Result<()> {
        key::decode_values(&self.view.key_types(), key::entity_of(self.view.id, row_key))?;
        if row::kind(bytes)? == RowKind::Tombstone && !row::is_deletion_with_values(bytes) {
            return Ok(());
        }
        let schema = row::schema_of(bytes)?;
        let layout = self.layouts.iter().find(|layout| layout.version() == schema);
        let layout = layout.ok_or_else(|| Error::corrupt(format!("a row has an unknown schema version: {schema}")))?;
        let row = RowRef::new(layout, bytes)?;
        for slot in layout.slots() {
            if let Some(value) = row.get(slot)? {
                Value::decode(slot.ty, value)?;
            }
        }
        Ok(())
    }
}

pub(super) struct Check<'s> {
    store: &'s Store,
    stop: &'s Stop,
    state: rocksdb::Snapshot<'s>,
    views: HashMap<u32, Checked>,
    indexes: IndexSums,
    verified: Verified,
}

impl Check<'_> {
    /// The way to read all of a family once.
    pub(super) fn options() -> ReadOptions {
        let mut options = ReadOptions::default();
        options.set_total_order_seek(true);
        options.fill_cache(false);
        options.set_readahead_size(READAHEAD_BYTES);
        options
    }

    /// Every version of a family.
    fn versions(&mut self, family: &ColumnFamily, name: &str) -> Result<()> {
        let mut raw = self.store.database.rocks.raw_iterator_cf_opt(family, self.at_state());
        raw.seek_to_first();
        let (mut row, mut steps) = (Vec::new(), Steps::new(self.stop));
        while let Some((found, bytes)) = raw.item() {
            steps.step()?;
            match key_parts(found) {
                Ok((view, row_key, version)) => {
                    let prefix = key::row_prefix(found);
                    let entity = &prefix[..size_of_val(&view) + key::entity_of(view, row_key).len()];
                    let (is_newest, is_entity) = (row != prefix, !row.starts_with(entity));
                    if is_newest {
                        row.clear();
                        row.extend_from_slice(prefix);
                    }
                    self.version(view, row_key, version, bytes, is_newest, is_entity);
                }
                Err(error) => self.problem(format!("{name}: {error}")),
            }
            raw.next();
        }
        self.end(&raw, name)
    }

    fn at_state(&self) -> ReadOptions {
        let mut options = Self::options();
        options.set_snapshot(&self.state);
        options
    }

    /// Checks where reading ended: at the end, or at bytes that cannot be read.
    fn end(&mut self, raw: &DBRawIterator<'_>, family: &str) -> Result<()> {
        let Err(error) = raw.status() else { return Ok(()) };
        let error = from_rocks("cannot read the store", error);
        match error.kind() {
            crate::error::ErrorKind::Corrupt => {
                self.problem(format!("{family}: {error:#}"));
                Ok(())
            }
            _ => Err(error),
        }
    }

    fn version(&mut self, view: u32, row_key: &[u8], version: Version, bytes: &[u8], is_newest: bool, is_entity: bool) {
        // Rows of dropped views, and sentinels, wait for compaction.
        let Some(checked) = self.views.get(&view) else { return };
        if !self.indexes.is_index(view) {
            self.verified.versions += 1;
            self.verified.entities += u64::from(is_entity);
        }
        let added = match version.event >= checked.cutoff {
            true => self.indexes.add(view, row_key, version, bytes),
            false => Ok(()),
        };
        let name = checked.view.name.clone();
        if let Err(error) = checked.check_row(row_key, bytes).and(added) {
            self.problem(format!(
                "history of view {name:?}, entity {row_key:02x?}, version {}: {error:#}",
                version.event
            ));
        }
        let is_in_latest = is_newest && !key::holds_events(view);
        let disagreement = is_in_latest.then(|| self.newest(view, row_key, version, bytes)).flatten();
        disagreement.into_iter().for_each(|problem| self.problem(problem));
    }

    /// Compares the greatest version of a row with what `latest` has; says what is wrong.
    fn newest(&self, view: u32, entity: &[u8], version: Version, bytes: &[u8]) -> Option<String> {
        let checked = self.views.get(&view)?;
        let name = &checked.view.name;
        let mut latest_key = Vec::new();
        key::latest_key(checked.view.key_space, entity, view, &mut latest_key);
        let stored = match self.state.get_pinned_cf(self.store.database.latest(), &latest_key) {
            Ok(stored) => stored,
            Err(error) => return Some(format!("latest of view {name:?}, entity {entity:02x?}: {error}")),
        };
        let agrees = match stored.as_deref().map(stored::decode).transpose() {
            Ok(Some(found)) => {
                (found.version == version && found.row == bytes) || checked.may_be_gone(found.version.max(version))
            }
            Ok(None) => checked.may_be_gone(version),
            Err(_) => false,
        };
        (!agrees).then(|| format!("latest of view {name:?} disagrees with history, entity {entity:02x?}"))
    }

    /// Rows of `latest` without any history. The others were compared on the way through `history`.
    fn latest(&mut self) -> Result<()> {
        let store = self.store;
        let mut raw = store.database.rocks.raw_iterator_cf_opt(store.database.latest(), self.at_state());
        let mut options = self.at_state();
        options.fill_cache(true);
        let mut history = store.database.rocks.raw_iterator_cf_opt(store.database.history(), options);
        raw.seek_to_first();
        let mut steps = Steps::new(self.stop);
        while let Some((found, value)) = raw.item() {
            steps.step()?;
            if let Some(problem) = self.orphan(&mut history, found, value) {
                self.problem(problem);
            }
            raw.next();
        }
        self.end(&raw, "latest")
    }

    fn orphan(&self, history: &mut DBRawIterator<'_>, found: &[u8], value: &[u8]) -> Option<String> {
        let Some((_, entity, view)) = key::split_latest_key(found) else {
            return Some(format!("latest: a key is cut short: {} bytes", found.len()));
        };
        let checked = self.views.get(&view)?;
        let name = &checked.view.name;
        let version = match stored::decode(value) {
            Ok(found) => found.version,
            Err(error) => return Some(format!("latest of view {name:?}, entity {entity:02x?}: {error}")),
        };
        let mut prefix = Vec::new();
        key::version_prefix(view, entity, &mut prefix);
        history.seek(&prefix);
        let has_history = history.key().is_some_and(|key| key.starts_with(&prefix));
        if let Err(error) = history.status() {
            return Some(format!("history of view {name:?}, entity {entity:02x?}: {error}"));
        }
        match has_history || checked.may_be_gone(version) {
            true => None,
            false => Some(format!("latest of view {name:?} has a row without history, entity {entity:02x?}")),
        }
    }

    fn problem(&mut self, problem: String) {
        if self.verified.problems.len() < PROBLEMS_MAX {
            self.verified.problems.push(problem);
        }
    }
}
