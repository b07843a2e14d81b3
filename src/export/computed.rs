//! Exports of views that are computed: one row an entity, as of a time.
//!
//! The entities are those of the inputs that have all of the view's join keys: every entity with an event, or with a
//! row, up to the time. Their values are joined as those of a training set are.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, TimestampMicrosecondArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Field, Int8Type, Schema, SchemaRef};
use asofdb_storage::{Catalog, Error, FeatureView, JoinKey, Result, Span, Status, Timestamp, ValueType};

use super::batches::BatchExport;
use super::manifest::Manifest;
use super::options::ExportOptions;
use crate::files::output::OutputDirectory;
use crate::join::{JoinOptions, Spine};
use crate::progress::{OnProgress, Progress};
use crate::read::fields::AnswerColumns;
use crate::read::plan::ReadPlan;
use crate::read::request::Prepared;
use crate::rows::problems::Problems;
use crate::rows::types::{arrow_type, timestamp_type};
use crate::scan::keys::KeyColumns;
use crate::scan::{ExportRows, ExportSchema};
use crate::session::{Scan, ScanBegin, ScanSink, Session};

/// Rows of the spine that are joined at once.
const SPINE_ROWS: usize = 1 << 16;

/// Bytes that the keys of all entities may take.
const KEYS_BYTES_MAX: usize = 1 << 30;

/// Bytes of a key beside its own.
const KEY_OVERHEAD_BYTES: usize = 48;

/// Exports what is computed for every entity as of a time.
///
/// # Errors
/// As [`Session::export`]; `Invalid` for versions, which a computed view has none of, for partitions, for a view that
/// needs values of the request, and where no input has all of its join keys.
pub(crate) fn export_computed<S: Session + ?Sized>(
    session: &S,
    catalog: &Catalog,
    view: &FeatureView,
    out: &Path,
    options: &ExportOptions,
    progress: &mut OnProgress<'_>,
) -> Result<Manifest> {
    let snapshot = session.now()?;
    let at = asked_at(view, options, snapshot)?;
    let references = vec![format!("{}:*", view.name)];
    let plan = ReadPlan::new(catalog, &references)?;
    check_request(view, &plan)?;
    let output = OutputDirectory::create(out)?;
    let entities = Entities::of(session, view, &plan, at)?;
    let keys = entities.join_keys();
    let spine = spine_schema(&keys, &view.event_column);
    let options_of_join = JoinOptions {
        event_timestamp: view.event_column.clone(),
        columns: AnswerColumns { statuses: true, ..AnswerColumns::default() },
        ..JoinOptions::default()
    };
    let request = Prepared::new(catalog, references)?;
    let total = entities.keys.len() as u64;
    let rows = entities.into_spine(keys.clone(), spine.clone(), at);
    let mut joined = session.join(&request, spine, rows, &options_of_join)?;
    let mut export = BatchExport::new(output, options);
    let schema = ExportSchema::of_computed(view, &keys, &joined.schema(), &options.rows, snapshot);
    export.begin(schema, snapshot)?;
    let mut done = 0;
    for batch in joined.by_ref() {
        let batch = batch?;
        done += batch.num_rows() as u64;
        progress(Progress { rows: done, done, total: Some(total) });
        export.take(without_missing(&batch)?)?;
    }
    export.finish(&view.name)
}

/// The time that is asked about.
fn asked_at(view: &FeatureView, options: &ExportOptions, now: Timestamp) -> Result<Timestamp> {
    options.check()?;
    let refused = |rule: &str| Err(Error::invalid(format!("{:?} is computed when it is read: {rule}", view.name)));
    match (options.rows, options.partition_by) {
        (_, Some(_)) => refused("its rows are all of one time, and are exported without partitions"),
        (ExportRows::AsOf(at), None) => Ok(at),
        (ExportRows::Latest, None) => Ok(now),
        (ExportRows::Versions { .. }, None) => {
            refused("it has no versions, and is exported as of a time, or as of now")
        }
    }
}

/// Refuses a view that needs values of the request.
fn check_request(view: &FeatureView, plan: &ReadPlan) -> Result<()> {
    match plan.derived.request.iter().find(|value| value.required) {
        None => Ok(()),
        Some(value) => Err(Error::invalid(format!(
            "{:?} needs the value {:?} of the request, which an export has not: make a training set of a spine with it",
            view.name, value.name
        ))),
    }
}

/// The join keys, and the time asked about.
fn spine_schema(keys: &[JoinKey], time: &str) -> SchemaRef {
    let keys = keys.iter().map(|key| Field::new(&key.name, arrow_type(ValueType::Scalar(key.ty)), false));
    let time = Field::new(time, timestamp_type(), false);
    Arc::new(Schema::new(keys.chain([time]).collect::<Vec<_>>()))
}

