//! The answer to a read: values with their statuses and event timestamps.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field as ArrowField, FieldRef, Schema};
use asofdb_storage::{Error, Field, Result, Status, Timestamp, Value};

use crate::definitions::reference::ResolvedFeature;
use crate::read::columns::{event_column, field_column, field_columns, status_column};
use crate::read::fields::AnswerColumns;
use crate::read::output::ShownView;
use crate::read::plan::ReadPlan;
use crate::read::record::Records;
use crate::read::slot::ValueSlot;

/// The answer of a read: values and statuses for each row, feature by feature.
#[derive(Debug)]
pub struct Answer {
    pub(crate) plan: Arc<ReadPlan>,
    pub(crate) records: Vec<Records>,
    rows: usize,
    /// Its id in the log of served features, where it was logged.
    id: Option<String>,
}

impl Answer {
    /// The answer that records hold, one list a view of the plan.
    pub fn new(plan: Arc<ReadPlan>, records: Vec<Records>, rows: usize) -> Self {
        Answer { plan, records, rows, id: None }
    }

    /// The records of the answer, one list a view of its plan.
    pub fn into_records(self) -> Vec<Records> {
        self.records
    }

    /// Notes the id that it has in a log.
    pub fn with_id(self, id: String) -> Self {
        Answer { id: Some(id), ..self }
    }

    /// Its id in the log of served features: to be logged with a prediction. `None` where it was not logged.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Returns the number of rows that were asked about.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the number of features of a row.
    pub fn features(&self) -> usize {
        self.plan.output.columns.len()
    }

    /// `view:feature` of each feature, in order.
    pub fn references(&self) -> Vec<String> {
        self.resolved().map(ResolvedFeature::reference).collect()
    }

    /// Returns the status of a value: why it is there or not.
    pub fn status(&self, row: usize, feature: usize) -> Status {
        let slot = self.slot(feature);
        self.records[slot.source].get(row).status(self.plan.sources.field(slot))
    }

    /// The event timestamp of the version that answers; `None` for `missing`.
    pub fn event_timestamp(&self, row: usize, feature: usize) -> Option<Timestamp> {
        self.records[self.slot(feature).source].get(row).event()
    }

    /// Returns whether the feature's default stands in for its value.
    pub fn is_defaulted(&self, row: usize, feature: usize) -> bool {
        self.status(row, feature) != Status::Present && self.plan.output.columns[feature].default().is_some()
    }

    /// The stored bytes of the value, as [`Value::encode`] writes them; `None` where it is not `present`.
    #[inline]
    pub fn bytes(&self, row: usize, feature: usize) -> Option<&[u8]> {
        let slot = self.slot(feature);
        let (field, records) = (self.plan.sources.field(slot), &self.records[slot.source]);
        records.get(row).is_present(field).then(|| records.bytes(row, field))
    }

    /// Returns the features that were asked for, in order.
    pub fn resolved(&self) -> impl ExactSizeIterator<Item = &ResolvedFeature> {
        self.plan.output.columns.iter().map(|column| &column.resolved)
    }

    /// The value, the feature's default, or `None`.
    ///
    /// # Errors
    /// `Corrupt` when the stored bytes cannot be read.
    pub fn value(&self, row: usize, feature: usize) -> Result<Option<Value>> {
        let column = &self.plan.output.columns[feature];
        match self.bytes(row, feature) {
            Some(bytes) => Value::decode(column.resolved.feature.ty, bytes).map(Some),
            None => Ok(column.default().cloned()),
        }
    }

    /// The column of a feature; its default stands in wherever the status is not `present`.
    ///
    /// # Errors
    /// `Corrupt` when the stored bytes cannot be read.
    pub fn column(&self, feature: usize) -> Result<ArrayRef> {
        self.column_of(feature, 0..self.rows)
    }

    fn column_of(&self, feature: usize, rows: Range<usize>) -> Result<ArrayRef> {
        let (records, field, default) = self.source(feature);
        field_column(records, field, rows, default)
    }

