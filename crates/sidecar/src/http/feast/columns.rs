//! Columns of the dialect.

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field};
use asofdb::Result;
use asofdb::parts::request_column;
use serde_json::value::RawValue;

use super::value::NO_TIME;

/// A column from the values of a request. The least int64 is null among timestamps: Feast's client writes it for those
/// that it has not.
///
/// # Errors
/// `Invalid`, naming the row, the column and the rule.
pub(super) fn typed_column(field: &Field, values: &[&RawValue]) -> Result<ArrayRef> {
    let is_time = matches!(field.data_type(), DataType::Timestamp(..));
    if !is_time || !values.iter().copied().any(is_no_time) {
        return request_column(field, values);
    }
    let values: Vec<_> = values.iter().map(|value| if is_no_time(value) { RawValue::NULL } else { *value }).collect();
    request_column(field, &values)
}

fn is_no_time(value: &RawValue) -> bool {
    value.get().parse() == Ok(NO_TIME)
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
    use asofdb::parts::NO_TIME_MICROS;
    use asofdb::{ScalarType, ValueType, arrow_type};

    use super::*;

    #[test]
    fn the_least_int64_is_no_time_alone_and_within_lists() {
        let column = |ty: ValueType, text: &str| {
            let values: Vec<&RawValue> = serde_json::from_str(text).unwrap();
            let field = Field::new("seen", arrow_type(ty), true);
            typed_column(&field, &values).unwrap()
        };
        let times = column(ValueType::Scalar(ScalarType::Timestamp), "[-9223372036854775808,1,null]");
        let micros = times.as_primitive::<TimestampMicrosecondType>();
        assert_eq!(micros.iter().collect::<Vec<_>>(), [None, Some(1_000_000), None]);
        let lists = column(ValueType::List(ScalarType::Timestamp), "[[-9223372036854775808,1],null]");
        let items = lists.as_list::<i32>().values().as_primitive::<TimestampMicrosecondType>();
        assert_eq!(items.values(), &[NO_TIME_MICROS, 1_000_000]);
        let whole = column(ValueType::Scalar(ScalarType::Int64), "[-9223372036854775808]");
        assert_eq!(whole.as_primitive::<Int64Type>().value(0), i64::MIN);
    }
}
