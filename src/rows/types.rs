//! Our types in Arrow, and casts that lose nothing.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, FixedSizeListArray, GenericListArray, Int64Array, ListArray,
    OffsetSizeTrait, RecordBatch, TimestampMicrosecondArray, new_null_array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{CastOptions, cast_with_options, max, min};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Date64Type, Field, Int64Type, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use asofdb_storage::{Date, Error, Feature, Result, ScalarType, Timestamp, ValueType, dispatch_scalar};

use crate::rows::arrow_scalar::ArrowScalar;
use crate::rows::problems::Problems;
pub(crate) use crate::rows::zone::UTC;
pub use crate::rows::zone::timestamp_type;

const DAY_MICROS: i64 = 86_400_000_000;
const DAY_MILLIS: i64 = 86_400_000;

/// The Arrow type of values of `ty`.
pub fn arrow_type(ty: ValueType) -> DataType {
    match ty {
        ValueType::Scalar(scalar) => scalar_arrow_type(scalar),
        ValueType::List(item) => DataType::List(list_item(item)),
    }
}

pub(crate) fn list_item(item: ScalarType) -> Arc<Field> {
    Arc::new(Field::new_list_field(scalar_arrow_type(item), true))
}

fn scalar_arrow_type(ty: ScalarType) -> DataType {
    dispatch_scalar!(ty, T => T::data_type())
}

/// The Arrow field of a feature, named `name`, with the feature's description in its metadata.
pub fn feature_field(feature: &Feature, name: impl Into<String>) -> Field {
    let field = Field::new(name, arrow_type(feature.ty), true);
    if feature.description.is_empty() {
        return field;
    }
    field.with_metadata(HashMap::from([("description".to_owned(), feature.description.clone())]))
}

/// Casts a column to `ty` if no value changes its meaning.
///
/// Values that would change (an overflow, a fraction cut off, a rounded float, nanoseconds below a
/// microsecond) are reported to `problems` by row and read as null.
///
/// # Errors
/// `Invalid` when the types do not go together at all.
pub(crate) fn cast_exact(array: &ArrayRef, ty: ValueType, column: &str, problems: &mut Problems) -> Result<ArrayRef> {
    let target = arrow_type(ty);
    // Lists may have nulls within, and times and dates may lie outside of the calendar.
    let is_checked = matches!(ty, ValueType::List(_) | ValueType::Scalar(ScalarType::Timestamp | ScalarType::Date));
    if array.data_type() == &target && !is_checked {
        return Ok(array.clone());
    }
    match (array.data_type(), ty) {
        (DataType::Null, _) => Ok(new_null_array(&target, array.len())),
        (DataType::Dictionary(_, value), _) => {
            let plain = plain_cast(array, value)?;
            cast_exact(&plain, ty, column, problems)
        }
        (DataType::RunEndEncoded(_, values), _) => {
            let plain = plain_cast(array, values.data_type())?;
            cast_exact(&plain, ty, column, problems)
        }
        (_, ValueType::List(item)) => cast_list(array, item, column, problems),
        (DataType::Timestamp(..) | DataType::Date32 | DataType::Date64, ValueType::Scalar(ScalarType::Timestamp)) => {
            Ok(cast_timestamp(array, column, problems))
        }
        (DataType::Timestamp(..) | DataType::Date32 | DataType::Date64, ValueType::Scalar(ScalarType::Date)) => {
            cast_date(array, column, problems)
        }
        (from, ValueType::Scalar(ScalarType::Timestamp)) if from.is_integer() => Err(without_unit(array, column)),
        (from, ValueType::Scalar(scalar)) if is_text_like(from, scalar) => plain_cast(array, &target),
        (from, ValueType::Scalar(scalar)) if from.is_numeric() && is_number(scalar) => {
            cast_number(array, scalar, column, problems)
        }
        (from, _) => Err(Error::invalid(format!("column {column:?} must be {ty}, not {from}"))),
    }
}

fn is_text_like(from: &DataType, to: ScalarType) -> bool {
    match to {
        ScalarType::String => matches!(from, DataType::LargeUtf8 | DataType::Utf8View),
        ScalarType::Bytes => {
            matches!(from, DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_))
        }
        _ => false,
    }
}

fn is_number(ty: ScalarType) -> bool {
    ty.is_numeric() && ty != ScalarType::Bool
}

fn plain_cast(array: &dyn Array, to: &DataType) -> Result<ArrayRef> {
    cast_with_options(array, to, &CastOptions { safe: true, ..CastOptions::default() })
        .map_err(|error| Error::invalid(format!("cannot read {} as {to}", array.data_type())).with_source(error))
}

