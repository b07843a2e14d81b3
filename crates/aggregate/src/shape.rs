//! The aggregates that share a partial result.

use asofdb_storage::Aggregate;

/// The part of the events that a partial result keeps. Aggregates of one shape, over the same column and condition, can share
/// one: sum and mean do, variance and standard deviation, all quantiles of one error, counts and values of the most
/// frequent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Shape(pub(crate) Kind);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Count,
    Matches(Vec<u8>),
    Total,
    Moments,
    Extreme { greatest: bool },
    Edge { oldest: bool },
    ValueList { k: u32, distinct: bool, oldest: bool },
    Distinct { cap: u32 },
    Frequencies,
    Registers { precision: u8 },
    Quantiles { error_bits: u64 },
}

impl Shape {
    /// The shape of an aggregate's partial results.
    pub fn of(aggregate: &Aggregate) -> Self {
        Shape(match aggregate {
            Aggregate::Count => Kind::Count,
            Aggregate::Sum | Aggregate::Mean => Kind::Total,
            Aggregate::Min => Kind::Extreme { greatest: false },
            Aggregate::Max => Kind::Extreme { greatest: true },
            Aggregate::Variance { .. } | Aggregate::Stddev { .. } => Kind::Moments,
            Aggregate::First => Kind::Edge { oldest: true },
            Aggregate::Last => Kind::Edge { oldest: false },
            Aggregate::FirstK { k, distinct } => Kind::ValueList { k: *k, distinct: *distinct, oldest: true },
            Aggregate::LastK { k, distinct } => Kind::ValueList { k: *k, distinct: *distinct, oldest: false },
            Aggregate::Distinct { cap } => Kind::Distinct { cap: *cap },
            Aggregate::CountOf { value } => {
                let mut stored = Vec::new();
                value.encode(&mut stored);
                Kind::Matches(stored)
            }
            Aggregate::Top { .. } => Kind::Frequencies,
            Aggregate::ApproxDistinct { precision } => Kind::Registers { precision: *precision },
            Aggregate::Quantile { error, .. } => Kind::Quantiles { error_bits: error.to_bits() },
        })
    }

    /// Returns whether partial results of the shape are small, whatever the events, so that they may be stored.
    pub fn has_tiles(&self) -> bool {
        match self.0 {
            Kind::ValueList { .. } | Kind::Distinct { .. } | Kind::Frequencies => false,
            Kind::Count
            | Kind::Matches(_)
            | Kind::Total
            | Kind::Moments
            | Kind::Extreme { .. }
            | Kind::Edge { .. }
            | Kind::Registers { .. }
            | Kind::Quantiles { .. } => true,
        }
    }
}

/// Returns whether partial results of an aggregate are small, whatever the events, so that they may be stored.
pub fn has_tiles(aggregate: &Aggregate) -> bool {
    Shape::of(aggregate).has_tiles()
}
