//! The memory that Arrow columns take once they are plain.
//!
//! A dictionary, a run, a view or a null says in a few bytes what takes many once it is written out, and a column of a
//! view is always written out. Here that is counted before it is done, with arithmetic that cannot overflow and work
//! that is bounded by the limit: every value that is looked at counts some bytes of it.

use std::ops::Range;

use arrow::array::{
    Array, ArrayRef, AsArray, ByteView, GenericListArray, GenericListViewArray, OffsetSizeTrait, RecordBatch, RunArray,
};
use arrow::datatypes::{DataType, Int16Type, Int32Type, Int64Type, RunEndIndexType};
use asofdb_storage::{Error, Result};

/// Bytes that a value counts at least: numbers may be cast to wider ones, and texts and lists have an offset.
const VALUE_BYTES: u64 = 8;

/// Most bytes that the rows of one write may become once they are plain: some times what an atomic batch stores.
pub const PLAIN_BYTES_MAX: u64 = 256 << 20;

/// Returns the bytes that rows of a batch take once they are plain; `None` when they are more than `bytes_max`.
pub fn plain_bytes(batch: &RecordBatch, rows: Range<usize>, bytes_max: u64) -> Option<u64> {
    columns_bytes(batch.columns(), rows, bytes_max)
}

/// Returns what [`plain_bytes`] does, of columns.
pub(crate) fn columns_bytes<'a>(
    columns: impl IntoIterator<Item = &'a ArrayRef>,
    rows: Range<usize>,
    bytes_max: u64,
) -> Option<u64> {
    let mut room = Room { left: bytes_max };
    columns.into_iter().try_for_each(|column| room.take(column, rows.clone()))?;
    Some(bytes_max - room.left)
}

/// Returns how many of the rows from `start` on, at most `rows_max`, fit into `bytes_max` once they are plain; of those
/// that do, about as many as possible. None fit where a single one does not.
pub(crate) fn rows_within<'a>(
    columns: impl IntoIterator<Item = &'a ArrayRef> + Clone,
    start: usize,
    rows_max: usize,
    bytes_max: u64,
) -> usize {
    let mut rows = rows_max;
    while rows > 0 && columns_bytes(columns.clone(), start..start + rows, bytes_max).is_none() {
        rows /= 2;
    }
    rows
}

/// Refuses rows that would become more than one write may have.
///
/// # Errors
/// `Invalid`, naming the rule.
pub fn check_plain(batch: &RecordBatch) -> Result<u64> {
    plain_bytes(batch, 0..batch.num_rows(), PLAIN_BYTES_MAX).ok_or_else(|| {
        Error::invalid(format!(
            "the rows of one write take at most {PLAIN_BYTES_MAX} bytes once dictionaries, runs and nulls are written \
             out: these {} take more; write fewer at a time",
            batch.num_rows()
        ))
    })
}

/// Bytes that are not yet taken.
struct Room {
    left: u64,
}

impl Room {
    fn take_bytes(&mut self, bytes: u64) -> Option<()> {
        self.left = self.left.checked_sub(bytes)?;
        Some(())
    }

    fn take_values(&mut self, count: usize, each: u64) -> Option<()> {
        self.take_bytes((count as u64).checked_mul(each)?)
    }

    /// Takes the values `range` of an array.
    fn take(&mut self, array: &ArrayRef, range: Range<usize>) -> Option<()> {
        let count = range.len();
        match array.data_type() {
            DataType::Boolean => self.take_values(count, 1),
            DataType::Null => self.take_values(count, VALUE_BYTES),
            DataType::Utf8 => self.take_text(array.as_string::<i32>().value_offsets(), range),
            DataType::LargeUtf8 => self.take_text(array.as_string::<i64>().value_offsets(), range),
            DataType::Binary => self.take_text(array.as_binary::<i32>().value_offsets(), range),
            DataType::LargeBinary => self.take_text(array.as_binary::<i64>().value_offsets(), range),
            DataType::Utf8View => self.take_views(array, array.as_string_view().views(), range),
            DataType::BinaryView => self.take_views(array, array.as_binary_view().views(), range),
            DataType::FixedSizeBinary(width) => self.take_values(count, widened(usize::try_from(*width).ok()?)),
            DataType::Dictionary(..) => self.take_dictionary(array, range),
            DataType::RunEndEncoded(ends, _) => match ends.data_type() {
                DataType::Int16 => self.take_runs(array.as_run::<Int16Type>(), range),
                DataType::Int32 => self.take_runs(array.as_run::<Int32Type>(), range),
                _ => self.take_runs(array.as_run::<Int64Type>(), range),
            },
            number if !number.is_nested() => self.take_values(count, widened(number.primitive_width().unwrap_or(1))),
            _ => self.take_nested(array, range),
        }
    }

