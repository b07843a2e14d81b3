//! From Arrow batches to encoded rows of a view.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{
    ArrowPrimitiveType, Field, Float32Type, Float64Type, Int32Type, Int64Type, Schema, SchemaRef,
    TimestampMicrosecondType,
};
use asofdb_storage::row::RowBlock;
use asofdb_storage::{
    Error, Feature, FeatureView, JoinKey, Place, Result, RowLayout, ScalarType, Slot, Timestamp, ValueType, WriteBatch,
};

use crate::arrow_types::{arrow_type, cast_exact, feature_field, primitive, timestamp_type};
use crate::keys::EncodedKeys;
use crate::problems::Problems;
use crate::suggest::did_you_mean;

/// Encodes batches of one view, column by column.
pub(crate) struct ViewEncoder {
    view: Arc<FeatureView>,
    layout: RowLayout,
}

impl ViewEncoder {
    pub(crate) fn new(view: Arc<FeatureView>) -> Self {
        let layout = view.current_layout();
        ViewEncoder { view, layout }
    }

    pub(crate) fn view(&self) -> &Arc<FeatureView> {
        &self.view
    }

    /// The columns a source of this view has, with their exact types: join keys, event timestamp, created
    /// timestamp if the view names one, features.
    pub(crate) fn source_schema(&self) -> SchemaRef {
        source_schema(&self.view)
    }

    /// Encodes the rows of `batch` into `out`. Bad rows are reported to `problems` and left out; the caller
    /// decides whether they refuse the batch.
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
        let rows = batch.num_rows();
        let keys = self.keys(batch, problems)?;
        let events = self.times(batch, &self.view.event_column, problems)?;
        let created = match &self.view.created_column {
            Some(name) if batch.column_by_name(name).is_some() => Some(self.times(batch, name, problems)?),
            _ => None,
        };
        let columns = self.features(batch, problems)?;
        let block = encode_block(&self.layout, &columns, rows);
        for row in 0..rows {
            let created = created.as_ref().and_then(|created| time_at(created, row));
            self.put(row, &keys, time_at(&events, row), created, &block, now, problems, out);
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one row, each from its own column")]
    fn put(
        &self,
        row: usize,
        keys: &EncodedKeys,
        event: Option<Timestamp>,
        created: Option<Timestamp>,
        block: &RowBlock<'_>,
        now: Timestamp,
        problems: &mut Problems,
        out: &mut WriteBatch,
    ) {
        if problems.contains(row) {
            return;
        }
        let Some(key) = keys.get(row) else { return };
        let Some(event) = event else {
            return problems
                .report(row, format!("column {:?} is null: every row has an event timestamp", self.view.event_column));
        };
        if let Err(error) = out.put(&self.view, key, event, created, block.row(row), now) {
            problems.report(row, error.message());
        }
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
        batch.column_by_name(name).ok_or_else(|| {
            let schema = batch.schema();
            let names = schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>();
            let hint = did_you_mean(name, names);
            Error::invalid(format!("view {:?}: the input has no column for {what} {name:?}{hint}", self.view.name))
        })
    }
}

/// The Arrow schema of the versions of a view, as written to and exported from it.
pub(crate) fn source_schema(view: &FeatureView) -> SchemaRef {
    let keys = view.join_keys.iter().map(|key| Field::new(&key.name, arrow_type(ValueType::Scalar(key.ty)), false));
    let event = Field::new(&view.event_column, timestamp_type(), false);
    let created = view.created_column.iter().map(|name| Field::new(name, timestamp_type(), true));
    let features = view.features.iter().map(|feature| feature_field(feature, &feature.name));
    Arc::new(Schema::new(keys.chain([event]).chain(created).chain(features).collect::<Vec<_>>()))
}

fn time_at(times: &TimestampMicrosecondArray, row: usize) -> Option<Timestamp> {
    times.is_valid(row).then(|| Timestamp::from_micros(times.value(row)))
}

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
    for ((slot, array), lists) in layout.slots().iter().zip(columns).zip(&lists) {
        put_column(slot, array, lists, &mut block);
    }
    block
}

fn reserve(slot: &Slot, array: &ArrayRef, lists: &[Vec<u8>], block: &mut RowBlock<'_>) {
    if matches!(slot.place, Place::Fixed(_)) {
        return;
    }
    for row in (0..array.len()).filter(|row| array.is_valid(*row)) {
        block.reserve(row, variable_bytes(slot.ty, array, lists, row).len());
    }
}

