//! Single values from and to Python.

use asofdb::{Result, ScalarType, Value};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString};

use crate::date::{date, date_object};
use crate::errors::{OrRaise, invalid};
use crate::time::{datetime, timestamp};

/// The value as a Python object: bool, int, float, str, bytes, an aware datetime, a date, or a list of those.
pub(crate) fn to_object<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Bool(value) => PyBool::new(py, *value).to_owned().into_any(),
        Value::Int32(value) => value.into_pyobject(py)?.into_any(),
        Value::Int64(value) => value.into_pyobject(py)?.into_any(),
        Value::Float32(value) => PyFloat::new(py, f64::from(*value)).into_any(),
        Value::Float64(value) => PyFloat::new(py, *value).into_any(),
        Value::String(value) => PyString::new(py, value).into_any(),
        Value::Bytes(value) => PyBytes::new(py, value).into_any(),
        Value::Timestamp(value) => datetime(py, *value)?,
        Value::Date(value) => date_object(py, *value)?,
        Value::List(_, values) => {
            let items = values.iter().map(|value| to_object(py, value)).collect::<PyResult<Vec<_>>>()?;
            PyList::new(py, items)?.into_any()
        }
    })
}

/// The value of an answer as a Python object; None where there is none to give.
pub(crate) fn optional_object<'py>(py: Python<'py>, value: Option<&Value>) -> PyResult<Bound<'py, PyAny>> {
    value.map_or_else(|| Ok(py.None().into_bound(py)), |value| to_object(py, value))
}

/// A Python object as a value of type `ty`, if it is one: nothing is converted that could lose something, but that a
/// float becomes the nearest float32. The error says what is wrong, without saying where.
pub(crate) fn scalar_of(object: &Bound<'_, PyAny>, ty: ScalarType) -> PyResult<Value> {
    let value = match ty {
        ScalarType::Bool => object.extract().ok().map(Value::Bool),
        ScalarType::Int32 => whole(object)?.and_then(|value| i32::try_from(value).ok()).map(Value::Int32),
        ScalarType::Int64 => whole(object)?.map(Value::Int64),
        ScalarType::Float32 => float(object)?.map(|value| Value::Float32(value as f32)),
        ScalarType::Float64 => float(object)?.map(Value::Float64),
        ScalarType::String => {
            object.cast::<PyString>().ok().map(|text| text.to_str().map(str::to_owned)).transpose()?.map(Value::String)
        }
        ScalarType::Bytes => bytes(object).map(Value::Bytes),
        ScalarType::Timestamp => Some(Value::Timestamp(timestamp(object)?)),
        ScalarType::Date => Some(Value::Date(date(object)?)),
    };
    value.ok_or_else(|| not_a(object, ty))
}

#[cold]
pub(crate) fn not_a(object: &Bound<'_, PyAny>, ty: ScalarType) -> PyErr {
    let shown = object.repr().map_or_else(|_| "an object".to_owned(), |text| text.to_string());
    let shown: String = shown.chars().take(80).collect();
    invalid(object.py(), format!("not {ty}: {shown}"))
}

/// A whole number; True and False are none.
pub(crate) fn whole(object: &Bound<'_, PyAny>) -> PyResult<Option<i64>> {
    if object.is_instance_of::<PyBool>() {
        return Ok(None);
    }
    Ok(object.extract::<i64>().ok())
}

/// A float, or a whole number that a float holds exactly.
pub(crate) fn float(object: &Bound<'_, PyAny>) -> PyResult<Option<f64>> {
    if let Ok(value) = object.cast::<PyFloat>() {
        return Ok(Some(value.value()));
    }
    if object.is_instance_of::<PyBool>() || object.is_instance_of::<PyString>() {
        return Ok(None);
    }
    let Ok(value) = object.extract::<f64>() else { return Ok(None) };
    let is_exact = !object.is_instance_of::<PyInt>() || object.eq(value)?;
    Ok(is_exact.then_some(value))
}

pub(crate) fn bytes(object: &Bound<'_, PyAny>) -> Option<Vec<u8>> {
    match object.cast::<PyBytes>() {
        Ok(bytes) => Some(bytes.as_bytes().to_vec()),
        Err(_) => object.cast::<PyByteArray>().ok().map(PyByteArrayMethods::to_vec),
    }
}

/// An entity key whose types are not known beforehand: those of `types` by name.
pub(crate) fn named_values(
    entity: &Bound<'_, PyDict>,
    types: &[(String, ScalarType)],
) -> PyResult<Vec<(String, Value)>> {
    let py = entity.py();
    entity
        .iter()
        .map(|(name, object)| {
            let name: String = name.extract()?;
            let ty = types.iter().find(|(known, _)| *known == name).map(|(_, ty)| *ty);
            let Some(ty) = ty else {
                let names: Vec<_> = types.iter().map(|(name, _)| name.as_str()).collect();
                return Err(invalid(py, format!("no join key is named {name:?}: {}", names.join(", "))));
            };
            let value = scalar_of(&object, ty)
                .map_err(|error| invalid(py, format!("join key {name:?} is {}", error.value(py))))?;
            Ok((name, value))
        })
        .collect()
}

/// The value of an answer.
pub(crate) fn answered(py: Python<'_>, value: Result<Option<Value>>) -> PyResult<Bound<'_, PyAny>> {
    optional_object(py, value.or_raise(py)?.as_ref())
}
