//! Columns of Python values as Arrow arrays of a type that is known.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryBuilder, BooleanArray, Date32Array, Float32Array, Float64Array, Int32Array, Int64Array,
    ListArray, PrimitiveArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::nullif;
use arrow::datatypes::{ArrowPrimitiveType, DataType, Float32Type, Float64Type, Int32Type, Int64Type};
use asofdb::{ScalarType, ValueType, arrow_type};
use numpy::{
    Element, PyArray1, PyArrayDescrMethods, PyArrayMethods, PyReadonlyArray1, PyUntypedArray, PyUntypedArrayMethods,
    dtype,
};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyList, PyString, PyTuple};

use crate::capsule::import_column;
use crate::date::date;
use crate::errors::invalid;
use crate::time::timestamp;
use crate::value::{bytes, float, not_a, whole};

/// The values of a column: an Arrow array or column of a data frame as it is, numpy arrays and sequences as `ty`. An
/// Arrow array may be of another type.
///
/// # Errors
/// `InvalidError`, naming column and row, where a value is no `ty`.
pub(crate) fn column(values: &Bound<'_, PyAny>, ty: ValueType, name: &str) -> PyResult<ArrayRef> {
    let py = values.py();
    if let Ok(list) = values.cast::<PyList>() {
        return sequence(&list.iter().collect::<Vec<_>>(), ty, name);
    }
    // What entities mostly are, without looking any further.
    if let (Ok(array), ValueType::Scalar(ScalarType::Int64)) = (values.cast::<PyArray1<i64>>(), ty) {
        return numbers::<Int64Type>(array.as_untyped());
    }
    // What values of requests mostly are, which fit as they are.
    if ty == ValueType::Scalar(ScalarType::Float64)
        && let Ok(array) = values.cast::<PyArray1<f64>>()
    {
        return numbers::<Float64Type>(array.as_untyped());
    }
    if let Ok(array) = values.cast::<PyUntypedArray>() {
        return numpy_column(array, ty, name);
    }
    if let Some(array) = import_column(values)? {
        return Ok(array);
    }
    if let Ok(tuple) = values.cast::<PyTuple>() {
        return sequence(&tuple.iter().collect::<Vec<_>>(), ty, name);
    }
    // A column of a data frame of pandas without Arrow.
    if let Some(to_numpy) = values.getattr_opt(intern!(py, "to_numpy"))? {
        return of_pandas(values, &to_numpy.call0()?, ty, name);
    }
    if values.is_instance_of::<PyString>() || values.is_instance_of::<PyBytes>() {
        return Err(invalid(py, format!("column {name:?} is a list of values, not one text")));
    }
    match values.try_iter() {
        Ok(items) => sequence(&items.collect::<PyResult<Vec<_>>>()?, ty, name),
        Err(_) => Err(invalid(py, format!("column {name:?} is a list of values, not {}", values.get_type().name()?))),
    }
}

/// Returns whether this is one value, not a column of them.
pub(crate) fn is_single(value: &Bound<'_, PyAny>) -> bool {
    let is_text = || {
        value.is_instance_of::<PyString>() || value.is_instance_of::<PyBytes>() || value.is_instance_of::<PyByteArray>()
    };
    !value.is_instance_of::<PyList>() && (is_text() || value.is_none() || value.len().is_err())
}

/// A column of pandas, with nulls where pandas says that a value is missing: NaN among others, as in its data frames.
fn of_pandas(values: &Bound<'_, PyAny>, array: &Bound<'_, PyAny>, ty: ValueType, name: &str) -> PyResult<ArrayRef> {
    let py = values.py();
    let Some(isna) = values.getattr_opt(intern!(py, "isna"))? else { return column(array, ty, name) };
    let missing = isna.call0()?.call_method0(intern!(py, "to_numpy"))?.extract::<PyReadonlyArray1<'_, bool>>()?;
    if array.cast::<PyUntypedArray>().is_ok_and(|array| array.dtype().is_equiv_to(&dtype::<Py<PyAny>>(py))) {
        // NaN among objects is none of them, whatever they are.
        let items = array.call_method0(intern!(py, "tolist"))?.cast_into::<PyList>()?;
        let items = items
            .iter()
            .zip(missing.as_array())
            .map(|(item, missing)| if *missing { py.None().into_bound(py) } else { item });
        return sequence(&items.collect::<Vec<_>>(), ty, name);
    }
    let missing: BooleanArray = missing.as_array().iter().map(|missing| Some(*missing)).collect();
    nullif(&column(array, ty, name)?, &missing).map_err(|error| invalid(py, error.to_string()))
}

/// Returns whether an object stands for no value: None, or what pandas has instead.
fn is_missing(item: &Bound<'_, PyAny>) -> bool {
    let is_of_pandas = || item.get_type().name().is_ok_and(|name| name == "NAType" || name == "NaTType");
    item.is_none() || is_of_pandas()
}

