//! The blocking client: a [`Store`](asofdb::Store) in another process.

use std::path::Path;
use std::sync::Arc;

use asofdb::{Catalog, EntityRows, Prepared, Question, Result};
use asofdb_protocol::{
    AlertsReport, AlertsRequest, AuditRequest, AuditsRequest, Call, CatalogRequest, ConsumerReport, ConsumersRequest,
    Form, LimitsReport, LimitsRequest, PointHeader,
};
use parking_lot::RwLock;

use crate::cancel::Cancel;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::handles::KnownHandle;
use crate::options::ConnectOptions;
use crate::pipeline::Pipeline;
use crate::pool::{Lender, Pool};
use crate::requests::catalog_of;
#[cfg(target_os = "linux")]
use crate::shared::{SharedMemory, SharedReads};

/// The number of times that a read follows a catalog that changes under it before it gives up.
pub(crate) const STALE_MAX: usize = 5;

/// A store that a sidecar serves. Its methods are those of [`Session`](asofdb::Session), which is to be imported; its types
/// and errors are those of an embedded [`Store`](asofdb::Store).
///
/// Cheap to clone; clones share a pool of connections, and any number of threads may use it. A read whose connection
/// broke is tried once more; a write never is: its error says that the outcome is unknown.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
    /// Ends the calls of this clone and its clones.
    cancel: Option<Cancel>,
}

#[derive(Debug)]
struct Inner {
    pool: Pool,
    /// The memory of the sidecar, where the client wants it.
    #[cfg(target_os = "linux")]
    shared: Option<SharedMemory>,
    /// The catalog as it was last read.
    catalog: RwLock<Arc<Catalog>>,
}

impl Client {
    /// Connects to the sidecar that listens on the socket `path`.
    ///
    /// # Errors
    /// `Unavailable` when none does; `Invalid` when this user may not; `Conflict` when it speaks another protocol.
    pub fn connect(path: impl AsRef<Path>) -> Result<Self> {
        Client::connect_with(path, ConnectOptions::default())
    }

