//! Reading tiles in a fold.

use asofdb_aggregate::Partial;
use asofdb_storage::tile::{LEVELS, TileKey, place_of, unit_slots, unit_start, unit_that_ends};
use asofdb_storage::{Result, State};

use crate::windows::plan::FoldPlan;
use crate::windows::tile::{TileHead, UnitHead};
use crate::windows::tiling::Tiling;
use crate::windows::tree::Tree;

/// The tiles of one entity after the other, each read once, in one state.
pub(crate) struct Tiles<'s> {
    state: &'s dyn State,
    events: u32,
    tiling: &'s Tiling,
    memory: &'s mut TileMemory,
}

/// The memory of [`Tiles`], made for one plan.
pub(crate) struct TileMemory {
    /// By level: the tile that was read last.
    loaded: [Loaded; LEVELS],
    scratch: Vec<Partial>,
}

/// The tile of a level that was read last.
#[derive(Default)]
struct Loaded {
    /// Its number; `None` before the first one of an entity.
    number: Option<i64>,
    /// True if there is such a tile.
    is_there: bool,
    content: Vec<u8>,
    head: TileHead,
    /// The units that were read.
    read: usize,
}

/// A unit that a tile has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored {
    level: usize,
    unit: i64,
    place: u32,
    /// The time before it, which is not in it.
    pub(super) start: i64,
    /// The newest event that counts.
    pub(super) newest: Option<i64>,
}

/// The part of time that a fold asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'q> {
    pub(super) key: &'q [u8],
    /// The end of the unit.
    pub(super) end: i64,
    /// The unit may not begin before it.
    pub(super) start: i64,
    /// The time up to which what was created is known.
    pub(super) known: i64,
}

impl TileMemory {
    /// Memory for a plan.
    pub(crate) fn new(plan: &FoldPlan, tiling: &Tiling) -> Self {
        let scratch = tiling.partials.iter().map(|partial| plan.partials[*partial].empty.clone()).collect();
        TileMemory { loaded: Default::default(), scratch }
    }

    /// The bytes that it keeps, about.
    pub(super) fn bytes(&self) -> usize {
        let loaded = self.loaded.iter().map(|loaded| loaded.content.capacity()).sum::<usize>();
        loaded + self.scratch.iter().map(Partial::memory_bytes).sum::<usize>()
    }
}

impl<'s> Tiles<'s> {
    /// The tiles of a fold in one state, with memory that was made for the plan.
    pub(crate) fn new(
        state: &'s dyn State,
        plan: &'s FoldPlan,
        tiling: &'s Tiling,
        memory: &'s mut TileMemory,
    ) -> Self {
        let mut tiles = Tiles { state, events: plan.from.id, tiling, memory };
        tiles.begin();
        tiles
    }

    /// The content of the tiles.
    pub(super) fn tiling(&self) -> &'s Tiling {
        self.tiling
    }

    /// The id of the window view.
    pub(crate) fn windows(&self) -> u32 {
        self.tiling.windows
    }

    /// Goes on to another question.
    pub(super) fn begin(&mut self) {
        self.memory.loaded.iter_mut().for_each(|loaded| loaded.number = None);
    }

    /// The largest unit that ends where it is wanted, if a tile has one.
    ///
    /// # Errors
    /// `Corrupt` when a tile cannot be read.
    pub(super) fn find(&mut self, wanted: Wanted<'_>) -> Result<Option<Stored>> {
        for level in (0..LEVELS).rev() {
            let Some(unit) = unit_that_ends(level, wanted.end) else { continue };
            let start = unit_start(level, unit);
            if start < wanted.start {
                continue;
            }
            let (number, place) = place_of(level, unit);
            if let Some(head) = self.unit(wanted.key, level, number, place)?.filter(|head| head.created <= wanted.known)
            {
                return Ok(Some(Stored { level, unit, place, start, newest: head.newest }));
            }
        }
        Ok(None)
    }

    fn unit(&mut self, key: &[u8], level: usize, number: i64, place: u32) -> Result<Option<UnitHead>> {
        let loaded = &mut self.memory.loaded[level];
        if loaded.number != Some(number) {
            let key = TileKey { events: self.events, entity: key, windows: self.tiling.windows, level, tile: number };
            loaded.number = Some(number);
            loaded.read = 0;
            loaded.is_there = self.state.tile(&key, &mut loaded.content)?
                && loaded.head.read(&loaded.content, self.tiling.print, self.tiling.count, &self.tiling.places)?;
        }
        match loaded.is_there && loaded.head.has(place) {
            true => loaded.head.unit(&loaded.content, place).map(Some),
            false => Ok(None),
        }
    }

    /// Merges a unit that was found last into what was folded before, which is newer.
    ///
    /// # Errors
    /// `Corrupt` when it cannot be read.
    pub(super) fn merge(&mut self, stored: &Stored, tree: &mut Tree) -> Result<()> {
        let Stored { level, unit, place, .. } = *stored;
        let TileMemory { loaded, scratch } = &mut *self.memory;
        let loaded = &mut loaded[level];
        let order = loaded.head.order(place);
        while loaded.read <= order {
            loaded.head.next(&loaded.content, scratch)?;
            loaded.read += 1;
        }
        let sums = tree.unit(level, unit_slots(level, unit));
        for (partial, part) in self.tiling.partials.iter().zip(scratch.iter()) {
            sums[*partial].merge(part);
        }
        Ok(())
    }
}
