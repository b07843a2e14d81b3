//! One consumer: its limits and what it did.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::RwLock;

use super::allowance::Allowance;
use super::series::Series;
use super::terms::Terms;
use crate::operation::Operation;

/// Most series of all consumers together, each of about a kilobyte; what comes after them counts under the view
/// `other`. Enough for a hundred consumers of twenty views, and some 700 kB of metrics.
const SERIES_MAX: usize = 2_048;

/// The view that what comes after [`SERIES_MAX`] counts under.
const OTHER_VIEW: &str = "other";

/// The allowances of views from which on those that nobody holds are forgotten.
const VIEWS_MAX: usize = 4_096;

/// State that all consumers share.
#[derive(Debug)]
pub(crate) struct Shared {
    views: RwLock<Views>,
    series: AtomicUsize,
}

/// The allowances of views. One is kept for each view that somebody asks for, so that limits of it that come later hold
/// for requests that were prepared before.
#[derive(Debug, Default)]
struct Views {
    terms: HashMap<String, Terms>,
    allowances: HashMap<String, Arc<Allowance>>,
}

impl Shared {
    pub(crate) fn new(views: &HashMap<String, Terms>) -> Self {
        let shared = Shared { views: RwLock::default(), series: AtomicUsize::new(0) };
        shared.set(views);
        shared
    }

    /// Changes the terms of views: those that are not listed have none.
    pub(crate) fn set(&self, terms: &HashMap<String, Terms>) {
        let mut views = self.views.write();
        for (view, allowance) in &views.allowances {
            allowance.set(terms.get(view).unwrap_or(&Terms::default()));
        }
        views.terms.clone_from(terms);
    }

    fn view(&self, view: &str) -> Arc<Allowance> {
        if let Some(allowance) = self.views.read().allowances.get(view) {
            return allowance.clone();
        }
        let mut views = self.views.write();
        if let Some(allowance) = views.allowances.get(view) {
            return allowance.clone();
        }
        if views.allowances.len() >= VIEWS_MAX {
            // Of views that were dropped since, most likely. What a limit has given is forgotten with them.
            views.allowances.retain(|_, allowance| Arc::strong_count(allowance) > 1);
        }
        let terms = views.terms.get(view).copied().unwrap_or_default();
        let allowance = Arc::new(Allowance::new(format!("view {view:?}"), &terms));
        views.allowances.insert(view.to_owned(), allowance.clone());
        allowance
    }

    /// The number of a new series; `None` when there are as many as may be.
    fn next_series(&self) -> Option<usize> {
        let next = |number: usize| (number < SERIES_MAX).then_some(number + 1);
        self.series.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok()
    }
}

/// A consumer: the one who sends requests.
#[derive(Debug)]
pub struct Consumer {
    name: String,
    allowance: Arc<Allowance>,
    shared: Arc<Shared>,
    series: RwLock<HashMap<Operation, HashMap<String, Arc<Series>>>>,
}

impl Consumer {
    pub(crate) fn new(name: &str, terms: &Terms, shared: Arc<Shared>) -> Self {
        let allowance = Arc::new(Allowance::new(format!("consumer {name:?}"), terms));
        Consumer { name: name.to_owned(), allowance, shared, series: RwLock::default() }
    }

    /// The name it goes by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its terms in force, and what it has used of them.
    #[inline]
    pub(crate) fn allowance(&self) -> &Arc<Allowance> {
        &self.allowance
    }

    /// The allowance of a view.
    pub(crate) fn view_allowance(&self, view: &str) -> Arc<Allowance> {
        self.shared.view(view)
    }

    /// Returns whether it has done nothing yet.
    pub(crate) fn is_unused(&self) -> bool {
        self.series.read().is_empty()
    }

    /// The counts of one operation on one view, whose allowance is given unless it is no view.
    pub(crate) fn series(&self, operation: Operation, view: &str, of_view: Option<&Arc<Allowance>>) -> Arc<Series> {
        let known =
            |all: &HashMap<Operation, HashMap<String, Arc<Series>>>, view| all.get(&operation)?.get(view).cloned();
        if let Some(series) = known(&self.series.read(), view) {
            return series;
        }
        let mut all = self.series.write();
        if let Some(series) = known(&all, view) {
            return series;
        }
        let (view, number, of_view) = match (self.shared.next_series(), known(&all, OTHER_VIEW)) {
            (Some(number), _) => (view, number, of_view),
            (None, Some(other)) => return other,
            (None, None) => (OTHER_VIEW, self.shared.series.fetch_add(1, Ordering::Relaxed), None),
        };
        let series = Arc::new(Series::new(operation, view.to_owned(), number, &self.allowance, of_view));
        all.entry(operation).or_default().insert(view.to_owned(), series.clone());
        series
    }

    /// Every series, by operation and view.
    pub(crate) fn all_series(&self) -> Vec<Arc<Series>> {
        let mut all: Vec<_> = self.series.read().values().flat_map(HashMap::values).cloned().collect();
        all.sort_by(|a, b| (a.operation, &a.view).cmp(&(b.operation, &b.view)));
        all
    }
}
