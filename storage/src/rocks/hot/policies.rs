//! What the catalog says of the place of rows in the hot table.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;

use crate::catalog::Catalog;
use crate::hot_policy::HotPolicy;

/// The policies of the views that have another than the default, by their ids.
#[derive(Debug, Default)]
pub(super) struct Policies {
    /// True where there are any. Most stores have none, and their readers take no lock.
    are_any: AtomicBool,
    by_view: RwLock<Arc<ByView>>,
}

/// The policies at one moment.
#[derive(Debug, Default)]
pub(super) struct ByView(HashMap<u32, HotPolicy>);

impl ByView {
    pub(super) fn of(&self, view: u32) -> HotPolicy {
        self.0.get(&view).copied().unwrap_or_default()
    }
}

/// The policies that hold now; `None` where every view has the default.
#[derive(Debug, Clone)]
pub(in crate::rocks) struct Now(Option<Arc<ByView>>);

impl Now {
    #[inline]
    pub(in crate::rocks) fn of(&self, view: u32) -> HotPolicy {
        self.0.as_ref().map_or(HotPolicy::Auto, |by_view| by_view.of(view))
    }
}

impl Now {
    /// Returns whether any view is pinned.
    pub(super) fn has_pinned(&self) -> bool {
        self.0.as_ref().is_some_and(|by_view| by_view.0.values().any(|policy| *policy == HotPolicy::Pin))
    }
}

impl Policies {
    /// Takes the policies of a catalog. Whoever calls it clears the table afterwards: then what a reader has looked for
    /// before is not filled in by the policies of before.
    pub(super) fn follow(&self, catalog: &Catalog) {
        let views = catalog.views().filter(|view| view.hot != HotPolicy::default());
        let by_view: HashMap<_, _> = views.map(|view| (view.id, view.hot)).collect();
        let are_any = !by_view.is_empty();
        *self.by_view.write() = Arc::new(ByView(by_view));
        self.are_any.store(are_any, Ordering::Release);
    }

    /// The policies that hold now.
    #[inline]
    pub(super) fn now(&self) -> Now {
        Now(self.are_any.load(Ordering::Acquire).then(|| self.by_view.read().clone()))
    }
}
