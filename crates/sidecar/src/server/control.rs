//! Requests that are answered by one message, other than reads.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use asofdb::{Definitions, Durability, Error, Result};
use asofdb_protocol::{
    ApplyRequest, CatalogMessage, ClockMessage, ClockRequest, CommittedMessage, ConsumerMessage, ErasedMessage, Kind,
    NamedValue, NoteAnswer, NoteRequest, Pong, PrepareRequest, ReleaseRequest, RemoveEntity, Role, StatsMessage,
    WriteRequest, WriteView, decode_message, encoded_message, read_stream,
};

use super::Shared;
use super::handle::Handle;
use super::session::Session;
use crate::consumers::Operation;

/// Answers one request.
///
/// # Errors
/// Whatever is wrong with it: the client is told, and the connection goes on.
pub(super) fn answer(shared: &Shared, session: &mut Session<'_>, kind: Kind, body: &[u8]) -> Result<Vec<u8>> {
    match kind {
        Kind::Hello => Err(Error::invalid("a connection says hello once")),
        Kind::Prepare => prepare(shared, session, body),
        Kind::Release => encoded_message(&session.reads.release(decode_message::<ReleaseRequest>(body)?.handle)?),
        Kind::Ping => ping(shared, body),
        Kind::Write => write(shared, session, body),
        Kind::Catalog => catalog(shared, body),
        Kind::Stats => stats(shared, session, body),
        Kind::Note => note(shared, body),
        Kind::Apply => apply(shared, session, body),
        Kind::Clock => clock(shared, session, body),
        Kind::Delete => delete(shared, session, body),
        Kind::Erase => erase(shared, session, body),
        _ => Err(Error::invalid(format!("a request cannot be a {kind:?}"))),
    }
}

fn prepare(shared: &Shared, session: &mut Session<'_>, body: &[u8]) -> Result<Vec<u8>> {
    let handle = Handle::new(&shared.service.store, &session.consumer, decode_message::<PrepareRequest>(body)?)?;
    let mut answer = handle.message(0);
    answer.handle = session.reads.add(handle)?;
    encoded_message(&answer)
}

fn ping(shared: &Shared, body: &[u8]) -> Result<Vec<u8>> {
    decode_message::<()>(body)?;
    let store = &shared.service.store;
    encoded_message(&Pong { now: store.now().into(), catalog_revision: store.catalog().revision() })
}

fn write(shared: &Shared, session: &Session<'_>, body: &[u8]) -> Result<Vec<u8>> {
    session.role.require(Role::Writer, "writing")?;
    let request: WriteRequest = decode_message(body)?;
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
    encoded_message(&CommittedMessage::from(committed))
}

fn batch(view: &WriteView) -> Result<RecordBatch> {
    let read = || {
        let (schema, batches) = read_stream(&view.rows)?;
        match <[RecordBatch; 1]>::try_from(batches) {
            Ok([batch]) => Ok(batch),
            Err(batches) => concat_batches(&schema, &batches)
                .map_err(|error| Error::invalid("the batches cannot be put together").with_source(error)),
        }
    };
    read().map_err(|error| error.context(format!("view {:?}", view.view)))
}

fn catalog(shared: &Shared, body: &[u8]) -> Result<Vec<u8>> {
    decode_message::<()>(body)?;
    let catalog = shared.service.store.catalog();
    let records = catalog.to_records()?.into_iter().collect();
    encoded_message(&CatalogMessage { revision: catalog.revision(), records })
}

fn stats(shared: &Shared, session: &Session<'_>, body: &[u8]) -> Result<Vec<u8>> {
    decode_message::<()>(body)?;
    let store = session.metered(shared, Operation::Stats, &[], 0, || shared.service.store.stats())?;
    encoded_message(&StatsMessage {
        store: store.into(),
        consumers: shared.service.report().into_iter().map(ConsumerMessage::from).collect(),
    })
}

fn note(shared: &Shared, body: &[u8]) -> Result<Vec<u8>> {
    let request: NoteRequest = decode_message(body)?;
    encoded_message(&NoteAnswer { value: shared.service.store.backend().note(&request.name)? })
}

fn apply(shared: &Shared, session: &Session<'_>, body: &[u8]) -> Result<Vec<u8>> {
    session.role.require(Role::Operator, "changing definitions")?;
    let request: ApplyRequest = decode_message(body)?;
    let store = &shared.service.store;
    let definitions = Definitions::from(request.definitions);
    let apply = || store.apply_to(&definitions, request.allow_drop, Some(request.catalog_revision));
    session.metered(shared, Operation::Apply, &[], 0, apply)?;
    encoded_message(&store.catalog().revision())
}

fn clock(shared: &Shared, session: &Session<'_>, body: &[u8]) -> Result<Vec<u8>> {
    let (request, store) = (decode_message::<ClockRequest>(body)?, &shared.service.store);
    if request.confirm {
        session.role.require(Role::Operator, "confirming the clock")?;
        store.confirm_clock()?;
    }
    encoded_message(&ClockMessage::from(store.clock()))
}

fn delete(shared: &Shared, session: &Session<'_>, body: &[u8]) -> Result<Vec<u8>> {
    session.role.require(Role::Writer, "deleting")?;
    let request: RemoveEntity = decode_message(body)?;
    let (views, entity) = (names(&request.views), NamedValue::to_entity(&request.entity)?);
    let store = &shared.service.store;
    let committed =
        session.metered(shared, Operation::Delete, &views, 1, || store.delete(&views, &entity, request.at.into()))?;
    encoded_message(&CommittedMessage::from(committed))
}

fn erase(shared: &Shared, session: &Session<'_>, body: &[u8]) -> Result<Vec<u8>> {
    session.role.require(Role::Operator, "erasing")?;
    let request: RemoveEntity = decode_message(body)?;
    let (views, entity) = (names(&request.views), NamedValue::to_entity(&request.entity)?);
    let store = &shared.service.store;
    let erased = session.metered(shared, Operation::Erase, &views, 1, || store.erase(&views, &entity))?;
    encoded_message(&erased.into_iter().map(ErasedMessage::from).collect::<Vec<_>>())
}

fn names(views: &[String]) -> Vec<&str> {
    views.iter().map(String::as_str).collect()
}