/// A numpy array, copied as it lies in memory where it is of the very type.
fn numpy_column(array: &Bound<'_, PyUntypedArray>, ty: ValueType, name: &str) -> PyResult<ArrayRef> {
    let py = array.py();
    if array.ndim() == 2 && matches!(ty, ValueType::List(_)) {
        return matrix_column(array, ty, name);
    }
    if array.ndim() != 1 {
        return Err(invalid(py, format!("column {name:?} has {} dimensions, not one", array.ndim())));
    }
    let kind: String = array.dtype().getattr(intern!(py, "kind"))?.extract()?;
    match (kind.as_str(), ty) {
        ("O" | "U" | "S" | "T", _) | (_, ValueType::List(_)) => listed(array, ty, name),
        ("b", _) => {
            let values = array.extract::<PyReadonlyArray1<'_, bool>>()?;
            Ok(Arc::new(BooleanArray::from_iter(values.as_array().iter().map(|value| Some(*value)))))
        }
        ("i" | "u", ValueType::Scalar(ScalarType::Int32)) if array.dtype().itemsize() == 4 && kind == "i" => {
            numbers::<Int32Type>(array)
        }
        ("i" | "u", _) => numbers::<Int64Type>(&exact(array, "int64", name)?),
        ("f", _) if array.dtype().itemsize() == 4 => numbers::<Float32Type>(array),
        ("f", _) => numbers::<Float64Type>(&exact(array, "float64", name)?),
        ("M", _) => times(&exact(array, "datetime64[us]", name)?),
        _ => Err(invalid(py, format!("column {name:?} is of numpy's {}, which is no type of ours", array.dtype()))),
    }
}

/// The array as another numpy type, if every value survives that.
fn exact<'py>(array: &Bound<'py, PyUntypedArray>, dtype: &str, name: &str) -> PyResult<Bound<'py, PyUntypedArray>> {
    let py = array.py();
    let cast = array.call_method1(intern!(py, "astype"), (dtype,))?.cast_into::<PyUntypedArray>()?;
    let numpy = py.import(intern!(py, "numpy"))?;
    // The type of the array itself: a number cast there and back is compared as what it was. NaN and NaT stay.
    let back = cast.call_method1(intern!(py, "astype"), (array.dtype(),))?;
    let has_nan = matches!(dtype, "float64" | "datetime64[us]");
    let same = numpy.call_method1(intern!(py, "array_equal"), (array, back, has_nan))?;
    let negative =
        dtype == "int64" && cast.call_method0(intern!(py, "min")).is_ok_and(|least| least.lt(0).unwrap_or(false));
    let unsigned: String = array.dtype().getattr(intern!(py, "kind"))?.extract()?;
    match same.is_truthy()? && !(negative && unsigned == "u") {
        true => Ok(cast),
        false => {
            let is_too_large = unsigned == "u" && dtype == "int64";
            let advice = if is_too_large { "; declare string or bytes and give them as such" } else { "" };
            let of = array.dtype();
            Err(invalid(py, format!("column {name:?} has values of {of} that {dtype} cannot hold{advice}")))
        }
    }
}

fn numbers<T: ArrowPrimitiveType<Native: Element>>(array: &Bound<'_, PyUntypedArray>) -> PyResult<ArrayRef> {
    let values = array.extract::<PyReadonlyArray1<'_, T::Native>>()?;
    let values: Vec<T::Native> = match values.as_slice() {
        Ok(values) => values.to_vec(),
        Err(_) => values.as_array().iter().copied().collect(),
    };
    Ok(Arc::new(PrimitiveArray::<T>::new(values.into(), None)))
}

/// Times in microseconds; NaT is null.
fn times(array: &Bound<'_, PyUntypedArray>) -> PyResult<ArrayRef> {
    let py = array.py();
    let micros = array.call_method1(intern!(py, "view"), ("int64",))?;
    let micros = micros.extract::<PyReadonlyArray1<'_, i64>>()?;
    let values = micros
        .as_array()
        .iter()
        .map(|value| (*value != i64::MIN).then_some(*value))
        .collect::<TimestampMicrosecondArray>();
    Ok(Arc::new(values.with_timezone("UTC")))
}

/// A numpy array as the list of its values.
fn listed(array: &Bound<'_, PyUntypedArray>, ty: ValueType, name: &str) -> PyResult<ArrayRef> {
    let list = array.call_method0(intern!(array.py(), "tolist"))?.cast_into::<PyList>()?;
    sequence(&list.iter().collect::<Vec<_>>(), ty, name)
}

/// A matrix: a list a row.
fn matrix_column(array: &Bound<'_, PyUntypedArray>, ty: ValueType, name: &str) -> PyResult<ArrayRef> {
    let py = array.py();
    let ValueType::List(item) = ty else { return listed(array, ty, name) };
    let (rows, width) = (array.shape()[0], array.shape()[1]);
    let flat = array.call_method0(intern!(py, "ravel"))?.cast_into::<PyUntypedArray>()?;
    let items = numpy_column(&flat, ValueType::Scalar(item), name)?;
    let offsets = OffsetBuffer::from_repeated_length(width, rows);
    let DataType::List(_) = arrow_type(ty) else { return listed(array, ty, name) };
    let field = Arc::new(arrow::datatypes::Field::new_list_field(items.data_type().clone(), true));
    Ok(Arc::new(ListArray::new(field, offsets, items, None)))
}

