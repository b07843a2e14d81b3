//! Reading some features out of rows of any schema version, compiled once.

use crate::catalog::FeatureView;
use crate::error::{Error, Result};
use crate::float_run::FloatRun;
use crate::record_layout::{RecordCopy, RecordLayout};
use crate::row::{self, RowKind, RowRef};
use crate::schema::{FeatureId, RowLayout, Slot};

/// The plan for reading a list of features of one view, resolved against every schema version that its rows may have.
///
/// Features are counted by their position in that list. An opened row gives the bytes of single values, or goes to a
/// [`Sink`](crate::Sink), in runs of features that are adjacent both in the row and there.
#[derive(Debug, Clone)]
pub struct RowPlan {
    view: String,
    record: RecordLayout,
    outputs: Vec<usize>,
    /// By schema version.
    schemas: Vec<SchemaPlan>,
}

/// The plan for rows of one schema version.
#[derive(Debug, Clone)]
struct SchemaPlan {
    layout: RowLayout,
    /// By feature; `None` where rows of this version do not hold it.
    slots: Vec<Option<Slot>>,
    /// True if rows of this version hold every feature.
    complete: bool,
    record: RecordCopy,
    floats: Vec<FloatRun>,
}

impl RowPlan {
    /// Compiles the reading of `features` from rows of `view`. As floats they lie side by side, in this order.
    ///
    /// # Errors
    /// `NotFound` when the view has no such feature.
    pub fn new(view: &FeatureView, features: &[FeatureId]) -> Result<Self> {
        RowPlan::with_outputs(view, features, (0..features.len()).collect())
    }

    /// As [`RowPlan::new`], with the position of each feature as a float in the row of a matrix, where features of
    /// other views may lie between.
    ///
    /// # Errors
    /// As there; `Internal` when there is not one position a feature.
    pub fn with_outputs(view: &FeatureView, features: &[FeatureId], outputs: Vec<usize>) -> Result<Self> {
        if outputs.len() != features.len() {
            return Err(Error::internal("a plan has one output a feature"));
        }
        let record = RecordLayout::new(view, features)?;
        let schema = |layout| SchemaPlan::new(layout, features, &record, &outputs);
        let schemas = view.layouts().into_iter().map(schema).collect();
        Ok(RowPlan { view: view.name.clone(), record, outputs, schemas })
    }

    /// The layout of records of the features.
    #[inline]
    pub fn record(&self) -> &RecordLayout {
        &self.record
    }

    /// The position of each feature as a float in the row of a matrix.
    #[inline]
    pub fn outputs(&self) -> &[usize] {
        &self.outputs
    }

    /// Opens a row; `None` for a tombstone.
    ///
    /// # Errors
    /// `Corrupt` when the row cannot be read.
    #[inline]
    pub fn open<'p, 'r>(&'p self, bytes: &'r [u8]) -> Result<Option<PlannedRow<'p, 'r>>> {
        let RowKind::Values { schema, has_nulls } = row::kind(bytes)? else { return Ok(None) };
        let schema = self.schemas.get(usize::from(schema)).ok_or_else(|| self.unknown_schema(schema))?;
        Ok(Some(PlannedRow { plan: self, schema, row: RowRef::new(&schema.layout, bytes)?, has_nulls }))
    }

    /// Opens the deletion of an event, for the values that say which event it was; `None` where it has none.
    ///
    /// # Errors
    /// `Corrupt` when the row cannot be read.
    pub fn open_deletion<'p, 'r>(&'p self, bytes: &'r [u8]) -> Result<Option<PlannedRow<'p, 'r>>> {
        if !row::is_deletion_with_values(bytes) {
            return Ok(None);
        }
        let schema = row::schema_of(bytes)?;
        let schema = self.schemas.get(usize::from(schema)).ok_or_else(|| self.unknown_schema(schema))?;
        Ok(Some(PlannedRow { plan: self, schema, row: RowRef::new(&schema.layout, bytes)?, has_nulls: true }))
    }

    #[cold]
    fn unknown_schema(&self, schema: u16) -> Error {
        Error::corrupt(format!(
            "a row of view {:?} has a schema version that the catalog does not know: {schema}",
            self.view
        ))
    }
}

impl SchemaPlan {
    fn new(layout: RowLayout, features: &[FeatureId], record: &RecordLayout, outputs: &[usize]) -> Self {
        let slots: Vec<Option<Slot>> = features.iter().map(|id| layout.slot(*id).copied()).collect();
        let complete = slots.iter().all(Option::is_some);
        let (record, floats) = (RecordCopy::compile(&slots, record), FloatRun::compile(&slots, outputs));
        SchemaPlan { layout, slots, complete, record, floats }
    }
}

/// A row opened for reading through a plan.
#[derive(Debug, Clone, Copy)]
pub struct PlannedRow<'p, 'r> {
    plan: &'p RowPlan,
    schema: &'p SchemaPlan,
    row: RowRef<'p, 'r>,
    has_nulls: bool,
}

impl<'p, 'r> PlannedRow<'p, 'r> {
    /// The stored bytes of a feature; `None` where the value is null or older than the feature.
    ///
    /// # Errors
    /// `Corrupt` when the row's variable section is out of order.
    #[inline]
    pub fn get(&self, feature: usize) -> Result<Option<&'r [u8]>> {
        match &self.schema.slots[feature] {
            Some(slot) => self.row.get(slot),
            None => Ok(None),
        }
    }

    #[inline]
    pub(crate) fn plan(&self) -> &'p RowPlan {
        self.plan
    }

    #[inline]
    pub(crate) fn row(&self) -> &RowRef<'p, 'r> {
        &self.row
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &'r [u8] {
        self.row.bytes()
    }

    #[inline]
    pub(crate) fn record_copy(&self) -> &'p RecordCopy {
        &self.schema.record
    }

    #[inline]
    pub(crate) fn float_runs(&self) -> &'p [FloatRun] {
        &self.schema.floats
    }

    /// Returns whether some feature may be null: if not, nobody need look.
    #[inline]
    pub(crate) fn may_have_nulls(&self) -> bool {
        self.has_nulls || !self.schema.complete
    }

    /// The outputs of the features that are null or younger than the row.
    #[inline]
    pub fn null_outputs(&self) -> impl Iterator<Item = usize> {
        let outputs = self.may_have_nulls().then(|| self.nulls().map(|feature| self.plan().outputs()[feature]));
        outputs.into_iter().flatten()
    }

    /// The features that are null or younger than the row.
    #[inline]
    pub(crate) fn nulls(&self) -> impl Iterator<Item = usize> {
        let is_null = |slot: &Option<Slot>| slot.as_ref().is_none_or(|slot| self.row.is_null(slot));
        let slots = self.schema.slots.iter().enumerate();
        slots.filter(move |(_, slot)| is_null(slot)).map(|(feature, _)| feature)
    }
}
