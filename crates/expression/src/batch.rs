//! The question of an evaluation.

use asofdb_storage::{Error, Result};

use crate::column::{Column, Items, Values};
use crate::scope::Input;

/// The most rows of a batch. Some thousand stay in the cache and are fastest.
pub const BATCH_ROWS_MAX: usize = 65_536;

/// The rows for which an expression is evaluated.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// T of each row, the time that it is asked for, in microseconds since 1970. There are as many rows as times.
    pub now: &'a [i64],
    /// The inputs of the program, in its order.
    pub columns: &'a [Column<'a>],
}

impl Batch<'_> {
    /// Refuses what the program cannot read: so nothing below checks again.
    pub(crate) fn check(&self, inputs: &[Input]) -> Result<()> {
        if self.now.len() > BATCH_ROWS_MAX {
            return Err(Error::invalid(format!("a batch has at most {BATCH_ROWS_MAX} rows: {}", self.now.len())));
        }
        if self.columns.len() != inputs.len() {
            let (needed, given) = (inputs.len(), self.columns.len());
            return Err(Error::invalid(format!("the program has {needed} inputs, not {given}")));
        }
        self.columns.iter().zip(inputs).try_for_each(|(column, input)| self.check_column(column, input))
    }

    fn check_column(&self, column: &Column<'_>, input: &Input) -> Result<()> {
        let rows = self.now.len();
        let lengths = [
            Some(column.values.rows()),
            column.valid.map(|valid| valid.len()),
            column.statuses.map(<[_]>::len),
            column.events.map(<[_]>::len),
        ];
        if let Some(length) = lengths.into_iter().flatten().find(|length| *length != rows) {
            return Err(bad(input, &format!("has {length} values for {rows} rows")));
        }
        match column.values.value_type() {
            Some(ty) if ty == input.ty => check_offsets(&column.values, input),
            Some(ty) => Err(bad(input, &format!("is {}, not {ty}", input.ty))),
            None => Err(bad(input, "is a list whose items are not of the type that it says")),
        }
    }
}

#[cold]
fn bad(input: &Input, what: &str) -> Error {
    Error::invalid(format!("the input `{}` {what}", input.name.reference()))
}

/// Offsets that lead beyond the end are refused here; that they ascend is checked where each is used.
fn check_offsets(values: &Values<'_>, input: &Input) -> Result<()> {
    let (offsets, end) = match values {
        Values::Text { offsets, bytes } | Values::Bytes { offsets, bytes } => (offsets, bytes.len()),
        Values::List { offsets, items, .. } => {
            if let Items::Text { offsets, bytes } = items {
                check_end(offsets, bytes.len(), input)?;
            }
            (offsets, items.len())
        }
        _ => return Ok(()),
    };
    check_end(offsets, end, input)
}

fn check_end(offsets: &[i32], end: usize, input: &Input) -> Result<()> {
    match offsets.last() {
        Some(last) if usize::try_from(*last).is_ok_and(|last| last <= end) => Ok(()),
        _ => Err(bad(input, "has offsets that lead beyond its values")),
    }
}
