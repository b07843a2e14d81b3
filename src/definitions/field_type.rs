//! The types of values in a definitions file.

use asofdb_storage::{Error, Result, ScalarType, ValueType};

use crate::definitions::document::Field;
use crate::definitions::suggest::did_you_mean;

/// Reads a field as the name of a type.
///
/// # Errors
/// `Invalid`, with the nearest name, for anything else.
pub(crate) fn value_type(field: &Field) -> Result<ValueType> {
    let text = field.text()?;
    text.parse().map_err(|error: Error| {
        let scalars = ScalarType::ALL.map(|ty| ty.name().to_owned());
        let lists = ScalarType::ALL.map(|ty| ValueType::List(ty).to_string());
        let names = scalars.iter().chain(&lists).map(String::as_str);
        field.invalid(format!("{}{}", error.message(), did_you_mean(text, names)))
    })
}
