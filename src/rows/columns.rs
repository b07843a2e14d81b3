//! Columns of stored rows, for expressions over them.

use asofdb_expression::{Column, ColumnBuffer};
use asofdb_storage::{
    Error, FeatureView, PlannedRow, Result, RowPlan, ScalarType, Status, Timestamp, Value, ValueType, key,
};

/// Some columns of rows of one view, gathered to be evaluated together: features, join keys and the event timestamp.
pub(crate) struct RowColumns {
    sources: Vec<Source>,
    /// The reading of the features among them.
    plan: RowPlan,
    key_types: Vec<ScalarType>,
    columns: Vec<ColumnBuffer>,
    rows: usize,
}

/// The place of a column in a row.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// A feature, by its position in the plan.
    Feature(usize),
    /// A join key, by its position.
    Key(usize),
    /// The event timestamp.
    Event,
}

/// The type of a column that rows of a view have; `None` where they have none of this name.
pub(crate) fn column_type(view: &FeatureView, name: &str) -> Option<ValueType> {
    let feature = || view.feature(name).map(|feature| feature.ty);
    let key = || view.join_keys.iter().find(|key| key.name == name).map(|key| ValueType::Scalar(key.ty));
    let event = || (view.event_column == name).then_some(ValueType::Scalar(ScalarType::Timestamp));
    feature().or_else(key).or_else(event)
}

/// The names of the columns that rows of a view have.
pub(crate) fn column_names(view: &FeatureView) -> impl Iterator<Item = &str> {
    let features = view.features.iter().map(|feature| feature.name.as_str());
    features.chain(view.join_keys.iter().map(|key| key.name.as_str())).chain([view.event_column.as_str()])
}

impl RowColumns {
    /// The columns of these names.
    ///
    /// # Errors
    /// `NotFound` when rows of the view have no such column.
    pub(crate) fn new<'n>(view: &FeatureView, names: impl Iterator<Item = &'n str>) -> Result<Self> {
        let (mut features, mut sources, mut columns) = (Vec::new(), Vec::new(), Vec::new());
        for name in names {
            let unknown = || Error::not_found(format!("view {:?} has no column {name:?}", view.name));
            columns.push(ColumnBuffer::new(column_type(view, name).ok_or_else(unknown)?));
            let key = view.join_keys.iter().position(|key| key.name == name);
            sources.push(match view.feature(name) {
                Some(feature) => {
                    features.push(feature.id);
                    Source::Feature(features.len() - 1)
                }
                None => key.map_or(Source::Event, Source::Key),
            });
        }
        Ok(RowColumns { sources, plan: RowPlan::new(view, &features)?, key_types: view.key_types(), columns, rows: 0 })
    }

    /// Adds a row: its entity key, its event and its bytes; says whether it is one. A deletion has nothing to add.
    ///
    /// # Errors
    /// `Corrupt` when the bytes are no row of the view.
    pub(crate) fn push(&mut self, entity_key: &[u8], event: Timestamp, row: &[u8]) -> Result<bool> {
        let Some(row) = self.plan.open(row)? else { return Ok(false) };
        let needs_key = self.sources.iter().any(|source| matches!(source, Source::Key(_)));
        let keys = if needs_key { key::decode_values(&self.key_types, entity_key)? } else { Vec::new() };
        for (source, column) in self.sources.iter().zip(&mut self.columns) {
            match source {
                Source::Feature(position) => push_feature(column, &row, *position, event)?,
                Source::Key(position) => column.push(keys.get(*position), Status::Present, Some(event))?,
                Source::Event => column.push(Some(&Value::Timestamp(event)), Status::Present, Some(event))?,
            }
        }
        self.rows += 1;
        Ok(true)
    }

    /// Adds a row without values: that of a deletion.
    ///
    /// # Errors
    /// None of its own.
    pub(crate) fn push_absent(&mut self) -> Result<()> {
        self.rows += 1;
        self.columns.iter_mut().try_for_each(|column| column.push_stored(None, Status::Null, None))
    }

    /// Returns the number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The columns, in the order of their names.
    pub(crate) fn columns(&self) -> Vec<Column<'_>> {
        self.columns.iter().map(ColumnBuffer::column).collect()
    }

    /// Forgets the rows, keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.rows = 0;
        self.columns.iter_mut().for_each(ColumnBuffer::clear);
    }
}

#[inline]
fn push_feature(column: &mut ColumnBuffer, row: &PlannedRow<'_, '_>, position: usize, event: Timestamp) -> Result<()> {
    let value = row.get(position)?;
    let status = if value.is_some() { Status::Present } else { Status::Null };
    column.push_stored(value, status, Some(event))
}