/// A cast is exact where the value survives the way there and back.
fn cast_number(array: &ArrayRef, to: ScalarType, column: &str, problems: &mut Problems) -> Result<ArrayRef> {
    let there = plain_cast(array, &scalar_arrow_type(to))?;
    let back = plain_cast(&there, array.data_type())?;
    let same = arrow::compute::kernels::cmp::not_distinct(array, &back)
        .map_err(|error| Error::internal("cannot compare a cast column").with_source(error))?;
    if same.true_count() == array.len() {
        return Ok(there);
    }
    let mut keep = Vec::with_capacity(array.len());
    for row in 0..array.len() {
        keep.push(same.value(row));
        if !same.value(row) {
            let value = arrow::util::display::array_value_to_string(array, row).unwrap_or_default();
            let advice = match (array.data_type(), to) {
                (DataType::UInt64, ScalarType::Int64) => "no number does; declare string or bytes and write it as such",
                _ => "round it at the source or declare a wider type",
            };
            problems.report(row, format!("column {column:?} does not fit {to} without loss; {advice}: {value}"));
        }
    }
    arrow::compute::nullif(&there, &arrow::compute::not(&keep.into()).map_err(internal)?).map_err(internal)
}

fn internal(error: arrow::error::ArrowError) -> Error {
    Error::internal("an Arrow kernel failed").with_source(error)
}

/// The error of a column of whole numbers where times are needed. It names the unit that they look like.
fn without_unit(array: &ArrayRef, column: &str) -> Error {
    let numbers = plain_cast(array, &DataType::Int64).ok();
    let number = numbers.and_then(|numbers| numbers.as_primitive::<Int64Type>().iter().flatten().find(|n| *n != 0));
    let looks = number.map_or_else(String::new, |number| {
        format!(", and this looks like {}: {number}", Timestamp::unit_of_plain(number))
    });
    let from = array.data_type();
    Error::invalid(format!(
        "column {column:?} must be timestamp, not {from}; cast it to timestamps: a whole number does not say its \
         unit{looks}"
    ))
}

/// Times in microseconds. A typed time is what it says, at any date of the years 1 to 9999.
fn cast_timestamp(array: &ArrayRef, column: &str, problems: &mut Problems) -> ArrayRef {
    // A time that does not fit into 64 bits is as far outside the range as one that just does.
    let micros = match array.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, _) => array.as_primitive::<TimestampMicrosecondType>().clone(),
        DataType::Timestamp(TimeUnit::Second, _) => {
            to_micros::<TimestampSecondType>(array, column, problems, |v| Some(v.saturating_mul(1_000_000)))
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            to_micros::<TimestampMillisecondType>(array, column, problems, |v| Some(v.saturating_mul(1_000)))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            to_micros::<TimestampNanosecondType>(array, column, problems, |v| (v % 1_000 == 0).then_some(v / 1_000))
        }
        // A date is a date although it is counted in milliseconds.
        DataType::Date64 => to_micros::<Date64Type>(array, column, problems, |v| {
            (v % DAY_MILLIS == 0).then_some(v.saturating_mul(1_000))
        }),
        _ => to_micros::<Date32Type>(array, column, problems, |v| Some(i64::from(v).saturating_mul(DAY_MICROS))),
    };
    Arc::new(in_range(micros, column, problems).with_timezone(UTC))
}

/// The times in the years 1 to 9999. Others are reported and read as null.
fn in_range(times: TimestampMicrosecondArray, column: &str, problems: &mut Problems) -> TimestampMicrosecondArray {
    let is_good = |micros: Option<i64>| micros.is_none_or(|micros| Timestamp::from_micros(micros).is_in_range());
    if is_good(min(&times)) && is_good(max(&times)) {
        return times;
    }
    let good = times.iter().enumerate().map(|(row, micros)| {
        if !is_good(micros) {
            let micros = micros.unwrap_or_default();
            problems.report(row, format!("column {column:?} has a time outside the years 1 to 9999: {micros}us"));
            return None;
        }
        micros
    });
    good.collect()
}

fn to_micros<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    column: &str,
    problems: &mut Problems,
    convert: impl Fn(T::Native) -> Option<i64>,
) -> TimestampMicrosecondArray {
    let values = array.as_primitive::<T>().iter().enumerate().map(|(row, value)| {
        let value = value?;
        let micros = convert(value);
        if micros.is_none() {
            let unit = if array.data_type() == &DataType::Date64 { "day" } else { "microsecond" };
            problems.report(row, format!("column {column:?} has a time that is no whole {unit}: {value:?}"));
        }
        micros
    });
    let micros: Int64Array = values.collect();
    micros.reinterpret_cast::<TimestampMicrosecondType>()
}

