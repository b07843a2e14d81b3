//! The counts of one request of one consumer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use asofdb_storage::{Catalog, UsageCounts, UsageKey, UsageOf};

use crate::definitions::reference::{ResolvedFeature, resolve};
use crate::read::plan::ReadPlan;
use crate::usage::holes::Holes;

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

/// A feature that the request answers with, and its values that were not present.
#[derive(Debug)]
pub(super) struct AnswerColumn {
    pub(super) view: String,
    pub(super) feature: String,
    /// Null, missing, expired, and those of them that a default stood in for.
    holes: [AtomicU64; 4],
}

/// The counts of what was taken from a meter.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    pub(super) serving: UsageCounts,
    pub(super) training: UsageCounts,
    pub(super) exports: UsageCounts,
    /// By column: null, missing, expired, and those of them that a default stood in for.
    pub(super) holes: Vec<[u64; 4]>,
}

/// Counts the reads of one request of one consumer.
#[derive(Debug)]
pub(crate) struct Meter {
    consumer: String,
    /// The version of a model that the consumer reads for.
    model: Option<String>,
    columns: Vec<AnswerColumn>,
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
        let column = |of: &ResolvedFeature| AnswerColumn {
            view: of.view.name.clone(),
            feature: of.feature.name.clone(),
            holes: Default::default(),
        };
        Meter::of(consumer, features.iter().map(column).collect(), views.chain(services).collect())
    }

    /// A meter for all of a view.
    pub(crate) fn of_view(catalog: &Catalog, consumer: &str, view: &str) -> Self {
        let key = UsageKey { of: UsageOf::View, name: view.to_owned(), consumer: consumer.to_owned() };
        let features = catalog.view(view).map(|view| &view.features);
        let features = features.into_iter().flatten().map(|feature| feature.name.clone()).collect();
        Meter::of(consumer, Vec::new(), vec![Part { key, features }])
    }

    fn of(consumer: &str, columns: Vec<AnswerColumn>, parts: Vec<Part>) -> Self {
        let (serving, training, exports) = Default::default();
        Meter { consumer: consumer.to_owned(), model: None, columns, parts, serving, training, exports }
    }

    /// Counts for a version of a model as well.
    pub(crate) fn for_model(self, model: Option<&str>) -> Self {
        Meter { model: model.map(str::to_owned), ..self }
    }

    pub(super) fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// Counts the values of an answer that are not present.
    pub(crate) fn count_holes(&self, plan: &ReadPlan, holes: Holes) {
        holes.each(plan, |position, counts| {
            let shown = &plan.output.columns[position];
            let (view, feature) = (&shown.resolved.view.name, &shown.resolved.feature.name);
            let is_it = |column: &&AnswerColumn| column.feature == *feature && column.view == *view;
            // The columns are in this order, unless the catalog has changed since.
            let here = self.columns.get(position).filter(is_it);
            let Some(column) = here.or_else(|| self.columns.iter().find(is_it)) else { return };
            let defaulted = if shown.default().is_some() { counts.iter().sum() } else { 0 };
            for (count, sum) in counts.iter().chain([&defaulted]).zip(&column.holes) {
                if *count > 0 {
                    sum.fetch_add(*count, Ordering::Relaxed);
                }
            }
        });
    }

    pub(crate) fn consumer(&self) -> &str {
        &self.consumer
    }

    pub(super) fn columns(&self) -> &[AnswerColumn] {
        &self.columns
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
        let (serving, training, exports) = (self.serving.take(), self.training.take(), self.exports.take());
        if [serving, training, exports].iter().all(UsageCounts::is_zero) {
            return None;
        }
        let take = |column: &AnswerColumn| std::array::from_fn(|at| column.holes[at].swap(0, Ordering::Relaxed));
        Some(Taken { serving, training, exports, holes: self.columns.iter().map(take).collect() })
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }
}

/// The meter of a request; `None` where nobody is counted.
pub(crate) type Metered = Option<Arc<Meter>>;
