//! Order-preserving, self-delimiting encoding of entity keys, and the keys of the column families.
//!
//! The bytes of an entity key are its join-key values one after the other. Each encoding delimits itself,
//! so composites need no separator, sort column by column, and no key is a prefix of another.
//!
//! | type | bytes | why it sorts |
//! |---|---|---|
//! | bool | 0 or 1 | |
//! | int32, int64, timestamp, date | big-endian, sign bit flipped | negative numbers come first |
//! | float32, float64 | big-endian; positive: sign bit flipped; negative: all bits flipped | IEEE order is magnitude
//! order; −0 is stored as 0, NaN refused |
//! | string, bytes | each 0 byte becomes 0 255; the end is 0 1 | the end sorts before every continuation, also before a
//! 0 byte |

use crate::error::{Error, Result};
pub use crate::ordered::{encode_bytes, encode_f32, encode_f64, encode_i32, encode_i64};
use crate::scalar::Scalar;
use crate::time::Timestamp;
use crate::value::Value;
use crate::value_type::{ScalarType, ValueType};
use crate::version::{self, Version};
use crate::{dispatch_scalar, dispatch_value};

/// Longest entity key in encoded bytes. Keys stand in every version of a row and in index blocks; a
/// kilobyte holds any composite of identifiers, and a longer one is a document taken for a key.
pub const ENTITY_KEY_BYTES_MAX: usize = 1024;

/// Appends one join-key value.
///
/// # Errors
/// `Invalid` for NaN and for lists, which cannot be keys.
pub fn encode_value(value: &Value, out: &mut Vec<u8>) -> Result<()> {
    dispatch_value!(value, T, value => T::write_key(value, out); (_item, _values) => {
        Err(Error::invalid("a join key is a single value, not a list"))
    })
}

/// Reads back the join-key values of an entity key; `types` are those of its join keys, in order.
///
/// # Errors
/// `Corrupt` when the bytes are not exactly such a key.
pub fn decode_values(types: &[ScalarType], mut bytes: &[u8]) -> Result<Vec<Value>> {
    let values = types.iter().map(|ty| decode_value(*ty, &mut bytes)).collect::<Result<Vec<_>>>()?;
    if !bytes.is_empty() {
        return Err(Error::corrupt(format!("an entity key has {} bytes too many", bytes.len())));
    }
    Ok(values)
}

/// Reads one join-key value from the front of `bytes`.
///
/// # Errors
/// `Corrupt` when there is none of type `ty`.
pub fn decode_value(ty: ScalarType, bytes: &mut &[u8]) -> Result<Value> {
    dispatch_scalar!(ty, T => T::read_key(bytes).map(Value::from))
}

/// Checks that `bytes` are exactly an entity key of these types, as [`encode_entity`] would have made it, without
/// copying anything.
///
/// # Errors
/// `Invalid` when they are not: wrong lengths, NaN, a string without an end or not UTF-8, or too long a key.
pub fn check_entity(types: impl IntoIterator<Item = ScalarType>, bytes: &[u8]) -> Result<()> {
    check_entity_key_length(bytes.len())?;
    let mut rest = bytes;
    for ty in types {
        let checked = dispatch_scalar!(ty, T => T::check_key(&mut rest));
        checked.map_err(|error| Error::invalid(error.message()))?;
    }
    match rest.is_empty() {
        true => Ok(()),
        false => Err(Error::invalid(format!("an entity key has {} bytes too many", rest.len()))),
    }
}

/// Encodes a whole entity key, checking each value against the join key's type.
///
/// # Errors
/// `Invalid` when a value is null, has another type, is NaN, or when the key is too long.
pub fn encode_entity(types: &[ScalarType], values: &[Option<Value>], out: &mut Vec<u8>) -> Result<()> {
    if types.len() != values.len() {
        return Err(Error::invalid(format!("an entity key has {} join keys, not {}", types.len(), values.len())));
    }
    let start = out.len();
    for (ty, value) in types.iter().zip(values) {
        let value = value.as_ref().ok_or_else(|| Error::invalid("a join key cannot be null"))?;
        if value.value_type() != ValueType::Scalar(*ty) {
            return Err(Error::invalid(format!("a join key of type {ty} was given a {}", value.value_type())));
        }
        encode_value(value, out)?;
    }
    check_entity_key_length(out.len() - start)
}

/// Refuses entity keys over [`ENTITY_KEY_BYTES_MAX`].
///
/// # Errors
/// `Invalid`, with the length and the limit.
pub fn check_entity_key_length(bytes: usize) -> Result<()> {
    if bytes > ENTITY_KEY_BYTES_MAX {
        return Err(Error::invalid(format!("an entity key has at most {ENTITY_KEY_BYTES_MAX} bytes: {bytes}")));
    }
    Ok(())
}

