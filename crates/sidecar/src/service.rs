//! The service: state that every door of the sidecar shares.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use asofdb::storage::KeyRange;
use asofdb::{Catalog, Error, FeedFiles, Precedence, Result, Stop, Store, Timestamp, ViewRun};
use asofdb_protocol::{AlertsReport, ConsumerReport, LimitsReport};
#[cfg(feature = "streams")]
use asofdb_streams::StreamStatus;
#[cfg(any(feature = "alerts", feature = "streams"))]
use parking_lot::RwLock;

#[cfg(feature = "alerts")]
use crate::alerts::board::Board;
#[cfg(feature = "http")]
use crate::audits::Audits;
#[cfg(feature = "alerts")]
use crate::consumers::Objectives;
use crate::consumers::{Consumers, Limits};
#[cfg(feature = "http")]
use crate::freshness_history::FreshnessHistory;
use crate::gauges::Gauges;
use crate::line::{BulkBounds, Line};
use crate::settings::{ALERTS, LIMITS, Settings};
use crate::warmth::Warmth;

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
    /// Point requests before bulk requests, at both doors.
    pub(crate) precedence: Arc<Precedence>,
    /// The files of feeds; `None`: it loads none.
    feed_files: Option<FeedFiles>,
    /// Hears of the runs of feeds.
    feed_listener: Option<FeedListener>,
    #[cfg(feature = "streams")]
    streams: RwLock<Vec<Arc<StreamStatus>>>,
    #[cfg(feature = "alerts")]
    alerts: RwLock<Option<Arc<Board>>>,
    #[cfg(feature = "http")]
    pub(crate) audits: Audits,
    #[cfg(feature = "http")]
    pub(crate) freshness: FreshnessHistory,
    started: Timestamp,
    pub(crate) settings: Settings,
    #[cfg(feature = "alerts")]
    pub(crate) objectives: Objectives,
    ready: AtomicBool,
    warmth: Warmth,
    draining: AtomicBool,
}

impl Service {
    /// A service that is not ready yet.
    pub fn new(store: Store, limits: Limits) -> Self {
        Service {
            started: store.now(),
            settings: Settings::new(store.now()),
            #[cfg(feature = "alerts")]
            objectives: Objectives::default(),
            store,
            consumers: Consumers::new(limits),
            native: Gauges::default(),
            http: Gauges::default(),
            bulk: Line::new(BulkBounds::default()),
            precedence: Arc::new(Precedence::new(BulkBounds::default().share_percent)),
            feed_files: None,
            feed_listener: None,
            #[cfg(feature = "streams")]
            streams: RwLock::default(),
            #[cfg(feature = "alerts")]
            alerts: RwLock::default(),
            #[cfg(feature = "http")]
            audits: Audits::default(),
            #[cfg(feature = "http")]
            freshness: FreshnessHistory::default(),
            ready: AtomicBool::new(false),
            warmth: Warmth::default(),
            draining: AtomicBool::new(false),
        }
    }

    /// Bounds the bulk requests of both doors.
    #[must_use]
    pub fn with_bulk(mut self, bounds: BulkBounds) -> Self {
        self.precedence = Arc::new(Precedence::new(bounds.share_percent));
        self.bulk = Line::new(bounds);
        self
    }

    /// Lets it say that it is ready only when the store's hot table has what it had before the store was opened, or this
    /// time from now on is over.
    #[must_use]
    pub fn ready_when_warm(mut self, patience: Duration) -> Self {
        self.warmth = Warmth::within(patience);
        self
    }

    /// Makes the sign that bulk work looks at between its steps, where it gives way to point requests.
    pub(crate) fn bulk_stop(&self) -> Stop {
        Stop::giving_way(self.precedence.clone())
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
        self.has_started() && !self.is_draining() && self.read_only().is_none() && self.warming().is_none()
    }

