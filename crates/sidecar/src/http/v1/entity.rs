//! Entities, from objects or from an address.

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema};
use asofdb::parts::RequestRows;
use asofdb::{FeatureView, JoinKey, Value, ValueType, arrow_type, key_value, parse_join_key};
use serde_json::value::RawValue;

use super::super::failure::Failure;

/// The values of an entity's join keys, by name.
pub(super) type Entity<'k> = Vec<(&'k str, Value)>;

/// Objects that name each of `keys` as columns, each of its join key's type.
pub(super) fn columns(keys: &[JoinKey], objects: &[&RawValue]) -> Result<RecordBatch, Failure> {
    let field = |key: &JoinKey| Field::new(&key.name, arrow_type(ValueType::Scalar(key.ty)), true);
    let mut rows = RequestRows::new(&Schema::new(keys.iter().map(field).collect::<Vec<_>>()), "entity");
    objects.iter().try_for_each(|object| rows.push(object.get().as_bytes()))?;
    Ok(rows.finish()?)
}

/// One row of [`columns`].
pub(super) fn row<'k>(keys: &'k [JoinKey], columns: &RecordBatch, row: usize) -> Vec<(&'k str, Option<Value>)> {
    let pairs = keys.iter().zip(columns.columns());
    pairs.map(|(key, column)| (key.name.as_str(), key_value(key.ty, column, row))).collect()
}

/// Reads an object that names each of `keys`, none of them null.
pub(super) fn from_object<'k>(keys: &'k [JoinKey], object: &RawValue) -> Result<Entity<'k>, Failure> {
    let values = row(keys, &columns(keys, &[object])?, 0);
    let value = |(name, value): (&'k str, Option<Value>)| {
        let null = || Failure::invalid(format!("join key {name:?} cannot be null"));
        Ok((name, value.ok_or_else(null)?))
    };
    values.into_iter().map(value).collect()
}

/// Reads the parameters of an address that name join keys of a view. Those it lacks, the store names.
pub(super) fn from_parameters<'p>(
    view: &FeatureView,
    parameters: &'p [(String, String)],
) -> Result<Entity<'p>, Failure> {
    let value = |(name, text): &'p (String, String)| {
        let value = match view.join_keys.iter().find(|key| key.name == *name) {
            Some(key) => parse_join_key(key, text)?,
            None => Value::String(text.clone()),
        };
        Ok((name.as_str(), value))
    };
    parameters.iter().map(value).collect()
}
