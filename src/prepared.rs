//! Requests that are resolved once and read many times.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, ArrayRef, RecordBatch};
use asofdb_storage::{
    Catalog, Error, Feature, FeatureId, FeatureView, JoinKey, Projection, Result, Value, ValueType, is_numeric,
};
use parking_lot::RwLock;

use crate::arrow_types::{arrow_type, cast_exact};
use crate::keys::{EncodedKeys, EntityKey};
use crate::named::find_column;
use crate::problems::Problems;
use crate::record::RecordLayout;
use crate::reference::{ResolvedFeature, resolve};
use crate::suggest::did_you_mean;

/// A request with its names resolved against one catalog.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) revision: u64,
    /// In the order asked.
    pub(crate) features: Vec<PlannedFeature>,
    pub(crate) views: Vec<PlannedView>,
    /// By view: the default of each of its features as a number, NaN where it has none.
    pub(crate) fills: Vec<Vec<f32>>,
    /// The first feature that cannot go into a matrix.
    not_numeric: Option<usize>,
    /// The columns an entity row has: every join key of every view, once.
    pub(crate) join_keys: Vec<JoinKey>,
    /// Distinct entity keys, each as positions in `join_keys`; views of the same entities share one.
    pub(crate) key_groups: Vec<Vec<usize>>,
}

#[derive(Debug)]
pub(crate) struct PlannedFeature {
    pub(crate) resolved: ResolvedFeature,
    /// Position of its view in the plan.
    pub(crate) view: usize,
    /// Position among the plan's features of that view.
    pub(crate) field: usize,
}

/// What is read from one view.
#[derive(Debug)]
pub(crate) struct PlannedView {
    pub(crate) view: Arc<FeatureView>,
    pub(crate) key_group: usize,
    pub(crate) layout: RecordLayout,
    pub(crate) projection: Projection,
    /// Position in the answer of each of this view's features.
    pub(crate) outputs: Vec<usize>,
    /// Where this view's features lie in the answer, if they lie together and in order.
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

impl Plan {
    pub(crate) fn new<S: AsRef<str>>(catalog: &Catalog, references: &[S]) -> Result<Plan> {
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
        Ok(Plan { revision: catalog.revision(), features, views, fills, not_numeric, join_keys, key_groups })
    }

    /// Refuses plans with a feature that is not a number, naming it.
    pub(crate) fn check_numeric(&self) -> Result<()> {
        let Some(position) = self.not_numeric else { return Ok(()) };
        let resolved = &self.features[position].resolved;
        let (reference, ty) = (resolved.reference(), resolved.feature.ty);
        Err(Error::invalid(format!("only numbers and bools go into a matrix: {reference} is {ty}")))
    }

