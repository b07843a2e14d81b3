//! The place of rows in the hot table, as the catalog says it.

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
    /// The policies of the catalog while nothing is hot.
    kept_out: RwLock<Option<ByView>>,
}

/// The policies at one moment.
#[derive(Debug, Default)]
pub(super) struct ByView {
    views: HashMap<u32, HotPolicy>,
    /// The policy of all others.
    others: HotPolicy,
    /// The revision of the catalog.
    revision: u64,
}

impl ByView {
    fn of_catalog(catalog: &Catalog) -> Self {
        let views = catalog.views().filter(|view| view.hot != HotPolicy::default());
        let views = views.map(|view| (view.id, view.hot)).collect();
        ByView { views, others: HotPolicy::default(), revision: catalog.revision() }
    }

    pub(super) fn of(&self, view: u32) -> HotPolicy {
        self.views.get(&view).copied().unwrap_or(self.others)
    }

    /// Returns whether any view has another policy than the default.
    fn has_any(&self) -> bool {
        !self.views.is_empty() || self.others != HotPolicy::default()
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
        self.0.as_ref().is_some_and(|by_view| by_view.views.values().any(|policy| *policy == HotPolicy::Pin))
    }
}

impl Policies {
    /// Takes the policies of a catalog. Whoever calls it clears the table afterwards: then what a reader has looked for
    /// before is not filled in by the policies of before.
    pub(super) fn follow(&self, catalog: &Catalog) {
        self.set(ByView::of_catalog(catalog));
        *self.kept_out.write() = None;
    }

    /// Takes the catalog as [`Policies::follow`] does, but nothing is hot until [`Policies::share`] says what may be.
    pub(super) fn keep_out(&self, catalog: &Catalog) {
        let of_catalog = ByView::of_catalog(catalog);
        self.set(ByView { others: HotPolicy::Never, revision: of_catalog.revision, ..ByView::default() });
        *self.kept_out.write() = Some(of_catalog);
    }

    /// Takes the policies of the catalog, but keeps rows of some views out; says whether it did, which it does not where the
    /// catalog is another one. Whoever calls it forgets rows as after [`Policies::follow`], and no commit is under way.
    pub(super) fn share(&self, revision: u64, but: &[u32]) -> bool {
        if self.by_view.read().revision != revision {
            return false;
        }
        let kept_out = self.kept_out.write().take();
        let mut views = match kept_out {
            Some(of_catalog) => of_catalog.views,
            None => self.by_view.read().views.clone(),
        };
        views.extend(but.iter().map(|view| (*view, HotPolicy::Never)));
        self.set(ByView { views, others: HotPolicy::default(), revision });
        true
    }

    fn set(&self, policies: ByView) {
        let are_any = policies.has_any();
        *self.by_view.write() = Arc::new(policies);
        self.are_any.store(are_any, Ordering::Release);
    }

    /// The policies that hold now.
    #[inline]
    pub(super) fn now(&self) -> Now {
        Now(self.are_any.load(Ordering::Acquire).then(|| self.by_view.read().clone()))
    }
}
