//! Deletions of events, as rows of a batch.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, new_null_array};
use arrow::datatypes::{DataType, Field, Schema};
use asofdb_storage::{Error, Feature, FeatureView, Result};

use crate::definitions::reference::no_events;
use crate::rows::roles::ColumnRole;
use crate::rows::types::feature_field;

/// The name of the column that marks deletions. Its role says what it is; no view can have a column of this name.
const MARK: &str = "asofdb.deleted";

/// The batch that deletes events of a view: `events` with every row marked as a deletion. Columns that are not part of
/// the event id may be left out.
///
/// # Errors
/// `Invalid` when the view is no event view.
pub fn deletions(view: &FeatureView, events: &RecordBatch) -> Result<RecordBatch> {
    if !view.holds_events() {
        return Err(no_events(view));
    }
    let schema = events.schema_ref();
    let mut mark = Field::new(MARK, DataType::Boolean, false);
    mark.set_metadata(HashMap::new());
    ColumnRole::Deleted.mark(&mut mark);
    let (mut fields, mut columns) = (schema.fields().iter().cloned().collect::<Vec<_>>(), events.columns().to_vec());
    let is_absent = |column: &&Feature| {
        let is_of_id = view.event_id.as_ref().is_some_and(|id| id.is_empty() || id.contains(&column.id));
        !is_of_id && schema.index_of(&column.name).is_err()
    };
    for column in view.features.iter().filter(is_absent) {
        let field = feature_field(column, &column.name);
        columns.push(new_null_array(field.data_type(), events.num_rows()));
        fields.push(Arc::new(field));
    }
    fields.push(Arc::new(mark));
    columns.push(Arc::new(BooleanArray::from(vec![true; events.num_rows()])) as ArrayRef);
    let schema = Schema::new_with_metadata(fields, schema.metadata().clone());
    RecordBatch::try_new(Arc::new(schema), columns)
        .map_err(|error| Error::internal("cannot mark events as deleted").with_source(error))
}
