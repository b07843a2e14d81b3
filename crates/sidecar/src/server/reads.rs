//! Reads through handles: the hot path.
//!
//! Requests that wait in the buffer and ask the same of the same handle are read together: one look at the store for
//! all of them, an answer for each.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use asofdb::parts::Records;
use asofdb::{Error, F32Matrix, Question, Result, Status};
use asofdb_protocol::{
    ErrorMessage, Form, Header, Kind, NO_ANSWER_ID, PointHeader, answer_head, answer_id, variable_lengths,
};

use super::handle::Handle;
use super::replies::Replies;
use super::shared::{NATIVE, Shared};
use crate::admission::{InFlight, panicked};
use crate::budget::{Budget, Held};
use crate::consumers::Stopwatch;
use crate::outlet::Outlet;

/// Rows that are read together at most, unless one request has more.
const TOGETHER_ROWS_MAX: usize = 256;

/// Handles that a connection may have.
const HANDLES_MAX: usize = 1_024;

/// Scratch memory that a connection keeps between requests.
const SCRATCH_BYTES_MAX: usize = 64 << 10;

/// The handles of a connection, the requests that are being gathered, and memory to answer them.
#[derive(Debug)]
pub(super) struct Reads<'s> {
    /// The handles by number; `None` where one was released.
    handles: Vec<Option<Box<Handle>>>,
    /// The handle and the question of the reads that are being gathered.
    asked: Option<(u32, Question)>,
    /// The number and the rows of each request.
    requests: Vec<(u64, usize)>,
    scratch: Scratch,
    held: Held<&'s Budget>,
}

/// Answers before they are sent.
#[derive(Debug, Default)]
struct Scratch {
    values: Vec<f32>,
    statuses: Vec<Status>,
    marks: Vec<u8>,
    records: Vec<Records>,
    /// The id of the answer in the log of served features.
    id: Option<String>,
}

/// The end of a read.
enum Outcome {
    /// With so many bytes.
    Answered(usize),
    /// The handle's answers would have another shape now.
    Stale,
    Failed(Error),
}

impl<'s> Reads<'s> {
    pub(super) fn new(held: Held<&'s Budget>) -> Self {
        Reads { handles: Vec::new(), asked: None, requests: Vec::new(), scratch: Scratch::default(), held }
    }

    /// Takes a handle; gives its number.
    ///
    /// # Errors
    /// `Invalid` when there are too many.
    pub(super) fn add(&mut self, handle: Handle) -> Result<u32> {
        let free = self.handles.iter().position(Option::is_none).unwrap_or(self.handles.len());
        if free >= HANDLES_MAX {
            return Err(Error::invalid(format!("a connection has at most {HANDLES_MAX} handles: release some")));
        }
        self.handles.resize_with(self.handles.len().max(free + 1), || None);
        self.handles[free] = Some(Box::new(handle));
        Ok(free as u32)
    }

