//! Arrays of nulls alone as the Arrow C data interface has them: without a buffer.
//!
//! polars gives the Null type a buffer of validity. Readers that take it must leave it alone; that of Arrow for Rust
//! refuses the whole table. So such arrays lose the buffer as they come in, wherever they are nested.

#![allow(
    unsafe_code,
    reason = "the structures of the Arrow C interfaces are pointers; this module only changes the count of buffers"
)]

use std::ffi::{c_char, c_int, c_void};
use std::mem::ManuallyDrop;

use arrow::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow::ffi_stream::FFI_ArrowArrayStream;

/// The format string of the Null type.
const NULL_FORMAT: &str = "n";

/// The structure `ArrowArray` of the C data interface, whose layout the interface lays down for ever.
#[repr(C)]
struct RawArray {
    length: i64,
    null_count: i64,
    offset: i64,
    n_buffers: i64,
    n_children: i64,
    buffers: *mut *const c_void,
    children: *mut *mut RawArray,
    dictionary: *mut RawArray,
    release: Option<unsafe extern "C" fn(*mut RawArray)>,
    private_data: *mut c_void,
}

/// The structure `ArrowArrayStream` of the C stream interface.
#[repr(C)]
struct RawStream {
    get_schema: Option<unsafe extern "C" fn(*mut RawStream, *mut FFI_ArrowSchema) -> c_int>,
    get_next: Option<unsafe extern "C" fn(*mut RawStream, *mut FFI_ArrowArray) -> c_int>,
    get_last_error: Option<unsafe extern "C" fn(*mut RawStream) -> *const c_char>,
    release: Option<unsafe extern "C" fn(*mut RawStream)>,
    private_data: *mut c_void,
}

const _: () = assert!(size_of::<RawArray>() == size_of::<FFI_ArrowArray>());
const _: () = assert!(size_of::<RawStream>() == size_of::<FFI_ArrowArrayStream>());

fn has_nulls(schema: &FFI_ArrowSchema) -> bool {
    schema.format() == NULL_FORMAT || schema.children().any(has_nulls) || schema.dictionary().is_some_and(has_nulls)
}

/// Takes the buffers of every array of nulls in `array`, which its producer keeps and releases.
///
/// # Safety
/// `array` is not released, and `schema` describes it.
pub(crate) unsafe fn drop_null_buffers(schema: &FFI_ArrowSchema, array: &mut FFI_ArrowArray) {
    if has_nulls(schema) {
        // SAFETY: both types are the one structure that the interface lays down.
        unsafe { drop_buffers(schema, (&raw mut *array).cast()) };
    }
}

/// # Safety
/// As [`drop_null_buffers`].
unsafe fn drop_buffers(schema: &FFI_ArrowSchema, array: *mut RawArray) {
    // SAFETY: the array is not released, so it and what it points to is there: as many children as it says, each of
    // them described by the child of the schema at its place, and a dictionary where the schema has one.
    unsafe {
        if schema.format() == NULL_FORMAT {
            (*array).n_buffers = 0;
        }
        let children = usize::try_from((*array).n_children).unwrap_or(0);
        for (index, child) in schema.children().take(children).enumerate() {
            drop_buffers(child, *(*array).children.add(index));
        }
        if let Some(dictionary) = schema.dictionary().filter(|_| !(*array).dictionary.is_null()) {
            drop_buffers(dictionary, (*array).dictionary);
        }
    }
}

/// A stream whose arrays of nulls have no buffers; the same stream if it has no such arrays.
pub(crate) fn without_null_buffers(mut stream: FFI_ArrowArrayStream) -> FFI_ArrowArrayStream {
    let raw = (&raw mut stream).cast::<RawStream>();
    let mut schema = FFI_ArrowSchema::empty();
    // SAFETY: the stream is not released if it has the callback, which fills the schema if it gives zero.
    let got = unsafe { (*raw).get_schema.map(|get_schema| get_schema(raw, &raw mut schema)) };
    // An error is told to whoever asks for the schema next.
    if got != Some(0) || !has_nulls(&schema) {
        return stream;
    }
    let private_data = Box::into_raw(Box::new(Stripped { stream, schema })).cast();
    let mut stripped = ManuallyDrop::new(RawStream {
        get_schema: Some(get_schema),
        get_next: Some(get_next),
        get_last_error: Some(get_last_error),
        release: Some(release),
        private_data,
    });
    // SAFETY: both types are the one structure that the interface lays down; it is moved out, and released once.
    unsafe { FFI_ArrowArrayStream::from_raw((&raw mut *stripped).cast()) }
}

/// The parts of a stripped stream.
struct Stripped {
    stream: FFI_ArrowArrayStream,
    schema: FFI_ArrowSchema,
}

/// The schema and the inner stream of a stripped stream.
///
/// # Safety
/// `stream` was made by [`without_null_buffers`] and is not released.
unsafe fn stripped<'s>(stream: *mut RawStream) -> (&'s FFI_ArrowSchema, *mut RawStream) {
    // SAFETY: such a stream owns a `Stripped`, and callbacks of one stream are not called at the same time.
    let stripped = unsafe { &mut *(*stream).private_data.cast::<Stripped>() };
    (&stripped.schema, (&raw mut stripped.stream).cast())
}

unsafe extern "C" fn get_schema(stream: *mut RawStream, out: *mut FFI_ArrowSchema) -> c_int {
    // SAFETY: whoever has the stream calls its callbacks before it releases it; it had this one when it was wrapped.
    unsafe {
        let (_, inner) = stripped(stream);
        (*inner).get_schema.map_or(INVALID, |get_schema| get_schema(inner, out))
    }
}

unsafe extern "C" fn get_next(stream: *mut RawStream, out: *mut FFI_ArrowArray) -> c_int {
    // SAFETY: as above; `out` is filled where the callback gives zero, and is released at the end of the stream.
    unsafe {
        let (schema, inner) = stripped(stream);
        let code = (*inner).get_next.map_or(INVALID, |get_next| get_next(inner, out));
        if code == 0 && !(*out).is_released() {
            drop_null_buffers(schema, &mut *out);
        }
        code
    }
}

unsafe extern "C" fn get_last_error(stream: *mut RawStream) -> *const c_char {
    // SAFETY: as above.
    unsafe {
        let (_, inner) = stripped(stream);
        (*inner).get_last_error.map_or(std::ptr::null(), |get_last_error| get_last_error(inner))
    }
}

unsafe extern "C" fn release(stream: *mut RawStream) {
    // SAFETY: the stream owns the box, and is marked as released, so that this happens once.
    unsafe {
        drop(Box::from_raw((*stream).private_data.cast::<Stripped>()));
        (*stream).release = None;
    }
}

/// The code of an invalid argument (`EINVAL`).
const INVALID: c_int = 22;
