//! Rows of a view, as they arrive.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use asofdb::parts::{ExportSchema, find_stored_view};
use asofdb::{Error, ExportRows, FeatureView, Result, Scan, ScanSink};
use asofdb_protocol::{Kind, NamedValue, ScanBegin, ScanEnd, ScanRequest, ScanRows};

use crate::bulk::exchange::Exchange;
use crate::bulk::incoming::Incoming;
use crate::client::Client;

/// A scan under way: the batches of its rows.
struct ScanStream<'c> {
    incoming: Incoming<'c, ScanBegin, ScanEnd>,
    begin: ScanBegin,
    schema: SchemaRef,
    rows: u64,
}

impl<'c> ScanStream<'c> {
    /// Asks, and waits for the schema.
    ///
    /// # Errors
    /// Those of the sidecar.
    fn open(client: &'c Client, request: &ScanRequest) -> Result<Self> {
        let mut incoming = Incoming::new(Exchange::begin(client.pool(), Kind::Scan, request, false)?);
        let schema = incoming.start()?;
        let begin = *incoming.begin()?;
        Ok(ScanStream { incoming, begin, schema, rows: 0 })
    }

    /// The view whose rows these are, and their columns.
    ///
    /// # Errors
    /// `Conflict` when the view is changed so fast that this client cannot follow.
    fn view(&self, client: &Client, name: &str, rows: &ExportRows) -> Result<(Arc<FeatureView>, ExportSchema)> {
        let columns = |catalog: &asofdb::storage::Catalog| {
            let view = find_stored_view(catalog, name).ok()?.clone();
            let schema = ExportSchema::new(&view, rows, self.begin.snapshot.into());
            (schema.arrow == self.schema).then_some((view, schema))
        };
        if let Some(found) = columns(&client.known_catalog()) {
            return Ok(found);
        }
        columns(&*client.latest_catalog()?)
            .ok_or_else(|| Error::conflict(format!("the view was changed meanwhile; ask again: {name:?}")))
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.incoming.pop() {
                self.rows += batch.num_rows() as u64;
                return Ok(Some(batch));
            }
            match self.incoming.end() {
                Some(end) if end.rows == self.rows => return Ok(None),
                Some(_) => return Err(Error::corrupt("the sidecar's answer lacks rows")),
                None => self.incoming.advance()?,
            }
        }
    }
}

/// Hands the rows of a scan to a sink.
///
/// # Errors
/// As [`Session::scan`](asofdb::Session::scan).
pub(crate) fn scan(client: &Client, scan: &Scan<'_>, sink: &mut dyn ScanSink) -> Result<u64> {
    let request = ScanRequest {
        view: scan.view.to_owned(),
        rows: ScanRows::from(scan.rows),
        entity: scan.entity.map(NamedValue::from_entity).transpose()?,
        limit: scan.limit.map(|limit| limit as u64),
    };
    let mut stream = ScanStream::open(client, &request)?;
    let (view, schema) = stream.view(client, scan.view, &scan.rows)?;
    let ScanBegin { snapshot, versions_estimate } = stream.begin;
    sink.begin(asofdb::ScanBegin { view, schema, snapshot: snapshot.into(), versions_estimate })?;
    while let Some(batch) = stream.next_batch()? {
        sink.take(batch)?;
    }
    Ok(stream.rows)
}
