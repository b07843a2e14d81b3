//! What an evaluation answers.

use asofdb_storage::Status;

use crate::column::Items;
use crate::nulls::Nulls;

/// The values of an expression for the rows of a batch, borrowed from the scratch memory that they were computed in.
#[derive(Debug, Clone, Copy)]
pub struct Outcome<'s> {
    /// The values, of the type of the program.
    pub values: Computed<'s>,
    /// Which values are not null.
    pub valid: &'s [bool],
    /// Present where there is a value; else the worst status of the inputs that the row read, and null where all of them
    /// were present.
    pub statuses: &'s [Status],
    /// The event time of the oldest input that the row read, in microseconds; T of the row where none has one.
    pub events: &'s [i64],
    /// The nulls that the expression made itself.
    pub nulls: Nulls,
}

/// Values of one type. Those of nulls mean nothing.
#[derive(Debug, Clone, Copy)]
pub enum Computed<'s> {
    /// Bools.
    Bool(&'s [bool]),
    /// Whole numbers; microseconds of timestamps and durations; days of dates. Those of an `int32` fit into one.
    Int(&'s [i64]),
    /// Floats. Those of a `float32` are exactly such.
    Float(&'s [f64]),
    /// Text and bytes.
    Text {
        /// Where each begins, and where the last one ends.
        offsets: &'s [i32],
        /// The bytes, one after another.
        bytes: &'s [u8],
    },
    /// Lists.
    List {
        /// Where the items of each begin, and where those of the last one end.
        offsets: &'s [i32],
        /// The items, one after another, widened.
        items: Items<'s>,
    },
}

/// The rows for which a condition is true.
#[derive(Debug, Clone, Copy)]
pub struct Truths<'s> {
    /// Whether it is true; null is not true.
    pub rows: &'s [bool],
    /// The nulls that the expression made itself.
    pub nulls: Nulls,
}
