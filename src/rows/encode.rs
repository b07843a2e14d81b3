//! Encoding of Arrow batches as rows of a view.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Int64Type, Schema, SchemaRef, TimestampMicrosecondType};
use asofdb_storage::row::{RowBlock, TOMBSTONE_ROW};
use asofdb_storage::{
    Error, EventCopies, Feature, FeatureView, JoinKey, Place, Result, RowLayout, ScalarType, Slot, Timestamp,
    ValueType, WriteBatch, dispatch_scalar, key,
};

use crate::definitions::check::RowCheck;
use crate::definitions::suggest::did_you_mean;
use crate::rows::arrow_scalar::ArrowScalar;
use crate::rows::events::EventIds;
use crate::rows::keys::EncodedKeys;
use crate::rows::lists::encode_list;
use crate::rows::named::find_column;
use crate::rows::problems::Problems;
use crate::rows::roles::ColumnRole;
use crate::rows::types::{arrow_type, cast_exact, feature_field, timestamp_type};

/// The columns of a batch, each of exactly its type.
struct Columns {
    keys: EncodedKeys,
    events: TimestampMicrosecondArray,
    created: Option<TimestampMicrosecondArray>,
    /// The rows that are deletions, in an export of versions.
    deleted: Option<BooleanArray>,
    /// The features' columns, in the order of the layout's slots.
    features: Vec<ArrayRef>,
}

impl Columns {
    fn is_deleted(&self, row: usize) -> bool {
        self.deleted.as_ref().is_some_and(|deleted| deleted.value(row))
    }
}

/// Memory for the key of an event, used again.
#[derive(Default)]
struct Scratch {
    id: Vec<u8>,
    key: Vec<u8>,
}

/// Encodes batches of one view, column by column.
pub struct ViewEncoder {
    view: Arc<FeatureView>,
    layout: RowLayout,
    /// The ids of its events, if it is an event view.
    event_ids: Option<EventIds>,
    /// True if its events are also found by other entities.
    is_indexed: bool,
}

impl ViewEncoder {
    /// An encoder of rows of a view, as it is now.
    ///
    /// # Errors
    /// `Internal` when an event view lacks a column of its own.
    pub fn new(view: Arc<FeatureView>) -> Result<Self> {
        let layout = view.current_layout();
        let event_ids = EventIds::of(&view, &layout)?;
        let is_indexed = EventCopies::of(&view)?.is_some();
        Ok(ViewEncoder { view, layout, event_ids, is_indexed })
    }

    /// The view.
    pub fn view(&self) -> &Arc<FeatureView> {
        &self.view
    }

    /// The schema version of the rows it makes.
    pub fn schema_version(&self) -> u16 {
        self.layout.version()
    }

    /// The columns a source of this view has, with their exact types: join keys, event timestamp, created
    /// timestamp if the view names one, features.
    pub fn source_schema(&self) -> SchemaRef {
        source_schema(&self.view)
    }

    /// The column of created timestamps among those of `schema`: what an export marks as such, else what the
    /// view names.
    pub(crate) fn created_column<'s>(&'s self, schema: &'s Schema) -> Option<&'s str> {
        let named = || self.view.created_column.as_deref().filter(|name| schema.index_of(name).is_ok());
        ColumnRole::CreatedTimestamp.find(schema).or_else(named)
    }

