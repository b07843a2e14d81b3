//! The expression language of asofdb: small, typed and total.
//!
//! An expression computes one value of a row from features, request values and the time of the row. There are no loops,
//! no clock and no way to fail: what has no value (a division by zero) is null, and counted.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use asofdb_expression::{Batch, Column, Computed, Expression, Name, Program, Scratch, Values};
//! use asofdb_storage::{ScalarType, ValueType};
//!
//! let scope = BTreeMap::from([(Name::new("user_v1:birth_year"), ValueType::Scalar(ScalarType::Int32))]);
//! let expression = Expression::parse("year(now) - user_v1:birth_year").unwrap();
//! let program = Program::compile(&expression, &scope).unwrap();
//!
//! let now = [1_718_000_000_000_000, 1_718_000_000_000_000];            // microseconds: June 2024
//! let columns = [Column::new(Values::Int32(&[1990, 2001]))];           // in the order of `program.inputs()`
//! let mut scratch = Scratch::new();
//! let outcome = program.evaluate(&Batch { now: &now, columns: &columns }, &mut scratch).unwrap();
//! assert!(matches!(outcome.values, Computed::Int([34, 23])));
//! ```
//!
//! [`Expression::parse`] reads text, [`Program::compile`] finds names and types and makes a plan, and
//! [`Program::evaluate`] runs it over a [`Batch`] of columns that are borrowed from the caller. One row and a thousand
//! are the same code, so that what is served and what a model is trained on are the same bits. Every value has a status
//! and an event time, which come from the inputs that the row read; [`Program::test`] does without, for conditions.
//!
//! It is not a query language: it knows one row at a time, and no tables. It reads nothing itself; a [`Scope`] says
//! which names there are, and whoever evaluates brings the columns. `docs/expressions.md` is the reference of the
//! language.

mod batch;
mod buffer;
mod check;
mod column;
mod duration;
mod error;
mod evaluate;
mod explain;
mod expression;
mod functions;
mod kernel;
mod lane;
mod lexer;
mod name;
mod nulls;
mod operation;
mod outcome;
mod parser;
mod plan;
mod power;
mod program;
mod provenance;
mod render;
mod scope;
mod scratch;
mod sql;
mod suggest;
mod token;
mod tree;
mod typed;
mod types;

pub use batch::{BATCH_ROWS_MAX, Batch};
pub use buffer::ColumnBuffer;
pub use check::function_names;
pub use column::{Bools, Column, Items, NO_EVENT, Values};
pub use error::{Error, ErrorKind, Result, Span};
pub use explain::Explanation;
pub use expression::Expression;
pub use lexer::TEXT_BYTES_MAX;
pub use name::Name;
pub use nulls::Nulls;
pub use outcome::{Computed, Outcome, Truths};
pub use parser::{HEIGHT_MAX, NESTING_MAX};
pub use plan::STEPS_MAX;
pub use program::Program;
pub use scope::{Input, Scope};
pub use scratch::Scratch;
pub use tree::{Arithmetic, Binary, Comparison, Literal, Node, Tree};
pub use types::{Scalar, Type};
