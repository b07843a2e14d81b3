//! Partial results, whatever their aggregate.

use std::ops::Range;

use asofdb_expression::Column;
use asofdb_storage::{Aggregate, Result, ValueType};

use crate::accumulate::Accumulate;
use crate::rows::Rows;
use crate::shape::Shape;
use crate::state::{State, other_shape, with_state};

/// The partial result of an aggregate over neighbouring events.
///
/// Events come newest first. Those that are folded or merged are older than all that are there, so that a value is a
/// function of the sequence of events and of where it was cut into parts; an empty part changes no bit. It makes no
/// difference whether events are folded in one batch or in several, or whether a part was encoded and decoded.
///
/// Only lists, texts, sets and sketches allocate, and [`Partial::clear`] keeps what they have.
#[derive(Debug, Clone)]
pub struct Partial {
    state: State,
}

impl Partial {
    /// An empty partial result of an aggregate over a column of type `of`; `None` counts events.
    ///
    /// # Errors
    /// Those of [`Aggregate::value_type`]: `Invalid`, when it is of no such column, or a setting breaks its limit.
    pub fn new(aggregate: &Aggregate, of: Option<ValueType>) -> Result<Self> {
        aggregate.value_type(of)?;
        Ok(Partial { state: State::new(&Shape::of(aggregate).0, of) })
    }

    /// Adds events of a batch, newest first, which are older than those that it has.
    ///
    /// `values` is the column for the whole batch, which says what is null; a count of events needs none. `rows` are
    /// those of the batch to be added, `keep` says of each row of the whole batch whether the condition holds.
    ///
    /// # Panics
    /// When the column is missing or of another type than it was made for, or shorter than `rows` says.
    pub fn fold(&mut self, values: Option<&Column<'_>>, rows: Range<usize>, keep: Option<&[bool]>) {
        let rows = Rows::new(values, rows, keep);
        let values = values.map(|column| &column.values);
        with_state!(&mut self.state, one => one.fold_column(values, &rows));
    }

    /// Adds the partial result of older events.
    ///
    /// # Panics
    /// When it is of another shape.
    pub fn merge(&mut self, older: &Partial) {
        if older.is_empty() {
            return;
        }
        if self.is_empty() {
            return self.copy_from(older);
        }
        with_state!((&mut self.state, &older.state), (one, other) => one.merge(other));
    }

    /// Forgets all events, and keeps the memory.
    pub fn clear(&mut self) {
        with_state!(&mut self.state, one => one.clear());
    }

    /// Returns whether no event has changed it, so that merging it changes nothing.
    pub fn is_empty(&self) -> bool {
        with_state!(&self.state, one => one.is_empty())
    }

    /// Returns whether older events can change no value of it any more, so that they need not be read: `last` has one,
    /// `last_k` is full, `distinct` is at its cap.
    pub fn is_settled(&self) -> bool {
        with_state!(&self.state, one => one.is_settled())
    }

    /// Becomes what `other` is, and keeps the memory.
    ///
    /// # Panics
    /// When it is of another shape.
    pub fn copy_from(&mut self, other: &Partial) {
        with_state!((&mut self.state, &other.state), (one, other) => one.copy_from(other));
    }

    /// Appends the value of an aggregate as a row stores it ([`asofdb_storage::Value::encode`]); returns false, and
    /// appends nothing, when it has none: null.
    ///
    /// # Panics
    /// When the aggregate is of another shape than that which it was made for.
    pub fn finish(&self, aggregate: &Aggregate, out: &mut Vec<u8>) -> bool {
        match (&self.state, aggregate) {
            (State::Count(one), Aggregate::Count) => int(one.value(), out),
            (State::Matches(one), Aggregate::CountOf { .. }) => int(one.value(), out),
            (State::IntTotal(one), Aggregate::Sum) => int(one.sum(), out),
            (State::IntTotal(one), Aggregate::Mean) => float(one.mean(), out),
            (State::FloatTotal(one), Aggregate::Sum) => float(one.sum(), out),
            (State::FloatTotal(one), Aggregate::Mean) => float(one.mean(), out),
            (State::Moments(one), Aggregate::Variance { population }) => float(one.variance(*population), out),
            (State::Moments(one), Aggregate::Stddev { population }) => float(one.stddev(*population), out),
            (State::Extreme(one), Aggregate::Min | Aggregate::Max) => one.finish(out),
            (State::TextExtreme(one), Aggregate::Min | Aggregate::Max) => one.finish(out),
            (State::Edge(one), Aggregate::First | Aggregate::Last) => one.finish(out),
            (State::ValueList(one), Aggregate::FirstK { .. } | Aggregate::LastK { .. }) => {
                one.finish(out);
                true
            }
            (State::Distinct(one), Aggregate::Distinct { .. }) => int(Some(one.value()), out),
            (State::Frequencies(one), Aggregate::Top { k, counts }) => one.finish(*k, *counts, out),
            (State::Registers(one), Aggregate::ApproxDistinct { .. }) => int(Some(one.value()), out),
            (State::Quantiles(one), Aggregate::Quantile { q, .. }) => float(one.quantile(*q), out),
            _ => other_shape(),
        }
    }

    /// Appends the partial result as bytes, which [`Partial::decode`] reads. They do not say of what it is.
    pub fn encode(&self, out: &mut Vec<u8>) {
        with_state!(&self.state, one => one.encode(out));
    }

    /// Becomes what was encoded, of the same aggregate and type, and takes it from the front of `bytes`.
    ///
    /// # Errors
    /// `Corrupt` when the bytes are no such partial result. It is empty then, and `bytes` may have moved.
    pub fn decode(&mut self, bytes: &mut &[u8]) -> Result<()> {
        let result = with_state!(&mut self.state, one => one.decode(bytes));
        if result.is_err() {
            self.clear();
        }
        result
    }

    /// Returns the bytes of memory that it takes.
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.state.boxed_bytes() + with_state!(&self.state, one => one.heap_bytes())
    }
}

fn int(value: Option<i64>, out: &mut Vec<u8>) -> bool {
    value.inspect(|value| out.extend_from_slice(&value.to_le_bytes())).is_some()
}

fn float(value: Option<f64>, out: &mut Vec<u8>) -> bool {
    value.inspect(|value| out.extend_from_slice(&value.to_le_bytes())).is_some()
}
