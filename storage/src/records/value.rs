//! Values and their types within records: a number for the type, then the bytes of the value as a row stores it.

use super::codec::{Decode, DecodeError, Decoder, Encode, EncodeError, Encoder, impl_borrow_decode};
use crate::value::Value;
use crate::value_type::{ScalarType, ValueType};

/// A scalar type: its number, `u32`.
pub(super) struct ScalarTypeRecord(pub(super) ScalarType);

/// The type of a feature: 0 for one value or 1 for a list, `u32`, then the scalar type.
pub(super) struct ValueTypeRecord(pub(super) ValueType);

/// A value. A single one is its number, `u32`, then its bytes, behind their length as `u64` where the length varies.
/// A list is the number 8, the type of its items, their count as `u64`, and each as a single value.
pub(super) struct ValueRecord(pub(super) Value);

const ONE: u32 = 0;
const MANY: u32 = 1;

/// The number of a list among values. Types that came later than lists have numbers after it.
const LIST: u32 = 8;

impl Encode for ScalarTypeRecord {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.0.number().encode(encoder)
    }
}

impl<C> Decode<C> for ScalarTypeRecord {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let number = u32::decode(decoder)?;
        ScalarType::from_number(number).map(ScalarTypeRecord).ok_or_else(|| unknown(number))
    }
}

impl Encode for ValueTypeRecord {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        let (count, scalar) = match self.0 {
            ValueType::Scalar(scalar) => (ONE, scalar),
            ValueType::List(item) => (MANY, item),
        };
        count.encode(encoder)?;
        ScalarTypeRecord(scalar).encode(encoder)
    }
}

impl<C> Decode<C> for ValueTypeRecord {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let count = u32::decode(decoder)?;
        let ScalarTypeRecord(scalar) = ScalarTypeRecord::decode(decoder)?;
        match count {
            ONE => Ok(ValueTypeRecord(ValueType::Scalar(scalar))),
            MANY => Ok(ValueTypeRecord(ValueType::List(scalar))),
            _ => Err(unknown(count)),
        }
    }
}

impl Encode for ValueRecord {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        match &self.0 {
            Value::List(item, values) => {
                LIST.encode(encoder)?;
                ScalarTypeRecord(*item).encode(encoder)?;
                (values.len() as u64).encode(encoder)?;
                values.iter().try_for_each(|value| encode_single(value, encoder))
            }
            single => encode_single(single, encoder),
        }
    }
}

/// Items of lists are single values: reading never recurses.
impl<C> Decode<C> for ValueRecord {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let number = u32::decode(decoder)?;
        if number != LIST {
            return decode_single(number, decoder).map(ValueRecord);
        }
        let ScalarTypeRecord(item) = ScalarTypeRecord::decode(decoder)?;
        // The count is not trusted: memory grows with the items that are there.
        let mut items = Vec::new();
        for _ in 0..u64::decode(decoder)? {
            let number = u32::decode(decoder)?;
            items.push(decode_single(number, decoder)?);
        }
        Ok(ValueRecord(Value::List(item, items)))
    }
}

impl_borrow_decode!(ScalarTypeRecord);
impl_borrow_decode!(ValueTypeRecord);
impl_borrow_decode!(ValueRecord);

fn encode_single<E: Encoder>(value: &Value, encoder: &mut E) -> Result<(), EncodeError> {
    let ValueType::Scalar(ty) = value.value_type() else {
        return Err(EncodeError::Other("a list holds no lists"));
    };
    let number = ty.number();
    (number + u32::from(number >= LIST)).encode(encoder)?;
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    match ty.fixed_bytes() {
        Some(_) => bytes.iter().try_for_each(|byte| byte.encode(encoder)),
        None => bytes.encode(encoder),
    }
}

fn decode_single<D: Decoder>(number: u32, decoder: &mut D) -> Result<Value, DecodeError> {
    let ty = match number {
        LIST => None,
        number => ScalarType::from_number(number - u32::from(number > LIST)),
    };
    let ty = ty.ok_or_else(|| unknown(number))?;
    let bytes = match ty.fixed_bytes() {
        Some(width) => (0..width).map(|_| u8::decode(decoder)).collect::<Result<Vec<u8>, _>>()?,
        None => Vec::<u8>::decode(decoder)?,
    };
    Value::decode(ValueType::Scalar(ty), &bytes).map_err(|error| DecodeError::OtherString(error.message().to_owned()))
}

fn unknown(number: u32) -> DecodeError {
    DecodeError::OtherString(format!("no type has the number {number}"))
}
