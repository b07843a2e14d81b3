//! A column of any type that grows value by value.

use std::sync::Arc;

use arrow::array::{ArrayRef, ListArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use asofdb_storage::{Error, Result, Value, ValueType};

use crate::rows::builders::ScalarBuilder;
use crate::rows::types::list_item;

/// The values of a column so far.
pub(crate) struct ValueColumn {
    ty: ValueType,
    values: ScalarBuilder,
    /// Of a column of lists: where each ends, and which are there.
    ends: Vec<i32>,
    present: Vec<bool>,
}

impl ValueColumn {
    pub(crate) fn new(ty: ValueType) -> Self {
        let (ValueType::Scalar(scalar) | ValueType::List(scalar)) = ty;
        ValueColumn { ty, values: ScalarBuilder::new(scalar), ends: vec![0], present: Vec::new() }
    }

    /// Adds a value of the column's type, or null.
    ///
    /// # Errors
    /// `Internal` for a value of another type.
    pub(crate) fn push(&mut self, value: Option<Value>) -> Result<()> {
        match (self.ty, value) {
            (ValueType::Scalar(_), None) => self.values.append_null(),
            (ValueType::Scalar(_), Some(value)) => self.values.append(value)?,
            (ValueType::List(_), value) => {
                self.present.push(value.is_some());
                if let Some(Value::List(_, items)) = value {
                    items.into_iter().try_for_each(|item| self.values.append(item))?;
                }
                self.ends.push(self.values.len() as i32);
            }
        }
        Ok(())
    }

    /// The column so far; it then begins anew.
    ///
    /// # Errors
    /// `Internal` only.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef> {
        let values = self.values.finish();
        let ValueType::List(item) = self.ty else { return Ok(values) };
        let offsets = OffsetBuffer::new(std::mem::replace(&mut self.ends, vec![0]).into());
        let nulls = NullBuffer::from(std::mem::take(&mut self.present));
        let list = ListArray::try_new(list_item(item), offsets, values, Some(nulls));
        Ok(Arc::new(list.map_err(|error| Error::internal("values are no lists").with_source(error))?))
    }
}

#[cfg(test)]
mod tests {
    use asofdb_storage::ScalarType;

    use super::*;
    use crate::rows::values::value_at;

    #[test]
    fn a_column_gives_the_values_that_it_was_given_and_begins_anew() {
        let list =
            |items: &[f32]| Some(Value::List(ScalarType::Float32, items.iter().copied().map(Value::Float32).collect()));
        let texts = [Some(Value::String("a".into())), None, Some(Value::String(String::new()))];
        let lists = [list(&[1.0, 2.0]), None, list(&[])];
        for (ty, values) in [("string", texts), ("list<float32>", lists)] {
            let ty: ValueType = ty.parse().unwrap();
            let mut column = ValueColumn::new(ty);
            for _ in 0..2 {
                values.iter().cloned().for_each(|value| column.push(value).unwrap());
                let array = column.finish().unwrap();
                let back: Vec<_> = (0..array.len()).map(|row| value_at(&array, ty, row)).collect();
                assert_eq!(back, values);
            }
        }
    }
}