/// Days of the calendar. Times are taken where they are midnight in UTC: nothing but the day is in them.
fn cast_date(array: &ArrayRef, column: &str, problems: &mut Problems) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>();
            if days.iter().flatten().all(|days| Date::from_days(days).is_some()) {
                return Ok(array.clone());
            }
            Ok(to_days::<Date32Type>(array, 1, column, problems))
        }
        DataType::Date64 => Ok(to_days::<Date64Type>(array, 86_400_000, column, problems)),
        DataType::Timestamp(TimeUnit::Second, _) => Ok(to_days::<TimestampSecondType>(array, 86_400, column, problems)),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            Ok(to_days::<TimestampMillisecondType>(array, 86_400_000, column, problems))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            Ok(to_days::<TimestampMicrosecondType>(array, 86_400_000_000, column, problems))
        }
        _ => Ok(to_days::<TimestampNanosecondType>(array, 86_400_000_000_000, column, problems)),
    }
}

fn to_days<T: ArrowPrimitiveType<Native: Into<i64>>>(
    array: &ArrayRef,
    units_a_day: i64,
    column: &str,
    problems: &mut Problems,
) -> ArrayRef {
    let values = array.as_primitive::<T>().iter().enumerate().map(|(row, value)| {
        let value: i64 = value?.into();
        let days = i32::try_from(value.div_euclid(units_a_day)).ok().and_then(Date::from_days);
        let message = match days {
            None => format!("column {column:?} has a date that is not from {} to {}", Date::MIN, Date::MAX),
            Some(date) if value.rem_euclid(units_a_day) != 0 => {
                format!("column {column:?} has a time of day, which a date cannot hold, on {date}")
            }
            Some(date) => return Some(date.as_days()),
        };
        problems.report(row, message);
        None
    });
    Arc::new(values.collect::<Date32Array>())
}

fn cast_list(array: &ArrayRef, item: ScalarType, column: &str, problems: &mut Problems) -> Result<ArrayRef> {
    let list = match array.data_type() {
        DataType::List(_) => array.as_list::<i32>().clone(),
        DataType::LargeList(_) => shrink_offsets(array.as_list::<i64>())?,
        DataType::FixedSizeList(..) => from_fixed_size(array.as_fixed_size_list()),
        DataType::ListView(item) | DataType::LargeListView(item) => {
            plain_cast(array, &DataType::List(item.clone()))?.as_list::<i32>().clone()
        }
        from => return Err(Error::invalid(format!("column {column:?} must be list<{item}>, not {from}"))),
    };
    let owners = item_owners(&list);
    let mut of_items = Problems::all();
    let values = cast_exact(list.values(), ValueType::Scalar(item), column, &mut of_items)?;
    for (index, message) in of_items.into_rows() {
        if let Some(row) = owner(&owners, index) {
            problems.report(row, message);
        }
    }
    if let Some(nulls) = values.logical_nulls().filter(|nulls| nulls.null_count() > 0) {
        let bad = (0..values.len()).filter(|index| nulls.is_null(*index)).filter_map(|index| owner(&owners, index));
        bad.for_each(|row| problems.report(row, format!("column {column:?} has a null inside a list")));
    }
    let list = GenericListArray::new(list_item(item), list.offsets().clone(), values, list.nulls().cloned());
    Ok(Arc::new(list))
}

/// For each list that is not null: where its items begin and end, and its row.
fn item_owners(list: &ListArray) -> Vec<(usize, usize, usize)> {
    let offsets = list.value_offsets();
    let rows = (0..list.len()).filter(|row| list.is_valid(*row));
    rows.map(|row| (offsets[row] as usize, offsets[row + 1] as usize, row)).collect()
}

fn owner(owners: &[(usize, usize, usize)], item: usize) -> Option<usize> {
    let after = owners.partition_point(|(start, _, _)| *start <= item);
    owners[..after].iter().rev().find(|(_, end, _)| item < *end).map(|(_, _, row)| *row)
}

fn shrink_offsets<O: OffsetSizeTrait>(list: &GenericListArray<O>) -> Result<ListArray> {
    let offsets: Option<Vec<i32>> = list.value_offsets().iter().map(|o| i32::try_from(o.as_usize()).ok()).collect();
    let offsets = offsets.ok_or_else(|| Error::invalid("a batch of lists has more than 2^31 items; cut it"))?;
    let field = Arc::new(Field::new_list_field(list.value_type(), true));
    let offsets = OffsetBuffer::new(offsets.into());
    Ok(ListArray::new(field, offsets, list.values().clone(), list.nulls().cloned()))
}

fn from_fixed_size(list: &FixedSizeListArray) -> ListArray {
    let field = Arc::new(Field::new_list_field(list.value_type(), true));
    let offsets = OffsetBuffer::from_repeated_length(list.value_length() as usize, list.len());
    ListArray::new(field, offsets, list.values().clone(), list.nulls().cloned())
}

/// Bytes of the values of a batch, which may be part of larger buffers.
pub fn batch_bytes(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap_or(0)).sum()
}
