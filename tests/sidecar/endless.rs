//! A store in memory whose long work never ends by itself, served in this process: it has to be told.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use asofdb::storage::{
    Ages, AsOfLookup, CatalogChange, Catalogs, ChangeCause, Closed, Cursor, Found, History, KeyRange, Lookup,
    MemoryBackend, Observer, Scan, Scanned, Snapshot, StampedState, State, Tiles, Timekeeping, Upkeep, Visit,
    VisitEventVersion, VisitVersion, WriteBatch,
};
use asofdb::{
    Catalog, CheckpointFiles, ClockRepair, ClockStatus, Committed, Durability, Erased, FeatureView, ManualClock,
    Result, Stats, Stop, Store, Timestamp, Verified, Version,
};
use asofdb_sidecar::{
    Access, Bounds, BulkBounds, HttpListeners, HttpOptions, HttpServer, Limits, Server, Service, Socket,
};
use tempfile::TempDir;

use super::harness::eventually;
use crate::common::{NOW, users};
use crate::http::client::Target;

/// A step of work that is long enough to be slow, and short enough to end soon.
const STEP: Duration = Duration::from_millis(1);

/// The work of an [`Endless`] store: how much has begun, and how much is under way.
#[derive(Default)]
pub struct Underway {
    begun: AtomicU64,
    now: AtomicU64,
}

impl Underway {
    /// Waits until so many works have begun since the store was made.
    pub fn wait_begun(&self, count: u64) {
        assert!(eventually(|| self.begun.load(Ordering::SeqCst) >= count), "work {count} does not begin");
    }

    /// Waits until no work is under way.
    pub fn wait_ended(&self, what: &str) {
        assert!(eventually(|| self.now.load(Ordering::SeqCst) == 0), "{what} goes on for nobody");
    }
}

/// Work that is counted while it lives.
struct Counted<'u>(&'u Underway);

impl<'u> Counted<'u> {
    fn begin(underway: &'u Underway) -> Self {
        underway.now.fetch_add(1, Ordering::SeqCst);
        underway.begun.fetch_add(1, Ordering::SeqCst);
        Counted(underway)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The store. Scans give their first version again and again, cursors are slow, upkeep has no end.
struct Endless {
    store: MemoryBackend,
    underway: Arc<Underway>,
}

impl Endless {
    fn work<T>(&self, stop: &Stop) -> Result<T> {
        let _counted = Counted::begin(&self.underway);
        loop {
            stop.check()?;
            std::thread::sleep(STEP);
        }
    }
}

impl Catalogs for Endless {
    fn catalog(&self) -> Arc<Catalog> {
        self.store.catalog()
    }

    fn change_catalog(&self, next: Catalog, cause: ChangeCause) -> Result<()> {
        self.store.change_catalog(next, cause)
    }

    fn catalog_changes(&self, before: u64, limit: usize) -> Result<Vec<CatalogChange>> {
        self.store.catalog_changes(before, limit)
    }

    fn now(&self) -> Timestamp {
        self.store.now()
    }
}

impl Tiles for Endless {}

impl History for Endless {
    fn commit(&self, batch: WriteBatch, durability: Durability) -> Result<Committed> {
        self.store.commit(batch, durability)
    }

    fn bulk_load(&self, batch: WriteBatch) -> Result<Committed> {
        self.store.bulk_load(batch)
    }

    fn erase(&self, lookups: &[Lookup<'_>]) -> Result<Vec<Erased>> {
        self.store.erase(lookups)
    }

    fn note(&self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        self.store.note(name)
    }

    fn latest(&self, lookups: &[Lookup<'_>], at: Timestamp, visit: &mut Visit<'_>) -> Result<()> {
        self.store.latest(lookups, at, visit)
    }

    fn as_of(&self, lookups: &[AsOfLookup<'_>], known_at: Option<Timestamp>, visit: &mut Visit<'_>) -> Result<()> {
        self.store.as_of(lookups, known_at, visit)
    }

    fn state(&self, now: Timestamp, known_at: Option<Timestamp>) -> Box<dyn State + '_> {
        self.store.state(now, known_at)
    }

    fn stamped_state(&self, now: Timestamp, known_at: Option<Timestamp>) -> Option<StampedState<'_>> {
        self.store.stamped_state(now, known_at)
    }

    fn snapshot(&self) -> Box<dyn Snapshot + '_> {
        Box::new(EndlessSnapshot { snapshot: self.store.snapshot(), underway: &self.underway })
    }

    fn observe(&self, observer: Arc<dyn Observer>) -> Result<()> {
        self.store.observe(observer)
    }
}

impl Upkeep for Endless {
    fn flush(&self) -> Result<()> {
        self.store.flush()
    }

    fn compact_until(&self, stop: &Stop) -> Result<()> {
        self.work(stop)
    }

    fn checkpoint_until(&self, _directory: &Path, _files: CheckpointFiles, stop: &Stop) -> Result<()> {
        self.work(stop)
    }

    fn ages(&self, view: &FeatureView) -> Result<Option<Ages>> {
        self.store.ages(view)
    }

    fn stats(&self) -> Result<Stats> {
        self.store.stats()
    }

    fn verify_until(&self, stop: &Stop) -> Result<Verified> {
        self.work(stop)
    }

    fn closed(&self) -> Closed {
        self.store.closed()
    }
}

impl Timekeeping for Endless {
    fn believed(&self) -> Timestamp {
        self.store.believed()
    }

    fn clock(&self) -> ClockStatus {
        self.store.clock()
    }

    fn confirm_clock(&self) -> Result<()> {
        self.store.confirm_clock()
    }

    fn repair_clock_until(&self, stop: &Stop) -> Result<ClockRepair> {
        self.work(stop)
    }
}

struct EndlessSnapshot<'s> {
    snapshot: Box<dyn Snapshot + 's>,
    underway: &'s Underway,
}

impl Snapshot for EndlessSnapshot<'_> {
    fn now(&self) -> Timestamp {
        self.snapshot.now()
    }

