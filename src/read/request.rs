//! Requests that are resolved once and read many times.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, ArrayRef, RecordBatch};
use asofdb_storage::{Catalog, Error, JoinKey, RequestValue, Result, Value, ValueType};
use parking_lot::RwLock;

use crate::definitions::reference::ResolvedFeature;
use crate::definitions::suggest::did_you_mean;
use crate::policy::readers::Guard;
use crate::read::asked::AskedRows;
use crate::read::plan::ReadPlan;
use crate::read::record::Records;
use crate::rows::keys::EntityKey;
use crate::rows::named::find_column;
use crate::rows::problems::Problems;
use crate::rows::types::{arrow_type, cast_exact};
use crate::usage::holes::{HoleCounts, Holes};
use crate::usage::meter::Metered;

/// A request that was resolved once: names looked up, the reading of rows compiled.
///
/// It follows the catalog: after a change the next read resolves the names again, once, for every thread.
#[derive(Debug)]
pub struct Prepared {
    /// Its own, in this process.
    id: u64,
    references: Vec<String>,
    plan: RwLock<Arc<ReadPlan>>,
    /// Counts its reads, where it reads for a consumer.
    meter: Metered,
    /// Looks again at what may be read once the catalog is another one.
    guard: Option<Guard>,
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
        Ok(Prepared { id, references, plan: RwLock::new(Arc::new(plan)), meter: None, guard: None })
    }

    /// Counts its reads from now on.
    pub(crate) fn with_meter(self, meter: Metered) -> Self {
        Prepared { meter, ..self }
    }

    /// Reads for a consumer, also once the catalog is another one, only what it may read.
    pub(crate) fn with_guard(self, guard: Option<Guard>) -> Self {
        Prepared { guard, ..self }
    }

    /// The meter that counts its reads.
    pub(crate) fn meter(&self) -> &Metered {
        &self.meter
    }

    /// Counts calls that read so many rows together, for the consumer that it reads for.
    /// [`Store::latest`](crate::Store::latest) and its like do; whoever reads by a plan does it here.
    #[inline]
    pub fn count_reads(&self, calls: usize, rows: usize) {
        if let Some(meter) = &self.meter {
            meter.serve(calls, rows);
        }
    }

    /// Counts the values of answers that were not present, by column of a plan, as somebody tells who has answered for this
    /// process.
    pub fn count_reported(&self, plan: &ReadPlan, holes: &[(usize, HoleCounts)]) {
        if let Some(meter) = &self.meter {
            meter.count_holes(plan, Holes::of(holes));
        }
    }

    /// Counts the values of records that are not present, for the consumer that it reads for.
    #[inline]
    pub(crate) fn count_records(&self, plan: &ReadPlan, records: &[Records], rows: usize) {
        if let Some(meter) = &self.meter {
            let mut holes = Holes::new();
            holes.add_records(plan, records, rows);
            meter.count_holes(plan, holes);
        }
    }

    /// Memory for the values of a matrix that are not present, where they are counted.
    pub(crate) fn holes(&self) -> Option<Holes> {
        self.meter.is_some().then(Holes::new)
    }

    /// Counts the values of a matrix that are not present.
    pub(crate) fn count_holes(&self, plan: &ReadPlan, holes: Option<Holes>) {
        if let (Some(meter), Some(holes)) = (&self.meter, holes) {
            meter.count_holes(plan, holes);
        }
    }

    /// The plan for this catalog.
    ///
    /// # Errors
    /// `NotFound` when a feature was dropped; `Denied` when the consumer may no longer read one.
    pub fn plan(&self, revision: u64, catalog: impl FnOnce() -> Arc<Catalog>) -> Result<Arc<ReadPlan>> {
        let plan = self.plan.read().clone();
        if plan.revision == revision {
            return Ok(plan);
        }
        let catalog = catalog();
        let fresh = Arc::new(ReadPlan::new(&catalog, &self.references)?);
        if let Some(guard) = &self.guard {
            guard.check(&catalog, || {
                fresh.output.columns.iter().map(|one| (&*one.resolved.view, &one.resolved.feature))
            })?;
        }
        let mut current = self.plan.write();
        if current.revision < fresh.revision {
            *current = fresh.clone();
        }
        Ok(fresh)
    }

    /// The revision of the catalog that its features were last resolved with.
    pub(crate) fn revision(&self) -> u64 {
        self.plan.read().revision
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

    /// The warnings to those who ask for what is deprecated: a sentence for each such service and view.
    pub fn warnings(&self) -> Vec<String> {
        self.plan.read().warnings.clone()
    }

    /// Returns the number of features of a row of the answer.
    pub fn width(&self) -> usize {
        self.plan.read().output.columns.len()
    }

    /// The columns an entity row has: the join keys of all views, each once.
    pub fn join_keys(&self) -> Vec<JoinKey> {
        self.plan.read().sources.join_keys.clone()
    }

    /// The values that come with the question, for the features that are computed from them.
    pub fn request_values(&self) -> Vec<RequestValue> {
        self.plan.read().derived.request.clone()
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
        let columns = plan.sources.key_columns(batch, &mut problems)?;
        match problems.rows().next() {
            Some((row, message)) => Err(Error::invalid(format!("entity row {row}: {message}"))),
            None => Ok(columns),
        }
    }

    /// The columns of a batch that are request values, in the order of [`Prepared::request_values`] and each of exactly
    /// its type: what [`EntityRows::push_columns_with`] takes. `None` is one that the batch does not have.
    ///
    /// # Errors
    /// `Invalid` when two columns have one name, or one has a type that cannot be cast without loss.
    pub fn request_columns(&self, batch: &RecordBatch) -> Result<Vec<Option<ArrayRef>>> {
        self.plan.read().derived.request.iter().map(|wanted| request_column(wanted, batch)).collect()
    }

    /// Entity rows from columns named as the join keys. A null key is a row that nothing is known of.
    ///
    /// # Errors
    /// `Invalid` when a column is missing, has another type, or holds NaN or an oversized key.
    pub fn entity_rows_from(&self, batch: &RecordBatch) -> Result<EntityRows> {
        let plan = self.plan.read().clone();
        let values = request_columns(&plan.derived.request, batch)?;
        EntityRows::from_columns(plan, batch, &values)
    }

    /// Entity rows from columns named as the join keys, and a column for each of [`Prepared::request_values`], of
    /// exactly its type and as long; `None` is one of nulls.
    ///
    /// # Errors
    /// As [`Prepared::entity_rows_from`] and [`EntityRows::push_with`].
    pub fn entity_rows_with(&self, batch: &RecordBatch, request: &[Option<ArrayRef>]) -> Result<EntityRows> {
        let plan = self.plan.read().clone();
        check_request_columns(&plan.derived.request, request, batch.num_rows())?;
        EntityRows::from_columns(plan, batch, request)
    }
}

