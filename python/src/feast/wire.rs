//! Feast's messages on the wire, as far as the plug-in writes and reads them.
//!
//! `feast.types.Value` has one field a type. Those that the store has types for are numbered like the scalars here, and
//! the lists of them ten higher; a list is a message whose field 1 holds the items.

use asofdb::storage::ListItems;
use asofdb::{Date, Error, Result, ScalarType, Timestamp, ValueType};
use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};

const MICROS_PER_SECOND: i64 = 1_000_000;

const SECONDS_PER_DAY: i64 = 86_400;

/// The seconds by which Feast means that there is no time: numpy's NaT.
const NOT_A_TIME: i64 = i64::MIN;

/// The microseconds that stand for it within a list of the store, which has no nulls: a microsecond into the year 1. It
/// is a time that every reader can show, and none that Feast could mean: Feast's times are whole seconds.
pub(super) const NOT_A_TIME_MICROS: i64 = FIRST_SECOND * MICROS_PER_SECOND + 1;

/// The field of `Value` that holds values of a type.
fn field_number(ty: ValueType) -> u32 {
    match ty {
        ValueType::Scalar(scalar) => scalar_number(scalar),
        ValueType::List(item) => scalar_number(item) + LIST_OFFSET,
    }
}

const LIST_OFFSET: u32 = 10;

fn scalar_number(scalar: ScalarType) -> u32 {
    match scalar {
        ScalarType::Bytes => 1,
        ScalarType::String => 2,
        ScalarType::Int32 => 3,
        ScalarType::Int64 => 4,
        ScalarType::Float64 => 5,
        ScalarType::Float32 => 6,
        ScalarType::Bool => 7,
        // Feast has no dates: they are its timestamps of midnight in UTC.
        ScalarType::Timestamp | ScalarType::Date => 8,
    }
}

fn scalar_of_number(number: u32) -> Option<ScalarType> {
    ScalarType::ALL.into_iter().find(|scalar| scalar_number(*scalar) == number)
}

