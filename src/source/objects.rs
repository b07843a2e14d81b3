//! Rows of a view from JSON objects, of which the bad ones are left out.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use asofdb_storage::{FeatureView, Result, Timestamp, WriteBatch};

use super::cell::TextForm;
use super::csv::batch;
use super::json::JsonRows;
use crate::rows::encode::ViewEncoder;
use crate::rows::problems::Problems;

/// Rows of one view from JSON objects, in the order in which they come, to be written in one step.
///
/// Values are found by name, as in files of NDJSON: the view's join keys, its timestamps and its features. What an object
/// names besides is ignored, and what it lacks is null.
pub struct ObjectRows {
    encoder: ViewEncoder,
    schema: SchemaRef,
    rows: JsonRows,
    problems: Problems,
}

impl ObjectRows {
    /// No rows yet of a view, as it is now.
    ///
    /// # Errors
    /// `Internal` when an event view lacks a column of its own.
    pub fn new(view: Arc<FeatureView>) -> Result<Self> {
        let encoder = ViewEncoder::new(view)?;
        // What may not be null is refused by the rule that names it.
        let fields = encoder
            .source_schema()
            .fields()
            .iter()
            .map(|field| Field::clone(field).with_nullable(true))
            .collect::<Vec<_>>();
        let schema = Arc::new(Schema::new(fields));
        let rows = JsonRows::new(schema.fields(), TextForm::File);
        Ok(ObjectRows { encoder, schema, rows, problems: Problems::all() })
    }

    /// The view.
    pub fn view(&self) -> &FeatureView {
        self.encoder.view()
    }

    /// Adds an object. One that is bad keeps its place among the rows.
    pub fn push(&mut self, object: &[u8]) {
        let row = self.rows.len();
        if let Err(problem) = self.rows.push(object) {
            self.problems.report(row, problem);
        }
    }

    /// Adds an object of fields, each with its name and its value as text, as in a file of CSV: a value of a list is JSON, and
    /// an empty one is null but in columns of texts and bytes.
    pub fn push_fields<'f>(&mut self, fields: impl Iterator<Item = (&'f [u8], &'f [u8])>) {
        let row = self.rows.len();
        if let Err(problem) = self.rows.push_texts(fields) {
            self.problems.report(row, problem);
        }
    }

    /// Adds the place of an object that cannot be one, for this reason.
    pub fn push_bad(&mut self, reason: &str) {
        self.problems.report(self.rows.len(), reason);
        self.rows.end_row();
    }

    /// The number of objects.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The good rows, and the bad objects by their places with the rules that they break. The next object begins anew.
    ///
    /// # Errors
    /// `Invalid` when the batch is larger than one may be.
    pub fn finish(&mut self, now: Timestamp) -> Result<(WriteBatch, Vec<(usize, String)>)> {
        let (count, mut out) = (self.rows.len(), WriteBatch::new());
        let rows = batch(&self.schema, self.rows.finish(), count)?;
        let mut problems = std::mem::replace(&mut self.problems, Problems::all());
        self.encoder.encode(&rows, now, &mut problems, &mut out)?;
        Ok((out, problems.into_rows().collect()))
    }
}
