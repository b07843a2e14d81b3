//! The look-ups of a read.

use asofdb_storage::{AsOfLookup, Found, Lookup, Result, Timestamp};

use crate::read::sources::{SourcePlan, Sources};
use crate::rows::keys::EncodedKeys;

/// Takes what was found for a row and a source, with the time it is for.
pub(crate) type VisitRow<'v> = dyn FnMut(usize, usize, Timestamp, Option<Found<'_>>) -> Result<()> + 'v;

/// The look-ups of a read: row after row, in each row source after source; those without a key are left out.
pub(crate) struct Targets<'a> {
    sources: &'a [SourcePlan],
    groups: &'a [EncodedKeys],
    /// Only where some rows have no key are lookups numbered differently from cells.
    holes: Option<Vec<usize>>,
    count: usize,
}

impl<'a> Targets<'a> {
    pub(crate) fn new(sources: &'a Sources, groups: &'a [EncodedKeys]) -> Self {
        let sources = sources.looked_up();
        let asked = groups.first().map_or(0, EncodedKeys::len) * sources.len();
        let mut targets = Targets { sources, groups, holes: None, count: asked };
        if groups.iter().any(EncodedKeys::has_holes) {
            let keyed: Vec<usize> = (0..asked).filter(|cell| targets.get(*cell).is_some()).collect();
            targets.count = keyed.len();
            targets.holes = Some(keyed);
        }
        targets
    }

    /// The source and the key of a cell.
    #[inline]
    fn get(&self, cell: usize) -> Option<(&'a SourcePlan, &'a [u8])> {
        let source = &self.sources[cell % self.sources.len()];
        let key = self.groups[source.key_group].get(cell / self.sources.len())?;
        Some((source, key))
    }

    /// The cell of a lookup.
    #[inline]
    fn cell(&self, index: usize) -> usize {
        self.holes.as_ref().map_or(index, |keyed| keyed[index])
    }

    fn wanted(&self) -> impl Iterator<Item = (&'a SourcePlan, &'a [u8])> {
        (0..self.count).filter_map(|index| self.get(self.cell(index)))
    }

    pub(crate) fn lookups(&self) -> Vec<Lookup<'a>> {
        let mut lookups = Vec::with_capacity(self.count);
        lookups.extend(self.wanted().map(|(source, key)| Lookup { view: &source.view, key }));
        lookups
    }

    pub(crate) fn lookups_at(&self, at: Timestamp) -> Vec<AsOfLookup<'a>> {
        let mut lookups = Vec::with_capacity(self.count);
        lookups.extend(self.wanted().map(|(source, key)| AsOfLookup { view: &source.view, key, at }));
        lookups
    }

    /// The row and the source of a lookup.
    #[inline]
    pub(crate) fn place(&self, index: usize) -> (usize, usize) {
        let cell = self.cell(index);
        (cell / self.sources.len(), cell % self.sources.len())
    }

    #[inline]
    pub(crate) fn visit(
        &self,
        visit: &mut VisitRow<'_>,
        at: Timestamp,
        index: usize,
        found: Option<Found<'_>>,
    ) -> Result<()> {
        let (row, source) = self.place(index);
        visit(row, source, at, found)
    }
}