    /// The column that says which rows are deletions: what an export marks as such.
    pub(crate) fn deleted_column<'s>(&self, schema: &'s Schema) -> Option<&'s str> {
        ColumnRole::Deleted.find(schema)
    }

    /// Encodes the rows of `batch` into `out`. Bad rows are reported to `problems` and left out; the caller
    /// decides whether they refuse the batch. Rows that `problems` has already are left out too.
    ///
    /// # Errors
    /// `Invalid` when a column is missing or has a type that cannot be read as the feature's.
    pub(crate) fn encode(
        &self,
        batch: &RecordBatch,
        now: Timestamp,
        problems: &mut Problems,
        out: &mut WriteBatch,
    ) -> Result<()> {
        // Without rows there is nothing to write, whatever the columns would be.
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let columns = self.columns(batch, problems)?;
        let block = self.block(&columns, batch.num_rows());
        self.try_check(&columns, &block, problems)?;
        self.each_row(&columns, problems, |row, key, event, created| {
            let encoded = self.row_of(&columns, &block, row);
            out.put(&self.view, key, event, created, encoded, now)
        });
        Ok(())
    }

    /// Finds what [`ViewEncoder::encode`] would find wrong, without encoding more than that takes.
    ///
    /// # Errors
    /// As [`ViewEncoder::encode`].
    pub(crate) fn check(&self, batch: &RecordBatch, now: Timestamp, problems: &mut Problems) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let columns = self.columns(batch, problems)?;
        // Without values of variable length every row is as long as its layout.
        let is_fixed = self.layout.variable_count() == 0 && self.view.check.is_none() && !self.is_indexed;
        let block = (!is_fixed).then(|| self.block(&columns, batch.num_rows()));
        let mut copies = EventCopies::of(&self.view)?;
        let fixed_bytes = self.layout.variable_offset();
        if let Some(block) = &block {
            self.try_check(&columns, block, problems)?;
        }
        self.each_row(&columns, problems, |row, key, event, created| {
            let encoded = block.as_ref().map(|block| self.row_of(&columns, block, row));
            let key_bytes = key::entity_of(self.view.id, key).len();
            WriteBatch::check(&self.view, key_bytes, event, created, encoded.map_or(fixed_bytes, <[u8]>::len), now)?;
            match (&mut copies, encoded) {
                (Some(copies), Some(encoded)) => copies.each(key, encoded, |_| Ok(())),
                _ => Ok(()),
            }
        });
        Ok(())
    }

    /// The rows of some columns. A deletion of an event has what says which event it was.
    fn block(&self, columns: &Columns, rows: usize) -> RowBlock<'_> {
        let mut block = encode_block(&self.layout, &columns.features, rows);
        for row in (0..rows).filter(|row| self.event_ids.is_some() && columns.is_deleted(*row)) {
            block.mark_deleted(row);
        }
        block
    }

    fn row_of<'b>(&self, columns: &Columns, block: &'b RowBlock<'_>, row: usize) -> &'b [u8] {
        match columns.is_deleted(row) && self.event_ids.is_none() {
            true => &TOMBSTONE_ROW,
            false => block.row(row),
        }
    }

    /// Reports the rows that break the view's check.
    fn try_check(&self, columns: &Columns, block: &RowBlock<'_>, problems: &mut Problems) -> Result<()> {
        let Some(mut check) = RowCheck::of(&self.view)? else { return Ok(()) };
        for row in (0..columns.events.len()).filter(|row| !problems.contains(*row) && !columns.is_deleted(*row)) {
            // Rows without a key or an event have their problem, or get it below.
            if let (Some(key), Some(event)) = (columns.keys.get(row), time_at(&columns.events, row)) {
                check.push(row, key, event, block.row(row))?;
            }
        }
        for row in check.finish()? {
            problems.report(row, check.rule());
        }
        Ok(())
    }

    fn columns(&self, batch: &RecordBatch, problems: &mut Problems) -> Result<Columns> {
        let keys = self.keys(batch, problems)?;
        let events = self.times(batch, &self.view.event_column, problems)?;
        let created = self.created_column(batch.schema_ref());
        let created = created.map(|name| self.times(batch, name, problems)).transpose()?;
        let deleted = self.deleted_column(batch.schema_ref());
        let deleted = deleted.map(|name| self.deletions(batch, name, problems)).transpose()?;
        let mut features = self.features(batch, problems)?;
        if let (Some(event_ids), Some(deleted)) = (&self.event_ids, &deleted) {
            event_ids.keep_identity(&mut features, deleted)?;
        }
        Ok(Columns { keys, events, created, deleted, features })
    }

    fn deletions(&self, batch: &RecordBatch, name: &str, problems: &mut Problems) -> Result<BooleanArray> {
        let array = self.column(batch, name, "deletion mark")?;
        let deleted = cast_exact(array, ValueType::Scalar(ScalarType::Bool), name, problems)
            .map_err(|error| error.context(self.name()))?;
        for row in (0..deleted.len()).filter(|row| deleted.is_null(*row)) {
            problems.report(row, format!("column {name:?} is null: every row of an export is a deletion or not"));
        }
        Ok(deleted.as_boolean().clone())
    }

    /// Calls `take` with row key, event and created timestamp of every row that has no problem yet.
    fn each_row(
        &self,
        columns: &Columns,
        problems: &mut Problems,
        mut take: impl FnMut(usize, &[u8], Timestamp, Option<Timestamp>) -> Result<()>,
    ) {
        let mut scratch = Scratch::default();
        for row in 0..columns.events.len() {
            if problems.contains(row) {
                continue;
            }
            let Some(key) = columns.keys.get(row) else { continue };
            let Some(event) = time_at(&columns.events, row) else {
                problems.report(row, self.no_event());
                continue;
            };
            let created = columns.created.as_ref().and_then(|created| time_at(created, row));
            let row_key = self.row_key(columns, row, key, event, &mut scratch);
            if let Err(error) = row_key.and_then(|row_key| take(row, row_key, event, created)) {
                problems.report(row, error.message());
            }
        }
    }

    /// The key that the versions of a row share: of an event, it has the event's time and id.
    fn row_key<'k>(
        &self,
        columns: &Columns,
        row: usize,
        entity_key: &'k [u8],
        event: Timestamp,
        scratch: &'k mut Scratch,
    ) -> Result<&'k [u8]> {
        let Some(event_ids) = &self.event_ids else { return Ok(entity_key) };
        let id = event_ids.get(&columns.features, row, &mut scratch.id)?;
        scratch.key.clear();
        key::event_key(entity_key, event, &id, &mut scratch.key);
        Ok(&scratch.key)
    }

    fn no_event(&self) -> String {
        format!("column {:?} is null: every row has an event timestamp", self.view.event_column)
    }

    fn keys(&self, batch: &RecordBatch, problems: &mut Problems) -> Result<EncodedKeys> {
        let column = |key: &JoinKey| {
            let array = self.column(batch, &key.name, "join key")?;
            Ok((key.ty, cast_exact(array, ValueType::Scalar(key.ty), &key.name, problems)?))
        };
        let columns = self.view.join_keys.iter().map(column).collect::<Result<Vec<_>>>()?;
        Ok(EncodedKeys::encode(&columns, batch.num_rows(), true, problems))
    }

    fn times(&self, batch: &RecordBatch, name: &str, problems: &mut Problems) -> Result<TimestampMicrosecondArray> {
        let array = self.column(batch, name, "timestamp column")?;
        let micros = match array.data_type() {
            // A bare integer is taken for microseconds; its magnitude is checked like every timestamp's.
            arrow::datatypes::DataType::Int64 => {
                return Ok(array.as_primitive::<Int64Type>().reinterpret_cast::<TimestampMicrosecondType>());
            }
            _ => cast_exact(array, ValueType::Scalar(ScalarType::Timestamp), name, problems),
        };
        Ok(micros.map_err(|error| error.context(self.name()))?.as_primitive::<TimestampMicrosecondType>().clone())
    }

    /// The column of each slot, in the order of the layout.
    fn features(&self, batch: &RecordBatch, problems: &mut Problems) -> Result<Vec<ArrayRef>> {
        let feature = |slot: &Slot| {
            let feature = self.view.features.iter().find(|feature| feature.id == slot.feature);
            feature.ok_or_else(|| Error::internal(format!("view {:?} has a slot without a feature", self.view.name)))
        };
        let column = |slot: &Slot| {
            let Feature { name, ty, .. } = feature(slot)?;
            cast_exact(self.column(batch, name, "feature")?, *ty, name, problems)
                .map_err(|error| error.context(self.name()))
        };
        self.layout.slots().iter().map(column).collect()
    }

    fn name(&self) -> String {
        format!("view {:?}", self.view.name)
    }

    fn column<'b>(&self, batch: &'b RecordBatch, name: &str, what: &str) -> Result<&'b ArrayRef> {
        let schema = batch.schema_ref();
        let found = find_column(schema, name);
        match found.map_err(|error| Error::invalid(format!("view {:?}: {}", self.view.name, error.message())))? {
            Some(position) => Ok(batch.column(position)),
            None => {
                let hint = did_you_mean(name, schema.fields().iter().map(|field| field.name().as_str()));
                let view = &self.view.name;
                Err(Error::invalid(format!("view {view:?}: the input has no column for {what} {name:?}{hint}")))
            }
        }
    }
}

