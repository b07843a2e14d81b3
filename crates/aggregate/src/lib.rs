//! The aggregates of windows: partial results that are folded, merged and stored.
//!
//! An [`Aggregate`](asofdb_storage::Aggregate) is what a window makes of the events in it. A [`Partial`] is what is
//! known of it after some of them. Events come newest first, and what is added is always older than what is there:
//!
//! ```
//! use asofdb_aggregate::Partial;
//! use asofdb_expression::{Column, Values};
//! use asofdb_storage::{Aggregate, ScalarType, Value, ValueType};
//!
//! let of = Some(ValueType::Scalar(ScalarType::Float64));
//! let column = Column::new(Values::Float64(&[2.5, 4.0, 0.5, 1.0]));        // newest first
//! let paid = [true, true, false, true];
//!
//! let mut newer = Partial::new(&Aggregate::Sum, of).unwrap();
//! newer.fold(Some(&column), 0..2, Some(&paid));                            // the events of one slot
//! let mut older = Partial::new(&Aggregate::Sum, of).unwrap();
//! older.fold(Some(&column), 2..4, Some(&paid));                            // those of the slot before it
//!
//! let mut tile = Vec::new();
//! older.encode(&mut tile);                                                 // stored, and read again
//! older.decode(&mut tile.as_slice()).unwrap();
//! newer.merge(&older);
//!
//! let mut stored = Vec::new();
//! assert!(newer.finish(&Aggregate::Sum, &mut stored));
//! assert_eq!(Value::decode(of.unwrap(), &stored).unwrap(), Value::Float64(7.5));
//! newer.finish(&Aggregate::Mean, &mut stored);                             // of the same shape: folded once
//! ```
//!
//! # The same bits
//! Events are folded within their slot of 5 minutes; slots are merged within their hour, newest first, hours within
//! their day, and days; the engine sees to it. The tree is fixed by the times of the events, so a value is the same
//! bits whether none, some or all parts of it were stored before: floats need no associativity. Folding a slot in
//! several batches is folding it in one, merging an empty part changes nothing, and encoding loses nothing.
//! Platforms agree: logarithms are those of `libm`, hashes have no seed, and nothing depends on addresses or on the
//! order of a hash table.
//!
//! # What each gives
//! Null in the column is passed over, and so is NaN.
//!
//! | aggregate | of nothing | rule |
//! |---|---|---|
//! | `count` | 0 | rows; with a column, those with a value |
//! | `sum` | 0 | whole numbers exactly, beyond an int64 null; floats in the order of the fold, inf - inf is null |
//! | `mean` | null | the sum divided by the count |
//! | `min`, `max` | null | floats in their total order, -0.0 before 0.0; text by bytes |
//! | `variance`, `stddev` | null | by Welford within a slot, by Chan across; a sample of one is null |
//! | `first`, `last` | null | the value of the oldest or newest event that has one |
//! | `first_k`, `last_k` | empty | oldest first, newest first; `distinct` keeps each value at its first place there |
//! | `distinct` | 0 | exact up to the cap |
//! | `count_by` a value | 0 | events with the value |
//! | `count_by` top k | empty | most frequent first, then the least; null beyond 100,000 different values |
//! | `approx_distinct` | 0 | HyperLogLog; up to a quarter of the registers as good as exact |
//! | `quantile` | null | DDSketch: the value of rank `floor(q * (n - 1))`, at most the error off |
//!
//! `distinct` tells floats apart by their bits, so that -0.0 and 0.0 are two. For `quantile` infinities are exact, and
//! what is nearer to 0 than the least normal float is 0. A sum or a mean of floats may be infinite; a
//! variance that would be is null.
//!
//! Aggregates of one [`Shape`] share a partial result. [`has_tiles`] says of which the size is bounded, so that they
//! can be stored.

mod accumulate;
mod bins;
mod cells;
mod count;
mod coupons;
mod distinct;
mod edge;
mod estimate;
mod extreme;
mod float_total;
mod frequencies;
mod int_total;
mod items;
mod list;
mod matches;
mod moments;
mod order;
mod partial;
mod quantiles;
mod registers;
mod rows;
mod scale;
mod shape;
mod state;
mod text_extreme;
mod value_list;
mod value_set;
mod wire;

pub use partial::Partial;
pub use shape::{Shape, has_tiles};
