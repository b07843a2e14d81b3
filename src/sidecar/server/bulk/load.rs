//! Rows of a view, encoded by the client, written in one step.

use asofdb_storage::{Committed, Error, FeatureView, Result, RowLayout, ScalarType, Timestamp, WriteBatch, key, row};

use super::Work;
use super::inflow::Inflow;
use crate::ingest::{LOAD_ROWS_MAX, check_note};
use crate::reference::find_view;
use crate::sidecar::access::Role;
use crate::sidecar::consumers::Operation;
use crate::sidecar::message::{self, CommittedMessage, Load};
use crate::sidecar::rows::read_row;

/// Memory of a row in a batch besides its bytes, and of sorting it, in bytes.
const ROW_MEMORY_BYTES: usize = 96;

pub(super) fn answer(work: &Work<'_>, body: &[u8], inflow: &mut Inflow<'_, '_>) -> Result<Vec<u8>> {
    work.role.require(Role::Writer, "loading rows")?;
    let request: Load = message::decode(body)?;
    let committed = work.in_turn(Operation::Load, &[&request.view], || {
        let committed = load(work, &request, inflow)?;
        Ok((request.rows as usize, committed))
    })?;
    message::encoded(&CommittedMessage::from(committed))
}

fn load(work: &Work<'_>, request: &Load, inflow: &mut Inflow<'_, '_>) -> Result<Committed> {
    let (rows_max, bytes_max) = (LOAD_ROWS_MAX as u64, work.shared.bounds.load_bytes_max as u64);
    if request.rows > rows_max || request.bytes > bytes_max {
        let (rows, bytes) = (request.rows, request.bytes);
        let message = format!("a load has at most {rows_max} rows and {bytes_max} bytes; load less at a time");
        return Err(Error::invalid(format!("{message}: {rows} and {bytes}")));
    }
    let mut held = work.shared.budget.hold();
    held.resize(request.bytes as usize + request.rows as usize * ROW_MEMORY_BYTES)?;
    let store = &work.shared.service.store;
    let catalog = store.catalog();
    let view = find_view(&catalog, &request.view)?;
    let mut loading = Loading::new(view, request, store.now())?;
    while let Some(chunk) = inflow.next()? {
        loading.add(chunk)?;
    }
    store.load(loading.finish()?)
}

/// A load whose rows are arriving.
struct Loading<'r> {
    request: &'r Load,
    view: &'r FeatureView,
    layout: RowLayout,
    key_types: Vec<ScalarType>,
    now: Timestamp,
    batch: WriteBatch,
}

impl<'r> Loading<'r> {
    /// # Errors
    /// `Conflict` when the rows are encoded for another view, or an earlier schema of it; `Invalid` for notes about
    /// something else.
    fn new(view: &'r FeatureView, request: &'r Load, now: Timestamp) -> Result<Self> {
        let layout = view.current_layout();
        if request.view_id != view.id || request.schema_version != layout.version() {
            let name = &view.name;
            return Err(Error::conflict(format!("the view was changed meanwhile; run the ingest again: {name:?}")));
        }
        let mut batch = WriteBatch::bulk();
        for note in &request.notes {
            check_note(view.id, layout.version(), &note.name, &note.value)?;
            batch.note(note.name.clone(), Some(note.value.clone()));
        }
        Ok(Loading { request, view, layout, key_types: view.key_types(), now, batch })
    }

    /// Adds the rows of a chunk, each of which is checked.
    fn add(&mut self, mut chunk: &[u8]) -> Result<()> {
        while let Some(next) = read_row(&mut chunk)? {
            let is_more = self.batch.len() as u64 == self.request.rows
                || (self.batch.bytes() + next.key.len() + next.row.len()) as u64 > self.request.bytes;
            if is_more {
                return Err(self.another_size());
            }
            key::check_entity(self.key_types.iter().copied(), next.key)
                .and_then(|()| row::check(&self.layout, next.row))
                .and_then(|()| self.batch.put(self.view, next.key, next.event, next.created, next.row, self.now))
                .map_err(|error| self.bad_row(&error))?;
        }
        Ok(())
    }

    #[cold]
    fn bad_row(&self, error: &Error) -> Error {
        let (view, row) = (&self.view.name, self.batch.len());
        Error::invalid(format!("view {view:?}, row {row} of a load: {error:#}"))
    }

    #[cold]
    fn another_size(&self) -> Error {
        let (rows, bytes) = (self.request.rows, self.request.bytes);
        Error::invalid(format!("a load has other rows than it says: {rows} of {bytes} bytes"))
    }

    /// All of it.
    fn finish(self) -> Result<WriteBatch> {
        match self.batch.len() as u64 == self.request.rows && self.batch.bytes() as u64 == self.request.bytes {
            true => Ok(self.batch),
            false => Err(self.another_size()),
        }
    }
}
