//! Bulk requests: scans, joins and loads, whose rows travel as streams, and what else takes long.
//!
//! A request works in a thread of its own that gives way to point reads, and takes the client's chunks from the socket
//! as it needs them. The connection's thread writes what it answers, and an empty chunk now and then while there is
//! nothing to write: so a client that waits knows that it is worked for, and one that has gone is noticed.

mod gather;
mod inflow;
mod join;
mod load;
mod maintenance;
mod outflow;
mod scan;
mod work;

use std::os::unix::net::UnixStream;
use std::time::Duration;
use std::{io, thread};

use asofdb::{CheckpointFiles, Error, Result, Stop};
use asofdb_protocol::{Header, Kind, ScanRequest, decode_message};
use crossbeam::channel::{Receiver, RecvTimeoutError};

pub(super) use self::gather::Gathering;
use self::inflow::{Inflow, TOOK_TOO_LONG};
use self::outflow::{Outflow, Piece};
use self::work::Work;
use super::arrivals::{Arrivals, End};
use super::replies::Replies;
use super::session::Session;
use super::shared::Shared;
use crate::admission::panicked;
use crate::consumers::Stopwatch;
use crate::line::give_way;
use crate::operation::Operation;

/// The time between two heartbeats: well under what clients wait for a frame.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(2);

/// Returns whether a request is one of these.
pub(super) fn is_bulk(kind: Kind) -> bool {
    use Kind::{
        Checkpoint, Compact, Copy, Freshness, Gather, Join, Load, Materialize, Profile, RepairClock, Sample, Scan,
        Usage, Verify,
    };
    let is_about_itself = matches!(kind, Freshness | Sample | Usage | Verify | Profile);
    is_about_itself
        || matches!(kind, Scan | Join | Load | Gather | Compact | Checkpoint | Copy | RepairClock | Materialize)
}

/// Does the work when the request has been admitted; returns the message that ends the answer.
fn answer(
    work: &Work<'_>,
    gathering: &mut Gathering<'_>,
    kind: Kind,
    body: &[u8],
    inflow: &mut Inflow<'_, '_>,
    outflow: &Outflow,
) -> Result<Vec<u8>> {
    let operation = operation(kind, body)?;
    if operation.is_bulk() {
        give_way();
    }
    work.shared.perform_until(work.caller, operation, work.stop, |admission| match kind {
        Kind::Scan => scan::answer(admission, body, outflow),
        Kind::Join => join::answer(work, admission, body, inflow, outflow),
        Kind::Load => load::answer(work, admission, body, inflow, gathering.take(), outflow),
        Kind::Gather => gather::answer(work, admission, body, inflow, gathering),
        Kind::Freshness => maintenance::freshness(work, admission, body),
        Kind::Usage => maintenance::usage(work, body),
        Kind::Sample => maintenance::sample(work, admission, body),
        Kind::Verify => maintenance::verify(work, admission, body),
        Kind::Compact => maintenance::compact(work, admission, body),
        Kind::RepairClock => maintenance::repair_clock(work, admission, body),
        Kind::Materialize => maintenance::materialize(work, admission, body),
        Kind::Profile => maintenance::profile(admission, body),
        Kind::Checkpoint => maintenance::checkpoint(work, admission, body, CheckpointFiles::Shared),
        Kind::Copy => maintenance::checkpoint(work, admission, body, CheckpointFiles::Copied),
        _ => Err(not_bulk(kind)),
    })
}

/// Returns the row of the table for requests whose rows travel as streams, and those that take long.
fn operation(kind: Kind, body: &[u8]) -> Result<Operation> {
    Ok(match kind {
        Kind::Scan => match decode_message::<ScanRequest>(body) {
            Ok(request) if scan::page_rows(&request).is_some() => Operation::History,
            _ => Operation::Export,
        },
        Kind::Join => Operation::Join,
        Kind::Load | Kind::Gather => Operation::Load,
        Kind::Freshness => Operation::Freshness,
        Kind::Usage => Operation::Usage,
        Kind::Sample => Operation::Sample,
        Kind::Verify => Operation::Verify,
        Kind::Compact => Operation::Compact,
        Kind::RepairClock => Operation::RepairClock,
        Kind::Materialize => Operation::Materialize,
        Kind::Profile => Operation::Profile,
        Kind::Checkpoint | Kind::Copy => Operation::Checkpoint,
        _ => return Err(not_bulk(kind)),
    })
}

#[cold]
fn not_bulk(kind: Kind) -> Error {
    Error::internal(format!("a {kind:?} is no bulk request"))
}

/// Answers a request and takes all of its chunks.
pub(super) fn serve(
    shared: &Shared,
    session: &mut Session<'_>,
    header: Header,
    body: &[u8],
    arrivals: &mut Arrivals<'_>,
    replies: &mut Replies<&UnixStream>,
) -> Result<(), End> {
    let mut inflow = Inflow::new(arrivals, header, &shared.bounds)?;
    let stop = stop(shared, header.kind, body);
    let Session { caller, gathering, .. } = session;
    let work = Work { shared, caller, stop: &stop };
    let (outflow, pieces) = outflow::new();
    let (answer, forwarded) = thread::scope(|scope| {
        let inflow = &mut inflow;
        let working = move || answer(&work, gathering, header.kind, body, inflow, &outflow);
        let worker = match thread::Builder::new().name("bulk".into()).spawn_scoped(scope, working) {
            Ok(worker) => worker,
            Err(error) => return (Err(no_thread(error)), Ok(())),
        };
        let forwarded = forward(pieces, header.id, replies, shared.bounds.bulk_timeout);
        let forwarded = forwarded.inspect_err(|_| shared.service.bulk.abandon(&stop));
        (worker.join().unwrap_or_else(|_| Err(panicked())), forwarded)
    });
    inflow.check()?;
    forwarded?;
    match answer {
        Ok(message) => replies.frame(Header::answer(header.kind, header.id), &[&message])?,
        Err(error) => replies.error(header.id, &error)?,
    }
    replies.flush()?;
    inflow.drain()
}

/// The sign that a request looks at between its steps, where bulk work gives way.
fn stop(shared: &Shared, kind: Kind, body: &[u8]) -> Stop {
    match operation(kind, body) {
        // Nothing is reclaimed while the clock is repaired, so that it must not take longer than it needs.
        Ok(Operation::RepairClock) => Stop::new(),
        Ok(operation) if operation.is_bulk() => shared.service.bulk_stop(),
        _ => Stop::new(),
    }
}

#[cold]
fn no_thread(error: io::Error) -> Error {
    Error::unavailable("the sidecar cannot start a thread; try again").with_source(error)
}

/// Writes the pieces of an answer until there are no more, or it has taken `most`.
fn forward(pieces: Receiver<Piece>, id: u64, replies: &mut Replies<&UnixStream>, most: Duration) -> Result<(), End> {
    let started = Stopwatch::start();
    loop {
        if started.elapsed() > most {
            return Err(End::TimedOut(TOOK_TOO_LONG));
        }
        let (kind, body) = match pieces.recv_timeout(HEARTBEAT_EVERY) {
            Ok(Piece { kind, body }) => (kind, body),
            Err(RecvTimeoutError::Timeout) => (Kind::Chunk, Vec::new()),
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        replies.frame(Header::answer(kind, id).more(true), &[&body])?;
        replies.flush()?;
    }
}
