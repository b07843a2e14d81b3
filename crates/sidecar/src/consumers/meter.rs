//! A meter: the counters of one kind of request.

use std::sync::Arc;
use std::time::Duration;

use asofdb::{ErrorKind, Result, Stop};

use super::allowance::{Allowance, Underway};
use super::consumer::Consumer;
use super::pace::wait_while_owed;
use super::series::Series;
use crate::operation::Operation;

/// A consumer with the series and allowances of the views that a request reads or writes. Made once for each prepared
/// request, so that nothing is looked up or allocated for each request. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Meter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    consumer: Arc<Consumer>,
    series: Vec<Arc<Series>>,
    views: Vec<Arc<Allowance>>,
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
        self.0.consumer.allowance().admit_request()?;
        self.admit_views()?;
        self.admit_rows(rows)
    }

    /// Takes the tokens of a request of each view; of the consumer it has its token.
    ///
    /// # Errors
    /// As [`Meter::admit`].
    #[inline]
    pub(crate) fn admit_views(&self) -> Result<()> {
        self.0.views.iter().try_for_each(|view| view.admit_request())
    }

    /// Takes the tokens of a request of each view, whether bytes are owed or not.
    ///
    /// # Errors
    /// As [`Meter::admit`].
    pub(crate) fn admit_views_alone(&self) -> Result<()> {
        self.0.views.iter().try_for_each(|view| view.admit_requests_alone())
    }

    /// Takes the tokens of a bulk request of each view, and waits while bytes are owed.
    ///
    /// # Errors
    /// As [`Meter::admit`]; `Unavailable` when it is told to stop meanwhile.
    pub(crate) fn admit_bulk_views(&self, stop: &Stop) -> Result<()> {
        self.admit_views_alone()?;
        self.wait_while_owed(stop)
    }

    /// Waits while the consumer or a view owes bytes.
    ///
    /// # Errors
    /// `Unavailable` when it is told to stop meanwhile.
    pub(crate) fn wait_while_owed(&self, stop: &Stop) -> Result<()> {
        wait_while_owed(stop, || {
            let views = self.0.views.iter().map(|view| view.owes_for());
            views.chain([self.0.consumer.allowance().owes_for()]).max().unwrap_or_default()
        })
    }

    /// Takes the tokens of so many rows, of the consumer and of each view; the request itself has its token.
    ///
    /// # Errors
    /// As [`Meter::admit`].
    #[inline]
    pub(crate) fn admit_rows(&self, rows: usize) -> Result<()> {
        self.0.consumer.allowance().admit_rows(rows)?;
        self.0.views.iter().try_for_each(|view| view.admit_rows(rows))
    }

    /// Counts a request among those at a time, of the consumer and of each view, until what is returned is dropped.
    ///
    /// # Errors
    /// `Limited` when there are as many as may be.
    #[inline]
    pub(crate) fn enter(&self) -> Result<Vec<Underway>> {
        let consumer = Underway::enter(self.0.consumer.allowance())?;
        let mut underway = self.enter_views()?;
        underway.extend(consumer);
        Ok(underway)
    }

    /// Counts a request among those at a time of each view; of the consumer it is counted.
    ///
    /// # Errors
    /// As [`Meter::enter`].
    #[inline]
    pub(crate) fn enter_views(&self) -> Result<Vec<Underway>> {
        self.0.views.iter().filter_map(|view| Underway::enter(view).transpose()).collect()
    }

    /// Counts bytes that were answered, which the next requests may owe.
    #[inline]
    pub(crate) fn charge_answered(&self, bytes: u64) {
        self.0.consumer.allowance().charge_answered(bytes);
        self.0.views.iter().for_each(|view| view.charge_answered(bytes));
        self.0.series.iter().for_each(|series| series.count_answered(bytes));
    }

    /// Counts bytes that were written, which the next requests may owe.
    pub(crate) fn charge_written(&self, bytes: u64) {
        self.0.consumer.allowance().charge_written(bytes);
        self.0.views.iter().for_each(|view| view.charge_written(bytes));
        self.0.series.iter().for_each(|series| series.count_written(bytes));
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
        let limits: Vec<_> = views.iter().map(|view| self.view_allowance(view)).collect();
        let series = match views {
            [] => vec![self.series(operation, "", None)],
            views => {
                let of = |(view, limits): (&&str, &Arc<Allowance>)| self.series(operation, view, Some(limits));
                views.iter().zip(&limits).map(of).collect()
            }
        };
        Meter(Arc::new(Inner { consumer: self.clone(), series, views: limits }))
    }
}