/// Appends a field of bytes, text or a message.
pub(super) fn put_field(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Appends a whole number, unless it is zero: what is absent reads as zero.
pub(super) fn put_number(number: u32, value: i64, out: &mut Vec<u8>) {
    if value != 0 {
        encode_key(number, WireType::Varint, out);
        encode_varint(value as u64, out);
    }
}

/// Appends the fields of a `google.protobuf.Timestamp`.
pub(super) fn put_timestamp(time: Timestamp, out: &mut Vec<u8>) {
    let micros = time.as_micros();
    put_number(1, micros.div_euclid(MICROS_PER_SECOND), out);
    put_number(2, micros.rem_euclid(MICROS_PER_SECOND) * 1_000, out);
}

/// The seconds that Feast has for a timestamp; what is below a second is cut off.
pub(super) fn seconds(micros: i64) -> i64 {
    match micros {
        NOT_A_TIME_MICROS => NOT_A_TIME,
        micros => micros.div_euclid(MICROS_PER_SECOND),
    }
}

/// The seconds that Feast has for a date, in days since 1970.
pub(super) fn date_seconds(days: i32) -> i64 {
    i64::from(days) * SECONDS_PER_DAY
}

/// The date of Feast's seconds, in days since 1970; `None` where they say that there is no time.
///
/// # Errors
/// `Invalid` when they are no midnight or out of range.
pub(super) fn date_days(seconds: i64) -> Result<Option<i32>> {
    let date = match seconds {
        NOT_A_TIME => return Ok(None),
        seconds if seconds % SECONDS_PER_DAY == 0 => {
            i32::try_from(seconds / SECONDS_PER_DAY).ok().and_then(Date::from_days)
        }
        _ => None,
    };
    let date = date.ok_or_else(|| Error::invalid(format!("a date is a midnight in UTC: got {seconds} seconds")))?;
    Ok(Some(date.as_days()))
}

/// Appends the fields of a `Value` that holds what a row stores as `stored`.
///
/// # Errors
/// `Corrupt` when the stored bytes are no value of the type.
pub(super) fn put_value(ty: ValueType, stored: &[u8], out: &mut Vec<u8>) -> Result<()> {
    match ty {
        ValueType::Scalar(scalar) => put_scalar(field_number(ty), scalar, stored, out),
        ValueType::List(item) => {
            let mut items = Vec::with_capacity(stored.len() + 8);
            put_items(item, stored, &mut items)?;
            put_field(field_number(ty), &items, out);
            Ok(())
        }
    }
}

fn put_scalar(number: u32, scalar: ScalarType, stored: &[u8], out: &mut Vec<u8>) -> Result<()> {
    match scalar {
        ScalarType::String | ScalarType::Bytes => put_field(number, stored, out),
        ScalarType::Float32 | ScalarType::Float64 => {
            let wire_type = if scalar == ScalarType::Float32 { WireType::ThirtyTwoBit } else { WireType::SixtyFourBit };
            encode_key(number, wire_type, out);
            // Both sides are little-endian.
            out.extend_from_slice(stored);
        }
        ScalarType::Bool | ScalarType::Int32 | ScalarType::Int64 | ScalarType::Timestamp | ScalarType::Date => {
            encode_key(number, WireType::Varint, out);
            encode_varint(whole(scalar, stored)? as u64, out);
        }
    }
    Ok(())
}

/// Appends the items of a list: numbers packed into one field, texts a field each.
fn put_items(item: ScalarType, stored: &[u8], out: &mut Vec<u8>) -> Result<()> {
    match item {
        ScalarType::Float32 | ScalarType::Float64 if stored.is_empty() => Ok(()),
        ScalarType::Float32 | ScalarType::Float64 => {
            put_field(1, stored, out);
            Ok(())
        }
        ScalarType::String | ScalarType::Bytes => ListItems::new(item, stored)?.try_for_each(|bytes| {
            put_field(1, bytes?, out);
            Ok(())
        }),
        ScalarType::Bool | ScalarType::Int32 | ScalarType::Int64 | ScalarType::Timestamp | ScalarType::Date => {
            let mut packed = Vec::with_capacity(2 * stored.len());
            for bytes in ListItems::new(item, stored)? {
                encode_varint(whole(item, bytes?)? as u64, &mut packed);
            }
            if !packed.is_empty() {
                put_field(1, &packed, out);
            }
            Ok(())
        }
    }
}

/// A stored number as the wire has it.
fn whole(scalar: ScalarType, stored: &[u8]) -> Result<i64> {
    let number = match scalar {
        ScalarType::Bool => stored.first().map(|byte| i64::from(*byte)),
        ScalarType::Int32 => stored.try_into().ok().map(|bytes| i64::from(i32::from_le_bytes(bytes))),
        ScalarType::Timestamp => stored.try_into().ok().map(|bytes| seconds(i64::from_le_bytes(bytes))),
        ScalarType::Date => stored.try_into().ok().map(|bytes| date_seconds(i32::from_le_bytes(bytes))),
        _ => stored.try_into().ok().map(i64::from_le_bytes),
    };
    number.ok_or_else(|| Error::corrupt(format!("a stored {scalar} cannot have this length: {} bytes", stored.len())))
}

/// The contents of a serialized `Value`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Parsed<'a> {
    Null,
    Bytes(&'a [u8]),
    String(&'a str),
    Int32(i32),
    Int64(i64),
    Float64(f64),
    Float32(f32),
    Bool(bool),
    /// Seconds since the epoch.
    Timestamp(i64),
    /// A list of a type that the store has, and the serialized message with its items.
    List(ScalarType, &'a [u8]),
    /// Another type, by its field.
    Other(u32),
}

impl Parsed<'_> {
    /// Returns Feast's name for such a value.
    pub(super) fn kind(&self) -> String {
        match self {
            Parsed::Null => "null".to_owned(),
            Parsed::Bytes(_) => "bytes".to_owned(),
            Parsed::String(_) => "string".to_owned(),
            Parsed::Int32(_) => "int32".to_owned(),
            Parsed::Int64(_) => "int64".to_owned(),
            Parsed::Float64(_) => "double".to_owned(),
            Parsed::Float32(_) => "float".to_owned(),
            Parsed::Bool(_) => "bool".to_owned(),
            Parsed::Timestamp(_) => "unix_timestamp".to_owned(),
            Parsed::List(item, _) => format!("list of {item}"),
            Parsed::Other(number) => format!("value of field {number} of feast.types.Value"),
        }
    }
}

/// The number of `null_val`, which says null in so many words.
const NULL_NUMBER: u32 = 19;

/// Reads a serialized `Value`. Of several fields the last one counts.
///
/// # Errors
/// `Invalid` when the bytes are no such message.
pub(super) fn parse_value(message: &[u8]) -> Result<Parsed<'_>> {
    let mut parsed = Parsed::Null;
    each_field(message, |number, payload| {
        parsed = match (scalar_of_number(number), list_item(number), payload) {
            (Some(scalar), _, payload) => parse_scalar(scalar, payload)?,
            (None, Some(item), Payload::Bytes(items)) => Parsed::List(item, items),
            (None, ..) if number == NULL_NUMBER => Parsed::Null,
            (None, ..) => Parsed::Other(number),
        };
        Ok(())
    })?;
    Ok(parsed)
}

fn list_item(number: u32) -> Option<ScalarType> {
    number.checked_sub(LIST_OFFSET).and_then(scalar_of_number)
}

fn parse_scalar<'a>(scalar: ScalarType, payload: Payload<'a>) -> Result<Parsed<'a>> {
    Ok(match (scalar, payload) {
        (ScalarType::Bytes, Payload::Bytes(bytes)) => Parsed::Bytes(bytes),
        (ScalarType::String, Payload::Bytes(bytes)) => Parsed::String(text(bytes)?),
        (ScalarType::Int32, Payload::Number(number)) => Parsed::Int32(number as i32),
        (ScalarType::Int64, Payload::Number(number)) => Parsed::Int64(number as i64),
        (ScalarType::Float64, Payload::Eight(bytes)) => Parsed::Float64(f64::from_le_bytes(bytes)),
        (ScalarType::Float32, Payload::Four(bytes)) => Parsed::Float32(f32::from_le_bytes(bytes)),
        (ScalarType::Bool, Payload::Number(number)) => Parsed::Bool(number != 0),
        (ScalarType::Timestamp, Payload::Number(number)) => Parsed::Timestamp(number as i64),
        _ => return Err(malformed()),
    })
}

