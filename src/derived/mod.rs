//! Derived features: expressions over other features and over values of the request.
//!
//! [`Derived`](plan::Derived) is the stage of a read that computes them, step by step in the order of their inputs;
//! every read and every join ends with it, with the same code.

pub(crate) mod compute;
pub(crate) mod nulls;
pub(crate) mod plan;
pub(crate) mod request_rows;
pub(crate) mod scope;
