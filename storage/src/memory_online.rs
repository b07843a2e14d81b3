//! The in-memory table of newest versions: the executable specification of [`Online`].

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::backend::{Found, LookedUp, Lookup, NewestRow, Online, RowKey, Visit};
use crate::error::Result;
use crate::time::Timestamp;
use crate::version::Version;

/// A version with its row.
type Kept = (Version, Arc<[u8]>);

#[derive(Default)]
struct State {
    /// The newest rows, by view and entity key.
    rows: BTreeMap<(u32, Vec<u8>), Kept>,
    suspensions: usize,
}

/// A table of newest versions in memory, by itself. Nothing survives it.
#[derive(Default)]
pub struct MemoryOnline {
    state: RwLock<State>,
}

impl MemoryOnline {
    /// An empty table.
    pub fn new() -> Self {
        MemoryOnline::default()
    }
}

impl State {
    /// The newest version of each row asked for; `None` when the table may not answer.
    fn newest(&self, lookups: &[Lookup<'_>], at: Timestamp) -> Option<Vec<Option<Kept>>> {
        if self.suspensions > 0 {
            return None;
        }
        let newest = lookups.iter().map(|lookup| self.rows.get(&(lookup.view.id, lookup.key.to_vec())).cloned());
        let newest: Vec<_> = newest.collect();
        newest.iter().flatten().all(|(version, _)| version.event <= at).then_some(newest)
    }
}

impl Online for MemoryOnline {
    fn look_up(&self, lookups: &[Lookup<'_>], at: Timestamp, visit: &mut Visit<'_>) -> Result<LookedUp> {
        let Some(newest) = self.state.read().newest(lookups, at) else { return Ok(LookedUp::Declined) };
        for (index, (lookup, newest)) in lookups.iter().zip(&newest).enumerate() {
            let seen = newest.as_ref().filter(|(version, _)| lookup.shows(*version, at));
            visit(index, seen.map(|(version, row)| Found { version: *version, row }))?;
        }
        Ok(LookedUp::Answered)
    }

    fn put(&self, rows: &[NewestRow<'_>]) -> Result<()> {
        let mut state = self.state.write();
        for row in rows {
            let key = (row.of.view, row.of.key.to_vec());
            if state.rows.get(&key).is_none_or(|(newest, _)| *newest <= row.version) {
                state.rows.insert(key, (row.version, row.row.into()));
            }
        }
        Ok(())
    }

    fn forget(&self, rows: &[RowKey<'_>]) -> Result<()> {
        let mut state = self.state.write();
        for row in rows {
            state.rows.remove(&(row.view, row.key.to_vec()));
        }
        Ok(())
    }

    fn forget_views(&self, views: &[u32]) -> Result<()> {
        self.state.write().rows.retain(|(view, _), _| !views.contains(view));
        Ok(())
    }

    fn suspend(&self) {
        self.state.write().suspensions += 1;
    }

    fn resume(&self) {
        let mut state = self.state.write();
        state.suspensions = state.suspensions.saturating_sub(1);
    }
}
