//! A meter: the counters of one kind of request.

use std::sync::Arc;
use std::time::Duration;

use asofdb::{ErrorKind, Result};

use super::bucket::Bucket;
use super::consumer::Consumer;
use super::series::Series;
use crate::operation::Operation;

/// A consumer with the series and limits of the views that a request reads or writes. Made once for each prepared
/// request, so that nothing is looked up or allocated for each request. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Meter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    consumer: Arc<Consumer>,
    series: Vec<Arc<Series>>,
    views: Vec<Arc<Bucket>>,
}

impl Meter {
    /// Takes the tokens of a request of so many rows, of the consumer and of each view. What a limit has given stays
    /// taken when a later one refuses.
    ///
    /// # Errors
    /// `Limited` when a limit is reached, naming it and when to come again; `Invalid` when a request of so many rows
    /// can never pass.
    #[inline]
    pub(crate) fn admit(&self, rows: usize) -> Result<()> {
        self.0.consumer.admit_request()?;
        self.admit_rows(rows)
    }

    /// Takes the tokens of so many rows, of the consumer and of each view; the request itself has its token.
    ///
    /// # Errors
    /// As [`Meter::admit`].
    #[inline]
    pub(crate) fn admit_rows(&self, rows: usize) -> Result<()> {
        self.0.consumer.admit_rows(rows)?;
        self.0.views.iter().try_for_each(|bucket| bucket.take(rows))
    }

    /// Counts a request that was answered or failed. A request that failed counts no rows.
    #[inline]
    pub(crate) fn record(&self, rows: usize, outcome: Result<(), ErrorKind>, elapsed: Duration) {
        for series in &self.0.series {
            series.record(rows, outcome, elapsed);
        }
    }
}

impl Consumer {
    /// Returns the meter of requests of one kind. A request over several views counts in each of them.
    pub(crate) fn meter(self: &Arc<Self>, operation: Operation, views: &[&str]) -> Meter {
        let views = if views.is_empty() { &[""] } else { views };
        let series = views.iter().map(|view| self.series(operation, view)).collect();
        let limits = views.iter().filter_map(|view| self.view_limit(view)).collect();
        Meter(Arc::new(Inner { consumer: self.clone(), series, views: limits }))
    }
}
