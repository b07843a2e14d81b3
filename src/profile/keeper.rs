//! The keeper of statistics: what is erased meanwhile must not come back in them.

use std::collections::BTreeMap;

use asofdb_storage::{Error, Result};
use parking_lot::Mutex;

/// Erasures of entities, by view, as far as they concern statistics that are being taken or kept.
#[derive(Debug, Default)]
pub(crate) struct ProfileKeeper {
    erasures: Mutex<BTreeMap<u32, Erasures>>,
}

/// The erasures of one view.
#[derive(Debug, Clone, Copy, Default)]
struct Erasures {
    begun: u64,
    ended: u64,
}

/// A mark of when the reading of a view began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun {
    view: u32,
    erasures: u64,
}

impl ProfileKeeper {
    /// Marks the beginning of a reading.
    pub(super) fn begin(&self, view: u32) -> Begun {
        // One that is under way counts as one that is yet to come.
        let erasures = self.erasures.lock().get(&view).map_or(0, |erasures| erasures.ended);
        Begun { view, erasures }
    }

    /// Keeps what was read, by `keep`, unless something of the view was erased since it began.
    ///
    /// # Errors
    /// `Conflict` if it was; else what `keep` returns.
    pub(super) fn keep(&self, begun: Begun, name: &str, keep: impl FnOnce() -> Result<()>) -> Result<()> {
        let erasures = self.erasures.lock();
        let since = erasures.get(&begun.view).map_or(0, |erasures| erasures.begun);
        match since == begun.erasures {
            true => keep(),
            false => Err(Error::conflict(format!(
                "an entity of {name:?} was erased while its statistics were taken; take them again"
            ))),
        }
    }

    /// Begins an erasure from views: `forget` forgets their statistics, and none are kept until it ends, by dropping
    /// what is returned, but those that are taken after that.
    ///
    /// # Errors
    /// What `forget` returns.
    pub(super) fn erase(&self, views: Vec<u32>, forget: impl FnOnce() -> Result<()>) -> Result<Erasing<'_>> {
        let mut erasures = self.erasures.lock();
        views.iter().for_each(|view| erasures.entry(*view).or_default().begun += 1);
        let erasing = Erasing { keeper: self, views };
        let forgotten = forget();
        drop(erasures);
        forgotten.map(|()| erasing)
    }
}

/// An erasure, until this is dropped.
#[derive(Debug)]
pub(crate) struct Erasing<'k> {
    keeper: &'k ProfileKeeper,
    views: Vec<u32>,
}

impl Drop for Erasing<'_> {
    fn drop(&mut self) {
        let mut erasures = self.keeper.erasures.lock();
        self.views.iter().for_each(|view| erasures.entry(*view).or_default().ended += 1);
    }
}

#[cfg(test)]
mod tests {
    use asofdb_storage::ErrorKind;

    use super::*;

    fn kept(keeper: &ProfileKeeper, begun: Begun) -> bool {
        let mut is_kept = false;
        let kept = keeper.keep(begun, "v", || {
            is_kept = true;
            Ok(())
        });
        assert_eq!(kept.is_ok(), is_kept);
        kept.inspect_err(|error| assert_eq!(error.kind(), ErrorKind::Conflict)).is_ok()
    }

    #[test]
    fn what_was_read_before_or_during_an_erasure_is_not_kept() {
        let keeper = ProfileKeeper::default();
        let (before, other) = (keeper.begin(1), keeper.begin(2));
        assert!(kept(&keeper, before));
        let erasing = keeper.erase(vec![1], || Ok(())).unwrap();
        let during = keeper.begin(1);
        assert!(!kept(&keeper, before) && !kept(&keeper, during));
        drop(erasing);
        assert!(!kept(&keeper, before) && !kept(&keeper, during));
        assert!(kept(&keeper, keeper.begin(1)) && kept(&keeper, other));
    }

    #[test]
    fn two_erasures_at_once_both_count_and_one_that_fails_ends() {
        let keeper = ProfileKeeper::default();
        let first = keeper.erase(vec![1], || Ok(())).unwrap();
        let second = keeper.erase(vec![1], || Ok(())).unwrap();
        drop(first);
        let during = keeper.begin(1);
        drop(second);
        assert!(!kept(&keeper, during));
        assert!(keeper.erase(vec![1], || Err(Error::unavailable("full"))).is_err());
        assert!(kept(&keeper, keeper.begin(1)));
    }
}
