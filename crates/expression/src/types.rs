//! The types of expressions.

use std::fmt;

use asofdb_storage::{ScalarType, ValueType};

/// The type of an expression.
///
/// `int32` inputs are widened to `int64` and `float32` to `float64`, both exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// One value.
    Scalar(Scalar),
    /// Any number of values, none of them null. Never a list of durations.
    List(Scalar),
}

/// The type of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scalar {
    /// True or false.
    Bool,
    /// A whole number of 64 bits.
    Int,
    /// A 64-bit float.
    Float,
    /// UTF-8 text.
    Text,
    /// Bytes.
    Bytes,
    /// A point in time: microseconds since 1970, UTC.
    Timestamp,
    /// A day.
    Date,
    /// A length of time in microseconds, which may be negative. Only expressions have it, never features.
    Duration,
}

/// The way in which values of a type are held while they are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Bool,
    /// Whole numbers, microseconds and days.
    Int,
    Float,
    /// Text and bytes.
    Text,
    List,
}

impl Type {
    pub(crate) const BOOL: Type = Type::Scalar(Scalar::Bool);
    pub(crate) const INT: Type = Type::Scalar(Scalar::Int);
    pub(crate) const FLOAT: Type = Type::Scalar(Scalar::Float);
    pub(crate) const TEXT: Type = Type::Scalar(Scalar::Text);
    pub(crate) const BYTES: Type = Type::Scalar(Scalar::Bytes);
    pub(crate) const TIMESTAMP: Type = Type::Scalar(Scalar::Timestamp);
    pub(crate) const DATE: Type = Type::Scalar(Scalar::Date);
    pub(crate) const DURATION: Type = Type::Scalar(Scalar::Duration);

    /// The type that a feature of this type has; `None` for durations, which no feature can be.
    pub fn value_type(self) -> Option<ValueType> {
        match self {
            Type::Scalar(scalar) => scalar.scalar_type().map(ValueType::Scalar),
            Type::List(item) => item.scalar_type().map(ValueType::List),
        }
    }

    pub(crate) fn kind(self) -> Kind {
        match self {
            Type::List(_) => Kind::List,
            Type::Scalar(Scalar::Bool) => Kind::Bool,
            Type::Scalar(Scalar::Float) => Kind::Float,
            Type::Scalar(Scalar::Text | Scalar::Bytes) => Kind::Text,
            Type::Scalar(Scalar::Int | Scalar::Timestamp | Scalar::Date | Scalar::Duration) => Kind::Int,
        }
    }

    pub(crate) fn is_number(self) -> bool {
        matches!(self, Type::INT | Type::FLOAT)
    }

    /// Returns whether the type is a point in time: a timestamp, or a date, which stands for its midnight.
    pub(crate) fn is_time(self) -> bool {
        matches!(self, Type::TIMESTAMP | Type::DATE)
    }

    /// The type that values of both types can be widened to without being asked: numbers to floats, dates to their
    /// midnight.
    pub(crate) fn common(self, other: Type) -> Option<Type> {
        match (self, other) {
            (one, another) if one == another => Some(one),
            (one, another) if one.is_number() && another.is_number() => Some(Type::FLOAT),
            (one, another) if one.is_time() && another.is_time() => Some(Type::TIMESTAMP),
            _ => None,
        }
    }
}

impl Scalar {
    fn scalar_type(self) -> Option<ScalarType> {
        match self {
            Scalar::Bool => Some(ScalarType::Bool),
            Scalar::Int => Some(ScalarType::Int64),
            Scalar::Float => Some(ScalarType::Float64),
            Scalar::Text => Some(ScalarType::String),
            Scalar::Bytes => Some(ScalarType::Bytes),
            Scalar::Timestamp => Some(ScalarType::Timestamp),
            Scalar::Date => Some(ScalarType::Date),
            Scalar::Duration => None,
        }
    }
}

impl From<ScalarType> for Scalar {
    /// The type that values of a stored type have in expressions.
    fn from(scalar: ScalarType) -> Self {
        match scalar {
            ScalarType::Bool => Scalar::Bool,
            ScalarType::Int32 | ScalarType::Int64 => Scalar::Int,
            ScalarType::Float32 | ScalarType::Float64 => Scalar::Float,
            ScalarType::String => Scalar::Text,
            ScalarType::Bytes => Scalar::Bytes,
            ScalarType::Timestamp => Scalar::Timestamp,
            ScalarType::Date => Scalar::Date,
        }
    }
}

impl From<ValueType> for Type {
    /// The type that values of a stored type have in expressions.
    fn from(ty: ValueType) -> Self {
        match ty {
            ValueType::Scalar(scalar) => Type::Scalar(scalar.into()),
            ValueType::List(item) => Type::List(item.into()),
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.scalar_type().map_or("duration", ScalarType::name))
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Scalar(scalar) => scalar.fmt(f),
            Type::List(item) => write!(f, "list<{item}>"),
        }
    }
}
