//! A point-in-time join whose spine comes from the client while its result goes back.

use std::collections::VecDeque;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use asofdb::parts::join_until;
use asofdb::{Error, JOIN_MEMORY_BYTES_MIN, JoinBatches, JoinOptions, Prepared, Result};
use asofdb_protocol::{JoinEnd, JoinRequest, StreamReader, decode_message, encoded_message};

use super::inflow::Inflow;
use super::outflow::{Outflow, Pace, Stream};
use super::work::Work;
use crate::admission::Admission;

pub(super) fn answer(
    work: &Work<'_>,
    admission: &mut Admission<'_>,
    body: &[u8],
    inflow: &mut Inflow<'_, '_>,
    outflow: &Outflow,
) -> Result<Vec<u8>> {
    let request: JoinRequest = decode_message(body)?;
    let store = admission.store()?;
    let prepared = store.prepare(&request.references)?;
    let plan = prepared.plan(store.catalog().revision(), || store.catalog())?;
    admission.admit(plan.sources.view_names(), 0)?;
    let end = join(work, admission, &prepared, &request, inflow, outflow)?;
    admission.count(end.rows);
    encoded_message(&end)
}

fn join(
    work: &Work<'_>,
    admission: &Admission<'_>,
    prepared: &Prepared,
    request: &JoinRequest,
    inflow: &mut Inflow<'_, '_>,
    outflow: &Outflow,
) -> Result<JoinEnd> {
    let store = &work.shared.service.store;
    let mut spine = Spine { inflow, reader: StreamReader::default(), waiting: VecDeque::new(), failed: false };
    let schema = spine.schema()?;
    let options = options(request, work.shared.bounds.join_bytes_max);
    let mut join = join_until(store, prepared, &schema, Box::new(&mut spine), &options, admission.stop())?;
    let mut stream = Stream::start(&join.schema(), outflow, Pace::of(admission))?;
    for batch in join.by_ref() {
        stream.write(&batch?)?;
    }
    stream.finish()?;
    Ok(JoinEnd::from(join.report()))
}

fn options(request: &JoinRequest, bytes_max: usize) -> JoinOptions {
    let asked = usize::try_from(request.memory_bytes).unwrap_or(usize::MAX);
    JoinOptions {
        event_timestamp: request.event_timestamp.clone(),
        known_at: request.known_at.0,
        columns: request.columns.into(),
        memory_bytes: asked.min(bytes_max.max(JOIN_MEMORY_BYTES_MIN)),
    }
}

/// The spine, as it comes from the client.
struct Spine<'i, 'a, 's> {
    inflow: &'i mut Inflow<'a, 's>,
    reader: StreamReader,
    waiting: VecDeque<RecordBatch>,
    failed: bool,
}

impl Spine<'_, '_, '_> {
    /// Takes a chunk; false when there is none to come.
    fn advance(&mut self) -> Result<bool> {
        let Some(chunk) = self.inflow.next()? else { return Ok(false) };
        let mut batches = Vec::new();
        self.reader.push(chunk, &mut batches)?;
        self.waiting.extend(batches);
        Ok(true)
    }

    /// The schema, with which the spine begins.
    fn schema(&mut self) -> Result<SchemaRef> {
        loop {
            if let Some(schema) = self.reader.schema() {
                return Ok(schema);
            }
            if !self.advance()? {
                return Err(Error::invalid("the spine has no schema: it is an Arrow IPC stream in chunks"));
            }
        }
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        while self.waiting.is_empty() {
            if !self.advance()? {
                return Ok(None);
            }
        }
        Ok(self.waiting.pop_front())
    }
}

impl Iterator for Spine<'_, '_, '_> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.next_batch().transpose();
        self.failed = matches!(next, Some(Err(_)));
        next
    }
}
