//! The writes to each view: how many, and for large loads, of which rows.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::order::Sorted;

/// Bytes of the keys of rows that are noted for one load. Beyond it the load goes by all of its rows.
const NOTED_BYTES_MAX: usize = 4 << 20;

/// Counts the commits that touched each view, so that a bulk load notices those it was prepared without.
#[derive(Default)]
pub(super) struct ViewWrites(Mutex<Writes>);

#[derive(Default)]
struct Writes {
    counts: HashMap<u32, u64>,
    /// What large loads that are under way have asked for, by their number.
    watches: HashMap<u64, Watch>,
    watches_before: u64,
}

struct Watch {
    view: u32,
    touched: Touched,
}

/// The rows of a view that others wrote while a load was prepared.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Touched {
    /// Rows with these keys got newer versions, and no others were changed.
    Rows(Vec<Vec<u8>>),
    /// Any row may have changed.
    Any,
}

impl Writes {
    fn count(&mut self, view: u32) {
        *self.counts.entry(view).or_default() += 1;
    }
}

impl ViewWrites {
    /// Says that some rows of some views were changed.
    pub(super) fn touch(&self, views: impl IntoIterator<Item = u32>) {
        let mut writes = self.0.lock();
        for view in views {
            writes.count(view);
            let watches = writes.watches.values_mut().filter(|watch| watch.view == view);
            watches.for_each(|watch| watch.touched = Touched::Any);
        }
    }

    /// Says that versions were added.
    pub(super) fn add(&self, views: impl IntoIterator<Item = u32>, sorted: &Sorted<'_>) {
        let mut writes = self.0.lock();
        views.into_iter().for_each(|view| writes.count(view));
        for Watch { view, touched } in writes.watches.values_mut() {
            let rows = sorted.newest().map(|index| sorted.newest_row(index).of).filter(|of| of.view == *view);
            rows.for_each(|of| touched.note(of.key));
        }
    }

    pub(super) fn counts(&self, views: &[u32]) -> Vec<u64> {
        let writes = self.0.lock();
        views.iter().map(|view| writes.counts.get(view).copied().unwrap_or_default()).collect()
    }

    /// Returns whether anybody wants to know which rows are written.
    pub(super) fn are_watched(&self) -> bool {
        !self.0.lock().watches.is_empty()
    }

    /// Begins to note the rows of a view that are written, until the answer is dropped.
    pub(super) fn watch(&self, view: u32) -> Watching<'_> {
        let mut writes = self.0.lock();
        writes.watches_before += 1;
        let number = writes.watches_before;
        writes.watches.insert(number, Watch { view, touched: Touched::Rows(Vec::new()) });
        Watching { writes: self, number }
    }

    /// Takes what was noted for a watch since it began, or since it was taken before.
    pub(super) fn take(&self, number: u64) -> Touched {
        let mut writes = self.0.lock();
        let nothing = Touched::Rows(Vec::new());
        writes.watches.get_mut(&number).map_or(Touched::Any, |watch| std::mem::replace(&mut watch.touched, nothing))
    }
}

impl Touched {
    fn note(&mut self, key: &[u8]) {
        let Touched::Rows(keys) = self else { return };
        let bytes = |key: &[u8]| key.len() + size_of::<Vec<u8>>();
        // All keys count as much as this one: they are of one view.
        match (keys.len() + 1) * bytes(key) > NOTED_BYTES_MAX {
            true => *self = Touched::Any,
            false => keys.push(key.to_vec()),
        }
    }
}

/// The noting of writes for one load.
pub(super) struct Watching<'w> {
    writes: &'w ViewWrites,
    number: u64,
}

impl Watching<'_> {
    /// The number by which what was noted is taken.
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        self.writes.0.lock().watches.remove(&self.number);
    }
}