/// The Arrow schema of the versions of a view, as written to and exported from it.
pub fn source_schema(view: &FeatureView) -> SchemaRef {
    let keys = view.join_keys.iter().map(|key| Field::new(&key.name, arrow_type(ValueType::Scalar(key.ty)), false));
    let event = Field::new(&view.event_column, timestamp_type(), false);
    let created = view.created_column.iter().map(|name| Field::new(name, timestamp_type(), true));
    let features = view.features.iter().map(|feature| feature_field(feature, &feature.name));
    Arc::new(Schema::new(keys.chain([event]).chain(created).chain(features).collect::<Vec<_>>()))
}

fn time_at(times: &TimestampMicrosecondArray, row: usize) -> Option<Timestamp> {
    times.is_valid(row).then(|| Timestamp::from_micros(times.value(row)))
}

/// Rows encoded before the next ones are touched: some tens of kilobytes.
const ROWS_AT_A_TIME: usize = 128;

/// Encodes whole columns, slot after slot.
fn encode_block<'l>(layout: &'l RowLayout, columns: &[ArrayRef], rows: usize) -> RowBlock<'l> {
    let mut block = RowBlock::new(layout, rows);
    let mut lists = Vec::new();
    for (slot, array) in layout.slots().iter().zip(columns) {
        lists.push(match slot.ty {
            ValueType::List(item) => encode_lists(item, array),
            ValueType::Scalar(_) => Vec::new(),
        });
        reserve(slot, array, lists.last().map_or(&[], Vec::as_slice), &mut block);
    }
    block.allocate();
    // Some rows at a time, so that they stay in the cache while their columns come one after the other.
    for start in (0..rows).step_by(ROWS_AT_A_TIME) {
        let rows = start..rows.min(start + ROWS_AT_A_TIME);
        for ((slot, array), lists) in layout.slots().iter().zip(columns).zip(&lists) {
            put_column(slot, array, lists, rows.clone(), &mut block);
        }
    }
    block
}

