//! The inputs of a batch, borrowed from wherever the engine has them.

use asofdb_storage::{ScalarType, Status, ValueType};

/// Event times of inputs that have none: such as are missing.
pub const NO_EVENT: i64 = i64::MAX;

/// The values of one input for all rows of a batch.
#[derive(Debug, Clone, Copy)]
pub struct Column<'a> {
    /// The values. Those of nulls mean nothing.
    pub values: Values<'a>,
    /// The values that are not null. `None`: those whose status is present; or all, where there are no statuses either.
    ///
    /// A default that stands in for a missing value is a value, and its status still says why.
    pub valid: Option<Bools<'a>>,
    /// The reason why each value is there or not. `None`: present or null, as `valid` says.
    pub statuses: Option<&'a [Status]>,
    /// The event time of each value in microseconds since 1970, [`NO_EVENT`] where there is none. `None`: the values
    /// come with the question, so that their time is the row's.
    pub events: Option<&'a [i64]>,
}

impl<'a> Column<'a> {
    /// A column without nulls, statuses or event times of its own.
    pub fn new(values: Values<'a>) -> Self {
        Column { values, valid: None, statuses: None, events: None }
    }
}

/// Values of one type, as Arrow has them in its buffers and as plain slices.
#[derive(Debug, Clone, Copy)]
pub enum Values<'a> {
    /// `bool`
    Bool(Bools<'a>),
    /// `int32`
    Int32(&'a [i32]),
    /// `int64`
    Int64(&'a [i64]),
    /// `float32`
    Float32(&'a [f32]),
    /// `float64`
    Float64(&'a [f64]),
    /// `timestamp`: microseconds since 1970, UTC.
    Timestamp(&'a [i64]),
    /// `date`: days since 1970-01-01.
    Date(&'a [i32]),
    /// `string`
    Text {
        /// The start of each text, and the end of the last one: one more than there are rows, ascending.
        offsets: &'a [i32],
        /// The texts, one after another.
        bytes: &'a [u8],
    },
    /// `bytes`
    Bytes {
        /// As those of text.
        offsets: &'a [i32],
        /// As those of text.
        bytes: &'a [u8],
    },
    /// A list of values, none of them null.
    List {
        /// The type of the items.
        item: ScalarType,
        /// The start of each list's items, and the end of the last one's.
        offsets: &'a [i32],
        /// The items of all lists, one after another.
        items: Items<'a>,
    },
}

/// The items of lists. Which type they have is said beside them.
#[derive(Debug, Clone, Copy)]
pub enum Items<'a> {
    /// Of `bool`.
    Bool(Bools<'a>),
    /// Of `int32` and `date`.
    Int32(&'a [i32]),
    /// Of `int64` and `timestamp`.
    Int64(&'a [i64]),
    /// Of `float32`.
    Float32(&'a [f32]),
    /// Of `float64`.
    Float64(&'a [f64]),
    /// Of `string` and `bytes`.
    Text {
        /// The start of each item, and the end of the last one.
        offsets: &'a [i32],
        /// The items, one after another.
        bytes: &'a [u8],
    },
}

/// Truths, a byte or a bit each.
#[derive(Debug, Clone, Copy)]
pub enum Bools<'a> {
    /// A byte each.
    Bytes(&'a [bool]),
    /// A bit each, the least significant one of a byte first, as in Arrow.
    Bits {
        /// The bits.
        bits: &'a [u8],
        /// The number of bits before the first one that counts.
        offset: usize,
        /// The number of bits that count.
        len: usize,
    },
}

impl Bools<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Bools::Bytes(bools) => bools.len(),
            Bools::Bits { bits, offset, len } => (*len).min((bits.len() * 8).saturating_sub(*offset)),
        }
    }

    /// Returns the truth at an index below their number.
    #[inline]
    pub fn get(&self, index: usize) -> bool {
        match self {
            Bools::Bytes(bools) => bools[index],
            Bools::Bits { bits, offset, .. } => {
                let at = offset + index;
                bits[at / 8] >> (at % 8) & 1 == 1
            }
        }
    }

    pub(crate) fn copy_to(&self, out: &mut [bool]) {
        match self {
            Bools::Bytes(bools) => out.copy_from_slice(&bools[..out.len()]),
            Bools::Bits { .. } => out.iter_mut().enumerate().for_each(|(index, out)| *out = self.get(index)),
        }
    }
}

impl<'a> Items<'a> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Items::Bool(items) => items.len(),
            Items::Int32(items) => items.len(),
            Items::Int64(items) => items.len(),
            Items::Float32(items) => items.len(),
            Items::Float64(items) => items.len(),
            Items::Text { offsets, .. } => offsets.len().saturating_sub(1),
        }
    }

    /// An item as a whole number: a truth as 0 or 1, nothing for the others.
    #[inline]
    pub(crate) fn int(&self, index: usize) -> i64 {
        match self {
            Items::Bool(items) => i64::from(items.get(index)),
            Items::Int32(items) => i64::from(items[index]),
            Items::Int64(items) => items[index],
            Items::Float32(_) | Items::Float64(_) | Items::Text { .. } => 0,
        }
    }

    /// An item as a float, nothing for what is no number.
    #[inline]
    pub(crate) fn float(&self, index: usize) -> f64 {
        match self {
            Items::Float32(items) => f64::from(items[index]),
            Items::Float64(items) => items[index],
            Items::Bool(_) | Items::Int32(_) | Items::Int64(_) => self.int(index) as f64,
            Items::Text { .. } => 0.0,
        }
    }

    #[inline]
    pub(crate) fn text(&self, index: usize) -> &'a [u8] {
        let Items::Text { offsets, bytes } = self else { return &[] };
        between(offsets, index).and_then(|at| bytes.get(at)).unwrap_or(&[])
    }

    fn holds(&self, item: ScalarType) -> bool {
        match self {
            Items::Bool(_) => item == ScalarType::Bool,
            Items::Int32(_) => matches!(item, ScalarType::Int32 | ScalarType::Date),
            Items::Int64(_) => matches!(item, ScalarType::Int64 | ScalarType::Timestamp),
            Items::Float32(_) => item == ScalarType::Float32,
            Items::Float64(_) => item == ScalarType::Float64,
            Items::Text { .. } => matches!(item, ScalarType::String | ScalarType::Bytes),
        }
    }
}

impl Values<'_> {
    /// Returns the type of the values; `None` for a list whose items are not of the type that it says.
    pub fn value_type(&self) -> Option<ValueType> {
        Some(ValueType::Scalar(match self {
            Values::Bool(_) => ScalarType::Bool,
            Values::Int32(_) => ScalarType::Int32,
            Values::Int64(_) => ScalarType::Int64,
            Values::Float32(_) => ScalarType::Float32,
            Values::Float64(_) => ScalarType::Float64,
            Values::Timestamp(_) => ScalarType::Timestamp,
            Values::Date(_) => ScalarType::Date,
            Values::Text { .. } => ScalarType::String,
            Values::Bytes { .. } => ScalarType::Bytes,
            Values::List { item, items, .. } => return items.holds(*item).then_some(ValueType::List(*item)),
        }))
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> usize {
        match self {
            Values::Bool(values) => values.len(),
            Values::Int32(values) | Values::Date(values) => values.len(),
            Values::Int64(values) | Values::Timestamp(values) => values.len(),
            Values::Float32(values) => values.len(),
            Values::Float64(values) => values.len(),
            Values::Text { offsets, .. } | Values::Bytes { offsets, .. } | Values::List { offsets, .. } => {
                offsets.len().saturating_sub(1)
            }
        }
    }
}

/// The range of item `index` among offsets, if there is one.
#[inline]
pub(crate) fn between(offsets: &[i32], index: usize) -> Option<std::ops::Range<usize>> {
    let [start, end] = offsets.get(index..index + 2)?.try_into().ok()?;
    let place = |offset: i32| usize::try_from(offset).ok();
    Some(place(start)?..place(end)?)
}