    /// [`Client::connect`] with options.
    ///
    /// # Errors
    /// As [`Client::connect`]; `Invalid` also for a name that a consumer cannot have.
    pub fn connect_with(path: impl AsRef<Path>, options: ConnectOptions) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let pool = Pool::new(path.clone(), options.clone())?;
        let catalog = pool.lender(None).read(read_catalog).map_err(Failure::into_error)?;
        let inner = Inner {
            pool,
            #[cfg(target_os = "linux")]
            shared: options.shared_memory.then(|| SharedMemory::connect(path, options)),
            catalog: RwLock::new(catalog),
        };
        Ok(Client { inner: Arc::new(inner), cancel: None })
    }

    /// Returns this client again, over the same connections, with calls that end when `cancel` says so.
    pub fn cancelled_by(&self, cancel: &Cancel) -> Self {
        Client { inner: self.inner.clone(), cancel: Some(cancel.clone()) }
    }

    /// Fails once the calls of this client were cancelled.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) fn check_cancelled(&self) -> Result<()> {
        self.cancel.as_ref().map_or(Ok(()), Cancel::check)
    }

    pub(crate) fn pool(&self) -> Lender<'_> {
        self.inner.pool.lender(self.cancel.as_ref())
    }

    /// Makes a call: again on a new connection where the first broke and the call is idempotent.
    pub(crate) fn ask<C: Call>(&self, call: &C) -> Result<C::Answer> {
        match C::IS_IDEMPOTENT {
            true => self.pool().read(|connection| connection.call(call)).map_err(Failure::into_error),
            false => self.pool().write(|connection| connection.call(call)),
        }
    }

    /// Reads the catalog, and remembers it.
    pub(crate) fn latest_catalog(&self) -> Result<Arc<Catalog>> {
        self.pool().read(|connection| self.refresh(connection)).map_err(Failure::into_error)
    }

    /// Reads the catalog again.
    fn refresh(&self, connection: &mut Connection) -> Result<Arc<Catalog>, Failure> {
        let fresh = read_catalog(connection)?;
        let mut known = self.inner.catalog.write();
        if fresh.revision() >= known.revision() {
            *known = fresh;
        }
        Ok(known.clone())
    }

    /// The catalog as it was last seen.
    pub(crate) fn known_catalog(&self) -> Arc<Catalog> {
        self.inner.catalog.read().clone()
    }

    /// The memory of the sidecar, where the client wants it.
    #[cfg(target_os = "linux")]
    pub(crate) fn shared_memory(&self) -> Option<&SharedMemory> {
        self.inner.shared.as_ref()
    }

    /// Figures about the reads that were answered out of memory that the sidecar shares; all zero where the client does not
    /// want it ([`ConnectOptions::shared_memory`]).
    #[cfg(target_os = "linux")]
    pub fn shared_reads(&self) -> SharedReads {
        self.inner.shared.as_ref().map(SharedMemory::reads).unwrap_or_default()
    }

    /// Reads through a handle, which is prepared where the connection has none, and again where the catalog has
    /// changed.
    pub(crate) fn read_with<T>(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        question: Question,
        form: Form,
        mut decode: impl FnMut(&KnownHandle, &[u8]) -> Result<T>,
    ) -> Result<T> {
        let mut once = |connection: &mut Connection| {
            let handle = self.handle(connection, request, form)?;
            let asked = entities.asked_of(&handle.plan)?;
            let point = PointHeader { handle: handle.number, rows: entities.len(), question };
            let id = connection.queue_read(&point, asked)?;
            connection.flush()?;
            let body = connection.answer(point.kind(), id)?;
            Ok(decode(&handle, body)?)
        };
        let work = |connection: &mut Connection| {
            for _ in 0..STALE_MAX {
                match once(connection) {
                    Err(Failure::Stale) => connection.forget(request, form).and(self.refresh(connection).map(drop))?,
                    done => return done,
                }
            }
            Err(Failure::Stale)
        };
        self.pool().read(work).map_err(Failure::into_error)
    }

    fn handle(&self, connection: &mut Connection, request: &Prepared, form: Form) -> Result<KnownHandle, Failure> {
        let catalog = self.known_catalog();
        let plan = request.plan(catalog.revision(), || catalog.clone())?;
        connection.handle(request, form, &plan)
    }

    /// A connection of its own for many reads through one request, several of which may be in flight.
    ///
    /// # Errors
    /// As [`Session::read_f32`](asofdb::Session::read_f32).
    pub fn pipeline<'c>(&'c self, request: &Prepared, statuses: bool, fill: f32) -> Result<Pipeline<'c>> {
        let form = Form::Matrix { statuses, fill };
        let mut connection = self.pool().take_open()?;
        let mut handle = self.handle(&mut connection, request, form);
        if matches!(handle, Err(Failure::Stale)) {
            self.refresh(&mut connection).map_err(Failure::into_error)?;
            handle = self.handle(&mut connection, request, form);
        }
        let handle = handle.map_err(Failure::into_error)?;
        handle.plan.output.check_numeric()?;
        Ok(Pipeline::new(self.pool(), connection, handle, statuses))
    }

    /// Reads what each consumer did with each view, since the sidecar began.
    ///
    /// # Errors
    /// `Unavailable` when the sidecar does not answer.
    pub fn consumers(&self) -> Result<Vec<ConsumerReport>> {
        Ok(self.ask(&ConsumersRequest)?.into_iter().map(ConsumerReport::from).collect())
    }

    /// Reads the limits of consumers and views that are in force.
    ///
    /// # Errors
    /// `Unavailable` when the sidecar does not answer.
    pub fn limits(&self) -> Result<LimitsReport> {
        self.ask(&LimitsRequest { limits: None }).map(LimitsReport::from)
    }

    /// Makes a text (TOML) the limits of consumers and views, until the sidecar reads its file again. Returns what is in
    /// force then.
    ///
    /// # Errors
    /// `Invalid` for what are no limits, with the place, so that the others go on; `Denied` for all but operators;
    /// `Unavailable` when the sidecar does not answer.
    pub fn set_limits(&self, limits: &str) -> Result<LimitsReport> {
        self.ask(&LimitsRequest { limits: Some(limits.to_owned()) }).map(LimitsReport::from)
    }

    /// Begins an audit of what the sidecar has served and logged, and gives its number. It runs in the sidecar, one at a
    /// time.
    ///
    /// # Errors
    /// `Denied` for who is no operator; `Invalid` when the sidecar logs nothing; `Conflict` when an audit runs.
    pub fn begin_audit(&self, wanted: &AuditRequest) -> Result<u64> {
        self.ask(wanted)
    }

    /// Reads what audits of the sidecar have found, as JSON: all that are kept, in short, or one with its findings.
    ///
    /// # Errors
    /// `NotFound` when the audit of the number is not kept.
    pub fn audits_json(&self, number: Option<u64>) -> Result<String> {
        self.ask(&AuditsRequest { number })
    }

    /// Reads what is wrong with the store and its views by the sidecar's alerts, and who was told.
    ///
    /// # Errors
    /// `Unavailable` when the sidecar does not answer.
    pub fn alerts(&self) -> Result<AlertsReport> {
        self.ask(&AlertsRequest).map(AlertsReport::from)
    }
}

fn read_catalog(connection: &mut Connection) -> Result<Arc<Catalog>, Failure> {
    Ok(catalog_of(connection.call(&CatalogRequest)?)?)
}
