//! Requests that are answered by one message, other than reads.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use asofdb_storage::{Definitions, Durability, Error, Result};

use super::Shared;
use super::handle::Handle;
use super::session::Session;
use crate::sidecar::access::Role;
use crate::sidecar::consumers::{ConsumerReport, Operation};
use crate::sidecar::frame::Kind;
use crate::sidecar::ipc;
use crate::sidecar::message::{
    self, Apply, CatalogMessage, CommittedMessage, ConsumerMessage, ErasedMessage, NamedValue, NoteAnswer, NoteRequest,
    Pong, Prepare, Release, RemoveEntity, StatsMessage, Write, WriteView, encoded,
};

/// Answers one request.
///
/// # Errors
/// Whatever is wrong with it: the client is told, and the connection goes on.
pub(super) fn answer(shared: &Shared, session: &mut Session<'_>, kind: Kind, body: &[u8]) -> Result<Vec<u8>> {
    match kind {
        Kind::Hello => Err(Error::invalid("a connection says hello once")),
        Kind::Prepare => prepare(shared, session, body),
        Kind::Release => encoded(&session.reads.release(message::decode::<Release>(body)?.handle)?),
        Kind::Ping => ping(shared, body),
        Kind::Write => write(shared, session, body),
        Kind::Catalog => catalog(shared, body),
        Kind::Stats => stats(shared, session, body),
        Kind::Note => note(shared, body),
        Kind::Apply => apply(shared, session, body),
        Kind::Delete => delete(shared, session, body),
        Kind::Erase => erase(shared, session, body),
        _ => Err(Error::invalid(format!("a request cannot be a {kind:?}"))),
    }
}

fn prepare(shared: &Shared, session: &mut Session<'_>, body: &[u8]) -> Result<Vec<u8>> {
    let handle = Handle::new(&shared.service.store, &session.consumer, message::decode::<Prepare>(body)?)?;
    let mut answer = handle.message(0);
    answer.handle = session.reads.add(handle)?;
    encoded(&answer)
}

fn ping(shared: &Shared, body: &[u8]) -> Result<Vec<u8>> {
    message::decode::<()>(body)?;
    let store = &shared.service.store;
    encoded(&Pong { now: store.now().into(), catalog_revision: store.catalog().revision() })
}

fn write(shared: &Shared, session: &Session<'_>, body: &[u8]) -> Result<Vec<u8>> {
    session.role.require(Role::Writer, "writing")?;
    let request: Write = message::decode(body)?;
    let rows = request.views.iter().map(batch).collect::<Result<Vec<_>>>()?;
    let views: Vec<(&str, &RecordBatch)> =
        request.views.iter().zip(&rows).map(|(view, rows)| (view.view.as_str(), rows)).collect();
    let count = rows.iter().map(RecordBatch::num_rows).sum();
    let store = &shared.service.store;
    let durability = match request.sync {
        Some(true) => Durability::Sync,
        Some(false) => Durability::Os,
        None => store.durability(),
    };
    let names: Vec<&str> = views.iter().map(|(view, _)| *view).collect();
    let committed = session.metered(shared, Operation::Write, &names, count, || store.write_all(&views, durability))?;
    encoded(&CommittedMessage::from(committed))
}

fn batch(view: &WriteView) -> Result<RecordBatch> {
    let read = || {
        let (schema, batches) = ipc::read_stream(&view.rows)?;
        match <[RecordBatch; 1]>::try_from(batches) {
            Ok([batch]) => Ok(batch),
            Err(batches) => concat_batches(&schema, &batches)
                .map_err(|error| Error::invalid("the batches cannot be put together").with_source(error)),
        }
    };
    read().map_err(|error| error.context(format!("view {:?}", view.view)))
}

fn catalog(shared: &Shared, body: &[u8]) -> Result<Vec<u8>> {
    message::decode::<()>(body)?;
    let catalog = shared.service.store.catalog();
    let records = catalog.to_records()?.into_iter().collect();
    encoded(&CatalogMessage { revision: catalog.revision(), records })
}

fn stats(shared: &Shared, session: &Session<'_>, body: &[u8]) -> Result<Vec<u8>> {
    message::decode::<()>(body)?;
    let store = session.metered(shared, Operation::Stats, &[], 0, || shared.service.store.stats())?;
    encoded(&StatsMessage {
        store: store.into(),
        consumers: shared.service.report().into_iter().map(ConsumerMessage::from).collect(),
    })
}

impl From<ConsumerReport> for ConsumerMessage {
    fn from(report: ConsumerReport) -> Self {
        ConsumerMessage {
            consumer: report.consumer,
            operation: report.operation,
            view: report.view,
            requests: report.requests,
            rows: report.rows,
            errors: report.errors.into_iter().map(|(kind, count)| (kind.as_str().to_owned(), count)).collect(),
            p50_us: report.p50.as_micros() as u64,
            p99_us: report.p99.as_micros() as u64,
        }
    }
}

fn note(shared: &Shared, body: &[u8]) -> Result<Vec<u8>> {
    let request: NoteRequest = message::decode(body)?;
    encoded(&NoteAnswer { value: shared.service.store.backend().note(&request.name)? })
}

fn apply(shared: &Shared, session: &Session<'_>, body: &[u8]) -> Result<Vec<u8>> {
    session.role.require(Role::Operator, "changing definitions")?;
    let request: Apply = message::decode(body)?;
    let store = &shared.service.store;
    let definitions = Definitions::from(request.definitions);
    let apply = || store.apply_to(&definitions, request.allow_drop, Some(request.catalog_revision));
    session.metered(shared, Operation::Apply, &[], 0, apply)?;
    encoded(&store.catalog().revision())
}

fn delete(shared: &Shared, session: &Session<'_>, body: &[u8]) -> Result<Vec<u8>> {
    session.role.require(Role::Writer, "deleting")?;
    let request: RemoveEntity = message::decode(body)?;
    let (views, entity) = (names(&request.views), NamedValue::to_entity(&request.entity)?);
    let store = &shared.service.store;
    let committed =
        session.metered(shared, Operation::Delete, &views, 1, || store.delete(&views, &entity, request.at.into()))?;
    encoded(&CommittedMessage::from(committed))
}

fn erase(shared: &Shared, session: &Session<'_>, body: &[u8]) -> Result<Vec<u8>> {
    session.role.require(Role::Operator, "erasing")?;
    let request: RemoveEntity = message::decode(body)?;
    let (views, entity) = (names(&request.views), NamedValue::to_entity(&request.entity)?);
    let store = &shared.service.store;
    let erased = session.metered(shared, Operation::Erase, &views, 1, || store.erase(&views, &entity))?;
    encoded(&erased.into_iter().map(ErasedMessage::from).collect::<Vec<_>>())
}

fn names(views: &[String]) -> Vec<&str> {
    views.iter().map(String::as_str).collect()
}
