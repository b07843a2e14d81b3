//! The record of how the features of a view are computed. It is a part of the record of the view, and travels by itself
//! within definitions.

use std::collections::BTreeMap;

use super::codec::{self, Decode, Encode};
use super::value::{ValueRecord, ValueTypeRecord};
use super::{Reader, Recorded, decode, encode};
use crate::aggregate::Aggregate;
use crate::computed::{Computed, Expressions, RequestValue, WindowAggregate, WindowFeature, Windows};
use crate::error::Result;
use crate::time::Span;
use crate::window::Window;

/// The numbers of the variants are those of their order: new ones go to the end.
#[derive(Encode, Decode)]
pub(crate) enum ComputedRecordV1 {
    Windows(WindowsRecordV1),
    Expressions(ExpressionsRecordV1),
}

#[derive(Encode, Decode)]
pub(crate) struct WindowsRecordV1 {
    from: String,
    condition: Option<String>,
    every: Option<i64>,
    offset: i64,
    features: Vec<WindowFeatureRecordV1>,
}

#[derive(Encode, Decode)]
struct WindowFeatureRecordV1 {
    name: String,
    aggregate: AggregateRecordV1,
    of: Option<String>,
    condition: Option<String>,
    /// Their texts.
    windows: Vec<String>,
    default: Option<ValueRecord>,
    description: String,
    tags: BTreeMap<String, String>,
}

/// As those of [`ComputedRecordV1`], new variants go to the end.
#[derive(Encode, Decode)]
enum AggregateRecordV1 {
    Count,
    Sum,
    Min,
    Max,
    Mean,
    Variance { population: bool },
    Stddev { population: bool },
    First,
    Last,
    FirstK { k: u32, distinct: bool },
    LastK { k: u32, distinct: bool },
    Distinct { cap: u32 },
    CountBy { values: Vec<ValueRecord> },
    Top { k: u32 },
    ApproxDistinct { precision: u8 },
    Quantile { q: f64, error: f64 },
}

#[derive(Encode, Decode)]
pub(crate) struct ExpressionsRecordV1 {
    request: Vec<RequestValueRecordV1>,
    of: BTreeMap<String, String>,
}

#[derive(Encode, Decode)]
struct RequestValueRecordV1 {
    name: String,
    ty: ValueTypeRecord,
    required: bool,
    description: String,
}

impl Computed {
    /// The bytes of its record.
    ///
    /// # Errors
    /// `Invalid` when they are too many.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        encode(self)
    }

    /// Reads what [`Computed::to_bytes`] gives, of this asofdb or an older one.
    ///
    /// # Errors
    /// `Conflict` for a record that only a newer asofdb reads; `Corrupt` when the bytes are none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        decode(&[], bytes)
    }
}

impl Recorded for Computed {
    type Written = ComputedRecordV1;

    const READERS: &'static [Reader<Self>] = &[codec::read_checked::<ComputedRecordV1, Self>];

    fn name(_key: &[u8]) -> String {
        "the definition of computed features".to_owned()
    }
}

impl From<&Computed> for ComputedRecordV1 {
    fn from(computed: &Computed) -> Self {
        match computed {
            Computed::Windows(windows) => ComputedRecordV1::Windows(WindowsRecordV1 {
                from: windows.from.clone(),
                condition: windows.condition.clone(),
                every: windows.every.map(Span::as_micros),
                offset: windows.offset.as_micros(),
                features: windows.features.iter().map(WindowFeatureRecordV1::from).collect(),
            }),
            Computed::Expressions(expressions) => ComputedRecordV1::Expressions(ExpressionsRecordV1 {
                request: expressions.request.iter().map(RequestValueRecordV1::from).collect(),
                of: expressions.of.clone(),
            }),
        }
    }
}

impl TryFrom<ComputedRecordV1> for Computed {
    type Error = crate::error::Error;

    fn try_from(record: ComputedRecordV1) -> Result<Self> {
        Ok(match record {
            ComputedRecordV1::Windows(windows) => Computed::Windows(Windows {
                from: windows.from,
                condition: windows.condition,
                every: windows.every.map(Span::from_micros),
                offset: Span::from_micros(windows.offset),
                features: windows.features.into_iter().map(WindowFeature::try_from).collect::<Result<_>>()?,
            }),
            ComputedRecordV1::Expressions(expressions) => Computed::Expressions(Expressions {
                request: expressions.request.into_iter().map(RequestValue::from).collect(),
                of: expressions.of,
            }),
        })
    }
}

impl From<&WindowFeature> for WindowFeatureRecordV1 {
    fn from(feature: &WindowFeature) -> Self {
        WindowFeatureRecordV1 {
            name: feature.name.clone(),
            aggregate: AggregateRecordV1::from(&feature.aggregate),
            of: feature.of.clone(),
            condition: feature.condition.clone(),
            windows: feature.windows.iter().map(Window::to_string).collect(),
            default: feature.default.clone().map(ValueRecord),
            description: feature.description.clone(),
            tags: feature.tags.clone(),
        }
    }
}

