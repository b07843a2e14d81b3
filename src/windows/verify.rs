//! Comparing tiles with the events that they were made of.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use asofdb_aggregate::Partial;
use asofdb_storage::tile::{TileKey, UNITS, unit_end, unit_start};
use asofdb_storage::{Backend, Catalog, Result, State, Stop, Timestamp};

use crate::windows::entity::EntityEvents;
use crate::windows::plan::FoldPlan;
use crate::windows::seal::{EVENTS_BYTES_MAX, unit_of_events};
use crate::windows::tile::{TileHead, TileUnit};
use crate::windows::tiling::Tiling;

/// Problems that are told; after so many more of them say nothing new.
const PROBLEMS_MAX: usize = 100;

/// Folds the events of every tile again, and tells where the tile has something else.
///
/// # Errors
/// `Unavailable` when the store cannot be read, or it was stopped.
pub(crate) fn problems(backend: &dyn Backend, stop: &Stop) -> Result<Vec<String>> {
    let catalog = backend.catalog();
    let (mut kinds, mut problems) = (HashMap::new(), Vec::new());
    backend.each_tile(&mut |key, content, state| {
        stop.check()?;
        let kind = match kinds.entry(key.windows) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(Kind::new(&catalog, key.windows)?),
        };
        let kind = kind.as_ref().filter(|kind| kind.plan.from.id == key.events);
        if let Some(problem) = kind.map_or(Ok(None), |kind| kind.problem(key, content, state))? {
            problems.push(problem);
            problems.truncate(PROBLEMS_MAX);
        }
        Ok(())
    })?;
    Ok(problems)
}

/// The tiles of one window view.
struct Kind {
    name: String,
    plan: FoldPlan,
    tiling: Tiling,
    empty: Vec<Partial>,
}

impl Kind {
    /// The tiles of the view of an id; `None` when it is dropped.
    fn new(catalog: &Catalog, windows: u32) -> Result<Option<Self>> {
        let Some(view) = catalog.view_by_id(windows) else { return Ok(None) };
        let plan = FoldPlan::of_tiles(catalog, view)?;
        let tiling = Tiling::of_all(view, &plan)?;
        let empty = plan.partials.iter().map(|partial| partial.empty.clone()).collect();
        Ok(Some(Kind { name: view.name.clone(), plan, tiling, empty }))
    }

    /// Says what is wrong with a tile, if anything.
    fn problem(&self, key: TileKey<'_>, content: &[u8], state: &dyn State) -> Result<Option<String>> {
        let problem = |what: &str| {
            let from = Timestamp::from_micros(unit_start(key.level, key.tile * UNITS[key.level]));
            format!("a tile of window view {:?} {what}, entity {:02x?}, from {from}", self.name, key.entity)
        };
        let mut head = TileHead::default();
        let units = match head.read(content, self.tiling.print, self.tiling.count, &self.tiling.places) {
            Ok(false) => return Ok(None),
            Ok(true) => head.units(content, UNITS[key.level], &self.empty),
            Err(error) => Err(error),
        };
        let Ok(units) = units else { return Ok(Some(problem("cannot be read"))) };
        let agrees = self.agrees(key, &units, state)?;
        Ok((!agrees).then(|| problem("disagrees with its events")))
    }

    fn agrees(&self, key: TileKey<'_>, units: &[Option<TileUnit>], state: &dyn State) -> Result<bool> {
        let mut cursor = state.events(&self.plan.from)?;
        let cutoff = cursor.cutoff().as_micros().saturating_sub(1);
        let mut events = EntityEvents::new(&self.plan, EVENTS_BYTES_MAX)?;
        for (place, stored) in units.iter().enumerate().filter_map(|(place, unit)| Some((place, unit.as_ref()?))) {
            let unit = key.tile * UNITS[key.level] + place as i64;
            let (start, end) = (unit_start(key.level, unit), unit_end(key.level, unit));
            // What is before the cut-off may be reclaimed, and no window reaches it.
            if start < cutoff {
                continue;
            }
            let span = Timestamp::from_micros(start + 1)..=Timestamp::from_micros(end);
            let is_read = events.load(&mut *cursor, key.entity, span)?;
            if is_read && !is_same(stored, &unit_of_events(&events, key.level, unit, &self.empty)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn is_same(a: &TileUnit, b: &TileUnit) -> bool {
    let encoded = |unit: &TileUnit| {
        let mut bytes = Vec::new();
        unit.partials.iter().for_each(|partial| partial.encode(&mut bytes));
        bytes
    };
    a.head == b.head && encoded(a) == encoded(b)
}
