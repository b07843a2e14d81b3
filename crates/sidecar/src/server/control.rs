//! Requests that are answered by one message, other than reads.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use asofdb::parts::{PLAIN_BYTES_MAX, check_plain, is_statistics_note};
use asofdb::{ApplyOptions, Definitions, Durability, Error, Result};
use asofdb_protocol::{
    AgesRequest, AlertsMessage, AnswerRowMessage, ApplyRequest, ApproveRequest, CatalogMessage, ChangeMessage,
    ClockMessage, ClockRequest, CommittedMessage, ConsumerFigures, ConsumerMessage, ErasedMessage, FeedMessage,
    FeedsRequest, Kind, LimitsMessage, LimitsRequest, LogRequest, ModelRowMessage, NamedValue, NoteAnswer, NoteRequest,
    PolicyRequest, Pong, PrepareRequest, ProposePolicyRequest, ProposeRequest, ReleaseRequest, RemoveEntity,
    StatisticsMessage, StatisticsRequest, StatsMessage, ViewAgesMessage, WriteRequest, WriteView, decode_message,
    encoded_message, read_stream,
};

use super::audits;
use super::handle::Handle;
use super::reads::Reads;
use super::session::Session;
use super::shared::Shared;
use super::sharing;
use crate::admission::{Admission, Caller};
use crate::budget::Held;
use crate::consumers::Limits;
use crate::operation::Operation;
use tracing::warn;

/// Copies of plain rows that a write holds: the columns as the view has them, and the rows.
const PLAIN_COPIES: usize = 2;

/// Most changes of the log in one answer; the client asks for more by the last one.
const LOG_CHANGES_MAX: u32 = 1_000;

/// Answers one request.
///
/// # Errors
/// Whatever is wrong with it: the client is told, and the connection goes on.
pub(super) fn answer(shared: &Shared, session: &mut Session<'_>, kind: Kind, body: &[u8]) -> Result<Vec<u8>> {
    let operation = operation(kind, body)?;
    let (caller, reads) = (&session.caller, &mut session.reads);
    shared.perform(caller, operation, |admission| match kind {
        Kind::Prepare => prepare(shared, caller, reads, body),
        Kind::Release => encoded_message(&reads.release(decode_message::<ReleaseRequest>(body)?.handle)?),
        Kind::Ping => ping(shared, body),
        Kind::Write => write(shared, admission, body),
        Kind::Catalog => catalog(shared, body),
        Kind::Stats => stats(shared, body),
        Kind::Consumers => consumers(shared, body),
        Kind::Limits => limits(shared, caller, body),
        Kind::Ages => ages(shared, body),
        Kind::Answers => answers(shared, body),
        Kind::Models => models(shared, body),
        Kind::Feeds => feeds(shared, body),
        Kind::Statistics => statistics(admission, body),
        Kind::Alerts => alerts(shared, body),
        Kind::Audit => audits::begin(shared, caller, body),
        Kind::Audits => audits::told(shared, caller, body),
        Kind::Report => sharing::report(shared, caller, body),
        Kind::Note => note(shared, body),
        Kind::Apply => apply(shared, caller, body),
        Kind::Policy => policy(shared, caller, body),
        Kind::Log => log(shared, body),
        Kind::Approve => approve(shared, caller, body),
        Kind::Propose => propose(shared, caller, body),
        Kind::ProposePolicy => propose_policy(shared, caller, body),
        Kind::Clock => clock(shared, body),
        Kind::Delete => delete(shared, admission, body),
        Kind::Erase => erase(shared, admission, body),
        _ => Err(unanswered(kind)),
    })
}

/// Returns the row of the table for requests of one message.
fn operation(kind: Kind, body: &[u8]) -> Result<Operation> {
    Ok(match kind {
        Kind::Prepare => Operation::Prepare,
        Kind::Release => Operation::Release,
        Kind::Ping => Operation::Ping,
        Kind::Write => Operation::Write,
        Kind::Catalog => Operation::Catalog,
        Kind::Stats | Kind::Consumers => Operation::Stats,
        Kind::Limits => match decode_message::<LimitsRequest>(body)?.limits {
            Some(_) => Operation::SetLimits,
            None => Operation::Limits,
        },
        Kind::Ages => Operation::Ages,
        Kind::Answers => Operation::Answers,
        Kind::Models => Operation::Models,
        Kind::Feeds => Operation::Feeds,
        Kind::Statistics => Operation::Statistics,
        Kind::Alerts => Operation::Alerts,
        Kind::Audit => Operation::Audit,
        Kind::Audits => Operation::Audits,
        Kind::Report => Operation::Share,
        Kind::Note => Operation::Note,
        Kind::Apply => Operation::Apply,
        Kind::Policy => Operation::Policy,
        Kind::Log => Operation::Log,
        Kind::Approve => Operation::Approve,
        Kind::Propose | Kind::ProposePolicy => Operation::Propose,
        Kind::Clock => match decode_message::<ClockRequest>(body)?.confirm {
            true => Operation::ConfirmClock,
            false => Operation::Clock,
        },
        Kind::Delete => Operation::Delete,
        Kind::Erase => Operation::Erase,
        Kind::Hello => return Err(Error::invalid("a connection says hello once")),
        _ => return Err(unanswered(kind)),
    })
}

