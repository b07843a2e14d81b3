//! Times, types and values within messages.

use asofdb::{ScalarType, Span, Timestamp, Value, ValueType};

use crate::codec::{Decode, DecodeError, Decoder, Encode, EncodeError, Encoder, impl_borrow_decode};

/// A point in time: microseconds since 1970, `i64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct TimeMessage(i64);

impl From<Timestamp> for TimeMessage {
    fn from(time: Timestamp) -> Self {
        TimeMessage(time.as_micros())
    }
}

impl From<TimeMessage> for Timestamp {
    fn from(time: TimeMessage) -> Self {
        Timestamp::from_micros(time.0)
    }
}

/// A length of time: microseconds, `i64`, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct SpanMessage(i64);

impl From<Span> for SpanMessage {
    fn from(span: Span) -> Self {
        SpanMessage(span.as_micros())
    }
}

impl From<SpanMessage> for Span {
    fn from(span: SpanMessage) -> Self {
        Span::from_micros(span.0)
    }
}

/// A scalar type: its number, `u32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScalarTypeMessage(pub ScalarType);

impl Encode for ScalarTypeMessage {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.0.number().encode(encoder)
    }
}

impl<C> Decode<C> for ScalarTypeMessage {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let number = u32::decode(decoder)?;
        ScalarType::from_number(number).map(ScalarTypeMessage).ok_or_else(|| unknown(number))
    }
}

impl_borrow_decode!(ScalarTypeMessage);

/// The type of a feature: 0 for one value or 1 for a list, `u32`, then the scalar type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueTypeMessage(pub ValueType);

impl ValueTypeMessage {
    const ONE: u32 = 0;
    const MANY: u32 = 1;
}

impl Encode for ValueTypeMessage {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        let (count, scalar) = match self.0 {
            ValueType::Scalar(scalar) => (Self::ONE, scalar),
            ValueType::List(item) => (Self::MANY, item),
        };
        count.encode(encoder)?;
        ScalarTypeMessage(scalar).encode(encoder)
    }
}

impl<C> Decode<C> for ValueTypeMessage {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let count = u32::decode(decoder)?;
        let ScalarTypeMessage(scalar) = ScalarTypeMessage::decode(decoder)?;
        match count {
            Self::ONE => Ok(ValueTypeMessage(ValueType::Scalar(scalar))),
            Self::MANY => Ok(ValueTypeMessage(ValueType::List(scalar))),
            _ => Err(unknown(count)),
        }
    }
}

impl_borrow_decode!(ValueTypeMessage);

/// A value. A single one is its number, `u32`, then its bytes as a row stores them, behind their length as `u64` where
/// the length varies. A list is the number 8, the type of its items, their count as `u64`, and each as a single value.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueMessage(pub Value);

/// The number of a list among values. Types that came later than lists have numbers after it.
const LIST: u32 = 8;

impl Encode for ValueMessage {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        match &self.0 {
            Value::List(item, values) => {
                LIST.encode(encoder)?;
                ScalarTypeMessage(*item).encode(encoder)?;
                (values.len() as u64).encode(encoder)?;
                values.iter().try_for_each(|value| encode_single(value, encoder))
            }
            single => encode_single(single, encoder),
        }
    }
}

/// Items of lists are single values: decoding never recurses.
impl<C> Decode<C> for ValueMessage {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let number = u32::decode(decoder)?;
        if number != LIST {
            return decode_single(number, decoder).map(ValueMessage);
        }
        let ScalarTypeMessage(item) = ScalarTypeMessage::decode(decoder)?;
        // The count is not trusted: memory grows with the items that are there.
        let mut items = Vec::new();
        for _ in 0..u64::decode(decoder)? {
            let number = u32::decode(decoder)?;
            items.push(decode_single(number, decoder)?);
        }
        Ok(ValueMessage(Value::List(item, items)))
    }
}

impl_borrow_decode!(ValueMessage);

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