/// The ids of event views have this bit, so that whoever has a key knows its layout and its family without a catalog.
pub const EVENTS_BIT: u32 = 1 << 31;

/// No view has this id. Until there were event views it was one of `history`, and still is.
pub const HISTORY_SENTINEL_VIEW: u32 = u32::MAX;

/// No view has this id either; it is one of `events`.
pub const EVENTS_SENTINEL_VIEW: u32 = u32::MAX - 1;

/// Bytes of an event id within a key.
pub const EVENT_ID_BYTES: usize = 16;

/// Bytes that follow the entity key in the row key of an event: its time and its id.
pub const EVENT_TAIL_BYTES: usize = 8 + EVENT_ID_BYTES;

/// Returns whether the view of this id has events, which are counted, rather than rows, of which the newest counts.
#[inline]
pub const fn holds_events(view: u32) -> bool {
    view & EVENTS_BIT != 0 && view != HISTORY_SENTINEL_VIEW
}

/// Writes the row key of an event: entity key, event time descending, event id. It is what a version of an event is
/// one of, as an entity key is for rows; its length without [`EVENT_TAIL_BYTES`] is that of the entity key.
pub fn event_key(entity_key: &[u8], event: Timestamp, id: &[u8; EVENT_ID_BYTES], out: &mut Vec<u8>) {
    out.extend_from_slice(entity_key);
    out.extend_from_slice(&version::descending(event));
    out.extend_from_slice(id);
}

/// The event id of bytes that fit into one with their length; `None` when there are too many of them.
pub fn short_event_id(bytes: &[u8]) -> Option<[u8; EVENT_ID_BYTES]> {
    let mut id = [0; EVENT_ID_BYTES];
    id.get_mut(..bytes.len()).filter(|_| bytes.len() < EVENT_ID_BYTES)?.copy_from_slice(bytes);
    id[EVENT_ID_BYTES - 1] = bytes.len() as u8;
    Some(id)
}

/// The event id of a hash. Its last byte is no length, so that it is none of [`short_event_id`].
pub fn hashed_event_id(hash: u128) -> [u8; EVENT_ID_BYTES] {
    let mut id = hash.to_be_bytes();
    id[EVENT_ID_BYTES - 1] = u8::MAX;
    id
}

/// The parts of the row key of an event: entity key, event time and event id; `None` when it is too short to be one.
#[inline]
pub fn split_event_key(row_key: &[u8]) -> Option<(&[u8], Timestamp, &[u8; EVENT_ID_BYTES])> {
    let (rest, id) = row_key.split_last_chunk::<EVENT_ID_BYTES>()?;
    let (entity_key, event) = rest.split_last_chunk::<8>()?;
    Some((entity_key, version::ascending(*event), id))
}

/// The entity key within a row key of a view.
#[inline]
pub fn entity_of(view: u32, row_key: &[u8]) -> &[u8] {
    match holds_events(view) {
        true => &row_key[..row_key.len().saturating_sub(EVENT_TAIL_BYTES)],
        false => row_key,
    }
}

/// The key of one version: view, row key, version descending. The row key of an event has the time of the event
/// already, so that only the created timestamp follows it; that of a row of `history` is the entity key.
pub fn version_key(view: u32, row_key: &[u8], version: Version, out: &mut Vec<u8>) {
    version_prefix(view, row_key, out);
    match holds_events(view) {
        true => out.extend_from_slice(&version::descending(version.created)),
        false => out.extend_from_slice(&version.to_descending()),
    }
}

/// Writes the prefix that all versions of one row share. With an entity key it is that of all events of the entity.
pub fn version_prefix(view: u32, row_key: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&view.to_be_bytes());
    out.extend_from_slice(row_key);
}

/// Bytes that a version has at the end of its key.
#[inline]
pub const fn version_bytes(view: u32) -> usize {
    if holds_events(view) { 8 } else { Version::ENCODED_BYTES }
}

/// The prefix that all versions of the row of this key share; all of it when it is too short to be a version's.
#[inline]
pub fn row_prefix(version_key: &[u8]) -> &[u8] {
    let Some(view) = version_key.first_chunk::<4>() else { return version_key };
    let version_bytes = version_bytes(u32::from_be_bytes(*view));
    if version_key.len() < 4 + version_bytes { version_key } else { &version_key[..version_key.len() - version_bytes] }
}

/// The parts of the key of a version: view, row key, version; `None` when it is too short to be one.
#[inline]
pub fn split_version_key(key: &[u8]) -> Option<(u32, &[u8], Version)> {
    let (view, rest) = key.split_first_chunk::<4>()?;
    let view = u32::from_be_bytes(*view);
    if !holds_events(view) {
        let (row_key, version) = rest.split_last_chunk::<{ Version::ENCODED_BYTES }>()?;
        return Some((view, row_key, Version::from_descending(version)));
    }
    let (row_key, created) = rest.split_last_chunk::<8>()?;
    let (_, event, _) = split_event_key(row_key)?;
    Some((view, row_key, Version::new(event, version::ascending(*created))))
}

