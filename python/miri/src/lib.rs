//! `python/src/nulls.rs` under Miri.

#![cfg(test)]

#[path = "../../src/nulls.rs"]
mod nulls;

use std::ffi::c_void;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, DictionaryArray, Int32Array, NullArray, RecordBatch, RecordBatchIterator, StringArray, StructArray,
    make_array,
};
use arrow::datatypes::{Field, Int8Type};
use arrow::error::ArrowError;
use arrow::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi, to_ffi};
use arrow::ffi_stream::{ArrowArrayStreamReader, FFI_ArrowArrayStream};

use self::nulls::{drop_null_buffers, without_null_buffers};

/// The beginning of the structure `ArrowArray`, to give an array what another library gives it.
#[repr(C)]
struct Front {
    length: i64,
    null_count: i64,
    offset: i64,
    n_buffers: i64,
    n_children: i64,
    buffers: *const *const c_void,
    children: *mut *mut Front,
}

/// The one buffer of an array of nulls as polars exports it, which says of every value that it is null.
struct Validity(*const c_void);

// SAFETY: nobody writes to what it points to.
unsafe impl Sync for Validity {}

static VALIDITY: Validity = Validity([0_u8; 8].as_ptr().cast());

/// Nulls beside and within other columns.
fn columns() -> StructArray {
    let nulls: ArrayRef = Arc::new(NullArray::new(3));
    let inner = StructArray::from(vec![(Arc::new(Field::new("nulls", nulls.data_type().clone(), true)), nulls.clone())]);
    let words: DictionaryArray<Int8Type> = vec!["a", "b", "a"].into_iter().collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("numbers", Arc::new(Int32Array::from(vec![1, 2, 3]))),
        ("nulls", nulls),
        ("inner", Arc::new(inner)),
        ("words", Arc::new(words)),
    ];
    StructArray::from(RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap())
}

/// Gives an array of nulls, the child `index` of `parent`, a buffer of validity.
///
/// # Safety
/// `parent` is not released and has such a child.
unsafe fn give_buffer(parent: *mut Front, index: usize) {
    // SAFETY: the caller promises it; the buffer lives for ever.
    unsafe {
        let nulls = *(*parent).children.add(index);
        (*nulls).n_buffers = 1;
        (*nulls).buffers = (&raw const VALIDITY).cast();
    }
}

#[test]
fn arrays_of_nulls_with_a_buffer_are_read_wherever_they_are_nested() {
    let expected = columns();
    let (mut array, schema): (FFI_ArrowArray, FFI_ArrowSchema) = to_ffi(&expected.to_data()).unwrap();
    let raw = (&raw mut array).cast::<Front>();
    // SAFETY: the array was made just now; its second column is one of nulls, and so is the first within its third.
    unsafe {
        give_buffer(raw, 1);
        give_buffer(*(*raw).children.add(2), 0);
        drop_null_buffers(&schema, &mut array);
    }
    // SAFETY: the two describe each other, and the array is moved.
    let read = make_array(unsafe { from_ffi(array, &schema) }.unwrap());
    assert_eq!(read.as_ref(), &expected as &dyn Array);
}

fn stream(batches: Vec<Result<RecordBatch, ArrowError>>, schema: &RecordBatch) -> FFI_ArrowArrayStream {
    FFI_ArrowArrayStream::new(Box::new(RecordBatchIterator::new(batches, schema.schema())))
}

#[test]
fn a_stripped_stream_gives_its_batches_its_errors_and_itself_back() {
    let batch = RecordBatch::from(columns());
    let failed = Err(ArrowError::ComputeError("on purpose".to_owned()));
    let stream = without_null_buffers(stream(vec![Ok(batch.clone()), Ok(batch.clone()), failed], &batch));
    let mut reader = ArrowArrayStreamReader::try_new(stream).unwrap();
    assert_eq!(reader.next().unwrap().unwrap(), batch);
    assert_eq!(reader.next().unwrap().unwrap(), batch);
    assert!(reader.next().unwrap().unwrap_err().to_string().contains("on purpose"));
    drop(reader);
}

#[test]
fn a_stream_that_nobody_reads_and_one_without_nulls_are_released() {
    let batch = RecordBatch::from(columns());
    drop(without_null_buffers(stream(vec![Ok(batch.clone())], &batch)));
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
    let batch = RecordBatch::try_from_iter([("texts", texts)]).unwrap();
    let reader = ArrowArrayStreamReader::try_new(without_null_buffers(stream(vec![Ok(batch.clone())], &batch))).unwrap();
    assert_eq!(reader.map(Result::unwrap).collect::<Vec<_>>(), [batch]);
}