    /// Forgets a handle.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub(super) fn release(&mut self, number: u32) -> Result<()> {
        let handle = self.handles.get_mut(number as usize).and_then(Option::take);
        handle.map(drop).ok_or_else(|| no_handle(number))
    }

    /// Takes a read into what is being gathered, and answers first what was gathered before if that asks something
    /// else.
    pub(super) fn gather<W: Outlet>(
        &mut self,
        shared: &Shared,
        header: Header,
        body: &[u8],
        replies: &mut Replies<W>,
    ) -> io::Result<()> {
        let (point, keys) = match PointHeader::decode(header.kind, body) {
            Ok(decoded) => decoded,
            Err(error) => return replies.error(header.id, &error),
        };
        let asked = (point.handle, point.question);
        let rows: usize = self.requests.iter().map(|(_, rows)| rows).sum();
        if self.asked.is_some_and(|before| before != asked) || rows + point.rows > TOGETHER_ROWS_MAX {
            self.answer(shared, replies)?;
        }
        match self.take(shared, &point, keys) {
            Ok(alone) => {
                self.asked = Some(asked);
                self.requests.push((header.id, point.rows));
                if alone { self.answer(shared, replies) } else { Ok(()) }
            }
            Err(error) => replies.error(header.id, &error),
        }
    }

    /// Adds the keys of a request to those of its handle; tells whether it must be read alone.
    fn take(&mut self, shared: &Shared, point: &PointHeader, keys: &[u8]) -> Result<bool> {
        let handle = find(&mut self.handles, point.handle).ok_or_else(|| no_handle(point.handle))?;
        let (rows_max, bytes_max) = (shared.bounds.rows_max, shared.bounds.answer_bytes_max);
        if point.rows > rows_max {
            return Err(Error::invalid(format!("a read has at most {rows_max} rows: {}", point.rows)));
        }
        let bytes = point.rows * handle.row_bytes;
        if bytes > bytes_max {
            return Err(Error::invalid(format!(
                "an answer has at most {bytes_max} bytes, ask for fewer rows: {bytes}"
            )));
        }
        handle.meter(point.question).admit(point.rows)?;
        handle.push_rows(point.rows, keys)?;
        Ok(handle.is_read_alone)
    }

    /// Reads what was gathered and answers each request.
    pub(super) fn answer<W: Outlet>(&mut self, shared: &Shared, replies: &mut Replies<W>) -> io::Result<()> {
        let Some((number, question)) = self.asked.take() else { return Ok(()) };
        let Some(handle) = find(&mut self.handles, number) else { return Ok(()) };
        let started = Stopwatch::start();
        let outcome = read(shared, handle, question, &mut self.held, &mut self.scratch);
        let written = match &outcome {
            Outcome::Answered(_) => self.scratch.write(handle, question, &self.requests, replies),
            Outcome::Stale => self.requests.iter().try_for_each(|(id, _)| replies.message(*id, &ErrorMessage::stale())),
            Outcome::Failed(error) => self.requests.iter().try_for_each(|(id, _)| replies.error(*id, error)),
        };
        let elapsed = started.elapsed();
        let counted = match &outcome {
            Outcome::Failed(error) => Err(error.kind()),
            _ => Ok(()),
        };
        let meter = handle.meter(question);
        if let Outcome::Answered(bytes) = outcome {
            handle.count_reads(self.requests.len());
            meter.charge_answered(bytes as u64);
        }
        self.requests.iter().for_each(|(_, rows)| meter.record(*rows, counted, elapsed));
        handle.clear();
        self.requests.clear();
        self.scratch.give_back();
        self.held.release();
        written
    }
}

#[inline]
fn find(handles: &mut [Option<Box<Handle>>], number: u32) -> Option<&mut Handle> {
    handles.get_mut(number as usize)?.as_deref_mut()
}

#[cold]
fn no_handle(number: u32) -> Error {
    Error::not_found(format!("this connection has no handle {number}; prepare the request first"))
}

fn read(
    shared: &Shared,
    handle: &mut Handle,
    question: Question,
    held: &mut Held<&Budget>,
    scratch: &mut Scratch,
) -> Outcome {
    let in_flight_max = shared.bounds.requests_in_flight_max;
    let _in_flight = match InFlight::enter(&*shared.service, NATIVE, in_flight_max) {
        Ok(in_flight) => in_flight,
        Err(error) => return Outcome::Failed(error),
    };
    let _underway = match handle.meter(question).enter() {
        Ok(underway) => underway,
        Err(error) => return Outcome::Failed(error),
    };
    // What a panic leaves behind is scratch memory, which the next read writes anew.
    let read = catch_unwind(AssertUnwindSafe(|| read_into(shared, handle, question, held, scratch)));
    match read {
        Ok(Ok(Some(bytes))) => Outcome::Answered(bytes),
        Ok(Ok(None)) => Outcome::Stale,
        // The catalog changed under the read.
        Ok(Err(_)) if shared.service.store.catalog().revision() != handle.plan.revision => Outcome::Stale,
        Ok(Err(error)) => Outcome::Failed(error),
        Err(_) => {
            shared.service.native.count_panic();
            Outcome::Failed(panicked())
        }
    }
}