/// The key of a row in `latest`: key space, entity key, view.
pub fn latest_key(key_space: u32, entity_key: &[u8], view: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&key_space.to_be_bytes());
    out.extend_from_slice(entity_key);
    out.extend_from_slice(&view.to_be_bytes());
}

/// The parts of a key of `latest`: key space, entity key, view; `None` when it is too short to be one.
pub fn split_latest_key(key: &[u8]) -> Option<(u32, &[u8], u32)> {
    let (key_space, rest) = key.split_first_chunk::<4>()?;
    let (entity_key, view) = rest.split_last_chunk::<4>()?;
    Some((u32::from_be_bytes(*key_space), entity_key, u32::from_be_bytes(*view)))
}

/// The first eight bytes of a key as a number that orders as they do, so that most comparisons of keys end with one
/// of numbers. Shorter keys are filled up with zeros, which keeps the order, as no key is a prefix of another.
#[inline]
pub fn digest(key: &[u8]) -> u64 {
    if let Some(bytes) = key.first_chunk::<8>() {
        return u64::from_be_bytes(*bytes);
    }
    let mut bytes = [0; 8];
    bytes[..key.len()].copy_from_slice(key);
    u64::from_be_bytes(bytes)
}

/// The least key greater than every key that starts with `prefix`; `None` when there is none.
pub fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&byte| byte != 255)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::date::Date;
    use crate::time::Timestamp;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::cmp::Ordering;

    fn value_of(ty: ScalarType) -> BoxedStrategy<Value> {
        match ty {
            ScalarType::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
            ScalarType::Int32 => any::<i32>().prop_map(Value::Int32).boxed(),
            ScalarType::Int64 => any::<i64>().prop_map(Value::Int64).boxed(),
            ScalarType::Float32 => {
                any::<f32>().prop_filter("NaN", |v| !v.is_nan()).prop_map(|v| Value::Float32(v + 0.0)).boxed()
            }
            ScalarType::Float64 => {
                any::<f64>().prop_filter("NaN", |v| !v.is_nan()).prop_map(|v| Value::Float64(v + 0.0)).boxed()
            }
            ScalarType::String => vec(prop_oneof![Just('\0'), Just('a'), any::<char>()], 0..5)
                .prop_map(|chars| Value::String(chars.into_iter().collect()))
                .boxed(),
            ScalarType::Bytes => {
                vec(prop_oneof![Just(0), Just(1), Just(255), any::<u8>()], 0..5).prop_map(Value::Bytes).boxed()
            }
            ScalarType::Timestamp => any::<i64>().prop_map(|v| Value::Timestamp(Timestamp::from_micros(v))).boxed(),
            ScalarType::Date => (Date::MIN.as_days()..=Date::MAX.as_days())
                .prop_map(|days| Value::Date(Date::from_days(days).unwrap()))
                .boxed(),
        }
    }

    fn scalar_type() -> impl Strategy<Value = ScalarType> {
        (0..ScalarType::ALL.len()).prop_map(|index| ScalarType::ALL[index])
    }

    fn order(a: &Value, b: &Value) -> Ordering {
        match (a, b) {
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (Value::Int32(a), Value::Int32(b)) => a.cmp(b),
            (Value::Int64(a), Value::Int64(b)) => a.cmp(b),
            (Value::Float32(a), Value::Float32(b)) => a.partial_cmp(b).unwrap(),
            (Value::Float64(a), Value::Float64(b)) => a.partial_cmp(b).unwrap(),
            (Value::String(a), Value::String(b)) => a.as_bytes().cmp(b.as_bytes()),
            (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
            (Value::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
            (Value::Date(a), Value::Date(b)) => a.cmp(b),
            _ => unreachable!("both values have one type"),
        }
    }

    fn two_composites() -> impl Strategy<Value = (Vec<ScalarType>, Vec<Value>, Vec<Value>)> {
        vec(scalar_type(), 1..4).prop_flat_map(|types| {
            let values = || types.iter().map(|ty| value_of(*ty)).collect::<Vec<_>>();
            (Just(types.clone()), values(), values())
        })
    }

    fn encoded(values: &[Value]) -> Vec<u8> {
        let mut bytes = Vec::new();
        values.iter().for_each(|value| encode_value(value, &mut bytes).unwrap());
        bytes
    }

    proptest! {
        #[test]
        fn byte_order_is_value_order_for_composites_of_every_type((types, a, b) in two_composites()) {
            let expected = a.iter().zip(&b).map(|(a, b)| order(a, b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal);
            prop_assert_eq!(encoded(&a).cmp(&encoded(&b)), expected);
            prop_assert_eq!(decode_values(&types, &encoded(&a)).unwrap(), a);
        }

        #[test]
        fn no_key_is_a_prefix_of_another((_, a, b) in two_composites()) {
            let (a, b) = (encoded(&a), encoded(&b));
            prop_assert!(a == b || !b.starts_with(&a));
        }

        #[test]
        fn arbitrary_bytes_never_panic_and_read_back_what_they_say(
            types in vec(scalar_type(), 0..4), bytes in vec(any::<u8>(), 0..40),
        ) {
            if let Ok(values) = decode_values(&types, &bytes) {
                let is_nan = |v: &Value| matches!(v, Value::Float32(f) if f.is_nan()) || matches!(v, Value::Float64(f) if f.is_nan());
                if !values.iter().any(is_nan) {
                    let again = encoded(&values);
                    prop_assert_eq!(decode_values(&types, &again).unwrap(), values);
                }
            }
        }
    }

    #[test]
    fn negative_zero_is_zero_and_nan_is_refused() {
        assert_eq!(encoded(&[Value::Float64(-0.0)]), encoded(&[Value::Float64(0.0)]));
        assert!(encode_value(&Value::Float32(f32::NAN), &mut Vec::new()).is_err());
    }

    #[test]
    fn family_keys_split_into_their_parts() {
        let version = Version::new(Timestamp::from_micros(5), Timestamp::from_micros(-7));
        let (mut history, mut latest) = (Vec::new(), Vec::new());
        version_key(3, b"key", version, &mut history);
        latest_key(9, b"key", 3, &mut latest);
        assert_eq!(split_version_key(&history), Some((3, &b"key"[..], version)));
        assert_eq!(split_latest_key(&latest), Some((9, &b"key"[..], 3)));
        assert_eq!(prefix_end(&[1, 255, 255]), Some(vec![2]));
        assert_eq!(prefix_end(&[255]), None);
    }

    #[test]
    fn exactly_the_keys_that_encoding_makes_are_entity_keys() {
        use ScalarType::{Bool, Bytes, Float32, Float64, Int32, Int64, String as Text};
        let key = |values: &[Value]| {
            let mut out = Vec::new();
            values.iter().for_each(|value| encode_value(value, &mut out).unwrap());
            out
        };
        let types = [Int64, Text, Bytes, Float32, Float64, Bool, Int32];
        let text = |text: &str| Value::String(text.into());
        let good = key(&[
            Value::Int64(-5),
            text("a\0b"),
            Value::Bytes(vec![0, 1, 255, 0]),
            Value::Float32(-0.0),
            Value::Float64(1e300),
            Value::Bool(true),
            Value::Int32(7),
        ]);
        check_entity(types, &good).unwrap();
        check_entity([Text, Text], &key(&[text(""), text("é")])).unwrap();
        for cut in 0..good.len() {
            assert!(check_entity(types, &good[..cut]).is_err(), "cut at {cut}");
        }
        let longer = [good.as_slice(), &[0]].concat();
        assert!(check_entity(types, &longer).unwrap_err().message().contains("1 bytes too many"));
        assert!(check_entity([Bool], &[2]).is_err());
        assert!(check_entity([Text], b"abc").is_err());
        assert!(check_entity([Text], b"abc\0\x07").is_err());
        assert!(check_entity([Text], b"\xff\0\x01").is_err());
        assert!(check_entity([Float32], &(f32::NAN.to_bits() ^ (1 << 31)).to_be_bytes()).is_err());
        assert!(check_entity([Float64], &(!(-0.0f64).to_bits()).to_be_bytes()).is_err(), "zero has one form");
        assert!(check_entity([Bytes], &key(&[Value::Bytes(vec![1; ENTITY_KEY_BYTES_MAX])])).is_err());
    }

    #[test]
    fn dates_sort_by_day_before_and_after_1970_and_only_the_calendars_days_are_keys() {
        let key = |text: &str| encoded(&[Value::Date(text.parse().unwrap())]);
        assert_eq!(key("1970-01-01"), [128, 0, 0, 0]);
        assert_eq!(key("1969-12-31"), [127, 255, 255, 255]);
        let days = ["0001-01-01", "1969-12-31", "1970-01-01", "2024-06-01", "9999-12-31"];
        assert!(days.windows(2).all(|pair| key(pair[0]) < key(pair[1])));
        check_entity([ScalarType::Date], &key("0001-01-01")).unwrap();
        for days in [Date::MIN.as_days() - 1, Date::MAX.as_days() + 1, i32::MIN] {
            let mut bytes = Vec::new();
            encode_i32(days, &mut bytes);
            assert!(check_entity([ScalarType::Date], &bytes).is_err(), "{days}");
            assert!(decode_values(&[ScalarType::Date], &bytes).is_err(), "{days}");
        }
    }
}