    /// Returns whether it was marked as warm.
    pub(crate) fn has_started(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Returns how far the hot table is, if the service waits for it.
    pub(crate) fn warming(&self) -> Option<String> {
        self.warmth.waits(|| self.store.warming())
    }

    /// The streams that run into its store.
    #[cfg(feature = "streams")]
    #[cfg_attr(not(any(feature = "alerts", feature = "http")), allow(dead_code, reason = "nobody tells of them"))]
    pub(crate) fn streams(&self) -> Vec<Arc<StreamStatus>> {
        self.streams.read().clone()
    }

    #[cfg(feature = "streams")]
    pub(crate) fn set_streams(&self, streams: Vec<Arc<StreamStatus>>) {
        *self.streams.write() = streams;
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

    /// Returns the limits of consumers and views that are in force.
    pub fn limits(&self) -> LimitsReport {
        let (changed, by) = self.settings.last_change();
        let (limits, error) = (self.consumers.limits().text().to_owned(), self.settings.refused(LIMITS));
        LimitsReport { limits, changed, by, error }
    }

    /// The limits that are in force.
    pub(crate) fn current_limits(&self) -> Arc<Limits> {
        self.consumers.limits()
    }

    /// Makes these the limits from now on, for requests that were prepared before and for consumers that are here
    /// already as well. A rate that stays as it is goes on where it is; one that changes begins full. A name that is
    /// reserved newly is kept by whoever has it until that connection ends.
    ///
    /// # Errors
    /// `Invalid` when too many names of consumers came and went; the limits are as before then.
    pub fn set_limits(&self, limits: Limits, by: &str) -> Result<()> {
        self.consumers.set_limits(limits)?;
        // Who has the memory may have limits now.
        self.store.backend().withdraw_memory();
        self.settings.limits_changed(self.store.now(), by);
        tracing::info!(by, "the limits of consumers and views were changed");
        Ok(())
    }

    /// Notes that the file of limits was refused, so that those in force go on: health and [`Service::limits`] say so.
    pub fn refuse_limits(&self, error: &Error) {
        self.settings.note(LIMITS, Some(format!("{error:#}")));
    }

    /// Takes over the audits that were made before, from the file beside the log of served features, if there is a log.
    #[cfg(feature = "http")]
    pub(crate) fn restore_audits(&self) {
        self.audits.restore(&self.store);
    }

    /// Ends the audit that runs, if one does, and begins no further one: for the end of the sidecar.
    #[cfg(feature = "http")]
    pub fn finish_audits(&self) {
        self.audits.finish();
    }

    /// Notes how fresh all views are now, for the history of the last day that HTTP tells. A
    /// [`FreshnessWatch`](crate::FreshnessWatch) does it each minute.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    #[cfg(feature = "http")]
    pub fn look_at_freshness(&self) -> Result<()> {
        self.freshness.add(&self.store.ages::<&str>(&[])?);
        Ok(())
    }

    /// Shows the doors what alerts there are.
    ///
    /// # Errors
    /// `Conflict` when it has alerts already.
    #[cfg(feature = "alerts")]
    pub(crate) fn set_alerts(&self, board: Arc<Board>) -> Result<()> {
        let mut alerts = self.alerts.write();
        if alerts.is_some() {
            return Err(Error::conflict("a service has its alerts once"));
        }
        *alerts = Some(board);
        Ok(())
    }

    /// Shows the doors no alerts any more.
    #[cfg(feature = "alerts")]
    pub(crate) fn end_alerts(&self) {
        *self.alerts.write() = None;
    }

    /// Notes that the file of alerts was refused: health says so.
    pub fn refuse_alerts(&self, error: &Error) {
        self.settings.note(ALERTS, Some(format!("{error:#}")));
    }

    /// Notes that the file of alerts is well.
    pub fn alerts_were_read(&self) {
        self.settings.note(ALERTS, None);
    }

    /// Reports what is wrong by its alerts, and who was told; nothing where it has none.
    pub fn alerts(&self) -> AlertsReport {
        #[cfg(feature = "alerts")]
        let report = self.alerts.read().as_ref().map(|board| board.report()).unwrap_or_default();
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
