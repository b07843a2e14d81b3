//! The types of the columns of a text format. Those named in the hint are what it says. The others are only carried
//! along, and stay as they are written.

use std::io::Write;

use arrow::datatypes::Schema;
use asofdb_storage::{ScalarType, ValueType};

use super::column::value_type;
use super::decimal::Decimal;

/// Bytes of a float in scientific notation at most: a sign, 17 digits and a point, an exponent.
const FLOAT_BYTES_MAX: usize = 32;

/// The type that the hint gives to a column.
pub(super) fn hinted_type(hint: Option<&Schema>, name: &str) -> Option<ValueType> {
    value_type(hint?.field_with_name(name).ok()?.data_type())
}

/// The types that hold every JSON value of a carried column, and give back what was written.
#[derive(Debug, Clone, Copy)]
pub(super) struct JsonKinds {
    any: bool,
    bool: bool,
    int64: bool,
    float64: bool,
}

impl JsonKinds {
    pub(super) fn new() -> Self {
        JsonKinds { any: false, bool: true, int64: true, float64: true }
    }

    /// Takes a value into account, given as JSON.
    pub(super) fn add(&mut self, value: &str) {
        if value == "null" {
            return;
        }
        self.any = true;
        self.bool &= matches!(value, "true" | "false");
        self.int64 = self.int64 && is_int64(value);
        self.float64 = self.float64 && is_float64(value);
    }

    /// The narrowest type; text where there is no other.
    pub(super) fn ty(self) -> ScalarType {
        match self {
            JsonKinds { any: false, .. } => ScalarType::String,
            JsonKinds { bool: true, .. } => ScalarType::Bool,
            JsonKinds { int64: true, .. } => ScalarType::Int64,
            JsonKinds { float64: true, .. } => ScalarType::Float64,
            _ => ScalarType::String,
        }
    }
}

/// JSON writes whole numbers in one way only, but for the sign of zero.
fn is_int64(value: &str) -> bool {
    value != "-0" && value.parse::<i64>().is_ok()
}

/// A number is a float where the nearest float, printed with as many digits as tell it from others, is that number.
fn is_float64(value: &str) -> bool {
    let (Some(written), Ok(nearest)) = (Decimal::read(value), value.parse::<f64>()) else { return false };
    let (mut bytes, mut rest) = ([0; FLOAT_BYTES_MAX], FLOAT_BYTES_MAX);
    let mut room = &mut bytes[..];
    if nearest.is_finite() && write!(room, "{nearest:e}").is_ok() {
        rest = room.len();
    }
    let printed = std::str::from_utf8(&bytes[..FLOAT_BYTES_MAX - rest]).ok().and_then(Decimal::read);
    printed.is_some_and(|printed| printed.equals(written))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ty(values: &[&str]) -> ScalarType {
        let mut kinds = JsonKinds::new();
        values.iter().for_each(|value| kinds.add(value));
        kinds.ty()
    }

    #[test]
    fn json_keeps_its_types_where_they_give_back_what_was_written() {
        assert_eq!(ty(&["1", "null", "-2"]), ScalarType::Int64);
        assert_eq!(ty(&["true", "false"]), ScalarType::Bool);
        assert_eq!(ty(&["1", "2.5", "1e-07", "-0"]), ScalarType::Float64);
        assert_eq!(ty(&["\"a\"", "\"5\""]), ScalarType::String);
        assert_eq!(ty(&["null"]), ScalarType::String);
    }

    #[test]
    fn json_that_a_number_would_change_stays_text() {
        assert_eq!(ty(&["12345678901234567890"]), ScalarType::String);
        assert_eq!(ty(&["9007199254740993", "2.5"]), ScalarType::String);
        assert_eq!(ty(&["0.30000000000000000001"]), ScalarType::String);
        assert_eq!(ty(&["1e400"]), ScalarType::String);
        assert_eq!(ty(&["1", "true"]), ScalarType::String);
        assert_eq!(ty(&["1", "\"1\""]), ScalarType::String);
        assert_eq!(ty(&["[1, 2]"]), ScalarType::String);
    }
}