/// Reads; tells how many bytes the answers have, or `None` when the handle is stale.
fn read_into(
    shared: &Shared,
    handle: &mut Handle,
    question: Question,
    held: &mut Held<&Budget>,
    scratch: &mut Scratch,
) -> Result<Option<usize>> {
    let store = &shared.service.store;
    if !handle.refresh(store)? {
        return Ok(None);
    }
    let (rows, plan) = (handle.rows(), &handle.plan);
    held.resize(rows * handle.row_bytes)?;
    match handle.form {
        Form::Matrix { statuses, fill } => {
            let cells = rows * plan.output.columns.len();
            scratch.values.resize(cells, 0.0);
            let statuses = statuses.then(|| {
                scratch.statuses.resize(cells, Status::Missing);
                &mut scratch.statuses[..]
            });
            let mut matrix = F32Matrix { values: &mut scratch.values, statuses, fill };
            store.read_matrix((plan, &handle.prepared), &handle.asked, question, &mut matrix)?;
            Ok(Some(rows * handle.row_bytes))
        }
        Form::Rows | Form::Identified => {
            let variable_bytes_max = shared.bounds.answer_bytes_max - rows * handle.row_bytes;
            let request = (plan, &handle.prepared);
            let (asked, records) = (&handle.asked, &mut scratch.records);
            scratch.id = store.read_records(request, asked, question, records, variable_bytes_max)?;
            let variable_bytes: usize = scratch.records.iter().map(Records::variable_bytes).sum();
            held.resize(rows * handle.row_bytes + variable_bytes)?;
            Ok(Some(rows * handle.row_bytes + variable_bytes))
        }
    }
}

impl Scratch {
    /// Writes the answer of each request: the rows that are its own.
    fn write<W: Outlet>(
        &mut self,
        handle: &Handle,
        question: Question,
        requests: &[(u64, usize)],
        replies: &mut Replies<W>,
    ) -> io::Result<()> {
        let kind = match question {
            Question::Latest => Kind::Latest,
            Question::AsOf { .. } => Kind::AsOf,
        };
        let mut start = 0;
        for (id, rows) in requests {
            let header = Header::answer(kind, *id);
            match handle.form {
                Form::Matrix { statuses, .. } => {
                    let width = handle.plan.output.columns.len();
                    let cells = start * width..(start + rows) * width;
                    self.marks.clear();
                    if statuses {
                        self.marks.extend(self.statuses[cells.clone()].iter().map(|status| *status as u8));
                    }
                    let values = bytemuck::cast_slice(&self.values[cells]);
                    replies.frame(header, &[&answer_head(*rows, width), values, &self.marks])?;
                }
                Form::Rows => self.write_records(header, start, *rows, &[], replies)?,
                Form::Identified => {
                    let id = self.id.take().map(|id| answer_id(&id));
                    self.write_records(header, start, *rows, id.as_deref().unwrap_or(&NO_ANSWER_ID), replies)?;
                }
            }
            start += rows;
        }
        Ok(())
    }

    fn write_records<W: Outlet>(
        &mut self,
        header: Header,
        start: usize,
        rows: usize,
        end: &[u8],
        replies: &mut Replies<W>,
    ) -> io::Result<()> {
        self.marks.clear();
        self.marks.extend_from_slice(&answer_head(rows, self.records.len()));
        variable_lengths(&self.records, &mut self.marks);
        match self.records.as_slice() {
            [records] => {
                let (bytes, variable) = records.parts_of(start..start + rows);
                replies.frame(header, &[&self.marks, bytes, variable, end])
            }
            all => {
                let mut pieces = vec![self.marks.as_slice()];
                pieces.extend(all.iter().flat_map(|records| <[&[u8]; 2]>::from(records.parts_of(start..start + rows))));
                pieces.push(end);
                replies.frame(header, &pieces)
            }
        }
    }

    /// Gives back what is more than the usual.
    fn give_back(&mut self) {
        if self.values.capacity() * 4 > SCRATCH_BYTES_MAX {
            *self = Scratch::default();
        }
        if self.records.iter().map(Records::memory_bytes).sum::<usize>() > SCRATCH_BYTES_MAX {
            self.records = Vec::new();
        }
    }
}
