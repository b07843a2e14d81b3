//! Requests that are resolved once and read many times.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, ArrayRef, RecordBatch};
use asofdb_storage::{Catalog, Error, JoinKey, Result, Value, ValueType};
use parking_lot::RwLock;

use crate::definitions::reference::ResolvedFeature;
use crate::definitions::suggest::did_you_mean;
use crate::read::plan::ReadPlan;
use crate::rows::keys::{EncodedKeys, EntityKey};
use crate::rows::problems::Problems;
use crate::rows::types::arrow_type;

/// A request that was resolved once: names looked up, the reading of rows compiled.
///
/// It follows the catalog: after a change the next read resolves the names again, once, for every thread.
#[derive(Debug)]
pub struct Prepared {
    /// Its own, in this process.
    id: u64,
    references: Vec<String>,
    plan: RwLock<Arc<ReadPlan>>,
}

impl Prepared {
    /// Resolves references with a catalog.
    ///
    /// # Errors
    /// `NotFound` for unknown names, `Invalid` when a feature is named twice or join keys clash.
    pub fn new(catalog: &Catalog, references: Vec<String>) -> Result<Self> {
        let plan = ReadPlan::new(catalog, &references)?;
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(Prepared { id, references, plan: RwLock::new(Arc::new(plan)) })
    }

    /// The plan for this catalog.
    pub fn plan(&self, revision: u64, catalog: impl FnOnce() -> Arc<Catalog>) -> Result<Arc<ReadPlan>> {
        let plan = self.plan.read().clone();
        if plan.revision == revision {
            return Ok(plan);
        }
        let fresh = Arc::new(ReadPlan::new(&catalog(), &self.references)?);
        let mut current = self.plan.write();
        if current.revision < fresh.revision {
            *current = fresh.clone();
        }
        Ok(fresh)
    }

    /// A number that no other request of this process has.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The references as they were given.
    pub fn references(&self) -> &[String] {
        &self.references
    }

    /// The features, in the order of the answer's columns.
    pub fn features(&self) -> Vec<ResolvedFeature> {
        self.plan.read().output.columns.iter().map(|column| column.resolved.clone()).collect()
    }

    /// Returns the number of features of a row of the answer.
    pub fn width(&self) -> usize {
        self.plan.read().output.columns.len()
    }

    /// The columns an entity row has: the join keys of all views, each once.
    pub fn join_keys(&self) -> Vec<JoinKey> {
        self.plan.read().stored.join_keys.clone()
    }

    /// The names of the features' columns beside columns of the names `taken`: `view__feature` where names would
    /// collide, or everywhere if `full` is asked.
    pub fn column_names(&self, full: bool, taken: &[&str]) -> Vec<String> {
        self.plan.read().fields().names(full, taken)
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
        let columns = plan.stored.key_columns(batch, &mut problems)?;
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
        let groups = plan.stored.encode_keys(batch, &mut problems)?;
        match problems.rows().next() {
            Some((row, message)) => Err(Error::invalid(format!("entity row {row}: {message}"))),
            None => Ok(EntityRows { plan, groups, rows: batch.num_rows() }),
        }
    }
}

/// The entities of a request, encoded. Reuse it: clearing keeps the memory.
#[derive(Debug, Clone)]
pub struct EntityRows {
    plan: Arc<ReadPlan>,
    groups: Vec<EncodedKeys>,
    rows: usize,
}

impl EntityRows {
    fn new(plan: Arc<ReadPlan>) -> Self {
        let groups = vec![EncodedKeys::default(); plan.stored.key_groups.len()];
        EntityRows { plan, groups, rows: 0 }
    }

    /// Adds an entity: a value for each of [`Prepared::join_keys`]; `None` is a null key.
    ///
    /// # Errors
    /// `Invalid` when a value has another type than its join key, is NaN, or the key is too long.
    pub fn push(&mut self, values: &[Option<Value>]) -> Result<()> {
        let keys = &self.plan.stored.join_keys;
        if keys.len() != values.len() {
            let names: Vec<_> = keys.iter().map(|key| key.name.as_str()).collect();
            return Err(Error::invalid(format!(
                "an entity row has the join keys {}: got {} values",
                names.join(", "),
                values.len()
            )));
        }
        for (group, positions) in self.groups.iter_mut().zip(&self.plan.stored.key_groups) {
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
        let keys = &self.plan.stored.join_keys;
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
        let keys = &self.plan.stored.join_keys;
        let rows = columns.first().map_or(0, Array::len);
        let is_of = |(key, column): (&JoinKey, &ArrayRef)| {
            *column.data_type() == arrow_type(ValueType::Scalar(key.ty)) && column.len() == rows
        };
        if keys.len() != columns.len() || !keys.iter().zip(columns).all(is_of) {
            let wanted: Vec<_> = keys.iter().map(|key| format!("{} ({})", key.name, key.ty)).collect();
            return Err(Error::invalid(format!("entity rows have columns of one length: {}", wanted.join(", "))));
        }
        let mut problems = Problems::first();
        let more = self.plan.stored.encode_columns(columns, rows, &mut problems);
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

    /// Returns the number of entities.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The keys for a plan of the same request, perhaps after a change of the catalog.
    ///
    /// # Errors
    /// `Conflict` when the plan has other join keys.
    pub fn groups_for(&self, plan: &Arc<ReadPlan>) -> Result<&[EncodedKeys]> {
        // Until the catalog changes it is the very same plan.
        match Arc::ptr_eq(plan, &self.plan) || plan.stored.has_keys_of(&self.plan.stored) {
            true => Ok(&self.groups),
            false => Err(Error::conflict(
                "the entity rows belong to another request, or its join keys changed; build them again",
            )),
        }
    }
}
