//! One consumer: its limits and what it did.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use asofdb::Result;
use parking_lot::RwLock;

use super::bucket::Bucket;
use super::limits::Rates;
use super::series::Series;
use crate::operation::Operation;

/// Most series of all consumers together, each of about a kilobyte; what comes after them counts under the view
/// `other`. Enough for a hundred consumers of twenty views, and some 700 kB of metrics.
const SERIES_MAX: usize = 2_048;

/// The view that what comes after [`SERIES_MAX`] counts under.
const OTHER_VIEW: &str = "other";

/// State that all consumers share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The limits of views, by name.
    pub(crate) views: HashMap<String, Arc<Bucket>>,
    series: AtomicUsize,
}

impl Shared {
    pub(crate) fn new(views: HashMap<String, Arc<Bucket>>) -> Self {
        Shared { views, series: AtomicUsize::new(0) }
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
    requests: Option<Bucket>,
    rows: Option<Bucket>,
    shared: Arc<Shared>,
    series: RwLock<HashMap<Operation, HashMap<String, Arc<Series>>>>,
}

impl Consumer {
    pub(crate) fn new(name: &str, rates: Rates, shared: Arc<Shared>) -> Self {
        let bucket = |rate, what| Bucket::new(rate, format!("consumer {name:?}"), what);
        Consumer {
            name: name.to_owned(),
            requests: rates.requests.map(|rate| bucket(rate, "requests")),
            rows: rates.rows.map(|rate| bucket(rate, "rows")),
            shared,
            series: RwLock::default(),
        }
    }

    /// The name it goes by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The limit of a view, if it has one.
    pub(crate) fn view_limit(&self, view: &str) -> Option<Arc<Bucket>> {
        self.shared.views.get(view).cloned()
    }

    /// The counts of one operation on one view.
    pub(crate) fn series(&self, operation: Operation, view: &str) -> Arc<Series> {
        let known =
            |all: &HashMap<Operation, HashMap<String, Arc<Series>>>, view| all.get(&operation)?.get(view).cloned();
        if let Some(series) = known(&self.series.read(), view) {
            return series;
        }
        let mut all = self.series.write();
        if let Some(series) = known(&all, view) {
            return series;
        }
        let (view, number) = match (self.shared.next_series(), known(&all, OTHER_VIEW)) {
            (Some(number), _) => (view, number),
            (None, Some(other)) => return other,
            (None, None) => (OTHER_VIEW, self.shared.series.fetch_add(1, Ordering::Relaxed)),
        };
        let series = Arc::new(Series::new(operation, view.to_owned(), number));
        all.entry(operation).or_default().insert(view.to_owned(), series.clone());
        series
    }

    /// Every series, by operation and view.
    pub(crate) fn all_series(&self) -> Vec<Arc<Series>> {
        let mut all: Vec<_> = self.series.read().values().flat_map(HashMap::values).cloned().collect();
        all.sort_by(|a, b| (a.operation, &a.view).cmp(&(b.operation, &b.view)));
        all
    }

    /// Takes the token of one request.
    ///
    /// # Errors
    /// `Limited` when there is none.
    #[inline]
    pub(crate) fn admit_request(&self) -> Result<()> {
        self.requests.as_ref().map_or(Ok(()), |bucket| bucket.take(1))
    }

    /// Takes the tokens of so many rows.
    ///
    /// # Errors
    /// `Limited` when there are fewer; `Invalid` when there are never so many.
    #[inline]
    pub(crate) fn admit_rows(&self, rows: usize) -> Result<()> {
        self.rows.as_ref().map_or(Ok(()), |bucket| bucket.take(rows))
    }
}
