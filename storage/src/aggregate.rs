//! Aggregates: what a window makes of the events in it.

use std::fmt;

use crate::error::{Error, Result};
use crate::value::Value;
use crate::value_type::{ScalarType, ValueType};

/// The most values of a list that an aggregate gives.
pub const LIST_VALUES_MAX: u32 = 1_000;

/// The most different values that an exact count of them keeps.
pub const DISTINCT_MAX: u32 = 100_000;

/// The precisions of an approximate count: 2 to this many registers.
pub const PRECISIONS: std::ops::RangeInclusive<u8> = 4..=16;

/// A function of the events in a window, which gives one value. Values of `of` that are null or NaN are passed over.
#[derive(Debug, Clone, PartialEq)]
pub enum Aggregate {
    /// The number of events; with `of`, of those where it is not null.
    Count,
    /// The sum. Of nothing it is 0; one beyond its type is null.
    Sum,
    /// The least value.
    Min,
    /// The greatest value.
    Max,
    /// The mean.
    Mean,
    /// The variance: of a sample, or of a population, for which one value is enough.
    Variance {
        /// True to divide by n rather than by n - 1.
        population: bool,
    },
    /// The square root of the variance.
    Stddev {
        /// As that of the variance.
        population: bool,
    },
    /// The value of the oldest event.
    First,
    /// The value of the newest event.
    Last,
    /// The values of the oldest `k` events, oldest first.
    FirstK {
        /// The most values.
        k: u32,
        /// True to give each value once, where it is oldest.
        distinct: bool,
    },
    /// The values of the newest `k` events, newest first.
    LastK {
        /// The most values.
        k: u32,
        /// True to give each value once, where it is newest.
        distinct: bool,
    },
    /// The number of different values, exact up to `cap`, which stands for more as well.
    Distinct {
        /// The greatest number that is given.
        cap: u32,
    },
    /// The number of events with this value.
    CountOf {
        /// The value, of the type of `of`.
        value: Value,
    },
    /// The most frequent values, or how often each is there: most frequent first, and of equal ones the least first.
    Top {
        /// The most values.
        k: u32,
        /// True to give the counts.
        counts: bool,
    },
    /// About the number of different values (HyperLogLog).
    ApproxDistinct {
        /// The logarithm of the number of registers: with 12 the standard error is 1.6 %.
        precision: u8,
    },
    /// About the value below which the part `q` of all values lies (DDSketch).
    Quantile {
        /// From 0, the least value, to 1, the greatest.
        q: f64,
        /// The greatest relative error of the value.
        error: f64,
    },
}