/// Python objects as values of `ty`; None is null.
pub(crate) fn sequence(items: &[Bound<'_, PyAny>], ty: ValueType, name: &str) -> PyResult<ArrayRef> {
    match ty {
        ValueType::Scalar(scalar) => scalars(items, scalar, name),
        ValueType::List(item) => lists(items, item, name),
    }
}

fn scalars(items: &[Bound<'_, PyAny>], ty: ScalarType, name: &str) -> PyResult<ArrayRef> {
    Ok(match ty {
        ScalarType::Bool => {
            let values = each(items, ty, name, |item| Ok(truth(item)))?;
            Arc::new(BooleanArray::from(values))
        }
        ScalarType::Int32 => {
            let narrow = |item: &_| Ok(whole(item)?.and_then(|value| i32::try_from(value).ok()));
            Arc::new(Int32Array::from(each(items, ty, name, narrow)?))
        }
        ScalarType::Int64 => Arc::new(Int64Array::from(each(items, ty, name, whole)?)),
        ScalarType::Float32 => {
            let nearest = |item: &_| Ok(float(item)?.map(|value| value as f32));
            Arc::new(Float32Array::from(each(items, ty, name, nearest)?))
        }
        ScalarType::Float64 => Arc::new(Float64Array::from(each(items, ty, name, float)?)),
        ScalarType::Timestamp => {
            let values = each(items, ty, name, |item| timestamp(item).map(|time| Some(time.as_micros())))?;
            Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
        }
        ScalarType::Date => {
            let values = each(items, ty, name, |item| date(item).map(|day| Some(day.as_days())))?;
            Arc::new(Date32Array::from(values))
        }
        ScalarType::String => strings(items, name)?,
        ScalarType::Bytes => {
            let mut builder = BinaryBuilder::new();
            each(items, ty, name, |item| Ok(bytes(item)))?.into_iter().for_each(|value| builder.append_option(value));
            Arc::new(builder.finish())
        }
    })
}

/// Booleans of Python and of numpy.
fn truth(item: &Bound<'_, PyAny>) -> Option<bool> {
    match item.cast::<PyBool>() {
        Ok(value) => Some(value.is_true()),
        Err(_) => item.extract().ok(),
    }
}

/// The value of each item. `of` gives `None` for what is not of the type.
fn each<'py, T>(
    items: &[Bound<'py, PyAny>],
    ty: ScalarType,
    name: &str,
    of: impl Fn(&Bound<'py, PyAny>) -> PyResult<Option<T>>,
) -> PyResult<Vec<Option<T>>> {
    let mut values = Vec::with_capacity(items.len());
    for (row, item) in items.iter().enumerate() {
        let value = match item.is_none() {
            true => None,
            false => match of(item) {
                Ok(Some(value)) => Some(value),
                _ if is_missing(item) => None,
                Ok(None) => return Err(at(name, row, not_a(item, ty), item.py())),
                Err(error) => return Err(at(name, row, error, item.py())),
            },
        };
        values.push(value);
    }
    Ok(values)
}

/// An error with its place.
#[cold]
fn at(name: &str, row: usize, error: PyErr, py: Python<'_>) -> PyErr {
    invalid(py, format!("column {name:?}, row {row}: {}", error.value(py)))
}

fn strings(items: &[Bound<'_, PyAny>], name: &str) -> PyResult<ArrayRef> {
    let mut builder = StringBuilder::with_capacity(items.len(), 16 * items.len());
    for (row, item) in items.iter().enumerate() {
        match item.cast::<PyString>() {
            Ok(text) => builder.append_value(text.to_str().map_err(|error| at(name, row, error, item.py()))?),
            Err(_) if is_missing(item) => builder.append_null(),
            Err(_) => return Err(at(name, row, not_a(item, ScalarType::String), item.py())),
        }
    }
    Ok(Arc::new(builder.finish()))
}

fn lists(items: &[Bound<'_, PyAny>], item_type: ScalarType, name: &str) -> PyResult<ArrayRef> {
    let (mut flat, mut lengths, mut valid) = (Vec::new(), Vec::new(), Vec::new());
    for (row, item) in items.iter().enumerate() {
        let is_missing = is_missing(item);
        valid.push(!is_missing);
        let before = flat.len();
        if !is_missing {
            let is_text = item.is_instance_of::<PyString>() || item.is_instance_of::<PyBytes>();
            let inner = item.try_iter().ok().filter(|_| !is_text);
            let wrong = || at(name, row, invalid(item.py(), format!("not a list of {item_type}")), item.py());
            for value in inner.ok_or_else(wrong)? {
                flat.push(value?);
            }
        }
        lengths.push(flat.len() - before);
    }
    let values = scalars(&flat, item_type, name)?;
    let DataType::List(field) = arrow_type(ValueType::List(item_type)) else {
        unreachable!("lists are lists in Arrow")
    };
    Ok(Arc::new(ListArray::new(field, OffsetBuffer::from_lengths(lengths), values, Some(NullBuffer::from(valid)))))
}
