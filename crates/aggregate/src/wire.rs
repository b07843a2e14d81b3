//! Numbers and values in the bytes of partial results.

use asofdb_storage::{Error, ListItems, Result, ScalarType, ValueType, dispatch_scalar, scalar::Scalar};

/// Appends a number, seven bits a byte, the least first: small ones take one byte.
pub(crate) fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads back what [`write_varint`] wrote, and nothing else: each number has one form.
#[inline]
pub(crate) fn read_varint(bytes: &mut &[u8]) -> Result<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = read_byte(bytes)?;
        let part = u64::from(byte & 0x7f);
        if part << shift >> shift != part || (byte == 0 && shift > 0) {
            break;
        }
        value |= part << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(corrupt("has a number that is too long"))
}

/// Makes a number of small magnitude a small number: 0, -1, 1, -2 become 0, 1, 2, 3.
#[inline]
pub(crate) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Turns back [`zigzag`].
#[inline]
pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Reads one byte.
#[inline]
pub(crate) fn read_byte(bytes: &mut &[u8]) -> Result<u8> {
    read_array::<1>(bytes).map(|[byte]| byte)
}

/// Reads a byte that is 0 or 1.
pub(crate) fn read_truth(bytes: &mut &[u8]) -> Result<bool> {
    match read_byte(bytes)? {
        byte @ (0 | 1) => Ok(byte == 1),
        _ => Err(corrupt("has a truth that is neither 0 nor 1")),
    }
}

/// Reads so many bytes.
#[inline]
pub(crate) fn read_array<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk::<N>().ok_or_else(|| corrupt("is cut short"))?;
    *bytes = rest;
    Ok(*first)
}

/// Reads so many bytes, and copies nothing.
pub(crate) fn read_slice<'a>(bytes: &mut &'a [u8], len: u64) -> Result<&'a [u8]> {
    let parts = usize::try_from(len).ok().and_then(|len| bytes.split_at_checked(len));
    let (first, rest) = parts.ok_or_else(|| corrupt("is cut short"))?;
    *bytes = rest;
    Ok(first)
}

/// Reads a float.
#[inline]
pub(crate) fn read_float(bytes: &mut &[u8]) -> Result<f64> {
    read_array(bytes).map(f64::from_le_bytes)
}

/// Appends a float. NaN, which has many forms and is not the same one on every platform, gets one form.
#[inline]
pub(crate) fn write_float(value: f64, out: &mut Vec<u8>) {
    let value = if value.is_nan() { f64::NAN } else { value };
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends a stored value; before one of variable length goes its length.
pub(crate) fn write_stored(ty: ValueType, stored: &[u8], out: &mut Vec<u8>) {
    if ty.fixed_bytes().is_none() {
        write_varint(stored.len() as u64, out);
    }
    out.extend_from_slice(stored);
}

/// Reads back what [`write_stored`] wrote: bytes that are a value of the type, and no NaN.
pub(crate) fn read_stored<'a>(ty: ValueType, bytes: &mut &'a [u8]) -> Result<&'a [u8]> {
    let len = match ty.fixed_bytes() {
        Some(len) => len as u64,
        None => read_varint(bytes)?,
    };
    let stored = read_slice(bytes, len)?;
    match ty {
        ValueType::Scalar(item) => check_item(item, stored)?,
        ValueType::List(item) => ListItems::new(item, stored)?.try_for_each(|stored| check_form(item, stored?))?,
    }
    Ok(stored)
}

fn check_item(item: ScalarType, stored: &[u8]) -> Result<()> {
    check_form(item, stored)?;
    match is_nan(item, stored) {
        true => Err(corrupt("has a value that is no number")),
        false => Ok(()),
    }
}

fn check_form(item: ScalarType, stored: &[u8]) -> Result<()> {
    dispatch_scalar!(item, T => T::from_stored(stored).map(drop))
}

fn is_nan(item: ScalarType, stored: &[u8]) -> bool {
    match item {
        ScalarType::Float32 => stored.try_into().is_ok_and(|bytes| f32::from_le_bytes(bytes).is_nan()),
        ScalarType::Float64 => stored.try_into().is_ok_and(|bytes| f64::from_le_bytes(bytes).is_nan()),
        _ => false,
    }
}

/// The error of bytes that are no partial result.
#[cold]
pub(crate) fn corrupt(what: &str) -> Error {
    Error::corrupt(format!("a stored partial result {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_and_have_one_form() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut out = Vec::new();
            write_varint(value, &mut out);
            let mut bytes = out.as_slice();
            assert_eq!((read_varint(&mut bytes).unwrap(), bytes.len()), (value, 0));
        }
        for bad in
            [&[][..], &[0x80], &[0x80, 0], &[0xff; 10], &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2]]
        {
            assert!(read_varint(&mut &*bad).is_err(), "{bad:?}");
        }
        for value in [0, -1, 1, i64::MIN, i64::MAX] {
            assert_eq!(unzigzag(zigzag(value)), value);
        }
        assert_eq!([0, -1, 1, -2].map(zigzag), [0, 1, 2, 3]);
    }
}
