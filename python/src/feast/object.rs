//! Stored values as Python objects, as Feast has them: timestamps are whole seconds, and so are dates.

use asofdb::storage::ListItems;
use asofdb::{Error, ScalarType, ValueType};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyList, PyString};

use super::wire::{date_seconds, seconds};
use crate::errors::{OrRaise, exception};

/// The Python object of what a row stores as `stored`.
///
/// # Errors
/// `CorruptError` when the stored bytes are no value of the type.
pub(super) fn object<'py>(py: Python<'py>, ty: ValueType, stored: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    match ty {
        ValueType::Scalar(scalar) => scalar_object(py, scalar, stored),
        ValueType::List(item) => {
            let items = ListItems::new(item, stored).or_raise(py)?;
            let items = items.map(|bytes| scalar_object(py, item, bytes.or_raise(py)?));
            Ok(PyList::new(py, items.collect::<PyResult<Vec<_>>>()?)?.into_any())
        }
    }
}

fn scalar_object<'py>(py: Python<'py>, scalar: ScalarType, stored: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let wrong = || exception(py, &Error::corrupt(format!("the stored bytes are no {scalar}")));
    let four = || stored.try_into().map_err(|_| wrong());
    let eight = || stored.try_into().map_err(|_| wrong());
    Ok(match scalar {
        ScalarType::Bool => PyBool::new(py, stored == [1]).to_owned().into_any(),
        ScalarType::Int32 => i32::from_le_bytes(four()?).into_pyobject(py)?.into_any(),
        ScalarType::Int64 => i64::from_le_bytes(eight()?).into_pyobject(py)?.into_any(),
        ScalarType::Timestamp => seconds(i64::from_le_bytes(eight()?)).into_pyobject(py)?.into_any(),
        ScalarType::Date => date_seconds(i32::from_le_bytes(four()?)).into_pyobject(py)?.into_any(),
        ScalarType::Float32 => PyFloat::new(py, f32::from_le_bytes(four()?).into()).into_any(),
        ScalarType::Float64 => PyFloat::new(py, f64::from_le_bytes(eight()?)).into_any(),
        ScalarType::String => PyString::new(py, std::str::from_utf8(stored).map_err(|_| wrong())?).into_any(),
        ScalarType::Bytes => PyBytes::new(py, stored).into_any(),
    })
}
