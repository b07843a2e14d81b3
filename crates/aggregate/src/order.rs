//! The order of values of fixed width, as whole numbers.

use asofdb_storage::{Date, Result, ScalarType};

use crate::wire::{corrupt, read_array, read_varint, unzigzag, write_varint, zigzag};

/// The key of a float: keys are in the total order of floats, in which -0.0 comes before 0.0.
#[inline]
pub(crate) fn float64_key(value: f64) -> i64 {
    float64_bits(value.to_bits() as i64)
}

/// Returns the key of a float of 32 bits; see [`float64_key`].
#[inline]
pub(crate) fn float32_key(value: f32) -> i64 {
    i64::from(float32_bits(value.to_bits() as i32))
}

/// Negative floats descend as their bits ascend. It is its own inverse.
#[inline]
fn float64_bits(bits: i64) -> i64 {
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

#[inline]
fn float32_bits(bits: i32) -> i32 {
    bits ^ ((bits >> 31) as u32 >> 1) as i32
}

/// The key of a value that a row stores as `stored`; `None` for a type of variable length.
pub(crate) fn stored_key(ty: ScalarType, stored: &[u8]) -> Option<i64> {
    Some(match ty {
        ScalarType::Bool => i64::from(*stored.first()?),
        ScalarType::Int32 | ScalarType::Date => i64::from(i32::from_le_bytes(stored.try_into().ok()?)),
        ScalarType::Int64 | ScalarType::Timestamp => i64::from_le_bytes(stored.try_into().ok()?),
        ScalarType::Float32 => float32_key(f32::from_le_bytes(stored.try_into().ok()?)),
        ScalarType::Float64 => float64_key(f64::from_le_bytes(stored.try_into().ok()?)),
        ScalarType::String | ScalarType::Bytes => return None,
    })
}

/// Appends the value of a key as a row stores it.
pub(crate) fn store_key(ty: ScalarType, key: i64, out: &mut Vec<u8>) {
    match ty {
        ScalarType::Bool => out.push(key as u8),
        ScalarType::Int32 | ScalarType::Date => out.extend_from_slice(&(key as i32).to_le_bytes()),
        ScalarType::Float32 => out.extend_from_slice(&float32_bits(key as i32).to_le_bytes()),
        ScalarType::Float64 => out.extend_from_slice(&float64_bits(key).to_le_bytes()),
        _ => out.extend_from_slice(&key.to_le_bytes()),
    }
}

/// Appends a key to a partial result: floats as they are, others short when they are small.
pub(crate) fn write_key(ty: ScalarType, key: i64, out: &mut Vec<u8>) {
    match ty {
        ScalarType::Float32 | ScalarType::Float64 => store_key(ty, key, out),
        _ => write_varint(zigzag(key), out),
    }
}

/// Reads back what [`write_key`] wrote.
pub(crate) fn read_key(ty: ScalarType, bytes: &mut &[u8]) -> Result<i64> {
    let key = match ty {
        ScalarType::Float32 => i64::from(float32_bits(i32::from_le_bytes(read_array(bytes)?))),
        ScalarType::Float64 => float64_bits(i64::from_le_bytes(read_array(bytes)?)),
        _ => unzigzag(read_varint(bytes)?),
    };
    match is_key(ty, key) {
        true => Ok(key),
        false => Err(corrupt("has a value that is none of its type")),
    }
}

fn is_key(ty: ScalarType, key: i64) -> bool {
    match ty {
        ScalarType::Bool => matches!(key, 0 | 1),
        ScalarType::Int32 => i32::try_from(key).is_ok(),
        ScalarType::Date => i32::try_from(key).is_ok_and(|days| Date::from_days(days).is_some()),
        ScalarType::Float32 => !f32::from_bits(float32_bits(key as i32) as u32).is_nan(),
        ScalarType::Float64 => !f64::from_bits(float64_bits(key) as u64).is_nan(),
        ScalarType::Int64 | ScalarType::Timestamp => true,
        ScalarType::String | ScalarType::Bytes => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_values_and_lead_back() {
        let floats = [f64::NEG_INFINITY, -1.5, -f64::MIN_POSITIVE, -0.0, 0.0, 5e-324, 1.0, f64::INFINITY];
        assert!(floats.map(float64_key).is_sorted_by(|a, b| a < b));
        assert!(floats.map(|float| float32_key(float as f32)).is_sorted_by(|a, b| a <= b));
        assert!(float32_key(-0.0) < float32_key(0.0));
        for float in floats {
            let mut out = Vec::new();
            store_key(ScalarType::Float64, float64_key(float), &mut out);
            assert_eq!(out, float.to_le_bytes());
            assert_eq!(stored_key(ScalarType::Float64, &out), Some(float64_key(float)));
            assert_eq!(read_key(ScalarType::Float64, &mut out.as_slice()).unwrap(), float64_key(float));
        }
    }

    #[test]
    fn keys_of_no_value_are_corrupt() {
        let mut out = Vec::new();
        write_key(ScalarType::Int64, 2_932_897, &mut out);
        assert!(read_key(ScalarType::Date, &mut out.as_slice()).is_err());
        assert!(read_key(ScalarType::Bool, &mut out.as_slice()).is_err());
        assert!(read_key(ScalarType::Int32, &mut out.as_slice()).is_ok());
        assert!(read_key(ScalarType::Float64, &mut f64::NAN.to_le_bytes().as_slice()).is_err());
    }
}
