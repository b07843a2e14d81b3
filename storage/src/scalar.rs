//! Each scalar type's values, and their bytes in rows and in keys.
//!
//! Whatever must be said of a type's values is said here once. [`dispatch_scalar!`](crate::dispatch_scalar) leads from
//! a [`ScalarType`], which is known when the program runs, to the marker of the type, for which code is compiled.

use std::fmt;

use crate::date::Date as Day;
use crate::error::{Error, Result};
use crate::ordered;
use crate::time::Timestamp as Time;
use crate::value_type::ScalarType;

mod sealed {
    pub trait Sealed {}
}

/// A scalar type at compile time. It is implemented by the markers of this module, one a type.
pub trait Scalar: sealed::Sealed + 'static {
    /// The type.
    const TYPE: ScalarType;

    /// The name used in definitions.
    const NAME: &'static str = Self::TYPE.name();

    /// Bytes of an encoded value; `None` for the types of variable length.
    const FIXED_BYTES: Option<usize> = Self::TYPE.fixed_bytes();

    /// A value, as [`Value`](crate::Value) holds it.
    type Owned;

    /// A value, borrowed where it is text or bytes.
    type Ref<'a>: Copy;

    /// The bytes of a value in a row: little-endian, of known length where the type's is fixed.
    type Stored<'a>: AsRef<[u8]>;

    /// Borrows a value.
    fn borrow(value: &Self::Owned) -> Self::Ref<'_>;

    /// Returns the bytes of a value in a row.
    fn stored(value: Self::Ref<'_>) -> Self::Stored<'_>;

    /// Reads back what [`Scalar::stored`] wrote.
    ///
    /// # Errors
    /// `Corrupt` when the bytes are no value of the type.
    fn from_stored(bytes: &[u8]) -> Result<Self::Ref<'_>>;

    /// Returns the owned value.
    fn owned(value: Self::Ref<'_>) -> Self::Owned;

    /// Appends a value to an entity key.
    ///
    /// # Errors
    /// `Invalid` for NaN.
    fn write_key(value: Self::Ref<'_>, out: &mut Vec<u8>) -> Result<()>;

    /// Reads a value from the front of an entity key.
    ///
    /// # Errors
    /// `Corrupt` when there is none.
    fn read_key(bytes: &mut &[u8]) -> Result<Self::Owned>;

    /// Leaves out a value at the front of an entity key, if it is exactly what [`Scalar::write_key`] writes.
    ///
    /// # Errors
    /// `Corrupt` when it is not.
    fn check_key(bytes: &mut &[u8]) -> Result<()>;

    /// Prints a value as in definition files: text in quotes; bytes that are not text as escapes.
    ///
    /// # Errors
    /// Those of `f`.
    fn print(value: Self::Ref<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// Runs an expression with the marker of a [`ScalarType`]: `dispatch_scalar!(ty, T => name_of::<T>())`.
///
/// The expression is compiled once a type, so that nothing is decided value by value.
#[macro_export]
macro_rules! dispatch_scalar {
    ($ty:expr, $marker:ident => $expression:expr) => {
        $crate::dispatch_scalar!(
            @arms $ty, $marker => $expression;
            Bool Int32 Int64 Float32 Float64 String Bytes Timestamp Date
        )
    };
    (@arms $ty:expr, $marker:ident => $expression:expr; $($name:ident)*) => {
        match $ty {
            $($crate::ScalarType::$name => {
                type $marker = $crate::scalar::$name;
                $expression
            })*
        }
    };
}

/// Hands the names of all scalar types, which are those of the markers and of the variants of [`ScalarType`] and
/// [`Value`](crate::Value), to another macro.
#[macro_export]
macro_rules! for_each_scalar {
    ($macro:ident) => {
        $macro! { Bool Int32 Int64 Float32 Float64 String Bytes Timestamp Date }
    };
}

/// The marker of a type of fixed width, and what it is.
macro_rules! fixed_scalar {
    (
        $(#[$doc:meta])*
        $marker:ident($value:ty)
        store: $store:expr, load: $load:expr,
        key: $write_key:expr, $read_key:expr, $check_key:expr
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $marker;

        impl $marker {
            const BYTES: usize = width(ScalarType::$marker);
        }

        impl sealed::Sealed for $marker {}

        impl Scalar for $marker {
            const TYPE: ScalarType = ScalarType::$marker;

            type Owned = $value;
            type Ref<'a> = $value;
            type Stored<'a> = [u8; $marker::BYTES];

            #[inline]
            fn borrow(value: &$value) -> $value {
                *value
            }

            #[inline]
            fn stored(value: Self::Ref<'_>) -> Self::Stored<'_> {
                $store(value)
            }

            #[inline]
            fn from_stored(bytes: &[u8]) -> Result<$value> {
                let bytes: [u8; $marker::BYTES] = bytes.try_into().map_err(|_| wrong_length::<Self>(bytes.len()))?;
                $load(bytes)
            }

            #[inline]
            fn owned(value: $value) -> $value {
                value
            }

            #[inline]
            fn write_key(value: $value, out: &mut Vec<u8>) -> Result<()> {
                $write_key(value, out)
            }

            #[inline]
            fn read_key(bytes: &mut &[u8]) -> Result<Self::Owned> {
                ordered::take(bytes).and_then($read_key)
            }

            #[inline]
            fn check_key(bytes: &mut &[u8]) -> Result<()> {
                ordered::take::<{ $marker::BYTES }>(bytes).and_then($check_key)
            }

            fn print(value: $value, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&value, f)
            }
        }
    };
}

/// Bytes of a value of a type of fixed width, known when the code is compiled.
const fn width(ty: ScalarType) -> usize {
    match ty.fixed_bytes() {
        Some(bytes) => bytes,
        None => panic!("a type of variable length has no width"),
    }
}

#[cold]
fn wrong_length<T: Scalar>(bytes: usize) -> Error {
    Error::corrupt(format!("a stored {} cannot have this length: {bytes} bytes", T::NAME))
}

fixed_scalar! {
    /// The type `bool`.
    Bool(bool)
    store: |value| [u8::from(value)],
    load: |[byte]: [u8; 1]| truth(byte).ok_or_else(|| Error::corrupt("a stored bool is one byte, 0 or 1")),
    key: written(|value, out| out.push(u8::from(value))), key_truth, |byte| key_truth(byte).map(drop)
}

fixed_scalar! {
    /// The type `int32`.
    Int32(i32)
    store: i32::to_le_bytes, load: |bytes| Ok(i32::from_le_bytes(bytes)),
    key: written(ordered::encode_i32), |bytes| Ok(ordered::decode_i32(bytes)), |_| Ok(())
}

fixed_scalar! {
    /// The type `int64`.
    Int64(i64)
    store: i64::to_le_bytes, load: |bytes| Ok(i64::from_le_bytes(bytes)),
    key: written(ordered::encode_i64), |bytes| Ok(ordered::decode_i64(bytes)), |_| Ok(())
}

fixed_scalar! {
    /// The type `float32`.
    Float32(f32)
    store: f32::to_le_bytes, load: |bytes| Ok(f32::from_le_bytes(bytes)),
    key: ordered::encode_f32, |bytes| Ok(ordered::decode_f32(bytes)),
    |bytes| one_form::<Self>(ordered::decode_f32(bytes), bytes)
}

fixed_scalar! {
    /// The type `float64`.
    Float64(f64)
    store: f64::to_le_bytes, load: |bytes| Ok(f64::from_le_bytes(bytes)),
    key: ordered::encode_f64, |bytes| Ok(ordered::decode_f64(bytes)),
    |bytes| one_form::<Self>(ordered::decode_f64(bytes), bytes)
}

fixed_scalar! {
    /// The type `timestamp`: microseconds since 1970, UTC.
    Timestamp(Time)
    store: |time: Time| time.as_micros().to_le_bytes(), load: |bytes| Ok(Time::from_micros(i64::from_le_bytes(bytes))),
    key: written(|time: Time, out| ordered::encode_i64(time.as_micros(), out)),
    |bytes| Ok(Time::from_micros(ordered::decode_i64(bytes))), |_| Ok(())
}

fixed_scalar! {
    /// The type `date`: days since 1970-01-01.
    Date(Day)
    store: |day: Day| day.as_days().to_le_bytes(),
    load: |bytes| Day::from_days(i32::from_le_bytes(bytes)).ok_or_else(|| out_of_range("a stored date")),
    key: written(|day: Day, out| ordered::encode_i32(day.as_days(), out)), key_date, |bytes| key_date(bytes).map(drop)
}

/// The way to write a value to a key that cannot fail.
#[inline]
fn written<V>(write: impl Fn(V, &mut Vec<u8>)) -> impl Fn(V, &mut Vec<u8>) -> Result<()> {
    move |value, out| {
        write(value, out);
        Ok(())
    }
}

fn truth(byte: u8) -> Option<bool> {
    matches!(byte, 0 | 1).then_some(byte == 1)
}

fn key_truth([byte]: [u8; 1]) -> Result<bool> {
    truth(byte).ok_or_else(|| Error::corrupt("a bool in an entity key is 0 or 1"))
}

fn key_date(bytes: [u8; 4]) -> Result<Day> {
    Day::from_days(ordered::decode_i32(bytes)).ok_or_else(|| out_of_range("a date in an entity key"))
}

#[cold]
fn out_of_range(what: &str) -> Error {
    Error::corrupt(format!("{what} is not from {} to {}", Day::MIN, Day::MAX))
}

/// NaN has many forms and −0 is stored as 0: only what encoding makes is a key.
fn one_form<T: Scalar>(value: T::Ref<'_>, bytes: impl AsRef<[u8]>) -> Result<()> {
    let mut again = Vec::new();
    T::write_key(value, &mut again)?;
    match again == bytes.as_ref() {
        true => Ok(()),
        false => Err(Error::corrupt(format!("a {} in an entity key is not in its one form", T::NAME))),
    }
}

/// The type `string`: UTF-8 text.
#[derive(Debug, Clone, Copy)]
pub struct String;

impl sealed::Sealed for String {}

impl Scalar for String {
    const TYPE: ScalarType = ScalarType::String;

    type Owned = std::string::String;
    type Ref<'a> = &'a str;
    type Stored<'a> = &'a [u8];

    #[inline]
    fn borrow(value: &std::string::String) -> &str {
        value
    }

    #[inline]
    fn stored(value: Self::Ref<'_>) -> Self::Stored<'_> {
        value.as_bytes()
    }

    fn from_stored(bytes: &[u8]) -> Result<&str> {
        std::str::from_utf8(bytes).map_err(|error| Error::corrupt("a stored string is not UTF-8").with_source(error))
    }

    fn owned(value: &str) -> std::string::String {
        value.to_owned()
    }

    #[inline]
    fn write_key(value: &str, out: &mut Vec<u8>) -> Result<()> {
        ordered::encode_bytes(value.as_bytes(), out);
        Ok(())
    }

    fn read_key(bytes: &mut &[u8]) -> Result<Self::Owned> {
        std::string::String::from_utf8(ordered::decode_bytes(bytes)?).map_err(not_text)
    }

    #[inline]
    fn check_key(bytes: &mut &[u8]) -> Result<()> {
        match ordered::take_plain(bytes)? {
            Some(text) => std::str::from_utf8(text).map(drop).map_err(not_text),
            None => Self::read_key(bytes).map(drop),
        }
    }

    fn print(value: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(value, f)
    }
}

#[cold]
fn not_text(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::corrupt("a string in an entity key is not UTF-8").with_source(error)
}

/// The type `bytes`.
#[derive(Debug, Clone, Copy)]
pub struct Bytes;

impl sealed::Sealed for Bytes {}

impl Scalar for Bytes {
    const TYPE: ScalarType = ScalarType::Bytes;

    type Owned = Vec<u8>;
    type Ref<'a> = &'a [u8];
    type Stored<'a> = &'a [u8];

    #[inline]
    fn borrow(value: &Vec<u8>) -> &[u8] {
        value
    }

    #[inline]
    fn stored(value: Self::Ref<'_>) -> Self::Stored<'_> {
        value
    }

    #[inline]
    fn from_stored(bytes: &[u8]) -> Result<&[u8]> {
        Ok(bytes)
    }

    fn owned(value: &[u8]) -> Vec<u8> {
        value.to_vec()
    }

    #[inline]
    fn write_key(value: &[u8], out: &mut Vec<u8>) -> Result<()> {
        ordered::encode_bytes(value, out);
        Ok(())
    }

    fn read_key(bytes: &mut &[u8]) -> Result<Self::Owned> {
        ordered::decode_bytes(bytes)
    }

    #[inline]
    fn check_key(bytes: &mut &[u8]) -> Result<()> {
        match ordered::take_plain(bytes)? {
            Some(_) => Ok(()),
            None => Self::read_key(bytes).map(drop),
        }
    }

    fn print(value: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", value.escape_ascii())
    }
}
