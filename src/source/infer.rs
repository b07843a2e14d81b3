//! What are the columns of a text format? Those named in the hint are what it says; the others are what
//! their first rows look like.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use asofdb_storage::{ScalarType, ValueType};

use super::cell::{self, TextForm};
use super::column::value_type;
use crate::rows::types::arrow_type;

/// Rows that are looked at. A value further down that does not fit is an error, never a guess.
pub(super) const SAMPLE_ROWS: usize = 10_000;

/// Types from the narrowest to the widest; the first that fits every value is taken.
const CANDIDATES: [ScalarType; 5] =
    [ScalarType::Bool, ScalarType::Int64, ScalarType::Float64, ScalarType::Timestamp, ScalarType::String];

/// What the values of a column seen so far can be.
#[derive(Debug, Clone)]
pub(super) struct Guess {
    fits: [bool; CANDIDATES.len()],
    any: bool,
    list: bool,
}

impl Guess {
    pub(super) fn new() -> Self {
        Guess { fits: [true; CANDIDATES.len()], any: false, list: false }
    }

    /// Takes a value into account. What is quoted is no number and no bool.
    pub(super) fn add(&mut self, text: &str, quoted: bool) {
        self.any = true;
        for (fits, ty) in self.fits.iter_mut().zip(CANDIDATES) {
            *fits = *fits && is_like(ty, text, quoted);
        }
    }

    /// The column has lists.
    pub(super) fn add_list(&mut self) {
        self.list = true;
    }

    fn ty(&self) -> ValueType {
        let fitting = CANDIDATES.into_iter().zip(self.fits).find(|(_, fits)| self.any && *fits);
        let scalar = fitting.map_or(ScalarType::String, |(ty, _)| ty);
        if self.list { ValueType::List(scalar) } else { ValueType::Scalar(scalar) }
    }
}

fn is_like(ty: ScalarType, text: &str, quoted: bool) -> bool {
    match ty {
        ScalarType::Bool => !quoted && cell::bool(text).is_some() && text.trim().len() > 1,
        ScalarType::Int64 => !quoted && text.trim().parse::<i64>().is_ok(),
        ScalarType::Float64 => !quoted && cell::float64(text).is_some(),
        ScalarType::Timestamp => cell::timestamp(text, TextForm::File).is_some() && text.trim().parse::<i64>().is_err(),
        _ => true,
    }
}

/// The schema of columns by name.
pub(super) fn schema(columns: impl Iterator<Item = (String, Guess)>, hint: Option<&Schema>) -> SchemaRef {
    let field = |(name, guess): (String, Guess)| {
        let hinted = hint.and_then(|hint| hint.field_with_name(&name).ok());
        let ty = hinted.and_then(|field| value_type(field.data_type())).unwrap_or_else(|| guess.ty());
        Field::new(name, arrow_type(ty), true)
    };
    Arc::new(Schema::new(columns.map(field).collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(texts: &[&str]) -> String {
        let mut guess = Guess::new();
        texts.iter().for_each(|text| guess.add(text, false));
        guess.ty().to_string()
    }

    #[test]
    fn the_narrowest_type_that_fits_every_value_is_taken() {
        assert_eq!(guess(&["1", "-2"]), "int64");
        assert_eq!(guess(&["1", "2.5"]), "float64");
        assert_eq!(guess(&["true", "False"]), "bool");
        assert_eq!(guess(&["2013-01-01", "2013-01-01T10:00:00Z"]), "timestamp");
        assert_eq!(guess(&["2013-01-01", "5"]), "string");
        assert_eq!(guess(&["1", "x"]), "string");
        assert_eq!(guess(&[]), "string");
    }

    #[test]
    fn text_in_quotes_is_no_number() {
        let mut guess = Guess::new();
        guess.add("12", true);
        assert_eq!(guess.ty().to_string(), "string");
    }
}
