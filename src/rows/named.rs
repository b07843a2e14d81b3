//! Columns by their names.

use arrow::datatypes::Schema;
use asofdb_storage::{Error, Result};

/// The position of the column of this name, if there is one.
///
/// # Errors
/// `Invalid` when two columns have the name: whichever were taken, the other might be meant.
pub(crate) fn find_column(schema: &Schema, name: &str) -> Result<Option<usize>> {
    let mut found = schema.fields().iter().enumerate().filter(|(_, field)| field.name() == name);
    match (found.next(), found.next()) {
        (Some(_), Some(_)) => Err(Error::invalid(format!("two columns are named {name:?}; rename one of them"))),
        (first, _) => Ok(first.map(|(position, _)| position)),
    }
}