    fn cursor<'s>(&'s self, view: &'s FeatureView) -> Result<Box<dyn Cursor + 's>> {
        self.snapshot.cursor(view)
    }

    fn ordered_cursor<'s>(&'s self, view: &'s FeatureView, finds: u64) -> Result<Box<dyn Cursor + 's>> {
        let cursor = self.snapshot.ordered_cursor(view, finds)?;
        Ok(Box::new(SlowCursor { cursor, _counted: Counted::begin(self.underway) }))
    }

    fn scan<'s>(&'s self, view: &'s FeatureView, range: &KeyRange) -> Result<Box<dyn Scan + 's>> {
        let mut scan = self.snapshot.scan(view, range)?;
        let first = scan.next()?.expect("a view with a row");
        let (key, version, row) = (first.key.to_vec(), first.version, first.row.to_vec());
        Ok(Box::new(EndlessScan { key, version, row, _counted: Counted::begin(self.underway) }))
    }

    fn versions_estimate(&self, view: &FeatureView) -> Result<u64> {
        self.snapshot.versions_estimate(view)
    }

    fn split(&self, view: &FeatureView, parts: usize) -> Result<Vec<KeyRange>> {
        self.snapshot.split(view, parts)
    }
}

/// One that finds what it should, slowly.
struct SlowCursor<'s> {
    cursor: Box<dyn Cursor + 's>,
    _counted: Counted<'s>,
}

impl Cursor for SlowCursor<'_> {
    fn each_event_version(
        &mut self,
        entity_key: &[u8],
        events: RangeInclusive<Timestamp>,
        visit: &mut VisitEventVersion<'_>,
    ) -> Result<()> {
        self.cursor.each_event_version(entity_key, events, visit)
    }

    fn cutoff(&self) -> Timestamp {
        self.cursor.cutoff()
    }

    fn find(&mut self, key: &[u8], at: Timestamp, known_at: Option<Timestamp>) -> Result<Option<Found<'_>>> {
        std::thread::sleep(STEP);
        self.cursor.find(key, at, known_at)
    }

    fn each(
        &mut self,
        key: &[u8],
        events: RangeInclusive<Timestamp>,
        known_at: Option<Timestamp>,
        visit: &mut VisitVersion<'_>,
    ) -> Result<()> {
        self.cursor.each(key, events, known_at, visit)
    }

    fn each_event(
        &mut self,
        entity_key: &[u8],
        events: RangeInclusive<Timestamp>,
        known_at: Option<Timestamp>,
        visit: &mut VisitVersion<'_>,
    ) -> Result<()> {
        self.cursor.each_event(entity_key, events, known_at, visit)
    }
}

/// The same version for ever.
struct EndlessScan<'s> {
    key: Vec<u8>,
    version: Version,
    row: Vec<u8>,
    _counted: Counted<'s>,
}

impl Scan for EndlessScan<'_> {
    fn next(&mut self) -> Result<Option<Scanned<'_>>> {
        Ok(Some(Scanned { key: &self.key, version: self.version, row: &self.row }))
    }
}

/// A sidecar over an endless store with the view `profile`, and both of its doors.
pub struct EndlessSidecar {
    pub socket: std::path::PathBuf,
    pub http: Target,
    pub underway: Arc<Underway>,
    _server: Server,
    _http_server: HttpServer,
    _directory: TempDir,
}

impl EndlessSidecar {
    /// Starts one that works on so many bulk requests at a time; the others wait for as long as it takes.
    pub fn start(working_max: usize) -> Self {
        let underway = Arc::new(Underway::default());
        let backend = Endless { store: MemoryBackend::new(ManualClock::new(NOW)), underway: underway.clone() };
        let store = Store::with_backend(Arc::new(backend), Durability::Os);
        store.confirm_clock().expect("a clock to believe");
        store.apply(&users(), false).expect("good definitions");
        let bounds = BulkBounds { working_max, patience: Duration::from_secs(3_600), ..BulkBounds::default() };
        let service = Arc::new(Service::new(store, Limits::default()).with_bulk(bounds));
        let directory = TempDir::new().expect("a temporary directory");
        let path = directory.path().join("socket");
        let socket = Socket::bind(&path, 0o600).expect("a socket");
        let server = Server::start(service.clone(), socket, Access::default(), Bounds::default()).expect("a server");
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a TCP socket");
        let http = Target::Tcp(tcp.local_addr().expect("an address"));
        let listeners = HttpListeners { tcp: vec![tcp], unix: Vec::new() };
        let http_server = HttpServer::start(service, listeners, HttpOptions::default()).expect("a server");
        EndlessSidecar {
            socket: path,
            http,
            underway,
            _server: server,
            _http_server: http_server,
            _directory: directory,
        }
    }
}
