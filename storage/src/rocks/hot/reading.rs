//! One read: from the hot table what is there, and the rest from `latest`.

use asofdb_hot::{Hot, Looked};

use super::policies::{Now, Policies};
use super::words::{found, of_version};
use crate::backend::{Found, LookedUp, Lookup, Visit};
use crate::error::Result;
use crate::hot_policy::HotPolicy;
use crate::rocks::online::RocksOnline;
use crate::time::Timestamp;

/// Newest versions, one a lookup.
type Versions<'n> = dyn Fn(usize) -> Option<Found<'n>> + 'n;

/// The lookups that are looked for in the table, in their order; `None`: all of them.
struct Asked(Option<Vec<usize>>);

impl Asked {
    #[inline]
    fn of(lookups: &[Lookup<'_>]) -> Self {
        let is_asked = |lookup: &Lookup<'_>| lookup.view.hot != HotPolicy::Never;
        match lookups.iter().all(is_asked) {
            true => Asked(None),
            false => Asked(Some((0..lookups.len()).filter(|index| is_asked(&lookups[*index])).collect())),
        }
    }

    /// The place of a lookup among those that were looked for, if it is one.
    fn place(&self, lookup: usize) -> Option<usize> {
        match &self.0 {
            None => Some(lookup),
            Some(asked) => asked.binary_search(&lookup).ok(),
        }
    }
}

/// One read.
pub(super) struct Reading<'r> {
    pub(super) policies: &'r Policies,
    pub(super) table: &'r asofdb_hot::Table,
    pub(super) latest: &'r RocksOnline,
    pub(super) lookups: &'r [Lookup<'r>],
    pub(super) at: Timestamp,
}

impl Reading<'_> {
    pub(super) fn answer(&self, looked: &mut Looked, visit: &mut Visit<'_>) -> Result<LookedUp> {
        let Some(mark) = self.latest.gate().mark() else { return Ok(LookedUp::Declined) };
        let asked = Asked::of(self.lookups);
        match &asked.0 {
            None => self.table.look(self.lookups.iter().map(|lookup| (lookup.view.id, lookup.key)), looked),
            Some(none) if none.is_empty() => return self.latest.answer(self.lookups, self.at, visit),
            Some(some) => {
                let lookups = some.iter().map(|index| &self.lookups[*index]);
                self.table.look(lookups.map(|lookup| (lookup.view.id, lookup.key)), looked);
            }
        }
        let looked = &*looked;
        if looked.is_changing() {
            return self.latest.answer(self.lookups, self.at, visit);
        }
        let unknown = self.unknown(looked, &asked);
        if !unknown.is_empty() {
            return self.answer_some(looked, &asked, &unknown, mark, visit);
        }
        if !self.table.is_still(looked) {
            return self.latest.answer(self.lookups, self.at, visit);
        }
        self.give(&|index| known(looked, index), mark, visit)
    }

    /// The lookups that `latest` must be asked for.
    #[inline]
    fn unknown(&self, looked: &Looked, asked: &Asked) -> Vec<usize> {
        let is_unknown = |place: usize| looked.get(place) == Hot::Unknown;
        match &asked.0 {
            None => looked.unknown().collect(),
            Some(_) => {
                let lookups = 0..self.lookups.len();
                lookups.filter(|lookup| asked.place(*lookup).is_none_or(is_unknown)).collect()
            }
        }
    }

    /// Answers where `latest` must be asked for some of the rows.
    fn answer_some(
        &self,
        looked: &Looked,
        asked: &Asked,
        unknown: &[usize],
        mark: u64,
        visit: &mut Visit<'_>,
    ) -> Result<LookedUp> {
        let lookups: Vec<_> = unknown.iter().map(|index| self.lookups[*index]).collect();
        let answered = self.latest.read(&lookups, &mut |stored| {
            if !self.table.is_still(looked) {
                return Ok(None);
            }
            let newest = |index: usize| match unknown.binary_search(&index) {
                Ok(of_stored) => stored[of_stored],
                Err(_) => asked.place(index).and_then(|place| known(looked, place)),
            };
            let given = self.give(&newest, mark, visit)?;
            let policies = self.policies.now();
            for ((index, lookup), stored) in unknown.iter().zip(&lookups).zip(stored) {
                if let Some(place) = asked.place(*index) {
                    self.fill(looked, place, lookup, *stored, &policies);
                }
            }
            Ok(Some(given))
        })?;
        match answered {
            Some(answered) => Ok(answered),
            None => self.latest.answer(self.lookups, self.at, visit),
        }
    }

    /// Fills in what `latest` said of a row. The policies are those of after the look: a change of them since has cleared
    /// the table, and nothing is filled in.
    fn fill(&self, looked: &Looked, place: usize, lookup: &Lookup<'_>, stored: Option<Found<'_>>, policies: &Now) {
        let (key, row) = ((lookup.view.id, lookup.key), stored.map(|stored| of_version(stored.version, stored.row)));
        match policies.of(lookup.view.id) {
            HotPolicy::Auto => self.table.fill(looked, place, key, row),
            HotPolicy::Pin => self.table.fill_pinned(looked, place, key, row),
            HotPolicy::Never => {}
        }
    }

    fn give(&self, newest: &Versions<'_>, mark: u64, visit: &mut Visit<'_>) -> Result<LookedUp> {
        self.latest.give(self.lookups, newest, self.at, Some(mark), visit)
    }
}

/// What the table knows of a row.
fn known(looked: &Looked, place: usize) -> Option<Found<'_>> {
    match looked.get(place) {
        Hot::Row(row) => Some(found(row)),
        Hot::Absent | Hot::Unknown => None,
    }
}