/// The bytes of a value of variable length.
fn variable_bytes<'a>(ty: ValueType, array: &'a ArrayRef, lists: &'a [Vec<u8>], row: usize) -> &'a [u8] {
    match ty {
        ValueType::Scalar(ScalarType::String) => array.as_string::<i32>().value(row).as_bytes(),
        ValueType::Scalar(_) => array.as_binary::<i32>().value(row),
        ValueType::List(_) => &lists[row],
    }
}

fn put_column(slot: &Slot, array: &ArrayRef, lists: &[Vec<u8>], block: &mut RowBlock<'_>) {
    match (slot.ty, slot.place) {
        (ValueType::Scalar(ScalarType::Bool), Place::Fixed(offset)) => {
            let values = array.as_boolean();
            put_fixed(slot, array, block, |block, row| block.put_fixed(row, offset, [u8::from(values.value(row))]));
        }
        (ValueType::Scalar(ScalarType::Int32), Place::Fixed(offset)) => {
            put_primitive::<Int32Type, 4>(slot, offset, array, block, i32::to_le_bytes);
        }
        (ValueType::Scalar(ScalarType::Int64), Place::Fixed(offset)) => {
            put_primitive::<Int64Type, 8>(slot, offset, array, block, i64::to_le_bytes);
        }
        (ValueType::Scalar(ScalarType::Float32), Place::Fixed(offset)) => {
            put_primitive::<Float32Type, 4>(slot, offset, array, block, f32::to_le_bytes);
        }
        (ValueType::Scalar(ScalarType::Float64), Place::Fixed(offset)) => {
            put_primitive::<Float64Type, 8>(slot, offset, array, block, f64::to_le_bytes);
        }
        (ValueType::Scalar(_), Place::Fixed(offset)) => {
            put_primitive::<TimestampMicrosecondType, 8>(slot, offset, array, block, i64::to_le_bytes);
        }
        (ty, _) => {
            put_fixed(slot, array, block, |block, row| {
                block.put(row, slot, variable_bytes(ty, array, lists, row));
            });
        }
    }
}

fn put_primitive<T: ArrowPrimitiveType, const N: usize>(
    slot: &Slot,
    offset: usize,
    array: &ArrayRef,
    block: &mut RowBlock<'_>,
    bytes: impl Fn(T::Native) -> [u8; N],
) {
    let values = primitive::<T>(array).values();
    put_fixed(slot, array, block, |block, row| block.put_fixed(row, offset, bytes(values[row])));
}

/// Puts every row of a column; the loop without nulls has no branch.
fn put_fixed<'l>(slot: &Slot, array: &ArrayRef, block: &mut RowBlock<'l>, put: impl Fn(&mut RowBlock<'l>, usize)) {
    if array.null_count() == 0 {
        return (0..array.len()).for_each(|row| put(block, row));
    }
    for row in 0..array.len() {
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

fn encode_list(item: ScalarType, items: &ArrayRef) -> Vec<u8> {
    fn plain<T: ArrowPrimitiveType, const N: usize>(items: &ArrayRef, bytes: impl Fn(T::Native) -> [u8; N]) -> Vec<u8> {
        primitive::<T>(items).values().iter().flat_map(|value| bytes(*value)).collect()
    }
    match item {
        ScalarType::Bool => (0..items.len()).map(|index| u8::from(items.as_boolean().value(index))).collect(),
        ScalarType::Int32 => plain::<Int32Type, 4>(items, i32::to_le_bytes),
        ScalarType::Int64 => plain::<Int64Type, 8>(items, i64::to_le_bytes),
        ScalarType::Float32 => plain::<Float32Type, 4>(items, f32::to_le_bytes),
        ScalarType::Float64 => plain::<Float64Type, 8>(items, f64::to_le_bytes),
        ScalarType::Timestamp => plain::<TimestampMicrosecondType, 8>(items, i64::to_le_bytes),
        ScalarType::String => {
            encode_variable_list((0..items.len()).map(|index| items.as_string::<i32>().value(index).as_bytes()))
        }
        ScalarType::Bytes => encode_variable_list((0..items.len()).map(|index| items.as_binary::<i32>().value(index))),
    }
}

fn encode_variable_list<'a>(items: impl ExactSizeIterator<Item = &'a [u8]> + Clone) -> Vec<u8> {
    let mut out = (items.len() as u32).to_le_bytes().to_vec();
    let mut end = 0u32;
    for item in items.clone() {
        end += item.len() as u32;
        out.extend_from_slice(&end.to_le_bytes());
    }
    items.for_each(|item| out.extend_from_slice(item));
    out
}
