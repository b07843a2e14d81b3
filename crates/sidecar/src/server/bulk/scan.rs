//! Rows of a view, or of one entity, as a stream.

use asofdb::parts::{Selection, encode_entity_key, find_view};
use asofdb::storage::KeyRange;
use asofdb::{ExportRows, Result};
use asofdb_protocol::{Kind, NamedValue, ScanBegin, ScanEnd, ScanRequest, decode_message, encoded_message};

use super::Work;
use super::outflow::{Outflow, Stream};
use crate::consumers::Operation;

pub(super) fn answer(work: &Work<'_>, body: &[u8], outflow: &Outflow) -> Result<Vec<u8>> {
    let request: ScanRequest = decode_message(body)?;
    let operation = if request.entity.is_some() { Operation::History } else { Operation::Export };
    let rows = work.in_turn(operation, &[&request.view], || {
        let rows = scan(work, &request, outflow)?;
        Ok((rows as usize, rows))
    })?;
    encoded_message(&ScanEnd { rows })
}

fn scan(work: &Work<'_>, request: &ScanRequest, outflow: &Outflow) -> Result<u64> {
    let rows = ExportRows::from(request.rows);
    rows.check()?;
    let store = &work.shared.service.store;
    // The catalog is read after the snapshot is taken, so that it knows the schema of every row in it.
    let snapshot = store.backend().snapshot();
    let catalog = store.catalog();
    let view = find_view(&catalog, &request.view)?;
    let range = match &request.entity {
        Some(entity) => KeyRange::only(&encode_entity_key(view, &NamedValue::to_entity(entity)?)?),
        None => KeyRange::default(),
    };
    let selection = Selection::new(view, &rows, snapshot.now())?;
    let versions_estimate = snapshot.versions_estimate(view)?;
    outflow.send(Kind::Scan, encoded_message(&ScanBegin { snapshot: snapshot.now().into(), versions_estimate })?)?;
    let mut stream = Stream::start(&selection.schema.arrow, outflow)?;
    let limit = request.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    selection.each_batch(&*snapshot, &range, limit, work.counts, |batch| stream.write(&batch))?;
    stream.finish()
}