    /// Takes values that have others within.
    fn take_nested(&mut self, array: &ArrayRef, range: Range<usize>) -> Option<()> {
        let count = range.len();
        match array.data_type() {
            DataType::List(_) => self.take_list(array.as_list::<i32>(), range),
            DataType::LargeList(_) => self.take_list(array.as_list::<i64>(), range),
            DataType::Map(..) => {
                let map = array.as_map();
                self.take_values(count, VALUE_BYTES)?;
                let offsets = map.value_offsets();
                let items = offsets[range.start] as usize..offsets[range.end] as usize;
                map.entries().columns().iter().try_for_each(|column| self.take(column, items.clone()))
            }
            DataType::ListView(_) => self.take_list_view(array.as_list_view::<i32>(), range),
            DataType::LargeListView(_) => self.take_list_view(array.as_list_view::<i64>(), range),
            DataType::FixedSizeList(_, width) => {
                let (list, width) = (array.as_fixed_size_list(), usize::try_from(*width).ok()?);
                self.take_values(count, VALUE_BYTES)?;
                self.take(list.values(), range.start.checked_mul(width)?..range.end.checked_mul(width)?)
            }
            DataType::Struct(_) => {
                self.take_values(count, VALUE_BYTES)?;
                array.as_struct().columns().iter().try_for_each(|column| self.take(column, range.clone()))
            }
            // No column of a view is made from it; where it is carried along it stays as it is.
            _ => {
                self.take_values(count, VALUE_BYTES)?;
                self.take_bytes(array.get_array_memory_size() as u64)
            }
        }
    }

    fn take_text<O: OffsetSizeTrait>(&mut self, offsets: &[O], range: Range<usize>) -> Option<()> {
        self.take_values(range.len(), VALUE_BYTES)?;
        self.take_bytes((offsets[range.end].as_usize() - offsets[range.start].as_usize()) as u64)
    }

    /// Takes views, any number of which may show the same bytes.
    fn take_views(&mut self, array: &ArrayRef, views: &[u128], range: Range<usize>) -> Option<()> {
        for index in range {
            let length = if array.is_valid(index) { u64::from(ByteView::from(views[index]).length) } else { 0 };
            self.take_bytes(length + 2 * VALUE_BYTES)?;
        }
        Some(())
    }

    fn take_list<O: OffsetSizeTrait>(&mut self, list: &GenericListArray<O>, range: Range<usize>) -> Option<()> {
        self.take_values(range.len(), VALUE_BYTES)?;
        let offsets = list.value_offsets();
        self.take(list.values(), offsets[range.start].as_usize()..offsets[range.end].as_usize())
    }

    /// Takes lists, any number of which may show the same items.
    fn take_list_view<O: OffsetSizeTrait>(
        &mut self,
        list: &GenericListViewArray<O>,
        range: Range<usize>,
    ) -> Option<()> {
        for index in range {
            self.take_bytes(VALUE_BYTES)?;
            if list.is_valid(index) {
                let start = list.offsets()[index].as_usize();
                self.take(list.values(), start..start + list.sizes()[index].as_usize())?;
            }
        }
        Some(())
    }

    fn take_dictionary(&mut self, array: &ArrayRef, range: Range<usize>) -> Option<()> {
        let dictionary = array.as_any_dictionary();
        let values = dictionary.values();
        self.take_values(range.len(), VALUE_BYTES)?;
        if values.is_empty() {
            return Some(());
        }
        if let Some(width) = values.data_type().primitive_width() {
            return self.take_values(range.len(), widened(width));
        }
        let some = array.slice(range.start, range.len());
        let keys = some.as_any_dictionary().normalized_keys();
        let mut keys = keys.into_iter().enumerate().filter(|(index, _)| some.is_valid(*index));
        keys.try_for_each(|(_, key)| self.take(values, key..key + 1))
    }

    fn take_runs<R: RunEndIndexType>(&mut self, runs: &RunArray<R>, range: Range<usize>) -> Option<()> {
        if range.is_empty() {
            return Some(());
        }
        let ends = runs.run_ends();
        let (offset, mut at) = (ends.offset(), range.start);
        for physical in ends.get_physical_index(range.start)..ends.values().len() {
            let end = (as_index::<R>(ends.values()[physical]) - offset).min(range.end);
            let before = self.left;
            self.take(runs.values(), physical..physical + 1)?;
            let one = before - self.left;
            self.take_values(end.saturating_sub(at).saturating_sub(1), one)?;
            at = end;
            if at >= range.end {
                break;
            }
        }
        Some(())
    }
}