#[cold]
fn unanswered(kind: Kind) -> Error {
    Error::invalid(format!("a request cannot be a {kind:?}"))
}

fn prepare(shared: &Shared, caller: &Caller, reads: &mut Reads<'_>, body: &[u8]) -> Result<Vec<u8>> {
    let handle = Handle::new(&shared.service.store, caller, decode_message::<PrepareRequest>(body)?)?;
    for warning in handle.prepared.warnings() {
        if let Some(left_out) = shared.notices.next() {
            warn!(consumer = caller.consumer.name(), left_out, "{warning}");
        }
    }
    let mut answer = handle.message(0);
    answer.handle = reads.add(handle)?;
    encoded_message(&answer)
}

fn ping(shared: &Shared, body: &[u8]) -> Result<Vec<u8>> {
    decode_message::<()>(body)?;
    let store = &shared.service.store;
    encoded_message(&Pong { now: store.now().into(), catalog_revision: store.catalog().revision() })
}

fn write(shared: &Shared, admission: &mut Admission<'_>, body: &[u8]) -> Result<Vec<u8>> {
    let request: WriteRequest = decode_message(body)?;
    let mut held = Held::new(&shared.budget);
    held.resize(body.len() * 2)?;
    let rows = request.views.iter().map(batch).collect::<Result<Vec<_>>>()?;
    let plain = plain_of(&request.views, &rows)?;
    held.resize(body.len() * 2 + plain * PLAIN_COPIES)?;
    let views: Vec<(&str, &RecordBatch)> =
        request.views.iter().zip(&rows).map(|(view, rows)| (view.view.as_str(), rows)).collect();
    let store = &shared.service.store;
    let durability = match request.sync {
        Some(true) => Durability::Sync,
        Some(false) => Durability::Os,
        None => store.durability(),
    };
    admission.admit(views.iter().map(|(view, _)| *view), rows.iter().map(RecordBatch::num_rows).sum())?;
    admission.charge_written(plain);
    encoded_message(&CommittedMessage::from(store.write_all(&views, durability)?))
}

