//! Order-preserving, self-delimiting encodings of single values: the bytes compare as the values do.
//!
//! [`key`](crate::key) has the table of them, and puts them together.

use crate::error::{Error, Result};

const STRING_END: [u8; 2] = [0, 1];
const ESCAPED_ZERO: [u8; 2] = [0, 255];

/// Appends a 32-bit integer.
pub fn encode_i32(value: i32, out: &mut Vec<u8>) {
    out.extend_from_slice(&((value as u32) ^ (1 << 31)).to_be_bytes());
}

/// Appends a 64-bit integer, or a timestamp's microseconds.
pub fn encode_i64(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(&((value as u64) ^ (1 << 63)).to_be_bytes());
}

/// Appends a 32-bit float.
///
/// # Errors
/// `Invalid` for NaN, which equals nothing and so can never be found again.
pub fn encode_f32(value: f32, out: &mut Vec<u8>) -> Result<()> {
    if value.is_nan() {
        return Err(nan_key());
    }
    let bits = (value + 0.0).to_bits();
    out.extend_from_slice(&if bits >> 31 == 1 { !bits } else { bits ^ (1 << 31) }.to_be_bytes());
    Ok(())
}

/// Appends a 64-bit float.
///
/// # Errors
/// `Invalid` for NaN, which equals nothing and so can never be found again.
pub fn encode_f64(value: f64, out: &mut Vec<u8>) -> Result<()> {
    if value.is_nan() {
        return Err(nan_key());
    }
    let bits = (value + 0.0).to_bits();
    out.extend_from_slice(&if bits >> 63 == 1 { !bits } else { bits ^ (1 << 63) }.to_be_bytes());
    Ok(())
}

fn nan_key() -> Error {
    Error::invalid("a join key cannot be NaN")
}

/// Appends text or bytes.
pub fn encode_bytes(value: &[u8], out: &mut Vec<u8>) {
    if value.contains(&0) {
        for &byte in value {
            match byte {
                0 => out.extend_from_slice(&ESCAPED_ZERO),
                _ => out.push(byte),
            }
        }
    } else {
        out.extend_from_slice(value);
    }
    out.extend_from_slice(&STRING_END);
}

/// Takes text or bytes without an escape from the front of a key; `None` where there is an escape.
#[inline]
pub(crate) fn take_plain<'a>(bytes: &mut &'a [u8]) -> Result<Option<&'a [u8]>> {
    let zero = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (text, rest) = bytes.split_at(zero);
    if rest.get(1) == Some(&ESCAPED_ZERO[1]) {
        return Ok(None);
    }
    *bytes = rest.strip_prefix(&STRING_END).ok_or_else(no_end)?;
    Ok(Some(text))
}

#[cold]
fn no_end() -> Error {
    Error::corrupt("a string in an entity key has no end")
}

pub(crate) fn decode_i32(bytes: [u8; 4]) -> i32 {
    (u32::from_be_bytes(bytes) ^ (1 << 31)) as i32
}

pub(crate) fn decode_i64(bytes: [u8; 8]) -> i64 {
    (u64::from_be_bytes(bytes) ^ (1 << 63)) as i64
}

pub(crate) fn decode_f32(bytes: [u8; 4]) -> f32 {
    let bits = u32::from_be_bytes(bytes);
    f32::from_bits(if bits >> 31 == 1 { bits ^ (1 << 31) } else { !bits })
}

pub(crate) fn decode_f64(bytes: [u8; 8]) -> f64 {
    let bits = u64::from_be_bytes(bytes);
    f64::from_bits(if bits >> 63 == 1 { bits ^ (1 << 63) } else { !bits })
}

#[inline]
pub(crate) fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>().ok_or_else(|| Error::corrupt("an entity key is cut short"))?;
    *bytes = rest;
    Ok(*head)
}

pub(crate) fn decode_bytes(bytes: &mut &[u8]) -> Result<Vec<u8>> {
    let mut value = Vec::new();
    let mut rest = *bytes;
    loop {
        let zero = rest.iter().position(|&byte| byte == 0).filter(|at| at + 1 < rest.len());
        let zero = zero.ok_or_else(no_end)?;
        value.extend_from_slice(&rest[..zero]);
        let escape = [rest[zero], rest[zero + 1]];
        rest = &rest[zero + 2..];
        match escape {
            ESCAPED_ZERO => value.push(0),
            STRING_END => break,
            _ => return Err(Error::corrupt("a string in an entity key has an unknown escape")),
        }
    }
    *bytes = rest;
    Ok(value)
}