fn reserve(slot: &Slot, array: &ArrayRef, lists: &[Vec<u8>], block: &mut RowBlock<'_>) {
    if matches!(slot.place, Place::Fixed(_)) {
        return;
    }
    let rows = (0..array.len()).filter(|row| array.is_valid(*row));
    match slot.ty {
        ValueType::List(_) => rows.for_each(|row| block.reserve(row, lists[row].len())),
        ValueType::Scalar(ty) => dispatch_scalar!(ty, T => {
            let values = T::array(array);
            rows.for_each(|row| block.reserve(row, stored_bytes::<T>(values, row)));
        }),
    }
}

/// The bytes of the value of a row.
#[inline]
fn stored_bytes<T: ArrowScalar>(values: &T::Array, row: usize) -> usize {
    T::stored(T::get(values, row)).as_ref().len()
}

fn put_column(slot: &Slot, array: &ArrayRef, lists: &[Vec<u8>], rows: Range<usize>, block: &mut RowBlock<'_>) {
    match slot.ty {
        ValueType::Scalar(ty) => dispatch_scalar!(ty, T => put_scalars::<T>(slot, array, rows, block)),
        ValueType::List(_) => put_fixed(slot, array, rows, block, |block, row| block.put(row, slot, &lists[row])),
    }
}

/// Puts some rows of a column of single values.
fn put_scalars<T: ArrowScalar>(slot: &Slot, array: &ArrayRef, rows: Range<usize>, block: &mut RowBlock<'_>) {
    let values = T::array(array);
    let stored = |row| T::stored(T::get(values, row));
    match slot.place {
        Place::Fixed(offset) => {
            put_fixed(slot, array, rows, block, |block, row| block.put_fixed(row, offset, stored(row)));
        }
        Place::Variable(_) => {
            put_fixed(slot, array, rows, block, |block, row| block.put(row, slot, stored(row).as_ref()));
        }
    }
}

/// Puts some rows of a column; the loop without nulls has no branch.
fn put_fixed<'l>(
    slot: &Slot,
    array: &ArrayRef,
    rows: Range<usize>,
    block: &mut RowBlock<'l>,
    put: impl Fn(&mut RowBlock<'l>, usize),
) {
    if array.null_count() == 0 {
        return rows.for_each(|row| put(block, row));
    }
    for row in rows {
        match array.is_valid(row) {
            true => put(block, row),
            false => block.put_null(row, slot),
        }
    }
}

/// Each list as a row stores it.
fn encode_lists(item: ScalarType, array: &ArrayRef) -> Vec<Vec<u8>> {
    let lists = array.as_list::<i32>();
    let encode = |row: usize| match lists.is_valid(row) {
        true => encode_list(item, &lists.value(row)),
        false => Vec::new(),
    };
    (0..lists.len()).map(encode).collect()
}
