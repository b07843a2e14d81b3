//! The rows that may lie in memory that other processes read.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use crate::backend::Lookup;

/// Everything may lie there: the memory is this process's own.
const ALL: u64 = 0;

/// Nothing may, until somebody says what may.
const NOTHING: u64 = 1;

/// All but some views may.
const SOME: u64 = 2;

/// Says which rows may lie in the hot table. Whoever has the memory reads all of it, so what only some may read does not
/// come there. The engine knows nothing of policies: after each change of the catalog nothing is shared before it is told.
#[derive(Default)]
pub(super) struct Sharing {
    state: AtomicU64,
    shared: RwLock<Shared>,
}

#[derive(Default)]
struct Shared {
    revision: u64,
    but: Vec<u32>,
}

impl Sharing {
    /// Follows the catalog: nothing is shared until it is told what of it may be.
    pub(super) fn follow(&self, revision: u64) {
        let mut shared = self.shared.write();
        *shared = Shared { revision, but: Vec::new() };
        self.state.store(NOTHING, Ordering::Release);
    }

    /// Shares all rows but those of some views, by this revision of the catalog; nothing happens where there is another by
    /// now.
    pub(super) fn share(&self, revision: u64, but: Vec<u32>) {
        let mut shared = self.shared.write();
        if self.state.load(Ordering::Acquire) == ALL || shared.revision != revision {
            return;
        }
        shared.but = but;
        self.state.store(SOME, Ordering::Release);
    }

    /// The views whose rows are not shared.
    pub(super) fn unshared(&self) -> Vec<u32> {
        self.shared.read().but.clone()
    }

    /// Returns whether all of some rows may lie in the table.
    #[inline]
    pub(super) fn permits(&self, lookups: &[Lookup<'_>]) -> bool {
        match self.state.load(Ordering::Acquire) {
            ALL => true,
            NOTHING => false,
            _ => {
                let but = &self.shared.read().but;
                but.is_empty() || lookups.iter().all(|lookup| !but.contains(&lookup.view.id))
            }
        }
    }
}
