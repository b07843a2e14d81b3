//! Memory of the store that a client reads by itself: who gets it, and what it says that it has read.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use asofdb::storage::SharedMemory;
use asofdb::{Error, Result};
use asofdb_protocol::{
    Header, Kind, ReadsMessage, ReportRequest, ShareRequest, SharedMessage, decode_message, encoded_message, put_frame,
};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::shared::Shared;
use crate::admission::Caller;
use crate::operation::Operation;

/// Most requests of one report, and most hashes of rows.
const READS_MAX: usize = 4_096;
const USED_MAX: usize = 4_096;

/// Most calls, and rows, of one request in one report: many more than a second has.
const COUNT_MAX: u64 = 1 << 40;

/// The memory that a client gets.
///
/// # Errors
/// `Invalid` where none is shared; `Denied` for who may not have it.
pub(super) fn share(shared: &Shared, caller: &Caller, body: &[u8]) -> Result<SharedMemory> {
    shared.perform(caller, Operation::Share, |_| {
        decode_message::<ShareRequest>(body)?;
        let service = &shared.service;
        let memory = service.store.backend().shared_memory()?;
        let none = "this sidecar shares no memory; start it with --share-memory, and with a hot table";
        let memory = memory.ok_or_else(|| Error::invalid(none))?;
        // After the number of grants was read: what changes later takes it back.
        check(shared, caller)?;
        Ok(memory)
    })
}

/// Refuses clients whose reads the sidecar has to see.
fn check(shared: &Shared, caller: &Caller) -> Result<()> {
    let service = &shared.service;
    let consumer = caller.consumer.name();
    if service.store.served_log().is_some() {
        return Err(Error::denied("the sidecar logs what it serves, and would not see what is read in shared memory"));
    }
    let limits = service.current_limits();
    if limits.terms_of(consumer).is_limiting() {
        return Err(Error::denied(format!("consumer {consumer:?} has limits, which shared memory does not keep")));
    }
    if let Some((view, _)) = limits.views.iter().find(|(_, terms)| terms.is_limiting()) {
        let rule = "has limits, which shared memory, where it lies with all others, does not keep";
        return Err(Error::denied(format!("view {view:?} {rule}")));
    }
    Ok(())
}

/// Sends an answer with the descriptor. A client that does not take what it asked for is not waited for.
pub(super) fn send(stream: &UnixStream, id: u64, memory: &SharedMemory) -> io::Result<()> {
    let body = encoded_message(&SharedMessage { grants: memory.grants }).map_err(io::Error::other)?;
    let mut frame = Vec::new();
    put_frame(&mut frame, Header::answer(Kind::Share, id), |out| out.extend_from_slice(&body));
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let descriptors = [memory.descriptor.as_fd()];
    loop {
        let mut rights = SendAncillaryBuffer::new(&mut space);
        rights.push(SendAncillaryMessage::ScmRights(&descriptors));
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        match sendmsg(stream, &[IoSlice::new(&frame)], &mut rights, flags) {
            Ok(sent) if sent == frame.len() => return Ok(()),
            Ok(_) | Err(Errno::AGAIN) => return Err(io::ErrorKind::WouldBlock.into()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Counts what a client has read by itself. It can only tell of itself, and not more than somebody can read.
///
/// # Errors
/// `Invalid` for a report that cannot be; nothing of it is counted then.
pub(super) fn report(shared: &Shared, caller: &Caller, body: &[u8]) -> Result<Vec<u8>> {
    let report: ReportRequest = decode_message(body)?;
    if report.reads.len() > READS_MAX || report.used.len() > USED_MAX {
        let rule = format!("a report has at most {READS_MAX} requests and {USED_MAX} rows");
        return Err(Error::invalid(rule));
    }
    report.reads.iter().try_for_each(check_reads)?;
    let store = caller.store(&shared.service.store)?;
    for reads in &report.reads {
        // What was dropped since has no usage any more.
        let Ok(prepared) = store.prepare(&reads.references) else { continue };
        let Ok(plan) = prepared.plan(store.catalog().revision(), || store.catalog()) else { continue };
        prepared.count_reads(reads.calls as usize, reads.rows as usize);
        let holes: Vec<_> = reads.holes.iter().map(|(column, counts)| (*column as usize, *counts)).collect();
        let width = plan.output.columns.len();
        if holes.iter().all(|(column, _)| *column < width) {
            prepared.count_reported(&plan, &holes);
        }
        shared.service.native.count_shared(reads.calls, reads.rows);
    }
    store.backend().count_hot_uses(&report.used);
    encoded_message(&())
}

fn check_reads(reads: &ReadsMessage) -> Result<()> {
    let sum = |(_, counts): &(u32, [u64; 3])| counts.iter().try_fold(0_u64, |sum, count| sum.checked_add(*count));
    let is_possible = reads.calls <= COUNT_MAX
        && reads.rows <= COUNT_MAX
        && reads.holes.iter().all(|holes| sum(holes).is_some_and(|sum| sum <= reads.rows));
    match is_possible {
        true => Ok(()),
        false => Err(Error::invalid("a report tells of reads that cannot have been")),
    }
}