    #[inline]
    fn slot(&self, feature: usize) -> ValueSlot {
        self.plan.output.columns[feature].slot
    }

    /// The records that have a feature, its field in them, and its default.
    pub(crate) fn source(&self, feature: usize) -> (&Records, &Field, Option<&Value>) {
        let column = &self.plan.output.columns[feature];
        (&self.records[column.slot.source], self.plan.sources.field(column.slot), column.default())
    }

    /// The column of each feature, source by source, so that each row is visited once a source.
    fn columns(&self, rows: &Range<usize>) -> Result<Vec<ArrayRef>> {
        let mut columns: Vec<Option<ArrayRef>> = vec![None; self.features()];
        let mut outputs: Vec<Vec<usize>> = vec![Vec::new(); self.records.len()];
        for (output, column) in self.plan.output.columns.iter().enumerate() {
            outputs[column.slot.source].push(output);
        }
        for (records, outputs) in self.records.iter().zip(&outputs) {
            let source = |output: &usize| {
                let (_, field, default) = self.source(*output);
                (field, default)
            };
            let sources: Vec<_> = outputs.iter().map(source).collect();
            let of_source = field_columns(records, &sources, rows.clone())?;
            outputs.iter().zip(of_source).for_each(|(output, column)| columns[*output] = Some(column));
        }
        Ok(columns.into_iter().flatten().collect())
    }

    /// All features as one batch, with the columns asked beside them.
    ///
    /// # Errors
    /// `Corrupt` when the stored bytes cannot be read.
    pub fn to_record_batch(&self, columns: AnswerColumns) -> Result<RecordBatch> {
        self.to_record_batch_beside(&[], columns)
    }

    /// [`Answer::to_record_batch`] with columns of the caller before it, such as the entities that were asked about.
    /// A feature that has the name of one of them is named `view__feature`.
    ///
    /// # Errors
    /// As there; `Invalid` when the columns have other lengths than the answer.
    pub fn to_record_batch_beside(&self, beside: &[(&str, ArrayRef)], columns: AnswerColumns) -> Result<RecordBatch> {
        let taken: Vec<&str> = beside.iter().map(|(name, _)| *name).collect();
        let field =
            |(name, array): &(&str, ArrayRef)| Arc::new(ArrowField::new(*name, array.data_type().clone(), true));
        let mut fields: Vec<FieldRef> = beside.iter().map(field).collect();
        fields.extend(self.plan.fields().list(columns, &taken));
        let mut arrays: Vec<ArrayRef> = beside.iter().map(|(_, array)| array.clone()).collect();
        arrays.extend(self.arrays(columns, 0..self.rows)?);
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
            .map_err(|error| Error::invalid("cannot put columns beside an answer").with_source(error))
    }

    /// The names of the features' columns beside columns of the names `taken`.
    pub fn column_names(&self, full: bool, taken: &[&str]) -> Vec<String> {
        self.plan.fields().names(full, taken)
    }

    /// The columns of `rows`, in the order of [`AnswerFields::list`](crate::read::fields::AnswerFields::list).
    pub(crate) fn arrays(&self, columns: AnswerColumns, rows: Range<usize>) -> Result<Vec<ArrayRef>> {
        let mut arrays = Vec::with_capacity(self.features());
        for (feature, column) in self.columns(&rows)?.into_iter().enumerate() {
            arrays.push(column);
            if columns.statuses {
                let (records, field, _) = self.source(feature);
                arrays.push(status_column(records, field, rows.clone())?);
            }
        }
        if columns.event_timestamps {
            let column = |view: &ShownView| {
                let records: Vec<_> = view.sources.iter().map(|source| &self.records[*source]).collect();
                event_column(&records, rows.clone())
            };
            arrays.extend(self.plan.output.views.iter().map(column));
        }
        Ok(arrays)
    }
}