fn as_index<R: RunEndIndexType>(end: R::Native) -> usize {
    arrow::datatypes::ArrowNativeType::as_usize(end)
}

/// Bytes of a value of fixed width, which may be cast to a wider one.
fn widened(width: usize) -> u64 {
    (width as u64).max(VALUE_BYTES)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        DictionaryArray, FixedSizeListArray, Int32Array, Int64Array, ListArray, NullArray, StringArray,
        StringViewBuilder, new_null_array,
    };
    use arrow::buffer::OffsetBuffer;
    use arrow::datatypes::{Field, Int8Type};

    use super::*;

    fn bytes(array: ArrayRef) -> Option<u64> {
        let rows = array.len();
        columns_bytes([&array], 0..rows, 1 << 40)
    }

    fn text(length: usize) -> ArrayRef {
        Arc::new(StringArray::from(vec!["x".repeat(length), "y".to_owned()]))
    }

    fn dictionary(keys: Vec<Option<i32>>, values: ArrayRef) -> ArrayRef {
        Arc::new(DictionaryArray::<Int32Type>::new(keys.into(), values))
    }

    #[test]
    fn plain_columns_count_their_values() {
        assert_eq!(bytes(Arc::new(Int64Array::from(vec![1; 10]))), Some(80));
        assert_eq!(bytes(Arc::new(Int32Array::from(vec![1; 10]))), Some(80));
        assert_eq!(bytes(Arc::new(NullArray::new(10))), Some(80));
        assert_eq!(bytes(text(1_000)), Some(1_001 + 16));
        let lists = ListArray::new(
            Arc::new(Field::new_list_field(DataType::Int64, true)),
            OffsetBuffer::from_lengths([2, 0, 3]),
            Arc::new(Int64Array::from(vec![1; 5])),
            None,
        );
        assert_eq!(bytes(Arc::new(lists)), Some(24 + 40));
    }

    #[test]
    fn dictionaries_runs_and_views_count_what_they_show_each_time() {
        let shown = dictionary(vec![Some(0), Some(1), Some(0), None], text(1_000));
        assert_eq!(bytes(shown), Some(4 * 8 + 2 * 1_008 + 9));
        let runs = RunArray::<Int32Type>::try_new(&Int32Array::from(vec![5, 100]), &text(1_000)).unwrap();
        assert_eq!(bytes(Arc::new(runs.clone())), Some(5 * 1_008 + 95 * 9));
        assert_eq!(bytes(Arc::new(runs.slice(4, 3))), Some(1_008 + 2 * 9));
        let mut views = StringViewBuilder::new();
        let block = views.append_block("z".repeat(1_000).into_bytes().into());
        (0..10).for_each(|_| views.try_append_view(block, 0, 1_000).unwrap());
        assert_eq!(bytes(Arc::new(views.finish())), Some(10 * 1_016));
        let nested = dictionary(vec![Some(0); 10], dictionary(vec![Some(0)], text(1_000)));
        assert_eq!(bytes(nested), Some(10 * 8 + 10 * (8 + 1_008)));
        assert_eq!(
            bytes(new_null_array(&DataType::Dictionary(Int8Type::DATA_TYPE.into(), DataType::Utf8.into()), 3)),
            Some(24)
        );
    }

    use arrow::array::ArrowPrimitiveType;

    #[test]
    fn lists_of_fixed_size_are_counted_without_overflow() {
        let item = Arc::new(Field::new_list_field(DataType::Null, true));
        let list = FixedSizeListArray::new(item, 1 << 20, Arc::new(NullArray::new(100 << 20)), None);
        assert_eq!(bytes(Arc::new(list.clone())), Some(100 * 8 + (100 << 23)));
        assert_eq!(columns_bytes([&(Arc::new(list) as ArrayRef)], 0..100, 64 << 20), None);
    }

    #[test]
    fn rows_that_fit_are_found_and_one_that_does_not_is_none() {
        let column = dictionary([vec![Some(1); 100], vec![Some(0); 100]].concat(), text(100_000));
        assert_eq!(rows_within([&column], 0, 100, 1 << 20), 100);
        assert_eq!(rows_within([&column], 100, 100, 1 << 20), 6);
        assert_eq!(rows_within([&column], 100, 100, 1 << 10), 0);
        assert_eq!(rows_within([&column], 100, 0, 1 << 10), 0);
    }
}
