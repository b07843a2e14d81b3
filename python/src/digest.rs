//! Digests of rows as they pass.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use asofdb::{Digest, Error, Result, TableDigest};
use parking_lot::Mutex;
use pyo3::prelude::*;
use serde_json::{Value as Json, json};

use crate::capsule::{Rows, import_rows};
use crate::errors::OrRaise;
use crate::table::not_a_table;

/// The digest of rows that pass: there is one when all of them have, unless a column can have none.
pub(crate) struct Passing {
    digest: Option<TableDigest>,
    /// The reason why there is none.
    failed: Option<String>,
}

impl Passing {
    pub(crate) fn new(schema: &SchemaRef) -> Self {
        match TableDigest::new(schema) {
            Ok(digest) => Passing { digest: Some(digest), failed: None },
            Err(error) => Passing { digest: None, failed: Some(format!("{error:#}")) },
        }
    }

    pub(crate) fn take(&mut self, batch: &RecordBatch) {
        let Some(digest) = &mut self.digest else { return };
        if let Err(error) = digest.update(batch) {
            *self = Passing { digest: None, failed: Some(format!("{error:#}")) };
        }
    }

    /// The digest of all that passed, or why there is none.
    pub(crate) fn finish(&mut self) -> Json {
        match self.digest.take() {
            Some(digest) => digest_json(&digest.finish()),
            None => json!({ "failed": self.failed }),
        }
    }
}

fn digest_json(digest: &Digest) -> Json {
    let columns: serde_json::Map<_, _> =
        digest.columns.iter().map(|(name, digest)| (name.clone(), digest.as_str().into())).collect();
    json!({"digest": digest.table, "rows": digest.rows, "columns": columns})
}

/// Rows that leave their digest.
pub(crate) struct Digesting {
    rows: Rows,
    passing: Arc<Mutex<Passing>>,
}

impl Digesting {
    /// The rows, and where their digest will be.
    pub(crate) fn over(rows: Rows) -> (Rows, Arc<Mutex<Passing>>) {
        let passing = Arc::new(Mutex::new(Passing::new(&rows.schema())));
        (Box::new(Digesting { rows, passing: passing.clone() }), passing)
    }
}

impl Iterator for Digesting {
    type Item = std::result::Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.rows.next();
        if let Some(Ok(batch)) = &next {
            self.passing.lock().take(batch);
        }
        next
    }
}

impl RecordBatchReader for Digesting {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }
}

/// The digest of a table, or a stream that is read to its end.
#[pyfunction]
pub(crate) fn digest_rows(py: Python<'_>, table: &Bound<'_, PyAny>) -> PyResult<String> {
    let rows = import_rows(table)?.ok_or_else(|| not_a_table(table))?;
    let digested = py.detach(|| digest(rows));
    digested.or_raise(py)
}

/// The digest of all rows.
pub(crate) fn digest(mut rows: Rows) -> Result<String> {
    let mut digest = TableDigest::new(&rows.schema())?;
    rows.try_for_each(|batch| {
        let batch = batch.map_err(|error| Error::invalid("cannot read the rows").with_source(error))?;
        digest.update(&batch)
    })?;
    Ok(digest_json(&digest.finish()).to_string())
}
