//! A meter: the counters of one kind of request.

use std::sync::Arc;
use std::time::Duration;

use asofdb::{ErrorKind, Result};

use super::bucket::Bucket;
use super::consumer::Consumer;
use super::series::Series;

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
    pub(crate) fn new(consumer: Arc<Consumer>, series: Vec<Arc<Series>>, views: Vec<Arc<Bucket>>) -> Self {
        Meter(Arc::new(Inner { consumer, series, views }))
    }

    /// Takes the tokens of a request of so many rows, of the consumer and of each view. What a limit has given stays
    /// taken when a later one refuses.
    ///
    /// # Errors
    /// `Unavailable` when a limit is reached, naming it and when to come again; `Invalid` when a request of so many
    /// rows can never pass.
    #[inline]
    pub(crate) fn admit(&self, rows: usize) -> Result<()> {
        self.0.consumer.admit(rows)?;
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
