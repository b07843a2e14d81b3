//! Typed columns from the JSON of requests, which are refused whole.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema, SchemaRef};
use asofdb_storage::{Error, Result};
use serde_json::value::RawValue;

use super::cell::TextForm;
use super::column::ColumnBuilder;
use super::csv::batch;
use super::json::{JsonRows, push_value};
use crate::definitions::suggest::did_you_mean;

/// Columns from objects, one a row, each of which names every column but those that may be left out.
pub struct RequestRows {
    rows: JsonRows,
    schema: SchemaRef,
    optional: HashSet<String>,
    /// The word for a row in messages.
    row: &'static str,
}

impl RequestRows {
    /// No rows yet; `row` is what errors call one.
    pub fn new(schema: &Schema, row: &'static str) -> Self {
        let schema = Arc::new(Schema::new(schema.fields().iter().map(nullable).collect::<Vec<_>>()));
        let known = schema.clone();
        let unknown = move |name: &str| {
            let names = || known.fields().iter().map(|field| field.name().as_str());
            let advice = match did_you_mean(name, names()) {
                none if none.is_empty() => format!("; known are {}", names().collect::<Vec<_>>().join(", ")),
                question => question,
            };
            format!("there is no column {name:?}{advice}")
        };
        let rows = JsonRows::new(schema.fields(), TextForm::Request).refuse_unknown(unknown);
        RequestRows { rows, schema, optional: HashSet::new(), row }
    }

    /// Rows may leave this column out; it is then null.
    pub fn optional(mut self, name: &str) -> Self {
        self.optional.insert(name.to_owned());
        self
    }

    /// Adds a row.
    ///
    /// # Errors
    /// `Invalid`, naming the row, the column and the rule.
    pub fn push(&mut self, object: &[u8]) -> Result<()> {
        let (row, number) = (self.row, self.rows.len());
        let refuse = |problem: String| Error::invalid(format!("{row} {number}: {problem}"));
        self.rows.push_values(object).map_err(refuse)?;
        if let Some(column) = self.rows.lacking().find(|column| !self.optional.contains(column.name())) {
            let (name, ty) = (column.name(), column.ty());
            return Err(refuse(format!("column {name:?} ({ty}) is missing; write null where there is no value")));
        }
        self.rows.end_row();
        Ok(())
    }

    /// The rows.
    ///
    /// # Errors
    /// `Internal` only.
    pub fn finish(mut self) -> Result<RecordBatch> {
        let rows = self.rows.len();
        batch(&self.schema, self.rows.finish(), rows)
    }
}

/// Nulls where none may be are refused later, by rules that name the row.
fn nullable(field: &Arc<Field>) -> Field {
    Field::clone(field).with_nullable(true)
}

/// A column from the values of a request of Feast's dialect.
///
/// # Errors
/// `Invalid`, naming the row, the column and the rule.
pub fn request_column(field: &Field, values: &[&RawValue]) -> Result<ArrayRef> {
    column_of(field, values, TextForm::Feast)
}

/// A column from the values of a request of our own routes.
///
/// # Errors
/// `Invalid`, naming the row, the column and the rule.
pub fn value_column(field: &Field, values: &[&RawValue]) -> Result<ArrayRef> {
    column_of(field, values, TextForm::Request)
}

fn column_of(field: &Field, values: &[&RawValue], form: TextForm) -> Result<ArrayRef> {
    let mut column = ColumnBuilder::new(field).with_form(form);
    for (row, value) in values.iter().enumerate() {
        push_value(&mut column, value.get()).map_err(|problem| Error::invalid(format!("row {row}: {problem}")))?;
    }
    Ok(column.finish())
}

/// Columns of one length as a batch.
///
/// # Errors
/// `Invalid` when they are not of one length, naming the first that differs.
pub fn request_batch(columns: Vec<(Field, ArrayRef)>) -> Result<RecordBatch> {
    let rows = columns.first().map_or(0, |(_, column)| column.len());
    if let Some((field, column)) = columns.iter().find(|(_, column)| column.len() != rows) {
        let (first, name, length) = (columns[0].0.name(), field.name(), column.len());
        let message = format!("all columns have one length: {first:?} has {rows} values, {name:?} has {length}");
        return Err(Error::invalid(message));
    }
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
    batch(&Arc::new(Schema::new(fields)), arrays, rows)
}