/// The bytes that the rows of a write take once they are plain.
fn plain_of(views: &[WriteView], rows: &[RecordBatch]) -> Result<usize> {
    let plain = views.iter().zip(rows).try_fold(0, |sum, (view, rows)| {
        let plain = check_plain(rows).map_err(|error| error.context(format!("view {:?}", view.view)))?;
        Ok::<u64, Error>(sum + plain)
    })?;
    match plain <= PLAIN_BYTES_MAX {
        true => Ok(plain as usize),
        false => Err(Error::invalid(format!(
            "the rows of one write take at most {PLAIN_BYTES_MAX} bytes once they are written out, of all views \
             together: {plain}; write fewer at a time"
        ))),
    }
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

fn ages(shared: &Shared, body: &[u8]) -> Result<Vec<u8>> {
    let AgesRequest { views } = decode_message(body)?;
    let ages = shared.service.store.ages(&views)?;
    encoded_message(&ages.into_iter().map(ViewAgesMessage::from).collect::<Vec<_>>())
}

fn answers(shared: &Shared, body: &[u8]) -> Result<Vec<u8>> {
    decode_message::<()>(body)?;
    let rows = shared.service.store.answers();
    encoded_message(&rows.into_iter().map(AnswerRowMessage::from).collect::<Vec<_>>())
}

fn models(shared: &Shared, body: &[u8]) -> Result<Vec<u8>> {
    decode_message::<()>(body)?;
    let rows = shared.service.store.models()?;
    encoded_message(&rows.into_iter().map(ModelRowMessage::from).collect::<Vec<_>>())
}

fn feeds(shared: &Shared, body: &[u8]) -> Result<Vec<u8>> {
    let FeedsRequest { views } = decode_message(body)?;
    let views: Vec<&str> = views.iter().map(String::as_str).collect();
    let feeds = shared.service.store.feeds(&views)?;
    encoded_message(&feeds.into_iter().map(FeedMessage::from).collect::<Vec<_>>())
}

fn statistics(admission: &mut Admission<'_>, body: &[u8]) -> Result<Vec<u8>> {
    let StatisticsRequest { view } = decode_message(body)?;
    admission.admit([view.as_str()], 0)?;
    encoded_message(&StatisticsMessage::try_from(admission.store()?.statistics(&view)?)?)
}

fn alerts(shared: &Shared, body: &[u8]) -> Result<Vec<u8>> {
    decode_message::<()>(body)?;
    encoded_message(&AlertsMessage::from(shared.service.alerts()))
}

fn stats(shared: &Shared, body: &[u8]) -> Result<Vec<u8>> {
    decode_message::<()>(body)?;
    let consumers = shared.service.report().into_iter().map(ConsumerMessage::from).collect();
    encoded_message(&StatsMessage::new(shared.service.store.stats()?, consumers))
}

fn consumers(shared: &Shared, body: &[u8]) -> Result<Vec<u8>> {
    decode_message::<()>(body)?;
    let reports = shared.service.report();
    encoded_message(&reports.into_iter().map(ConsumerFigures::from).collect::<Vec<_>>())
}

fn limits(shared: &Shared, caller: &Caller, body: &[u8]) -> Result<Vec<u8>> {
    let LimitsRequest { limits } = decode_message(body)?;
    let service = &shared.service;
    if let Some(text) = limits {
        service.set_limits(Limits::parse(&text, "limits")?, &caller.actor().name)?;
    }
    encoded_message(&LimitsMessage::from(service.limits()))
}

fn note(shared: &Shared, body: &[u8]) -> Result<Vec<u8>> {
    let request: NoteRequest = decode_message(body)?;
    if is_statistics_note(&request.name) {
        return Err(Error::denied(
            "statistics show values: they are told as far as a caller may read these, not as notes",
        ));
    }
    encoded_message(&NoteAnswer { value: shared.service.store.backend().note(&request.name)? })
}

/// Plans again, though the client has planned to show what changes: what it sends is not trusted, and what is made the
/// catalog is what follows from the catalog of now.
fn apply(shared: &Shared, caller: &Caller, body: &[u8]) -> Result<Vec<u8>> {
    let ApplyRequest { definitions, allow, catalog_revision, message } = decode_message(body)?;
    let store = &shared.service.store;
    let options = ApplyOptions { allow, revision: Some(catalog_revision), message };
    store.apply_by(&caller.actor(), &Definitions::try_from(definitions)?, &options)?;
    encoded_message(&store.catalog().revision())
}

fn policy(shared: &Shared, caller: &Caller, body: &[u8]) -> Result<Vec<u8>> {
    let PolicyRequest { policy, message } = decode_message(body)?;
    let store = &shared.service.store;
    store.apply_policy_by(&caller.actor(), &policy, &message, None)?;
    encoded_message(&store.catalog().revision())
}

fn log(shared: &Shared, body: &[u8]) -> Result<Vec<u8>> {
    let LogRequest { before, limit } = decode_message(body)?;
    let limit = limit.min(LOG_CHANGES_MAX) as usize;
    let changes = shared.service.store.backend().catalog_changes(before, limit)?;
    encoded_message(&changes.into_iter().map(ChangeMessage::from).collect::<Vec<_>>())
}

fn approve(shared: &Shared, caller: &Caller, body: &[u8]) -> Result<Vec<u8>> {
    let ApproveRequest { plan } = decode_message(body)?;
    encoded_message(&shared.service.store.approve_by(&caller.actor(), &plan)?)
}

fn propose(shared: &Shared, caller: &Caller, body: &[u8]) -> Result<Vec<u8>> {
    let ProposeRequest(ApplyRequest { definitions, catalog_revision, message, .. }) = decode_message(body)?;
    let (store, definitions) = (&shared.service.store, Definitions::try_from(definitions)?);
    encoded_message(&store.propose_by(&caller.actor(), &definitions, &message, Some(catalog_revision))?)
}

fn propose_policy(shared: &Shared, caller: &Caller, body: &[u8]) -> Result<Vec<u8>> {
    let ProposePolicyRequest(PolicyRequest { policy, message }) = decode_message(body)?;
    encoded_message(&shared.service.store.propose_policy_by(&caller.actor(), &policy, &message)?)
}

fn clock(shared: &Shared, body: &[u8]) -> Result<Vec<u8>> {
    let (request, store) = (decode_message::<ClockRequest>(body)?, &shared.service.store);
    if request.confirm {
        store.confirm_clock()?;
    }
    encoded_message(&ClockMessage::from(store.clock()))
}

fn delete(shared: &Shared, admission: &mut Admission<'_>, body: &[u8]) -> Result<Vec<u8>> {
    let request: RemoveEntity = decode_message(body)?;
    let (views, entity) = (names(&request.views), NamedValue::to_entity(&request.entity)?);
    admission.admit(views.iter().copied(), 1)?;
    let committed = shared.service.store.delete(&views, &entity, request.at.into())?;
    encoded_message(&CommittedMessage::from(committed))
}

fn erase(shared: &Shared, admission: &mut Admission<'_>, body: &[u8]) -> Result<Vec<u8>> {
    let request: RemoveEntity = decode_message(body)?;
    let (views, entity) = (names(&request.views), NamedValue::to_entity(&request.entity)?);
    admission.admit(views.iter().copied(), 1)?;
    let erased = shared.service.store.erase(&views, &entity)?;
    encoded_message(&erased.into_iter().map(ErasedMessage::from).collect::<Vec<_>>())
}

fn names(views: &[String]) -> Vec<&str> {
    views.iter().map(String::as_str).collect()
}