/// Hands each item of a list to `visit`.
///
/// # Errors
/// `Invalid` when the bytes are no such message; else those of `visit`.
pub(super) fn each_item<'a>(
    item: ScalarType,
    message: &'a [u8],
    mut visit: impl FnMut(Parsed<'a>) -> Result<()>,
) -> Result<()> {
    let is_text = matches!(item, ScalarType::String | ScalarType::Bytes);
    each_field(message, |_, payload| match payload {
        Payload::Bytes(mut packed) if !is_text => {
            while !packed.is_empty() {
                visit(parse_scalar(item, Payload::packed(item, &mut packed)?)?)?;
            }
            Ok(())
        }
        payload => visit(parse_scalar(item, payload)?),
    })
}

/// One field's content.
#[derive(Debug, Clone, Copy)]
pub(super) enum Payload<'a> {
    Number(u64),
    Eight([u8; 8]),
    Four([u8; 4]),
    Bytes(&'a [u8]),
}

impl<'a> Payload<'a> {
    fn read(wire_type: WireType, from: &mut &'a [u8]) -> Result<Self> {
        Ok(match wire_type {
            WireType::Varint => Payload::Number(decode_varint(from).map_err(|_| malformed())?),
            WireType::SixtyFourBit => Payload::Eight(take(from)?),
            WireType::ThirtyTwoBit => Payload::Four(take(from)?),
            WireType::LengthDelimited => {
                let len = decode_varint(from).map_err(|_| malformed())?;
                let len = usize::try_from(len).map_err(|_| malformed())?;
                let (bytes, rest) = from.split_at_checked(len).ok_or_else(malformed)?;
                *from = rest;
                Payload::Bytes(bytes)
            }
            WireType::StartGroup | WireType::EndGroup => return Err(malformed()),
        })
    }

    /// The next item of a packed field.
    fn packed(item: ScalarType, from: &mut &'a [u8]) -> Result<Self> {
        let wire_type = match item {
            ScalarType::Float64 => WireType::SixtyFourBit,
            ScalarType::Float32 => WireType::ThirtyTwoBit,
            _ => WireType::Varint,
        };
        Payload::read(wire_type, from)
    }
}

fn take<const N: usize>(from: &mut &[u8]) -> Result<[u8; N]> {
    let (bytes, rest) = from.split_first_chunk::<N>().ok_or_else(malformed)?;
    *from = rest;
    Ok(*bytes)
}

/// Hands each field of a message to `visit`, with its number.
///
/// # Errors
/// `Invalid` when the bytes are no message; else those of `visit`.
pub(super) fn each_field<'a>(
    mut message: &'a [u8],
    mut visit: impl FnMut(u32, Payload<'a>) -> Result<()>,
) -> Result<()> {
    while !message.is_empty() {
        let (number, wire_type) = decode_key(&mut message).map_err(|_| malformed())?;
        visit(number, Payload::read(wire_type, &mut message)?)?;
    }
    Ok(())
}

/// Bytes that are UTF-8.
///
/// # Errors
/// `Invalid` when they are not.
pub(super) fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| Error::invalid("a text of Feast is not UTF-8"))
}

/// The microseconds of Feast's seconds; `None` where they say that there is no time.
///
/// # Errors
/// `Invalid`, naming the unit that they look like, when they are not of the years 1 to 9999: beyond them Feast cannot
/// show a time.
pub(super) fn micros(seconds: i64) -> Result<Option<i64>> {
    match seconds {
        NOT_A_TIME => Ok(None),
        FIRST_SECOND..=LAST_SECOND => Ok(Some(seconds * MICROS_PER_SECOND)),
        _ => {
            let unit = match seconds.unsigned_abs() {
                magnitude if magnitude < 100_000_000_000_000 => "milliseconds",
                magnitude if magnitude < 100_000_000_000_000_000 => "microseconds",
                _ => "nanoseconds",
            };
            let message = "whole numbers are seconds since 1970, this looks like";
            Err(Error::invalid(format!("{message} {unit}: {seconds}")))
        }
    }
}

/// The first second of the year 1, and the last one of the year 9999.
const FIRST_SECOND: i64 = -62_135_596_800;
const LAST_SECOND: i64 = 253_402_300_799;

#[cold]
fn malformed() -> Error {
    Error::invalid("the bytes are not a message of Feast")
}
