//! Rows of a view, as they arrive.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use asofdb::parts::{ExportSchema, find_view};
use asofdb::{Error, ExportRows, FeatureView, Result};
use asofdb_protocol::{Kind, ScanBegin, ScanEnd, ScanRequest};

use crate::bulk::exchange::Exchange;
use crate::bulk::incoming::Incoming;
use crate::client::Client;

/// A scan under way: the batches of its rows.
pub(crate) struct ScanStream<'c> {
    incoming: Incoming<'c, ScanBegin, ScanEnd>,
    pub(crate) begin: ScanBegin,
    schema: SchemaRef,
    rows: u64,
    ended: bool,
}

impl<'c> ScanStream<'c> {
    /// Asks, and waits for the schema.
    ///
    /// # Errors
    /// Those of the sidecar.
    pub(crate) fn open(client: &'c Client, request: &ScanRequest) -> Result<Self> {
        let mut incoming = Incoming::new(Exchange::begin(client.pool(), Kind::Scan, request, false)?);
        let schema = incoming.start()?;
        let begin = *incoming.begin()?;
        Ok(ScanStream { incoming, begin, schema, rows: 0, ended: false })
    }

    /// The view whose rows these are, and their columns.
    ///
    /// # Errors
    /// `Conflict` when the view is changed so fast that this client cannot follow.
    pub(crate) fn view(
        &self,
        client: &Client,
        name: &str,
        rows: &ExportRows,
    ) -> Result<(Arc<FeatureView>, ExportSchema)> {
        let columns = |catalog: &asofdb::storage::Catalog| {
            let view = find_view(catalog, name).ok()?.clone();
            let schema = ExportSchema::new(&view, rows, self.begin.snapshot.into());
            (schema.arrow == self.schema).then_some((view, schema))
        };
        if let Some(found) = columns(&client.known_catalog()) {
            return Ok(found);
        }
        columns(&*client.catalog()?)
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

impl Iterator for ScanStream<'_> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.next_batch().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}