impl TryFrom<WindowFeatureRecordV1> for WindowFeature {
    type Error = crate::error::Error;

    fn try_from(record: WindowFeatureRecordV1) -> Result<Self> {
        Ok(WindowFeature {
            name: record.name,
            aggregate: WindowAggregate::from(record.aggregate),
            of: record.of,
            condition: record.condition,
            windows: record.windows.iter().map(|text| text.parse()).collect::<Result<_>>()?,
            default: record.default.map(|value| value.0),
            description: record.description,
            tags: record.tags,
        })
    }
}

impl From<&WindowAggregate> for AggregateRecordV1 {
    fn from(aggregate: &WindowAggregate) -> Self {
        match aggregate {
            WindowAggregate::CountBy(values) => {
                AggregateRecordV1::CountBy { values: values.iter().cloned().map(ValueRecord).collect() }
            }
            WindowAggregate::Top { k } => AggregateRecordV1::Top { k: *k },
            WindowAggregate::One(aggregate) => AggregateRecordV1::from(aggregate),
        }
    }
}

impl From<&Aggregate> for AggregateRecordV1 {
    fn from(aggregate: &Aggregate) -> Self {
        match aggregate {
            Aggregate::Count => AggregateRecordV1::Count,
            Aggregate::Sum => AggregateRecordV1::Sum,
            Aggregate::Min => AggregateRecordV1::Min,
            Aggregate::Max => AggregateRecordV1::Max,
            Aggregate::Mean => AggregateRecordV1::Mean,
            Aggregate::Variance { population } => AggregateRecordV1::Variance { population: *population },
            Aggregate::Stddev { population } => AggregateRecordV1::Stddev { population: *population },
            Aggregate::First => AggregateRecordV1::First,
            Aggregate::Last => AggregateRecordV1::Last,
            Aggregate::FirstK { k, distinct } => AggregateRecordV1::FirstK { k: *k, distinct: *distinct },
            Aggregate::LastK { k, distinct } => AggregateRecordV1::LastK { k: *k, distinct: *distinct },
            Aggregate::Distinct { cap } => AggregateRecordV1::Distinct { cap: *cap },
            // These two are parts of what a definition names, and never stand in one by themselves.
            Aggregate::CountOf { value } => AggregateRecordV1::CountBy { values: vec![ValueRecord(value.clone())] },
            Aggregate::Top { k, .. } => AggregateRecordV1::Top { k: *k },
            Aggregate::ApproxDistinct { precision } => AggregateRecordV1::ApproxDistinct { precision: *precision },
            Aggregate::Quantile { q, error } => AggregateRecordV1::Quantile { q: *q, error: *error },
        }
    }
}

impl From<AggregateRecordV1> for WindowAggregate {
    fn from(record: AggregateRecordV1) -> Self {
        WindowAggregate::One(match record {
            AggregateRecordV1::CountBy { values } => {
                return WindowAggregate::CountBy(values.into_iter().map(|value| value.0).collect());
            }
            AggregateRecordV1::Top { k } => return WindowAggregate::Top { k },
            AggregateRecordV1::Count => Aggregate::Count,
            AggregateRecordV1::Sum => Aggregate::Sum,
            AggregateRecordV1::Min => Aggregate::Min,
            AggregateRecordV1::Max => Aggregate::Max,
            AggregateRecordV1::Mean => Aggregate::Mean,
            AggregateRecordV1::Variance { population } => Aggregate::Variance { population },
            AggregateRecordV1::Stddev { population } => Aggregate::Stddev { population },
            AggregateRecordV1::First => Aggregate::First,
            AggregateRecordV1::Last => Aggregate::Last,
            AggregateRecordV1::FirstK { k, distinct } => Aggregate::FirstK { k, distinct },
            AggregateRecordV1::LastK { k, distinct } => Aggregate::LastK { k, distinct },
            AggregateRecordV1::Distinct { cap } => Aggregate::Distinct { cap },
            AggregateRecordV1::ApproxDistinct { precision } => Aggregate::ApproxDistinct { precision },
            AggregateRecordV1::Quantile { q, error } => Aggregate::Quantile { q, error },
        })
    }
}

impl From<&RequestValue> for RequestValueRecordV1 {
    fn from(value: &RequestValue) -> Self {
        let RequestValue { name, ty, required, description } = value.clone();
        RequestValueRecordV1 { name, ty: ValueTypeRecord(ty), required, description }
    }
}

impl From<RequestValueRecordV1> for RequestValue {
    fn from(record: RequestValueRecordV1) -> Self {
        let RequestValueRecordV1 { name, ty, required, description } = record;
        RequestValue { name, ty: ty.0, required, description }
    }
}
