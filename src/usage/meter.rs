//! The counts of one request of one consumer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use asofdb_storage::{Catalog, UsageCounts, UsageKey, UsageOf};

use crate::definitions::reference::{ResolvedFeature, resolve};

/// A count of calls and rows. Counting is two additions, which need no order among them.
#[derive(Debug, Default)]
struct Counter {
    calls: AtomicU64,
    rows: AtomicU64,
}

impl Counter {
    #[inline]
    fn count(&self, calls: u64, rows: u64) {
        self.calls.fetch_add(calls, Ordering::Relaxed);
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    fn take(&self) -> UsageCounts {
        UsageCounts { calls: self.calls.swap(0, Ordering::Relaxed), rows: self.rows.swap(0, Ordering::Relaxed) }
    }
}

/// A thing that the request reads, and which of its features.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) key: UsageKey,
    pub(super) features: Vec<String>,
}

/// The counts of what was taken from a meter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub(super) serving: UsageCounts,
    pub(super) training: UsageCounts,
    pub(super) exports: UsageCounts,
}

/// Counts the reads of one request of one consumer.
#[derive(Debug)]
pub(crate) struct Meter {
    parts: Vec<Part>,
    serving: Counter,
    training: Counter,
    exports: Counter,
}

impl Meter {
    /// A meter for references that are resolved already: the views of the features, and the services among them.
    pub(crate) fn new(catalog: &Catalog, consumer: &str, references: &[String], features: &[ResolvedFeature]) -> Self {
        let mut views: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for feature in features {
            views.entry(&feature.view.name).or_default().push(feature.feature.name.clone());
        }
        let key = |of, name: &str| UsageKey { of, name: name.to_owned(), consumer: consumer.to_owned() };
        let views = views.into_iter().map(|(view, features)| Part { key: key(UsageOf::View, view), features });
        let is_service = |name: &&String| catalog.view(name).is_none() && catalog.service(name).is_some();
        let services = references.iter().filter(is_service).map(|service| {
            let features = resolve(catalog, &[service]).unwrap_or_default();
            let features = features.iter().map(ResolvedFeature::reference).collect();
            Part { key: key(UsageOf::Service, service), features }
        });
        Meter::of(views.chain(services).collect())
    }

    /// A meter for all of a view.
    pub(crate) fn of_view(catalog: &Catalog, consumer: &str, view: &str) -> Self {
        let key = UsageKey { of: UsageOf::View, name: view.to_owned(), consumer: consumer.to_owned() };
        let features = catalog.view(view).map(|view| &view.features);
        let features = features.into_iter().flatten().map(|feature| feature.name.clone()).collect();
        Meter::of(vec![Part { key, features }])
    }

    fn of(parts: Vec<Part>) -> Self {
        Meter { parts, serving: Counter::default(), training: Counter::default(), exports: Counter::default() }
    }

    /// Counts reads of the latest values, or of those as of a time.
    #[inline]
    pub(crate) fn serve(&self, calls: usize, rows: usize) {
        self.serving.count(calls as u64, rows as u64);
    }

    /// Counts a training set that begins.
    pub(crate) fn begin_training(&self) {
        self.training.count(1, 0);
    }

    /// Counts rows of a training set.
    pub(crate) fn train(&self, rows: usize) {
        self.training.count(0, rows as u64);
    }

    /// Counts an export.
    pub(crate) fn export(&self, rows: u64) {
        self.exports.count(1, rows);
    }

    /// Takes the counts away; `None` when there are none.
    pub(super) fn take(&self) -> Option<Taken> {
        let taken =
            Taken { serving: self.serving.take(), training: self.training.take(), exports: self.exports.take() };
        let is_zero = [taken.serving, taken.training, taken.exports].iter().all(UsageCounts::is_zero);
        (!is_zero).then_some(taken)
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }
}

/// The meter of a request; `None` where nobody is counted.
pub(crate) type Metered = Option<Arc<Meter>>;
