//! A column of any scalar type that grows value by value.

use std::sync::Arc;

use arrow::array::{ArrayBuilder, ArrayRef};
use asofdb_storage::scalar::{self, Scalar};
use asofdb_storage::{Error, Result, ScalarType, Value, for_each_scalar};

use crate::rows::arrow_scalar::ArrowScalar;

/// The enum of the builders of all scalar types, and what is done the same with each.
macro_rules! builders {
    ($($name:ident)*) => {
        /// The builder of a column of one scalar type.
        pub(crate) enum ScalarBuilder {
            $($name(<scalar::$name as ArrowScalar>::Builder),)*
        }

        impl ScalarBuilder {
            pub(crate) fn new(ty: ScalarType) -> Self {
                match ty {
                    $(ScalarType::$name => ScalarBuilder::$name(scalar::$name::builder()),)*
                }
            }

            /// Adds a value of the builder's type.
            #[inline]
            pub(crate) fn append(&mut self, value: Value) -> Result<()> {
                match (self, value) {
                    $((ScalarBuilder::$name(column), Value::$name(value)) => {
                        scalar::$name::append(column, scalar::$name::borrow(&value));
                    })*
                    (_, value) => {
                        let ty = value.value_type();
                        return Err(Error::internal(format!("a column of another type was given a {ty}")));
                    }
                }
                Ok(())
            }

            pub(crate) fn append_null(&mut self) {
                match self {
                    $(ScalarBuilder::$name(column) => scalar::$name::append_null(column),)*
                }
            }

            pub(crate) fn len(&self) -> usize {
                match self {
                    $(ScalarBuilder::$name(column) => column.len(),)*
                }
            }

            /// The column so far; it then begins anew.
            pub(crate) fn finish(&mut self) -> ArrayRef {
                match self {
                    $(ScalarBuilder::$name(column) => Arc::new(column.finish()),)*
                }
            }
        }
    };
}

for_each_scalar!(builders);