impl Aggregate {
    /// The name used in definitions.
    pub fn name(&self) -> &'static str {
        match self {
            Aggregate::Count => "count",
            Aggregate::Sum => "sum",
            Aggregate::Min => "min",
            Aggregate::Max => "max",
            Aggregate::Mean => "mean",
            Aggregate::Variance { .. } => "variance",
            Aggregate::Stddev { .. } => "stddev",
            Aggregate::First => "first",
            Aggregate::Last => "last",
            Aggregate::FirstK { .. } => "first_k",
            Aggregate::LastK { .. } => "last_k",
            Aggregate::Distinct { .. } => "distinct",
            Aggregate::CountOf { .. } | Aggregate::Top { .. } => "count_by",
            Aggregate::ApproxDistinct { .. } => "approx_distinct",
            Aggregate::Quantile { .. } => "quantile",
        }
    }

    /// Returns whether it needs a column; a count of events does not.
    pub fn needs_column(&self) -> bool {
        *self != Aggregate::Count
    }

    /// The type of its value over values of type `of`; `None` counts events.
    ///
    /// # Errors
    /// `Invalid`, naming the types that it can be of, or the limit that a setting breaks.
    pub fn value_type(&self, of: Option<ValueType>) -> Result<ValueType> {
        self.check_settings()?;
        let Some(of) = of else {
            return match self {
                Aggregate::Count => Ok(ValueType::Scalar(ScalarType::Int64)),
                _ => Err(Error::invalid(format!("{self} is of a column: say which with `of`"))),
            };
        };
        let item = match of {
            ValueType::Scalar(item) => Some(item),
            ValueType::List(_) => None,
        };
        match (self, item) {
            (Aggregate::Count, _) => Ok(ValueType::Scalar(ScalarType::Int64)),
            (Aggregate::First | Aggregate::Last, _) => Ok(of),
            (_, Some(item)) => self.type_over(item).ok_or_else(|| self.wrong_type(of)),
            (_, None) => Err(self.wrong_type(of)),
        }
    }

    fn type_over(&self, item: ScalarType) -> Option<ValueType> {
        let is_int = matches!(item, ScalarType::Int32 | ScalarType::Int64);
        let is_number = is_int || matches!(item, ScalarType::Float32 | ScalarType::Float64);
        let is_whole = !matches!(item, ScalarType::Float32 | ScalarType::Float64);
        let scalar = |ty| Some(ValueType::Scalar(ty));
        match self {
            Aggregate::Sum if is_int => scalar(ScalarType::Int64),
            Aggregate::Sum if is_number => scalar(ScalarType::Float64),
            Aggregate::Mean | Aggregate::Variance { .. } | Aggregate::Stddev { .. } if is_number => {
                scalar(ScalarType::Float64)
            }
            Aggregate::Quantile { .. } if is_number => scalar(ScalarType::Float64),
            Aggregate::Count | Aggregate::Distinct { .. } | Aggregate::ApproxDistinct { .. } => {
                scalar(ScalarType::Int64)
            }
            Aggregate::Min | Aggregate::Max | Aggregate::First | Aggregate::Last => scalar(item),
            Aggregate::FirstK { .. } | Aggregate::LastK { .. } => Some(ValueType::List(item)),
            // What is rounded is not counted by.
            Aggregate::CountOf { value } if is_whole && value.value_type() == ValueType::Scalar(item) => {
                scalar(ScalarType::Int64)
            }
            Aggregate::Top { counts: true, .. } if is_whole => Some(ValueType::List(ScalarType::Int64)),
            Aggregate::Top { counts: false, .. } if is_whole => Some(ValueType::List(item)),
            _ => None,
        }
    }

    fn check_settings(&self) -> Result<()> {
        let within = |what: &str, value: u32, most: u32| match (1..=most).contains(&value) {
            true => Ok(()),
            false => Err(Error::invalid(format!("`{what}` of {self} is from 1 to {most}: {value}"))),
        };
        match self {
            Aggregate::FirstK { k, .. } | Aggregate::LastK { k, .. } | Aggregate::Top { k, .. } => {
                within("k", *k, LIST_VALUES_MAX)
            }
            Aggregate::Distinct { cap } => within("cap", *cap, DISTINCT_MAX),
            Aggregate::ApproxDistinct { precision } if !PRECISIONS.contains(precision) => {
                let (least, most) = (PRECISIONS.start(), PRECISIONS.end());
                Err(Error::invalid(format!("the precision of {self} is from {least} to {most}: {precision}")))
            }
            Aggregate::Quantile { q, .. } if !(0.0..=1.0).contains(q) => {
                Err(Error::invalid(format!("`q` of {self} is from 0 to 1: {q}")))
            }
            Aggregate::Quantile { error, .. } if !(0.001..=0.5).contains(error) => {
                Err(Error::invalid(format!("`error` of {self} is from 0.001 to 0.5: {error}")))
            }
            _ => Ok(()),
        }
    }

    #[cold]
    fn wrong_type(&self, of: ValueType) -> Error {
        let types = match self {
            Aggregate::Sum | Aggregate::Mean | Aggregate::Variance { .. } | Aggregate::Stddev { .. } => "numbers",
            Aggregate::Quantile { .. } => "numbers",
            Aggregate::CountOf { .. } | Aggregate::Top { .. } => "single values that are no floats",
            _ => "single values",
        };
        Error::invalid(format!("{self} is of {types}: got {of}"))
    }
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aggregates_have_the_types_of_their_values_and_refuse_others() {
        let scalar = ValueType::Scalar;
        let of = |aggregate: Aggregate, ty: ValueType| aggregate.value_type(Some(ty)).ok();
        assert_eq!(Aggregate::Count.value_type(None).unwrap(), scalar(ScalarType::Int64));
        assert_eq!(of(Aggregate::Sum, scalar(ScalarType::Int32)), Some(scalar(ScalarType::Int64)));
        assert_eq!(of(Aggregate::Sum, scalar(ScalarType::Float32)), Some(scalar(ScalarType::Float64)));
        assert_eq!(of(Aggregate::Sum, scalar(ScalarType::String)), None);
        assert_eq!(of(Aggregate::Max, scalar(ScalarType::Date)), Some(scalar(ScalarType::Date)));
        assert_eq!(of(Aggregate::Last, ValueType::List(ScalarType::Bool)), Some(ValueType::List(ScalarType::Bool)));
        let last_k = Aggregate::LastK { k: 3, distinct: true };
        assert_eq!(of(last_k, scalar(ScalarType::String)), Some(ValueType::List(ScalarType::String)));
        let food = Aggregate::CountOf { value: Value::String("food".into()) };
        assert_eq!(of(food.clone(), scalar(ScalarType::String)), Some(scalar(ScalarType::Int64)));
        assert_eq!(of(food, scalar(ScalarType::Int64)), None);
        let error = Aggregate::Mean.value_type(Some(scalar(ScalarType::String))).unwrap_err();
        assert_eq!(error.message(), "mean is of numbers: got string");
        let error = Aggregate::Sum.value_type(None).unwrap_err();
        assert_eq!(error.message(), "sum is of a column: say which with `of`");
    }

    #[test]
    fn settings_beyond_their_limits_are_refused() {
        let refused = [
            Aggregate::LastK { k: 0, distinct: false },
            Aggregate::FirstK { k: 1_001, distinct: false },
            Aggregate::Distinct { cap: 100_001 },
            Aggregate::ApproxDistinct { precision: 3 },
            Aggregate::Quantile { q: 1.5, error: 0.01 },
            Aggregate::Quantile { q: 0.5, error: 0.0 },
            Aggregate::Quantile { q: f64::NAN, error: 0.01 },
        ];
        for aggregate in refused {
            let error = aggregate.value_type(Some(ValueType::Scalar(ScalarType::Int64))).unwrap_err();
            assert!(error.message().contains(" is from "), "{error}");
        }
    }
}
