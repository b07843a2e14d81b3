//! Rows of a view that a client sends before the load that they belong to.
//!
//! What a client loads is more than fits into memory. So it sends the rows in parts, each a request by itself that holds a
//! place in line, memory and its consumer's bytes for no longer than it takes, and the store gathers them on disk. The load
//! that follows on the same connection writes all of them in one step, in the order of the store's keys. The rows go with
//! the connection, with the first error, and when the client takes longer than a bulk request may.

use std::sync::atomic::{AtomicU64, Ordering};

use asofdb::parts::find_stored_view;
use asofdb::storage::{Staging, StagingProgress, WriteBatch};
use asofdb::{Committed, Error, FeatureView, Result, Session};
use asofdb_protocol::{GatherAnswer, GatherRequest, Kind, LoadProgress, LoadRequest, decode_message, encoded_message};

use super::inflow::Inflow;
use super::load::receive;
use super::outflow::Outflow;
use super::work::Work;
use crate::admission::Admission;
use crate::bounds::Bounds;
use crate::budget::{Budget, Held};
use crate::consumers::Stopwatch;
use crate::server::shared::Shared;

/// Bytes that a row takes on disk besides its key and its values, while it is gathered.
const ROW_GATHERED_BYTES: u64 = 32;

/// The rows that a connection has gathered, if it has.
pub(in crate::server) struct Gathering<'s> {
    shared: &'s Shared,
    rows: Option<Gathered<'s>>,
}

/// Rows on disk, for the next load of their connection.
pub(super) struct Gathered<'s> {
    /// The view that they are encoded for, and the version of its schema.
    encoding: (u32, u16),
    stage: Box<dyn Staging + 's>,
    /// Bytes that the client has sent, and most that it may.
    bytes: u64,
    bytes_max: u64,
    _room: Held<&'s Budget>,
    since: Stopwatch,
}

impl<'s> Gathering<'s> {
    pub(in crate::server) fn new(shared: &'s Shared) -> Self {
        Gathering { shared, rows: None }
    }

    pub(in crate::server) fn is_empty(&self) -> bool {
        self.rows.is_none()
    }

    /// The rows, which are gone if they are not put back.
    pub(super) fn take(&mut self) -> Option<Gathered<'s>> {
        self.rows.take()
    }

    /// Begins to gather rows of a view; `None` where the store cannot, or there is no room now.
    fn begin(&self, view: &FeatureView) -> Option<Gathered<'s>> {
        let bytes_max = self.shared.bounds.gather_bytes_of_one();
        let mut room = Held::new(&self.shared.gathering);
        room.resize(usize::try_from(bytes_max).ok().filter(|bytes| *bytes > 0)?).ok()?;
        let stage = self.shared.service.store.stage(view)?;
        Some(Gathered {
            encoding: (view.id, view.current_layout().version()),
            stage,
            bytes: 0,
            bytes_max,
            _room: room,
            since: Stopwatch::start(),
        })
    }
}

impl Gathered<'_> {
    /// Refuses rows that cannot be loaded together with these.
    ///
    /// # Errors
    /// `Conflict` when they are of another view, or another schema of it; `Unavailable` when the client has taken too long.
    fn check(&self, request: &LoadRequest, bounds: &Bounds) -> Result<()> {
        if self.encoding != (request.view_id, request.schema_version) {
            let name = &request.view;
            let message =
                "a connection has gathered rows of another view, or of another schema; none of them is loaded";
            return Err(Error::conflict(format!("{message}, nor those of {name:?}")));
        }
        if self.since.elapsed() > bounds.bulk_timeout {
            let most = bounds.bulk_timeout;
            let message = "rows are gathered for a load for at most";
            return Err(Error::unavailable(format!(
                "{message} {most:?}; none of them is loaded: ingest less in a step"
            )));
        }
        Ok(())
    }

    /// Counts rows that come; refuses them where the room was full before. The last ones may be a load more than it has.
    fn make_room(&mut self, request: &LoadRequest) -> Result<()> {
        let (before, bytes_max) = (self.bytes, self.bytes_max);
        if request.rows > 0 && before >= bytes_max {
            let message = "has gathered as many bytes as it may; load them before it gathers more";
            return Err(Error::invalid(format!("a connection {message}: {before} of {bytes_max}")));
        }
        let bytes = request.rows.saturating_mul(ROW_GATHERED_BYTES).saturating_add(request.bytes);
        self.bytes = before.saturating_add(bytes);
        Ok(())
    }

    /// Loads the rows and those of `last` in one step with its notes, and tells the client how far that has come.
    ///
    /// # Errors
    /// As [`Gathered::check`], and those of the store.
    pub(super) fn load(
        mut self,
        work: &Work<'_>,
        request: &LoadRequest,
        last: WriteBatch,
        outflow: &Outflow,
    ) -> Result<Committed> {
        self.check(request, &work.shared.bounds)?;
        let notes = last.notes().to_vec();
        // It may have notes alone.
        if last.rows().next().is_some() {
            self.stage.add(last)?;
        }
        let told = AtomicU64::new(0);
        let tell = |StagingProgress { done, total }| {
            work.stop.check()?;
            match told.fetch_max(done, Ordering::Relaxed) < done {
                true => outflow.send(Kind::Load, encoded_message(&LoadProgress { done, total })?),
                false => Ok(()),
            }
        };
        self.stage.load(notes, &tell)
    }
}

pub(super) fn answer(
    work: &Work<'_>,
    admission: &mut Admission<'_>,
    body: &[u8],
    inflow: &mut Inflow<'_, '_>,
    gathering: &mut Gathering<'_>,
) -> Result<Vec<u8>> {
    let request = LoadRequest::from(decode_message::<GatherRequest>(body)?);
    admission.admit([request.view.as_str()], 0)?;
    admission.charge_written(usize::try_from(request.bytes).unwrap_or(usize::MAX));
    // An error leaves nothing of what came before, as nobody could say what of it is there.
    let before = gathering.take();
    let catalog = work.shared.service.store.catalog();
    let view = find_stored_view(&catalog, &request.view)?;
    let Some(mut gathered) = before.or_else(|| gathering.begin(view)) else {
        return match request.rows {
            0 => encoded_message(&GatherAnswer { bytes_max: 0 }),
            _ => Err(Error::unavailable("there is no room to gather rows before they are loaded; load them at once")),
        };
    };
    gathered.check(&request, &work.shared.bounds)?;
    gathered.make_room(&request)?;
    let (rows, bytes_max) = (request.rows, gathered.bytes_max);
    if rows > 0 {
        receive(work, view, &request, inflow, |batch| gathered.stage.add(batch))?;
    }
    gathering.rows = Some(gathered);
    admission.count(rows);
    encoded_message(&GatherAnswer { bytes_max })
}
