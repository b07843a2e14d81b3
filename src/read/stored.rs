//! The stored stage of a read: which views are looked up, by which keys, and the slots that their rows fill.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use asofdb_storage::{
    Error, FeatureId, FeatureView, Field, Found, JoinKey, RecordLayout, Result, RowPlan, Sink, Timestamp, ValueType,
};

use crate::definitions::reference::ResolvedFeature;
use crate::definitions::suggest::did_you_mean;
use crate::read::found::write_found;
use crate::rows::keys::EncodedKeys;
use crate::rows::named::find_column;
use crate::rows::problems::Problems;
use crate::rows::types::cast_exact;

/// The stored stage of a read.
#[derive(Debug)]
pub struct Stored {
    /// The views that are read.
    pub views: Vec<PlannedView>,
    /// The columns an entity row has: every join key of every view, once.
    pub join_keys: Vec<JoinKey>,
    /// Distinct entity keys, each as positions in `join_keys`; views of the same entities share one.
    pub key_groups: Vec<Vec<usize>>,
}

/// A view that is read.
#[derive(Debug)]
pub struct PlannedView {
    /// The view.
    pub view: Arc<FeatureView>,
    /// Position of its entity key in [`Stored::key_groups`].
    pub key_group: usize,
    /// The reading of its rows: its features are fields of records, and floats at the position of their column.
    pub(crate) rows: RowPlan,
}

/// The place of one value among what a read has gathered for a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueSlot {
    /// The list of records that has it, one list a source: the views of the stored stage, in their order.
    pub source: usize,
    /// Its field in these records.
    pub field: usize,
}

impl PlannedView {
    /// The layout of its records.
    #[inline]
    pub fn layout(&self) -> &RecordLayout {
        self.rows.record()
    }

    /// The columns of the answer that show its features, one a feature.
    pub(crate) fn outputs(&self) -> &[usize] {
        self.rows.outputs()
    }

    /// Writes the answer for one row, what was found as of `at`, to a sink.
    ///
    /// # Errors
    /// `Corrupt` when the row cannot be read.
    #[inline]
    pub(crate) fn write(&self, at: Timestamp, found: Option<Found<'_>>, sink: &mut impl Sink) -> Result<()> {
        write_found(&self.view, &self.rows, at, found, sink)
    }
}

impl Stored {
    /// The field of a slot in its records.
    #[inline]
    pub fn field(&self, slot: ValueSlot) -> &Field {
        &self.views[slot.source].layout().fields()[slot.field]
    }

    /// Returns whether entity keys that were encoded for `other` are the keys of this stage, too.
    pub(crate) fn has_keys_of(&self, other: &Stored) -> bool {
        self.join_keys == other.join_keys && self.key_groups == other.key_groups
    }

    /// Encodes the entity keys of `batch`, which has a column for every join key. Null keys are holes.
    pub(crate) fn encode_keys(&self, batch: &RecordBatch, problems: &mut Problems) -> Result<Vec<EncodedKeys>> {
        let columns = self.key_columns(batch, problems)?;
        Ok(self.encode_columns(&columns, batch.num_rows(), problems))
    }

    /// The column of each join key, of exactly its type.
    pub(crate) fn key_columns(&self, batch: &RecordBatch, problems: &mut Problems) -> Result<Vec<ArrayRef>> {
        let column = |key: &JoinKey| {
            let position = find_column(batch.schema_ref(), &key.name)?.ok_or_else(|| self.missing_key(key, batch))?;
            cast_exact(batch.column(position), ValueType::Scalar(key.ty), &key.name, problems)
        };
        self.join_keys.iter().map(column).collect()
    }

    /// Encodes columns of exactly the join keys' types.
    pub(crate) fn encode_columns(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        problems: &mut Problems,
    ) -> Vec<EncodedKeys> {
        let column = |position: &usize| (self.join_keys[*position].ty, columns[*position].clone());
        let encode = |group: &Vec<usize>| {
            let columns: Vec<_> = group.iter().map(column).collect();
            EncodedKeys::encode(&columns, rows, false, problems)
        };
        self.key_groups.iter().map(encode).collect()
    }

    fn missing_key(&self, key: &JoinKey, batch: &RecordBatch) -> Error {
        let schema = batch.schema();
        let hint = did_you_mean(&key.name, schema.fields().iter().map(|field| field.name().as_str()));
        Error::invalid(format!("the entity rows have no column for join key {:?}{hint}", key.name))
    }
}

/// A stored stage in the making: features are added in the order of the answer's columns.
#[derive(Default)]
pub(super) struct StoredBuilder {
    views: Vec<Wanted>,
}

/// A view with the features that are wanted of it.
struct Wanted {
    view: Arc<FeatureView>,
    features: Vec<FeatureId>,
    /// By feature: the column that shows it.
    outputs: Vec<usize>,
}

impl StoredBuilder {
    /// The slot of a feature that column `output` shows.
    pub(super) fn slot(&mut self, resolved: &ResolvedFeature, output: usize) -> ValueSlot {
        let known = self.views.iter().position(|wanted| wanted.view.id == resolved.view.id);
        let source = known.unwrap_or_else(|| {
            self.views.push(Wanted { view: resolved.view.clone(), features: Vec::new(), outputs: Vec::new() });
            self.views.len() - 1
        });
        let Wanted { features, outputs, .. } = &mut self.views[source];
        features.push(resolved.feature.id);
        outputs.push(output);
        ValueSlot { source, field: features.len() - 1 }
    }

    /// The stage, compiled.
    ///
    /// # Errors
    /// `Invalid` when join keys clash.
    pub(super) fn build(self) -> Result<Stored> {
        let (join_keys, key_groups, group_of) = join_keys(self.views.iter().map(|wanted| &wanted.view))?;
        let compile = |(wanted, key_group): (Wanted, usize)| {
            let rows = RowPlan::with_outputs(&wanted.view, &wanted.features, wanted.outputs)?;
            Ok(PlannedView { view: wanted.view, key_group, rows })
        };
        let views = self.views.into_iter().zip(group_of).map(compile).collect::<Result<Vec<_>>>()?;
        Ok(Stored { views, join_keys, key_groups })
    }
}

/// The join keys of all views without repetition, the distinct entity keys over them, and each view's.
#[allow(clippy::type_complexity, reason = "three parts of one answer")]
fn join_keys<'a>(
    views: impl Iterator<Item = &'a Arc<FeatureView>>,
) -> Result<(Vec<JoinKey>, Vec<Vec<usize>>, Vec<usize>)> {
    let (mut keys, mut groups, mut group_of) = (Vec::<JoinKey>::new(), Vec::<Vec<usize>>::new(), Vec::new());
    for view in views {
        let mut group = Vec::new();
        for key in &view.join_keys {
            match keys.iter().position(|known| known.name == key.name) {
                Some(position) if keys[position].ty == key.ty => group.push(position),
                Some(position) => {
                    let (a, b) = (keys[position].ty, key.ty);
                    let message = format!(
                        "join key {:?} is {a} in one view and {b} in view {:?}; read them apart",
                        key.name, view.name
                    );
                    return Err(Error::invalid(message));
                }
                None => {
                    group.push(keys.len());
                    keys.push(key.clone());
                }
            }
        }
        let position = groups.iter().position(|known| *known == group);
        group_of.push(position.unwrap_or(groups.len()));
        if position.is_none() {
            groups.push(group);
        }
    }
    Ok((keys, groups, group_of))
}
