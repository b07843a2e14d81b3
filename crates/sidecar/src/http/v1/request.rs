//! The values that come with a question, by column.

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::Field;
use asofdb::parts::{did_you_mean, value_column};
use asofdb::{Error, RequestValue, arrow_type};

use super::super::failure::Failure;
use super::super::json_columns::JsonColumns;

/// The columns of the wanted values, each of exactly its type and of `rows` rows; `None` for one that was left out.
///
/// # Errors
/// `Invalid` for a value that nothing takes, one that is missing, and one of another type or length.
pub(super) fn columns(
    wanted: &[RequestValue],
    given: &JsonColumns<'_>,
    rows: usize,
) -> Result<Vec<Option<ArrayRef>>, Failure> {
    if let Some(unknown) = given.names().find(|name| wanted.iter().all(|value| value.name != *name)) {
        let hint = did_you_mean(unknown, wanted.iter().map(|value| value.name.as_str()));
        let message = "no feature of the request takes a request value";
        return Err(Failure::invalid(format!("{message} {unknown:?}{hint}")));
    }
    wanted.iter().map(|value| column(value, given, rows)).collect()
}

fn column(wanted: &RequestValue, given: &JsonColumns<'_>, rows: usize) -> Result<Option<ArrayRef>, Failure> {
    let RequestValue { name, ty, required, .. } = wanted;
    let Some(values) = given.get(name) else {
        return match required {
            false => Ok(None),
            true => Err(Failure::invalid(format!("the request needs a value for {name:?} ({ty})"))),
        };
    };
    let column = value_column(&Field::new(name, arrow_type(*ty), true), values);
    let column = column.map_err(|error| Error::invalid(format!("`request`, {}", error.message())))?;
    match column.len() == rows {
        true => Ok(Some(column)),
        false => {
            let rule = "`request` has one value an entity";
            Err(Failure::invalid(format!("{rule}: {name:?} has {}, and there are {rows} entities", column.len())))
        }
    }
}
