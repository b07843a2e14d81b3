//! The types of values.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// Makes [`ScalarType`], and what is known of each type without its values, from one table.
macro_rules! scalar_types {
    ($($(#[$doc:meta])* $name:ident($text:literal, bytes: $bytes:expr, numeric: $is_numeric:literal);)*) => {
        /// The type of one value that is not a list.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ScalarType {
            $($(#[$doc])* $name,)*
        }

        impl ScalarType {
            /// Every scalar type.
            pub const ALL: [ScalarType; [$($text),*].len()] = [$(ScalarType::$name),*];

            /// Bytes of an encoded value; `None` for the types of variable length.
            pub const fn fixed_bytes(self) -> Option<usize> {
                match self {
                    $(ScalarType::$name => $bytes,)*
                }
            }

            /// The name used in definitions.
            pub const fn name(self) -> &'static str {
                match self {
                    $(ScalarType::$name => $text,)*
                }
            }

            /// Returns whether values can go into a matrix of floats.
            pub const fn is_numeric(self) -> bool {
                match self {
                    $(ScalarType::$name => $is_numeric,)*
                }
            }
        }
    };
}

scalar_types! {
    /// True or false.
    Bool("bool", bytes: Some(1), numeric: true);
    /// 32-bit signed integer.
    Int32("int32", bytes: Some(4), numeric: true);
    /// 64-bit signed integer.
    Int64("int64", bytes: Some(8), numeric: true);
    /// 32-bit float.
    Float32("float32", bytes: Some(4), numeric: true);
    /// 64-bit float.
    Float64("float64", bytes: Some(8), numeric: true);
    /// UTF-8 text.
    String("string", bytes: None, numeric: false);
    /// Bytes.
    Bytes("bytes", bytes: None, numeric: false);
    /// Microseconds since the epoch, UTC.
    Timestamp("timestamp", bytes: Some(8), numeric: false);
    /// Days since 1970-01-01.
    Date("date", bytes: Some(4), numeric: false);
}

impl ScalarType {
    /// The number of the type in records and messages. It never changes: new types go to the end.
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The type of a number; `None` where no type has it.
    pub fn from_number(number: u32) -> Option<Self> {
        ScalarType::ALL.get(number as usize).copied()
    }
}

impl fmt::Display for ScalarType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The type of a feature: a scalar, or a list of scalars (an embedding is a list of `float32`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ValueType {
    /// One value.
    Scalar(ScalarType),
    /// Any number of values of one type, none of them null.
    List(ScalarType),
}

impl ValueType {
    /// Bytes in a row's fixed section; `None` for values of variable length.
    pub const fn fixed_bytes(self) -> Option<usize> {
        match self {
            ValueType::Scalar(scalar) => scalar.fixed_bytes(),
            ValueType::List(_) => None,
        }
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValueType::Scalar(scalar) => scalar.fmt(f),
            ValueType::List(scalar) => write!(f, "list<{scalar}>"),
        }
    }
}

impl FromStr for ScalarType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        ScalarType::ALL.into_iter().find(|ty| ty.name() == text).ok_or_else(|| {
            let names = ScalarType::ALL.map(ScalarType::name).join(", ");
            Error::invalid(format!("a type is {names}, or list<..> of one: {text:?}"))
        })
    }
}

impl FromStr for ValueType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.strip_prefix("list<").and_then(|rest| rest.strip_suffix('>')) {
            Some(item) => item.parse().map(ValueType::List),
            None => text.parse().map(ValueType::Scalar),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_names_read_back() {
        for scalar in ScalarType::ALL {
            for ty in [ValueType::Scalar(scalar), ValueType::List(scalar)] {
                assert_eq!(ty.to_string().parse::<ValueType>().unwrap(), ty);
            }
        }
        for bad in ["", "float", "list<list<bool>>", "list<>", "List<bool>"] {
            assert!(bad.parse::<ValueType>().is_err(), "{bad}");
        }
    }
}
