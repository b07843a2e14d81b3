//! Bulk requests: scans, joins and loads, whose rows travel as streams, and what else takes long.
//!
//! A request works in a thread of its own that gives way to point reads, and takes the client's chunks from the socket
//! as it needs them. The connection's thread writes what it answers, and an empty chunk now and then while there is
//! nothing to write: so a client that waits knows that it is worked for, and one that has gone is noticed.

mod inflow;
mod join;
mod load;
mod maintenance;
mod outflow;
mod scan;

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;
use std::{io, thread};

use asofdb::parts::Counts;
use asofdb::{CheckpointFiles, Error, Result};
use asofdb_protocol::{Header, Kind, Role};
use crossbeam::channel::{Receiver, RecvTimeoutError};

use self::inflow::Inflow;
use self::outflow::{Outflow, Piece};
use super::arrivals::{Arrivals, End};
use super::replies::Replies;
use super::session::Session;
use super::{Shared, give_way};
use crate::consumers::{Consumer, Operation};

/// The time between two heartbeats: well under what clients wait for a frame.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(2);

/// Returns whether a request is one of these.
pub(super) fn is_bulk(kind: Kind) -> bool {
    use Kind::{Checkpoint, Compact, Copy, Freshness, Join, Load, Scan, Verify};
    matches!(kind, Scan | Join | Load | Freshness | Verify | Compact | Checkpoint | Copy)
}

/// The connection and the resources that a bulk request works with.
struct Work<'w> {
    shared: &'w Shared,
    consumer: &'w Arc<Consumer>,
    role: Role,
    /// Asks it to stop, because nobody waits for it any more.
    counts: &'w Counts,
}

impl Work<'_> {
    /// Does what counts on the consumer and views, when it is its turn. `work` says how many rows there were.
    fn in_turn<T>(&self, operation: Operation, views: &[&str], work: impl FnOnce() -> Result<(usize, T)>) -> Result<T> {
        let _place = self.shared.enter_bulk()?;
        self.shared.metered(self.consumer, operation, views, 0, work)
    }

    /// The message that ends the answer.
    fn answer(&self, kind: Kind, body: &[u8], inflow: &mut Inflow<'_, '_>, outflow: &Outflow) -> Result<Vec<u8>> {
        match kind {
            Kind::Scan => scan::answer(self, body, outflow),
            Kind::Join => join::answer(self, body, inflow, outflow),
            Kind::Load => load::answer(self, body, inflow),
            Kind::Freshness => maintenance::freshness(self, body),
            Kind::Verify => maintenance::verify(self, body),
            Kind::Compact => maintenance::compact(self, body),
            Kind::Checkpoint => maintenance::checkpoint(self, body, CheckpointFiles::Shared),
            Kind::Copy => maintenance::checkpoint(self, body, CheckpointFiles::Copied),
            _ => Err(Error::internal(format!("a {kind:?} is no bulk request"))),
        }
    }
}

/// Answers a request and takes all of its chunks.
pub(super) fn serve(
    shared: &Shared,
    session: &Session<'_>,
    header: Header,
    body: &[u8],
    arrivals: &mut Arrivals<'_>,
    replies: &mut Replies<&UnixStream>,
) -> Result<(), End> {
    let mut inflow = Inflow::new(arrivals, header, &shared.bounds)?;
    let counts = Counts::default();
    let work = Work { shared, consumer: &session.consumer, role: session.role, counts: &counts };
    let (outflow, pieces) = outflow::new();
    let (answer, forwarded) = thread::scope(|scope| {
        let inflow = &mut inflow;
        let working = move || {
            give_way();
            work.answer(header.kind, body, inflow, &outflow)
        };
        let worker = match thread::Builder::new().name("bulk".into()).spawn_scoped(scope, working) {
            Ok(worker) => worker,
            Err(error) => return (Err(no_thread(error)), Ok(())),
        };
        let forwarded = forward(pieces, header.id, replies).inspect_err(|_| counts.stop());
        (worker.join().unwrap_or_else(|_| Err(shared.panicked())), forwarded)
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

#[cold]
fn no_thread(error: io::Error) -> Error {
    Error::unavailable("the sidecar cannot start a thread; try again").with_source(error)
}

/// Writes the pieces of an answer until there are no more.
fn forward(pieces: Receiver<Piece>, id: u64, replies: &mut Replies<&UnixStream>) -> io::Result<()> {
    loop {
        let (kind, body) = match pieces.recv_timeout(HEARTBEAT_EVERY) {
            Ok(Piece { kind, body }) => (kind, body),
            Err(RecvTimeoutError::Timeout) => (Kind::Chunk, Vec::new()),
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        replies.frame(Header::answer(kind, id).more(true), &[&body])?;
        replies.flush()?;
    }
}