    /// Refuses matrices of another size than the answer for so many rows, and plans with a feature that is not a
    /// number.
    pub(crate) fn check_matrix(&self, rows: usize, values: usize, statuses: Option<usize>) -> Result<()> {
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
    fn key_columns(&self, batch: &RecordBatch, problems: &mut Problems) -> Result<Vec<ArrayRef>> {
        let column = |key: &JoinKey| {
            let position = find_column(batch.schema_ref(), &key.name)?.ok_or_else(|| self.missing_key(key, batch))?;
            cast_exact(batch.column(position), ValueType::Scalar(key.ty), &key.name, problems)
        };
        self.join_keys.iter().map(column).collect()
    }

    /// Encodes columns of exactly the join keys' types.
    fn encode_columns(&self, columns: &[ArrayRef], rows: usize, problems: &mut Problems) -> Vec<EncodedKeys> {
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
    pub(crate) fn column_names(&self, full: bool, taken: &[&str]) -> Vec<String> {
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

/// A request that was resolved once: names looked up, projections compiled.
///
/// It follows the catalog: after a change the next read resolves the names again, once, for every thread.
#[derive(Debug)]
pub struct Prepared {
    /// Its own, in this process.
    id: u64,
    references: Vec<String>,
    plan: RwLock<Arc<Plan>>,
}

impl Prepared {
    pub(crate) fn new(catalog: &Catalog, references: Vec<String>) -> Result<Self> {
        let plan = Plan::new(catalog, &references)?;
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(Prepared { id, references, plan: RwLock::new(Arc::new(plan)) })
    }

    /// The plan for this catalog.
    pub(crate) fn plan(&self, revision: u64, catalog: impl FnOnce() -> Arc<Catalog>) -> Result<Arc<Plan>> {
        let plan = self.plan.read().clone();
        if plan.revision == revision {
            return Ok(plan);
        }
        let fresh = Arc::new(Plan::new(&catalog(), &self.references)?);
        let mut current = self.plan.write();
        if current.revision < fresh.revision {
            *current = fresh.clone();
        }
        Ok(fresh)
    }

    /// A number that no other request of this process has.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// The references as they were given.
    pub fn references(&self) -> &[String] {
        &self.references
    }

    /// The features, in the order of the answer's columns.
    pub fn features(&self) -> Vec<ResolvedFeature> {
        self.plan.read().features.iter().map(|feature| feature.resolved.clone()).collect()
    }

    /// How many features a row of the answer has.
    pub fn width(&self) -> usize {
        self.plan.read().features.len()
    }

    /// The columns an entity row has: the join keys of all views, each once.
    pub fn join_keys(&self) -> Vec<JoinKey> {
        self.plan.read().join_keys.clone()
    }

    /// The names of the features' columns beside columns of the names `taken`: `view__feature` where names would collide,
    /// or everywhere if `full` is asked.
    pub fn column_names(&self, full: bool, taken: &[&str]) -> Vec<String> {
        self.plan.read().column_names(full, taken)
    }

    /// Entity rows to be filled one by one, in the order of [`Prepared::join_keys`].
    pub fn entity_rows(&self) -> EntityRows {
        EntityRows::new(self.plan.read().clone())
    }

    /// The columns of a batch that are join keys, in the order of [`Prepared::join_keys`] and each of exactly its type:
    /// what [`EntityRows::push_columns`] takes.
    ///
    /// # Errors
    /// `Invalid` when a column is missing, or has another type that cannot be cast without loss.
    pub fn key_columns(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let plan = self.plan.read().clone();
        let mut problems = Problems::first();
        let columns = plan.key_columns(batch, &mut problems)?;
        match problems.rows().next() {
            Some((row, message)) => Err(Error::invalid(format!("entity row {row}: {message}"))),
            None => Ok(columns),
        }
    }

    /// Entity rows from columns named as the join keys. A null key is a row that nothing is known of.
    ///
    /// # Errors
    /// `Invalid` when a column is missing, has another type, or holds NaN or an oversized key.
    pub fn entity_rows_from(&self, batch: &RecordBatch) -> Result<EntityRows> {
        let plan = self.plan.read().clone();
        let mut problems = Problems::first();
        let groups = plan.encode_keys(batch, &mut problems)?;
        match problems.rows().next() {
            Some((row, message)) => Err(Error::invalid(format!("entity row {row}: {message}"))),
            None => Ok(EntityRows { plan, groups, rows: batch.num_rows() }),
        }
    }
}

/// The entities of a request, encoded. Reuse it: clearing keeps the memory.
#[derive(Debug, Clone)]
pub struct EntityRows {
    plan: Arc<Plan>,
    groups: Vec<EncodedKeys>,
    rows: usize,
}

impl EntityRows {
    fn new(plan: Arc<Plan>) -> Self {
        let groups = vec![EncodedKeys::default(); plan.key_groups.len()];
        EntityRows { plan, groups, rows: 0 }
    }

    /// Adds an entity: a value for each of [`Prepared::join_keys`]; `None` is a null key.
    ///
    /// # Errors
    /// `Invalid` when a value has another type than its join key, is NaN, or the key is too long.
    pub fn push(&mut self, values: &[Option<Value>]) -> Result<()> {
        let keys = &self.plan.join_keys;
        if keys.len() != values.len() {
            let names: Vec<_> = keys.iter().map(|key| key.name.as_str()).collect();
            return Err(Error::invalid(format!(
                "an entity row has the join keys {}: got {} values",
                names.join(", "),
                values.len()
            )));
        }
        for (group, positions) in self.groups.iter_mut().zip(&self.plan.key_groups) {
            if let Err(error) = group.push_values(keys, positions, values) {
                self.groups.iter_mut().for_each(|group| group.truncate(self.rows));
                return Err(error);
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// Adds an entity given by name: a value for each of [`Prepared::join_keys`], in any order.
    ///
    /// # Errors
    /// `Invalid` when a join key is missing, unknown or given twice; else as [`EntityRows::push`].
    pub fn push_named(&mut self, entity: &EntityKey<'_>) -> Result<()> {
        let keys = &self.plan.join_keys;
        let names = || keys.iter().map(|key| key.name.as_str());
        if let Some((unknown, _)) = entity.iter().find(|(name, _)| names().all(|known| known != *name)) {
            let hint = did_you_mean(unknown, names());
            let all = names().collect::<Vec<_>>().join(", ");
            return Err(Error::invalid(format!("no view of the request has join key {unknown:?}{hint} ({all})")));
        }
        let value = |key: &JoinKey| {
            let mut given = entity.iter().filter(|(name, _)| *name == key.name);
            match (given.next(), given.next()) {
                (Some((_, value)), None) => Ok(Some(value.clone())),
                (None, _) => Err(Error::invalid(format!("the request needs join key {:?} ({})", key.name, key.ty))),
                _ => Err(Error::invalid(format!("an entity has each join key once: {:?}", key.name))),
            }
        };
        let values = keys.iter().map(value).collect::<Result<Vec<_>>>()?;
        self.push(&values)
    }

    /// Adds an entity for each row of the columns, which are those of [`Prepared::join_keys`], in that order and of
    /// their Arrow types. A null key is a row that nothing is known of.
    ///
    /// # Errors
    /// `Invalid`, naming the row, when a key is NaN or too long, or when the columns are others; no row is added then.
    pub fn push_columns(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let keys = &self.plan.join_keys;
        let rows = columns.first().map_or(0, Array::len);
        let is_of = |(key, column): (&JoinKey, &ArrayRef)| {
            *column.data_type() == arrow_type(ValueType::Scalar(key.ty)) && column.len() == rows
        };
        if keys.len() != columns.len() || !keys.iter().zip(columns).all(is_of) {
            let wanted: Vec<_> = keys.iter().map(|key| format!("{} ({})", key.name, key.ty)).collect();
            return Err(Error::invalid(format!("entity rows have columns of one length: {}", wanted.join(", "))));
        }
        let mut problems = Problems::first();
        let more = self.plan.encode_columns(columns, rows, &mut problems);
        if let Some((row, message)) = problems.rows().next() {
            return Err(Error::invalid(format!("entity row {row}: {message}")));
        }
        match self.rows {
            0 => self.groups = more,
            _ => self.groups.iter_mut().zip(&more).for_each(|(group, more)| group.extend(more)),
        }
        self.rows += rows;
        Ok(())
    }

    /// Forgets the rows, keeps the memory.
    pub fn clear(&mut self) {
        self.groups.iter_mut().for_each(EncodedKeys::clear);
        self.rows = 0;
    }

    /// How many entities there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The keys for a plan of the same request, perhaps after a change of the catalog.
    pub(crate) fn groups_for(&self, plan: &Plan) -> Result<&[EncodedKeys]> {
        let same = plan.join_keys == self.plan.join_keys && plan.key_groups == self.plan.key_groups;
        match same {
            true => Ok(&self.groups),
            false => Err(Error::conflict(
                "the entity rows belong to another request, or its join keys changed; build them again",
            )),
        }
    }
}
