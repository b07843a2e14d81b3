//! The service: state that every door of the sidecar shares.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(feature = "alerts")]
use std::sync::{Arc, OnceLock};

use asofdb::storage::KeyRange;
use asofdb::{Catalog, Error, FeedFiles, Result, Stop, Store, Timestamp, ViewRun};
use asofdb_protocol::{AlertsReport, ConsumerReport};

#[cfg(feature = "alerts")]
use crate::alerts::board::Board;
use crate::consumers::{Consumers, Limits};
use crate::gauges::Gauges;
use crate::line::{BulkBounds, Line};

/// Whoever hears of the runs of feeds: with the catalog of now, and the files that they were loaded from.
struct FeedListener(Box<HearRuns>);

type HearRuns = dyn Fn(&Catalog, &FeedFiles, &[ViewRun]) + Send + Sync;

impl fmt::Debug for FeedListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FeedListener")
    }
}

/// A store with its consumers and the state of the sidecar's life: what its doors, the native one and HTTP, serve.
#[derive(Debug)]
pub struct Service {
    pub(crate) store: Store,
    pub(crate) consumers: Consumers,
    /// The gauges of the native door.
    pub(crate) native: Gauges,
    /// The gauges of the HTTP door.
    pub(crate) http: Gauges,
    /// The line of bulk requests at both doors.
    pub(crate) bulk: Line,
    /// The files of feeds; `None`: it loads none.
    feed_files: Option<FeedFiles>,
    /// Hears of the runs of feeds.
    feed_listener: Option<FeedListener>,
    #[cfg(feature = "alerts")]
    alerts: OnceLock<Arc<Board>>,
    started: Timestamp,
    ready: AtomicBool,
    draining: AtomicBool,
}

impl Service {
    /// A service that is not ready yet.
    pub fn new(store: Store, limits: Limits) -> Self {
        Service {
            started: store.now(),
            store,
            consumers: Consumers::new(limits),
            native: Gauges::default(),
            http: Gauges::default(),
            bulk: Line::new(BulkBounds::default()),
            feed_files: None,
            feed_listener: None,
            #[cfg(feature = "alerts")]
            alerts: OnceLock::new(),
            ready: AtomicBool::new(false),
            draining: AtomicBool::new(false),
        }
    }

    /// Bounds the bulk requests of both doors.
    #[must_use]
    pub fn with_bulk(mut self, bounds: BulkBounds) -> Self {
        self.bulk = Line::new(bounds);
        self
    }

    /// Lets it load the feeds of views from these files.
    #[must_use]
    pub fn with_feeds(mut self, files: FeedFiles) -> Self {
        self.feed_files = Some(files);
        self
    }

    /// Tells `listener` of the runs of feeds, on schedule and when somebody asks, after they have ended.
    #[must_use]
    pub fn with_feed_listener(
        mut self,
        listener: impl Fn(&Catalog, &FeedFiles, &[ViewRun]) + Send + Sync + 'static,
    ) -> Self {
        self.feed_listener = Some(FeedListener(Box::new(listener)));
        self
    }

    /// Loads what is new in the sources of views, all that have one where none is named.
    ///
    /// # Errors
    /// `Invalid` where it was given no files; else as [`Store::materialize_until`].
    pub(crate) fn materialize(&self, views: &[&str], stop: &Stop) -> Result<Vec<ViewRun>> {
        let Some(files) = &self.feed_files else {
            return Err(Error::invalid("this sidecar loads no feeds: start it with --sources DIR"));
        };
        let runs = self.store.materialize_until(views, files, stop, &mut |_, _| {})?;
        if let Some(FeedListener(listener)) = &self.feed_listener {
            listener(&self.store.catalog(), files, &runs);
        }
        Ok(runs)
    }

    /// Returns the time when it began, by the store's clock.
    pub fn started(&self) -> Timestamp {
        self.started
    }

    /// Returns whether requests should be sent here: it is warm, does not stop, and its store can be written.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire) && !self.is_draining() && self.store.read_only().is_none()
    }

    /// Returns why the store is read-only, if it is: see [`Store::read_only`].
    pub fn read_only(&self) -> Option<String> {
        self.store.read_only()
    }

    /// Marks it as warm from now on.
    pub fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    /// Opens what the first read of each view would have to open.
    ///
    /// # Errors
    /// `Corrupt` when stored bytes cannot be read.
    pub fn warm_up(&self) -> Result<()> {
        let catalog = self.store.catalog();
        let snapshot = self.store.backend().snapshot();
        for view in catalog.views().filter(|view| view.is_stored()) {
            snapshot.scan(view, &KeyRange::default())?.next()?;
        }
        Ok(())
    }

    /// Returns whether it is stopping: what is in flight is finished, nothing new is taken.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Marks it as stopping from now on.
    pub fn start_draining(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Shows the doors what alerts there are.
    ///
    /// # Errors
    /// `Conflict` when it has alerts already.
    #[cfg(feature = "alerts")]
    pub(crate) fn set_alerts(&self, board: Arc<Board>) -> Result<()> {
        self.alerts.set(board).map_err(|_| asofdb::Error::conflict("a service has its alerts once"))
    }

    /// Reports what is wrong by its alerts, and who was told; nothing where it has none.
    pub fn alerts(&self) -> AlertsReport {
        #[cfg(feature = "alerts")]
        let report = self.alerts.get().map(|board| board.report()).unwrap_or_default();
        #[cfg(not(feature = "alerts"))]
        let report = AlertsReport::default();
        report
    }

    /// Reports what every consumer did, by consumer, operation and view.
    pub fn report(&self) -> Vec<ConsumerReport> {
        self.consumers.report()
    }
}

#[cfg(test)]
mod tests {
    use asofdb::ManualClock;

    use super::*;

    #[test]
    fn a_service_is_ready_when_it_is_warm_and_not_stopping() {
        let now = Timestamp::from_micros(1_357_034_400_000_000);
        let service = Service::new(Store::in_memory(ManualClock::new(now)), Limits::default());
        assert_eq!(service.started(), now);
        assert!(!service.is_ready());
        service.set_ready();
        assert!(service.is_ready() && !service.is_draining());
        service.start_draining();
        assert!(!service.is_ready() && service.is_draining());
    }
}