/// The entities of a request, encoded. Reuse it: clearing keeps the memory.
#[derive(Debug, Clone)]
pub struct EntityRows {
    plan: Arc<ReadPlan>,
    asked: AskedRows,
}

impl EntityRows {
    fn new(plan: Arc<ReadPlan>) -> Self {
        let asked = AskedRows::new(&plan);
        EntityRows { plan, asked }
    }

    /// The rows of a batch, with columns of request values that suit the plan.
    fn from_columns(plan: Arc<ReadPlan>, batch: &RecordBatch, values: &[Option<ArrayRef>]) -> Result<Self> {
        let mut problems = Problems::first();
        let groups = plan.sources.encode_keys(batch, &mut problems)?;
        if let Some((row, message)) = problems.rows().next() {
            return Err(Error::invalid(format!("entity row {row}: {message}")));
        }
        let mut asked = AskedRows::new(&plan);
        asked.add(batch.num_rows(), |all, request| {
            all.iter_mut().zip(groups).for_each(|(group, keys)| *group = keys);
            request.push_columns(&plan.derived.request, values, batch.num_rows())
        })?;
        Ok(EntityRows { plan, asked })
    }

    /// Adds an entity: a value for each of [`Prepared::join_keys`]; `None` is a null key.
    ///
    /// # Errors
    /// `Invalid` when a value has another type than its join key, is NaN, or the key is too long; or when the request
    /// needs values beside the keys.
    pub fn push(&mut self, values: &[Option<Value>]) -> Result<()> {
        let none = vec![None; self.plan.derived.request.len()];
        self.push_with(values, &none)
    }

