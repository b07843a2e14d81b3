//! The computations of the operations, one file a kind of values.

pub(crate) mod calendar;
pub(crate) mod compare;
pub(crate) mod convert;
pub(crate) mod float;
pub(crate) mod hash;
pub(crate) mod integer;
pub(crate) mod lists;
pub(crate) mod logic;
pub(crate) mod nan;
pub(crate) mod sets;
pub(crate) mod text;
