//! Days from and to Python.

use asofdb::Date;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDate, PyDateAccess, PyDateTime, PyString};

use crate::errors::{OrRaise, invalid};

/// A day from a `datetime.date`, a `numpy.datetime64` at midnight, or text (`YYYY-MM-DD`). A `datetime` is none: its
/// time of day would be lost, and its day depends on its time zone.
pub(crate) fn date(value: &Bound<'_, PyAny>) -> PyResult<Date> {
    let py = value.py();
    if let Ok(text) = value.cast::<PyString>() {
        return text.to_str()?.parse().or_raise(py);
    }
    if let (Ok(day), false) = (value.cast::<PyDate>(), value.is_instance_of::<PyDateTime>()) {
        let (month, of_month) = (day.get_month() as i8, day.get_day() as i8);
        let day = i16::try_from(day.get_year()).ok().and_then(|year| Date::from_ymd(year, month, of_month));
        return day.ok_or_else(|| not_a_date(value));
    }
    if value.hasattr(intern!(py, "astype"))? && value.hasattr(intern!(py, "dtype"))? {
        return of_datetime64(value);
    }
    Err(not_a_date(value))
}

fn of_datetime64(value: &Bound<'_, PyAny>) -> PyResult<Date> {
    let py = value.py();
    let days = value.call_method1(intern!(py, "astype"), ("datetime64[D]",))?;
    if !days.eq(value)? {
        return Err(not_a_date(value));
    }
    let number: i64 = days.call_method1(intern!(py, "astype"), ("int64",))?.extract()?;
    i32::try_from(number).ok().and_then(Date::from_days).ok_or_else(|| not_a_date(value))
}

#[cold]
fn not_a_date(value: &Bound<'_, PyAny>) -> PyErr {
    let shown = value.repr().map_or_else(|_| "an object".to_owned(), |text| text.to_string());
    let rule = "a date is a datetime.date, a numpy.datetime64 without a time of day, or text (YYYY-MM-DD)";
    invalid(value.py(), format!("{rule}, not {shown}"))
}

/// A `datetime.date`.
pub(crate) fn date_object(py: Python<'_>, date: Date) -> PyResult<Bound<'_, PyAny>> {
    let (year, month, day) = date.ymd();
    Ok(PyDate::new(py, year.into(), month as u8, day as u8)?.into_any())
}