    /// Adds an entity, and a value for each of [`Prepared::request_values`].
    ///
    /// # Errors
    /// As [`EntityRows::push`]; `Invalid` also when a request value is of another type, NaN, or missing though it is
    /// required. No row is added then.
    pub fn push_with(&mut self, values: &[Option<Value>], request: &[Option<Value>]) -> Result<()> {
        let (keys, wanted) = (&self.plan.sources.join_keys, &self.plan.derived.request);
        let names = |names: Vec<&str>| names.join(", ");
        if keys.len() != values.len() {
            let all = names(keys.iter().map(|key| key.name.as_str()).collect());
            return Err(Error::invalid(format!("an entity row has the join keys {all}: got {} values", values.len())));
        }
        if wanted.len() != request.len() {
            let all = names(wanted.iter().map(|value| value.name.as_str()).collect());
            return Err(Error::invalid(format!("a row has the request values {all}: got {} values", request.len())));
        }
        self.asked.add(1, |groups, rows| {
            for (group, positions) in groups.iter_mut().zip(&self.plan.sources.key_groups) {
                group.push_values(keys, positions, values)?;
            }
            rows.push(wanted, request)
        })
    }

    /// Adds an entity given by name: a value for each of [`Prepared::join_keys`], in any order.
    ///
    /// # Errors
    /// `Invalid` when a join key is missing, unknown or given twice; else as [`EntityRows::push`].
    pub fn push_named(&mut self, entity: &EntityKey<'_>) -> Result<()> {
        self.push_named_with(entity, &[])
    }

    /// Adds an entity and the values of the request, both by name, in any order. A value that is not given is null.
    ///
    /// # Errors
    /// As [`EntityRows::push_named`] and [`EntityRows::push_with`]; `Invalid` also for a request value that is unknown
    /// or given twice.
    pub fn push_named_with(&mut self, entity: &EntityKey<'_>, request: &EntityKey<'_>) -> Result<()> {
        let wanted = &self.plan.derived.request;
        let given = request_by_name(wanted, request)?;
        let keys = &self.plan.sources.join_keys;
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
        self.push_with(&values, &given)
    }

    /// Adds an entity for each row of the columns, which are those of [`Prepared::join_keys`], in that order and of
    /// their Arrow types. A null key is a row that nothing is known of.
    ///
    /// # Errors
    /// `Invalid`, naming the row, when a key is NaN or too long, or when the columns are others; no row is added then.
    pub fn push_columns(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let none = vec![None; self.plan.derived.request.len()];
        self.push_columns_with(columns, &none)
    }

    /// [`EntityRows::push_columns`] with a column for each of [`Prepared::request_values`], of exactly its type; `None`
    /// is one of nulls.
    ///
    /// # Errors
    /// As there and as [`EntityRows::push_with`].
    pub fn push_columns_with(&mut self, columns: &[ArrayRef], request: &[Option<ArrayRef>]) -> Result<()> {
        let (keys, wanted) = (&self.plan.sources.join_keys, &self.plan.derived.request);
        let rows = columns.iter().chain(request.iter().flatten()).next().map_or(0, Array::len);
        let is_key = |(key, column): (&JoinKey, &ArrayRef)| is_of(ValueType::Scalar(key.ty), rows, column);
        if keys.len() != columns.len() || !keys.iter().zip(columns).all(is_key) {
            let all: Vec<_> = keys.iter().map(|key| format!("{} ({})", key.name, key.ty)).collect();
            return Err(Error::invalid(format!("entity rows have columns of one length: {}", all.join(", "))));
        }
        check_request_columns(wanted, request, rows)?;
        let mut problems = Problems::first();
        let more = self.plan.sources.encode_columns(columns, rows, &mut problems);
        if let Some((row, message)) = problems.rows().next() {
            return Err(Error::invalid(format!("entity row {row}: {message}")));
        }
        let is_first = self.asked.is_empty();
        self.asked.add(rows, |groups, values| {
            for (group, more) in groups.iter_mut().zip(more) {
                if is_first { *group = more } else { group.extend(&more) }
            }
            values.push_columns(wanted, request, rows)
        })
    }

