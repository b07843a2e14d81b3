//! The values that come with a question, row by row.

use arrow::array::ArrayRef;
use asofdb_storage::{Error, RequestValue, Result, Value};

use crate::rows::values::value_at;

/// The values of a request, one column a value; as many rows as there are entities.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestRows {
    columns: Vec<RequestColumn>,
}

/// One value of a request, in each row.
#[derive(Debug, Clone, Default)]
struct RequestColumn {
    /// The end of each row's bytes, which is where the next ones begin.
    ends: Vec<usize>,
    present: Vec<bool>,
    bytes: Vec<u8>,
}

impl RequestRows {
    /// No rows of these values.
    pub(crate) fn new(values: &[RequestValue]) -> Self {
        RequestRows { columns: values.iter().map(|_| RequestColumn::default()).collect() }
    }

    /// Adds a row: a value for each column.
    ///
    /// # Errors
    /// `Invalid` when one is of another type, or NaN; no row is added then.
    pub(crate) fn push(&mut self, wanted: &[RequestValue], values: &[Option<Value>]) -> Result<()> {
        for (wanted, value) in wanted.iter().zip(values) {
            check_value(wanted, value.as_ref())?;
        }
        for (column, value) in self.columns.iter_mut().zip(values) {
            column.push(value.as_ref());
        }
        Ok(())
    }

    /// Adds a row for each of the columns' rows. They are of exactly the types of the values; `None` is a column of
    /// nulls.
    ///
    /// # Errors
    /// `Invalid` for a null where the value is required, or NaN.
    pub(crate) fn push_columns(
        &mut self,
        wanted: &[RequestValue],
        columns: &[Option<ArrayRef>],
        rows: usize,
    ) -> Result<()> {
        for ((wanted, array), column) in wanted.iter().zip(columns).zip(&mut self.columns) {
            for row in 0..rows {
                let value = array.as_ref().and_then(|array| value_at(array, wanted.ty, row));
                check_value(wanted, value.as_ref())?;
                column.push(value.as_ref());
            }
        }
        Ok(())
    }

    /// The encoded value of a column in a row; `None` for null.
    #[inline]
    pub(crate) fn get(&self, column: usize, row: usize) -> Option<&[u8]> {
        let column = &self.columns[column];
        let start = row.checked_sub(1).map_or(0, |before| column.ends[before]);
        column.present[row].then(|| &column.bytes[start..column.ends[row]])
    }

    /// Some of the rows.
    pub(crate) fn subset(&self, rows: &[usize]) -> RequestRows {
        let column = |number: usize| {
            let mut column = RequestColumn::default();
            rows.iter().for_each(|row| column.push_encoded(self.get(number, *row)));
            column
        };
        RequestRows { columns: (0..self.columns.len()).map(column).collect() }
    }

    /// Forgets the rows from `rows` on.
    pub(crate) fn truncate(&mut self, rows: usize) {
        self.columns.iter_mut().for_each(|column| column.truncate(rows));
    }

    /// Bytes of memory held.
    pub(crate) fn memory_bytes(&self) -> usize {
        let of =
            |column: &RequestColumn| column.bytes.capacity() + column.ends.capacity() * 8 + column.present.capacity();
        self.columns.iter().map(of).sum()
    }

    /// Appends some of the rows as they travel: column by column, of each the length of every row's bytes (`u32`; the
    /// greatest for null), then the bytes.
    pub(crate) fn write_to(&self, out: &mut Vec<u8>) {
        for column in &self.columns {
            for row in 0..column.present.len() {
                let start = row.checked_sub(1).map_or(0, |before| column.ends[before]);
                let length = if column.present[row] { (column.ends[row] - start) as u32 } else { NULL };
                out.extend_from_slice(&length.to_le_bytes());
            }
            out.extend_from_slice(&column.bytes);
        }
    }

    /// Bytes that [`RequestRows::write_to`] appends.
    pub(crate) fn wire_bytes(&self) -> usize {
        self.columns.iter().map(|column| 4 * column.present.len() + column.bytes.len()).sum()
    }

    /// Adds rows that have travelled, from the front of `bytes`.
    ///
    /// # Errors
    /// `Invalid` when they are cut short, or are no values of their types; rows may have been added then.
    pub(crate) fn read_from(&mut self, wanted: &[RequestValue], rows: usize, bytes: &mut &[u8]) -> Result<()> {
        let cut_short = || Error::invalid("the request values are cut short");
        for (wanted, column) in wanted.iter().zip(&mut self.columns) {
            let (lengths, mut rest) = bytes.split_at_checked(rows.saturating_mul(4)).ok_or_else(cut_short)?;
            for length in lengths.as_chunks::<4>().0 {
                let value = match u32::from_le_bytes(*length) {
                    NULL => None,
                    length => {
                        let (value, after) = rest.split_at_checked(length as usize).ok_or_else(cut_short)?;
                        rest = after;
                        Some(Value::decode(wanted.ty, value).map_err(|error| {
                            Error::invalid(format!("request value {:?}: {}", wanted.name, error.message()))
                        })?)
                    }
                };
                check_value(wanted, value.as_ref())?;
                column.push(value.as_ref());
            }
            *bytes = rest;
        }
        Ok(())
    }
}

/// The length of a null.
const NULL: u32 = u32::MAX;

impl RequestColumn {
    fn push_encoded(&mut self, value: Option<&[u8]>) {
        self.bytes.extend_from_slice(value.unwrap_or_default());
        self.present.push(value.is_some());
        self.ends.push(self.bytes.len());
    }

    fn push(&mut self, value: Option<&Value>) {
        if let Some(value) = value {
            value.encode(&mut self.bytes);
        }
        self.present.push(value.is_some());
        self.ends.push(self.bytes.len());
    }

    fn truncate(&mut self, rows: usize) {
        self.present.truncate(rows);
        self.ends.truncate(rows);
        self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
    }
}

fn check_value(wanted: &RequestValue, value: Option<&Value>) -> Result<()> {
    let RequestValue { name, ty, required, .. } = wanted;
    match value {
        None if *required => Err(Error::invalid(format!("the request needs a value for {name:?} ({ty})"))),
        Some(value) if value.value_type() != *ty => {
            Err(Error::invalid(format!("request value {name:?} is {ty}, not {}", value.value_type())))
        }
        Some(value) if value.has_nan() => Err(Error::invalid(format!("request value {name:?} cannot be NaN"))),
        _ => Ok(()),
    }
}
