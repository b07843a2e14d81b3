//! Rows of a view, or of one entity, as a stream.

use arrow::array::RecordBatch;
use asofdb::parts::scan_until;
use asofdb::{Error, ExportRows, Result, Scan, ScanSink, Store};
use asofdb_protocol::{Kind, NamedValue, ScanBegin, ScanEnd, ScanRequest, decode_message, encoded_message};

use super::outflow::{Outflow, Pace, Stream};
use crate::admission::Admission;

/// Most versions of one entity that are a page, as HTTP gives it; more of them are an export.
const PAGE_ROWS_MAX: u64 = 10_000;

/// Returns the most rows of a scan that is a page of an entity's history, which is short work; `None` for others.
pub(super) fn page_rows(request: &ScanRequest) -> Option<usize> {
    let limit = request.limit.filter(|limit| *limit <= PAGE_ROWS_MAX && request.entity.is_some());
    limit.map(|limit| limit as usize)
}

pub(super) fn answer(admission: &mut Admission<'_>, body: &[u8], outflow: &Outflow) -> Result<Vec<u8>> {
    let request: ScanRequest = decode_message(body)?;
    admission.admit([request.view.as_str()], page_rows(&request).unwrap_or(0))?;
    let rows = scan(&admission.store()?, admission, &request, outflow)?;
    admission.count(rows);
    encoded_message(&ScanEnd { rows })
}

fn scan(store: &Store, admission: &Admission<'_>, request: &ScanRequest, outflow: &Outflow) -> Result<u64> {
    let entity = request.entity.as_deref().map(NamedValue::to_entity).transpose()?;
    let scan = Scan {
        view: &request.view,
        rows: ExportRows::from(request.rows),
        entity: entity.as_deref(),
        limit: request.limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)),
    };
    let mut sending = Sending { outflow, pace: Pace::of(admission), stream: None };
    let rows = scan_until(store, &scan, admission.stop(), &mut sending)?;
    sending.stream.ok_or_else(not_begun)?.finish()?;
    Ok(rows)
}

/// The rows of a scan, in flight.
struct Sending<'o> {
    outflow: &'o Outflow,
    pace: Pace,
    stream: Option<Stream<'o>>,
}

impl ScanSink for Sending<'_> {
    fn begin(&mut self, begin: asofdb::ScanBegin) -> Result<()> {
        let message = ScanBegin { snapshot: begin.snapshot.into(), versions_estimate: begin.versions_estimate };
        self.outflow.send(Kind::Scan, encoded_message(&message)?)?;
        self.stream = Some(Stream::start(&begin.schema.arrow, self.outflow, self.pace.clone())?);
        Ok(())
    }

    fn take(&mut self, batch: RecordBatch) -> Result<()> {
        self.stream.as_mut().ok_or_else(not_begun)?.write(&batch)
    }
}

#[cold]
fn not_begun() -> Error {
    Error::internal("the rows of a scan came without their columns")
}