    /// Some of the entities, by their rows.
    pub fn subset(&self, rows: &[usize]) -> EntityRows {
        EntityRows { plan: self.plan.clone(), asked: self.asked.subset(rows) }
    }

    /// Forgets the rows, keeps the memory.
    pub fn clear(&mut self) {
        self.asked.clear(usize::MAX);
    }

    /// Returns the number of entities.
    pub fn len(&self) -> usize {
        self.asked.len()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// The rows for a plan of the same request, perhaps after a change of the catalog.
    ///
    /// # Errors
    /// `Conflict` when the plan has other join keys or request values.
    pub fn asked_of(&self, plan: &Arc<ReadPlan>) -> Result<&AskedRows> {
        // Until the catalog changes it is the very same plan.
        let is_same =
            |own: &ReadPlan| plan.sources.has_keys_of(&own.sources) && plan.derived.request == own.derived.request;
        match Arc::ptr_eq(plan, &self.plan) || is_same(&self.plan) {
            true => Ok(&self.asked),
            false => Err(Error::conflict(
                "the entity rows belong to another request, or its join keys changed; build them again",
            )),
        }
    }
}

/// Returns whether a column is of exactly a type, and has a number of rows.
fn is_of(ty: ValueType, rows: usize, column: &ArrayRef) -> bool {
    *column.data_type() == arrow_type(ty) && column.len() == rows
}

/// Refuses columns that are not those of the wanted values, each of exactly its type, or have not this many rows.
fn check_request_columns(wanted: &[RequestValue], request: &[Option<ArrayRef>], rows: usize) -> Result<()> {
    let is_value = |(value, column): (&RequestValue, &Option<ArrayRef>)| {
        column.as_ref().is_none_or(|column| is_of(value.ty, rows, column))
    };
    if wanted.len() == request.len() && wanted.iter().zip(request).all(is_value) {
        return Ok(());
    }
    let all: Vec<_> = wanted.iter().map(|value| format!("{} ({})", value.name, value.ty)).collect();
    Err(Error::invalid(format!("request values have columns of one length: {}", all.join(", "))))
}

/// The request values in the order of a plan, out of those that are given by name.
fn request_by_name(wanted: &[RequestValue], given: &EntityKey<'_>) -> Result<Vec<Option<Value>>> {
    let names = || wanted.iter().map(|value| value.name.as_str());
    for (position, (name, _)) in given.iter().enumerate() {
        if names().all(|known| known != *name) {
            let hint = did_you_mean(name, names());
            return Err(Error::invalid(format!("no feature of the request takes a request value {name:?}{hint}")));
        }
        if given[..position].iter().any(|(before, _)| before == name) {
            return Err(Error::invalid(format!("a request has each value once: {name:?}")));
        }
    }
    let value =
        |wanted: &RequestValue| given.iter().find(|(name, _)| *name == wanted.name).map(|(_, value)| value.clone());
    Ok(wanted.iter().map(value).collect())
}

/// The columns of a batch that are request values, each of exactly its type; `None` for one that may be left out.
///
/// # Errors
/// `Invalid` when one is missing that is required, or one has another type that cannot be cast without loss.
pub(crate) fn request_columns(wanted: &[RequestValue], batch: &RecordBatch) -> Result<Vec<Option<ArrayRef>>> {
    let column = |value: &RequestValue| match request_column(value, batch)? {
        None if value.required => {
            let (name, ty) = (&value.name, value.ty);
            Err(Error::invalid(format!("there is no column for the request value {name:?} ({ty})")))
        }
        column => Ok(column),
    };
    wanted.iter().map(column).collect()
}

/// The column of a batch that is a request value, of exactly its type; `None` where there is none.
fn request_column(value: &RequestValue, batch: &RecordBatch) -> Result<Option<ArrayRef>> {
    let Some(position) = find_column(batch.schema_ref(), &value.name)? else { return Ok(None) };
    let mut problems = Problems::first();
    let column = cast_exact(batch.column(position), value.ty, &value.name, &mut problems)?;
    match problems.rows().next() {
        Some((row, message)) => Err(Error::invalid(format!("row {row}: {message}"))),
        None => Ok(Some(column)),
    }
}