/// The entities of a view, by their keys.
struct Entities<'p> {
    plan: &'p ReadPlan,
    /// The group of keys that has all join keys of the view.
    group: usize,
    keys: BTreeSet<Vec<u8>>,
    bytes: usize,
}

impl<'p> Entities<'p> {
    /// Reads them from the inputs.
    fn of<S: Session + ?Sized>(session: &S, view: &FeatureView, plan: &'p ReadPlan, at: Timestamp) -> Result<Self> {
        let sources = &plan.sources;
        let group = sources.key_groups.iter().position(|group| group.len() == sources.join_keys.len());
        let no_input = || {
            let rule = "no input has all of its join keys: make a training set of a spine with them";
            Error::invalid(format!("the entities of {:?} are not known, because {rule}", view.name))
        };
        let mut entities = Entities { plan, group: group.ok_or_else(no_input)?, keys: BTreeSet::new(), bytes: 0 };
        let rows = sources.looked_up().iter().filter(|source| source.key_group == entities.group);
        let rows: BTreeSet<&str> = rows.map(|source| source.view.name.as_str()).collect();
        for view in rows {
            let scan = Scan { view, rows: ExportRows::AsOf(at), entity: None, limit: None };
            session.scan(&scan, &mut entities)?;
        }
        let events = sources.folds.iter().filter(|fold| fold.key_group == entities.group);
        let events: BTreeSet<&str> = events.map(|fold| fold.from.name.as_str()).collect();
        let until = ExportRows::Versions { from: None, to: Some(at.plus(Span::from_micros(1))) };
        for view in events {
            session.scan(&Scan { view, rows: until, entity: None, limit: None }, &mut entities)?;
        }
        Ok(entities)
    }

    /// The join keys, in the order in which they are in a key.
    fn join_keys(&self) -> Vec<JoinKey> {
        let sources = &self.plan.sources;
        sources.key_groups[self.group].iter().map(|position| sources.join_keys[*position].clone()).collect()
    }

    /// The spine of all of them at one time, in the order of their keys.
    fn into_spine(self, join_keys: Vec<JoinKey>, schema: SchemaRef, at: Timestamp) -> Spine<'static> {
        let mut keys = self.keys.into_iter();
        Box::new(std::iter::from_fn(move || {
            let some: Vec<_> = keys.by_ref().take(SPINE_ROWS).collect();
            (!some.is_empty()).then(|| spine_batch(&join_keys, &schema, &some, at))
        }))
    }
}

impl ScanSink for Entities<'_> {
    fn begin(&mut self, _begin: ScanBegin) -> Result<()> {
        Ok(())
    }

    fn take(&mut self, batch: RecordBatch) -> Result<()> {
        let mut problems = Problems::first();
        let columns = self.plan.sources.key_columns(&batch, &mut problems)?;
        let groups = self.plan.sources.encode_columns(&columns, batch.num_rows(), &mut problems);
        let keys = &groups[self.group];
        for key in (0..batch.num_rows()).filter_map(|row| keys.get(row)) {
            if self.keys.contains(key) {
                continue;
            }
            self.bytes += key.len() + KEY_OVERHEAD_BYTES;
            self.keys.insert(key.to_vec());
        }
        match self.bytes > KEYS_BYTES_MAX {
            true => Err(Error::invalid(format!(
                "an export of computed features holds the keys of all entities, at most {KEYS_BYTES_MAX} bytes of them: \
                 make training sets of some of the entities"
            ))),
            false => Ok(()),
        }
    }
}

fn spine_batch(join_keys: &[JoinKey], schema: &SchemaRef, keys: &[Vec<u8>], at: Timestamp) -> Result<RecordBatch> {
    let mut columns = KeyColumns::of_keys(join_keys);
    keys.iter().try_for_each(|key| columns.push(key))?;
    let times = TimestampMicrosecondArray::from_value(at.as_micros(), keys.len()).with_timezone("UTC");
    let columns: Vec<ArrayRef> = columns.take().chain([Arc::new(times) as ArrayRef]).collect();
    let failed = |error| Error::internal("cannot put the keys of an export together").with_source(error);
    RecordBatch::try_new(schema.clone(), columns).map_err(failed)
}

/// The rows of which something is known: not every feature is missing.
fn without_missing(batch: &RecordBatch) -> Result<RecordBatch> {
    let missing = Status::Missing.as_str();
    let mut is_known = vec![false; batch.num_rows()];
    for column in batch.columns().iter().filter_map(|column| column.as_dictionary_opt::<Int8Type>()) {
        let names = column.values().as_string::<i32>();
        let missing: Vec<bool> = names.iter().map(|name| name == Some(missing)).collect();
        for (known, key) in is_known.iter_mut().zip(column.keys().values()) {
            *known |= !missing.get(*key as usize).copied().unwrap_or(true);
        }
    }
    let failed = |error| Error::internal("cannot leave out rows of an export").with_source(error);
    filter_record_batch(batch, &BooleanArray::from(is_known)).map_err(failed)
}
