//! Arrow data from and to any Python library that speaks the Arrow PyCapsule interface, without copying.
//!
//! <https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html>

#![allow(
    unsafe_code,
    reason = "the Arrow C data interface is structures of pointers; this module is all that touches them"
)]

use std::ffi::CStr;

use arrow::array::{
    ArrayReader, ArrayRef, AsArray, RecordBatch, RecordBatchIterator, RecordBatchReader, make_array, new_empty_array,
};
use arrow::compute::concat;
use arrow::error::ArrowError;
use arrow::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use arrow::ffi_stream::{ArrayStreamReader, FFI_ArrowArrayStream, RecordBatchStreamReader};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::errors::invalid;
use crate::nulls::{drop_null_buffers, without_null_buffers};

/// Rows with their schema, batch by batch.
pub(crate) type Rows = Box<dyn RecordBatchReader + Send>;

const STREAM: &CStr = c"arrow_array_stream";
const SCHEMA: &CStr = c"arrow_schema";
const ARRAY: &CStr = c"arrow_array";

/// A capsule with a stream, whose consumer takes it out; the capsule releases it if nobody does.
pub(crate) fn export_stream<'py>(py: Python<'py>, reader: Rows) -> PyResult<Bound<'py, PyCapsule>> {
    PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(reader), STREAM)
}

/// The stream of an object that has `__arrow_c_stream__`; `None` for others.
fn take_stream(object: &Bound<'_, PyAny>) -> PyResult<Option<FFI_ArrowArrayStream>> {
    let Some(export) = object.getattr_opt(intern!(object.py(), "__arrow_c_stream__"))? else { return Ok(None) };
    let capsule = export.call0()?.cast_into::<PyCapsule>()?;
    let pointer = capsule.pointer_checked(Some(STREAM))?.cast::<FFI_ArrowArrayStream>();
    // SAFETY: a capsule of this name holds a stream structure (checked just now), which lives as long as the capsule,
    // so until the end of this function. `from_raw` moves the structure out and leaves one that is marked as released,
    // which is how the interface hands ownership over: it is released once.
    let stream = unsafe { FFI_ArrowArrayStream::from_raw(pointer.as_ptr()) };
    Ok(Some(without_null_buffers(stream)))
}

/// The array of an object that has `__arrow_c_array__`; `None` for others.
fn import_array(object: &Bound<'_, PyAny>) -> PyResult<Option<ArrayRef>> {
    let py = object.py();
    let Some(export) = object.getattr_opt(intern!(py, "__arrow_c_array__"))? else { return Ok(None) };
    let (schema, array) = export.call0()?.extract::<(Bound<'_, PyCapsule>, Bound<'_, PyCapsule>)>()?;
    let schema_pointer = schema.pointer_checked(Some(SCHEMA))?.cast::<FFI_ArrowSchema>();
    let array_pointer = array.pointer_checked(Some(ARRAY))?.cast::<FFI_ArrowArray>();
    // SAFETY: capsules of these names hold these structures (checked just now), which live as long as the capsules, so
    // until the end of this function. The array is moved out, and one that is marked as released is left: it is released
    // once. The schema is only read. That the two describe each other is what whoever exports them promises.
    let data = unsafe {
        let mut array = FFI_ArrowArray::from_raw(array_pointer.as_ptr());
        drop_null_buffers(schema_pointer.as_ref(), &mut array);
        from_ffi(array, schema_pointer.as_ref())
    };
    data.map(|data| Some(make_array(data))).map_err(|error| invalid(py, format!("not an Arrow array: {error}")))
}

/// The rows of an object that has `__arrow_c_stream__` or `__arrow_c_array__`; `None` for others.
pub(crate) fn import_rows(object: &Bound<'_, PyAny>) -> PyResult<Option<Rows>> {
    let py = object.py();
    if let Some(stream) = take_stream(object)? {
        let reader = RecordBatchStreamReader::try_new(stream);
        let reader = reader.map_err(|error| invalid(py, format!("not a stream of Arrow rows: {error}")))?;
        return Ok(Some(Box::new(reader)));
    }
    let Some(array) = import_array(object)? else { return Ok(None) };
    let Some(rows) = array.as_struct_opt() else {
        return Err(invalid(py, format!("rows are a table or a record batch, not an array of {}", array.data_type())));
    };
    let batch = RecordBatch::from(rows);
    let schema = batch.schema();
    Ok(Some(Box::new(RecordBatchIterator::new([Ok(batch)], schema))))
}

/// The values of an object that has `__arrow_c_array__` or `__arrow_c_stream__` (a chunked array, a column of a data
/// frame); `None` for others.
pub(crate) fn import_column(object: &Bound<'_, PyAny>) -> PyResult<Option<ArrayRef>> {
    if let Some(array) = import_array(object)? {
        return Ok(Some(array));
    }
    let Some(stream) = take_stream(object)? else { return Ok(None) };
    joined(stream).map(Some).map_err(|error| invalid(object.py(), format!("not a column of Arrow values: {error}")))
}

/// All chunks of a column as one.
fn joined(stream: FFI_ArrowArrayStream) -> Result<ArrayRef, ArrowError> {
    let reader = ArrayStreamReader::try_new(stream)?;
    let field = reader.field().clone();
    let chunks = reader.collect::<Result<Vec<_>, _>>()?;
    match chunks.as_slice() {
        [] => Ok(new_empty_array(field.data_type())),
        [chunk] => Ok(chunk.clone()),
        chunks => concat(&chunks.iter().map(AsRef::as_ref).collect::<Vec<_>>()),
    }
}
