//! Counts of the writes to each view.

use std::collections::HashMap;

use parking_lot::Mutex;

/// Counts the commits that touched each view, so that a bulk load notices those it was prepared without.
#[derive(Default)]
pub(super) struct ViewWrites(Mutex<HashMap<u32, u64>>);

impl ViewWrites {
    pub(super) fn touch(&self, views: impl IntoIterator<Item = u32>) {
        let mut writes = self.0.lock();
        views.into_iter().for_each(|view| *writes.entry(view).or_default() += 1);
    }

    pub(super) fn counts(&self, views: &[u32]) -> Vec<u64> {
        let writes = self.0.lock();
        views.iter().map(|view| writes.get(view).copied().unwrap_or_default()).collect()
    }
}
