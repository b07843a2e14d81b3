//! Entity keys: byte order is value order, no key is a prefix of another, and they read back.

use std::cmp::Ordering;

use asofdb_model::Bytes;
use asofdb_storage::{ScalarType, Value, key};

use crate::values::{has_nan, scalar, scalar_type};

/// Two composite keys of the same types, and the same bytes read as a stored key.
pub fn fuzz_key(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let types: Vec<ScalarType> = (0..=bytes.below(3)).map(|_| scalar_type(&mut bytes)).collect();
    read_stored(&types, bytes.rest());
    read_family_keys(bytes.rest());
    let mut values = || types.iter().map(|ty| scalar(*ty, &mut bytes)).collect::<Vec<_>>();
    let (a, b) = (values(), values());
    let (Some(a_bytes), Some(b_bytes)) = (encode(&types, &a), encode(&types, &b)) else { return };
    let expected = a.iter().zip(&b).map(|(a, b)| order(a, b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal);
    assert_eq!(a_bytes.cmp(&b_bytes), expected, "{a:?} and {b:?}");
    assert!(expected.is_eq() || !b_bytes.starts_with(&a_bytes) && !a_bytes.starts_with(&b_bytes));
    let read = key::decode_values(&types, &a_bytes).expect("what was encoded can be read");
    assert!(a.iter().zip(&read).all(|(a, b)| order(a, b).is_eq()), "{a:?} read back as {read:?}");
}

/// `None` for NaN, the one value that is refused here.
fn encode(types: &[ScalarType], values: &[Value]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let given: Vec<_> = values.iter().cloned().map(Some).collect();
    let result = key::encode_entity(types, &given, &mut bytes);
    assert_eq!(result.is_err(), values.iter().any(has_nan), "{values:?}: {result:?}");
    result.ok().map(|()| bytes)
}

fn order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Int32(a), Value::Int32(b)) => a.cmp(b),
        (Value::Int64(a), Value::Int64(b)) => a.cmp(b),
        (Value::Float32(a), Value::Float32(b)) => a.partial_cmp(b).expect("not NaN"),
        (Value::Float64(a), Value::Float64(b)) => a.partial_cmp(b).expect("not NaN"),
        (Value::String(a), Value::String(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        (Value::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        _ => panic!("values of two types: {a:?} and {b:?}"),
    }
}

/// Bytes that claim to be a key are refused, or say the same when they are written again.
fn read_stored(types: &[ScalarType], stored: &[u8]) {
    let Ok(values) = key::decode_values(types, stored) else { return };
    let mut again = Vec::new();
    if values.iter().all(|value| key::encode_value(value, &mut again).is_ok()) {
        assert_eq!(key::decode_values(types, &again).expect("what was encoded can be read"), values);
    }
}

fn read_family_keys(stored: &[u8]) {
    let mut again = Vec::new();
    if let Some((view, entity_key, version)) = key::split_version_key(stored) {
        key::version_key(view, entity_key, version, &mut again);
        assert_eq!(again, stored);
    }
    again.clear();
    if let Some((key_space, entity_key, view)) = key::split_latest_key(stored) {
        key::latest_key(key_space, entity_key, view, &mut again);
        assert_eq!(again, stored);
    }
    if let Some(end) = key::prefix_end(stored) {
        assert!(end.as_slice() > stored && !end.starts_with(stored));
    }
}
