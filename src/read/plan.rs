//! The plan of a read: names resolved against one catalog.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use asofdb_storage::{
    Catalog, Error, Feature, FeatureId, FeatureView, JoinKey, Projection, Result, Value, ValueType, is_numeric,
};

use crate::definitions::reference::{ResolvedFeature, resolve};
use crate::definitions::suggest::did_you_mean;
use crate::read::record::RecordLayout;
use crate::rows::keys::EncodedKeys;
use crate::rows::named::find_column;
use crate::rows::problems::Problems;
use crate::rows::types::cast_exact;

/// A request with its names resolved against one catalog.
#[derive(Debug)]
pub struct ReadPlan {
    /// The catalog that the names were resolved with.
    pub revision: u64,
    /// The features, in the order asked.
    pub features: Vec<PlannedFeature>,
    /// The views that are read.
    pub views: Vec<PlannedView>,
    /// The default of each feature as a number, view by view; NaN where it has none.
    pub(crate) fills: Vec<Vec<f32>>,
    /// The first feature that cannot go into a matrix.
    not_numeric: Option<usize>,
    /// The columns an entity row has: every join key of every view, once.
    pub join_keys: Vec<JoinKey>,
    /// Distinct entity keys, each as positions in `join_keys`; views of the same entities share one.
    pub key_groups: Vec<Vec<usize>>,
}

/// A feature that was asked for.
#[derive(Debug)]
pub struct PlannedFeature {
    /// The feature that its name stands for.
    pub resolved: ResolvedFeature,
    /// Position of its view in the plan.
    pub view: usize,
    /// Position among the plan's features of that view.
    pub field: usize,
}

/// The part of a plan that reads one view.
#[derive(Debug)]
pub struct PlannedView {
    /// The view.
    pub view: Arc<FeatureView>,
    /// Position of its entity key in [`ReadPlan::key_groups`].
    pub key_group: usize,
    /// The layout of its records.
    pub layout: RecordLayout,
    pub(crate) projection: Projection,
    /// Position in the answer of each of this view's features.
    pub(crate) outputs: Vec<usize>,
    /// The position of this view's features in the answer, if they lie together and in order.
    pub(crate) contiguous: Option<usize>,
}

/// The default of a feature as a matrix holds it; NaN where there is none.
fn numeric_default(feature: &Feature) -> f32 {
    match &feature.default {
        Some(Value::Bool(v)) => f32::from(u8::from(*v)),
        Some(Value::Int32(v)) => *v as f32,
        Some(Value::Int64(v)) => *v as f32,
        Some(Value::Float32(v)) => *v,
        Some(Value::Float64(v)) => *v as f32,
        _ => f32::NAN,
    }
}

impl ReadPlan {
    /// Resolves references with a catalog.
    ///
    /// # Errors
    /// `NotFound` for unknown names, `Invalid` when a feature is named twice or join keys clash.
    pub fn new<S: AsRef<str>>(catalog: &Catalog, references: &[S]) -> Result<ReadPlan> {
        let resolved = resolve(catalog, references)?;
        let mut views: Vec<(Arc<FeatureView>, Vec<FeatureId>, Vec<usize>)> = Vec::new();
        let mut features = Vec::with_capacity(resolved.len());
        for (output, one) in resolved.into_iter().enumerate() {
            let view = match views.iter().position(|(view, ..)| view.id == one.view.id) {
                Some(view) => view,
                None => {
                    views.push((one.view.clone(), Vec::new(), Vec::new()));
                    views.len() - 1
                }
            };
            let (_, ids, outputs) = &mut views[view];
            features.push(PlannedFeature { view, field: ids.len(), resolved: one });
            ids.push(features[output].resolved.feature.id);
            outputs.push(output);
        }
        let (join_keys, key_groups, group_of) = join_keys(views.iter().map(|(view, ..)| view))?;
        let views = views.into_iter().zip(group_of).map(|((view, ids, outputs), key_group)| {
            let layout = RecordLayout::new(&view, &ids)?;
            let projection = Projection::new(&view, &ids)?;
            let contiguous = outputs.windows(2).all(|pair| pair[0] + 1 == pair[1]).then_some(outputs[0]);
            Ok(PlannedView { view, key_group, layout, projection, outputs, contiguous })
        });
        let views = views.collect::<Result<Vec<_>>>()?;
        let defaults = |view: &PlannedView| {
            view.outputs.iter().map(|output| numeric_default(&features[*output].resolved.feature)).collect()
        };
        let fills = views.iter().map(defaults).collect();
        let not_numeric = features.iter().position(|planned| !is_numeric(planned.resolved.feature.ty));
        Ok(ReadPlan { revision: catalog.revision(), features, views, fills, not_numeric, join_keys, key_groups })
    }

    /// Refuses plans with a feature that is not a number, naming it.
    pub fn check_numeric(&self) -> Result<()> {
        let Some(position) = self.not_numeric else { return Ok(()) };
        let resolved = &self.features[position].resolved;
        let (reference, ty) = (resolved.reference(), resolved.feature.ty);
        Err(Error::invalid(format!("only numbers and bools go into a matrix: {reference} is {ty}")))
    }

    /// Refuses matrices of another size than the answer for so many rows, and plans with a feature that is not a
    /// number.
    pub fn check_matrix(&self, rows: usize, values: usize, statuses: Option<usize>) -> Result<()> {
        self.check_numeric()?;
        let width = self.features.len();
        match [Some(values), statuses].into_iter().flatten().find(|size| *size != rows * width) {
            None => Ok(()),
            Some(size) => Err(Error::invalid(format!(
                "the matrix has {rows} rows of {width} features: got room for {size} values"
            ))),
        }
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

    /// The column names of the answer: feature names, or `view__feature` where names would collide with
    /// another feature or with one of `taken`, or everywhere if `full` is asked.
    pub fn column_names(&self, full: bool, taken: &[&str]) -> Vec<String> {
        let mut count = std::collections::HashMap::new();
        for feature in &self.features {
            *count.entry(feature.resolved.feature.name.as_str()).or_insert(0) += 1;
        }
        let name = |feature: &PlannedFeature| {
            let ResolvedFeature { view, feature } = &feature.resolved;
            match full || count[feature.name.as_str()] > 1 || taken.contains(&feature.name.as_str()) {
                true => format!("{}__{}", view.name, feature.name),
                false => feature.name.clone(),
            }
        };
        self.features.iter().map(name).collect()
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
