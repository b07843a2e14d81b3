//! Points in time from and to Python: never local time by accident, never less than was given.

use asofdb::Timestamp;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDateTime, PyDelta, PyDeltaAccess, PyString, PyTzInfo};

use crate::errors::{OrRaise, invalid};

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Midnight of the first of January 1970, UTC.
fn epoch(py: Python<'_>) -> PyResult<&Bound<'_, PyDateTime>> {
    static EPOCH: PyOnceLock<Py<PyDateTime>> = PyOnceLock::new();
    let make = || {
        let utc = PyTzInfo::utc(py)?;
        PyDateTime::new(py, 1970, 1, 1, 0, 0, 0, 0, Some(&utc)).map(Bound::unbind)
    };
    EPOCH.get_or_try_init(py, make).map(|epoch| epoch.bind(py))
}

/// A point in time from an aware `datetime`, a `numpy.datetime64` (which is UTC), or RFC 3339 text.
pub(crate) fn timestamp(value: &Bound<'_, PyAny>) -> PyResult<Timestamp> {
    let py = value.py();
    if let Ok(text) = value.cast::<PyString>() {
        return text.to_str()?.parse().or_raise(py);
    }
    if is_nat(value) {
        return Err(invalid(py, "a time is needed, not NaT, which is none"));
    }
    if let Ok(time) = value.cast::<PyDateTime>() {
        return of_datetime(time);
    }
    let number = value.extract::<i64>().ok();
    if number.is_none() && value.hasattr(intern!(py, "astype"))? && value.hasattr(intern!(py, "dtype"))? {
        return of_datetime64(value);
    }
    let ty = value.get_type().name()?;
    let unit = number.map_or_else(String::new, |number| {
        let unit = Timestamp::unit_of_plain(number);
        format!(": a whole number does not say its unit, and this looks like {unit}: {number}")
    });
    Err(invalid(py, format!("a time is an aware datetime, a numpy.datetime64 or RFC 3339 text, not {ty}{unit}")))
}

/// Returns whether a value is the time that is none, of pandas or of numpy: alone among times it is not itself.
fn is_nat(value: &Bound<'_, PyAny>) -> bool {
    let is_time = value.get_type().name().is_ok_and(|name| name == "NaTType" || name == "datetime64");
    is_time && value.ne(value).unwrap_or(false)
}

fn of_datetime(time: &Bound<'_, PyDateTime>) -> PyResult<Timestamp> {
    let py = time.py();
    if time.call_method0(intern!(py, "utcoffset"))?.is_none() {
        let message = format!("a datetime needs a time zone, such as tzinfo=datetime.timezone.utc: {}", time.repr()?);
        return Err(invalid(py, message));
    }
    // Only pandas.Timestamp has them.
    let nanoseconds = time.getattr_opt(intern!(py, "nanosecond"))?;
    if nanoseconds.is_some_and(|nanoseconds| nanoseconds.extract::<i64>().is_ok_and(|count| count != 0)) {
        return Err(invalid(py, format!("times are microseconds, this one has nanoseconds: {}", time.repr()?)));
    }
    let since = time.sub(epoch(py)?)?;
    let since = since.cast::<PyDelta>()?;
    let seconds = i64::from(since.get_seconds()) * 1_000_000 + i64::from(since.get_microseconds());
    Ok(Timestamp::from_micros(i64::from(since.get_days()) * MICROS_PER_DAY + seconds))
}

fn of_datetime64(value: &Bound<'_, PyAny>) -> PyResult<Timestamp> {
    let py = value.py();
    let micros = value.call_method1(intern!(py, "astype"), ("datetime64[us]",))?;
    if !micros.eq(value)? {
        return Err(invalid(py, format!("not a time in whole microseconds: {}", value.repr()?)));
    }
    let number = micros.call_method1(intern!(py, "astype"), ("int64",))?;
    Ok(Timestamp::from_micros(number.extract()?))
}

/// A point in time that may be left out.
pub(crate) fn optional_timestamp(value: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Timestamp>> {
    value.filter(|value| !value.is_none()).map(timestamp).transpose()
}

/// An aware `datetime` in UTC.
pub(crate) fn datetime(py: Python<'_>, time: Timestamp) -> PyResult<Bound<'_, PyAny>> {
    let all = time.as_micros();
    let (days, rest) = (all.div_euclid(MICROS_PER_DAY), all.rem_euclid(MICROS_PER_DAY));
    let (seconds, micros) = ((rest / 1_000_000) as i32, (rest % 1_000_000) as i32);
    let outside = || invalid(py, format!("a datetime of Python cannot hold {time}"));
    let days = i32::try_from(days).map_err(|_| outside())?;
    let delta = PyDelta::new(py, days, seconds, micros, false).map_err(|_| outside())?;
    epoch(py)?.add(delta).map_err(|_| outside())
}
