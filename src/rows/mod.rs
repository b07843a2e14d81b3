//! Arrow columns become rows and keys, and bad ones are named.

pub(crate) mod arrow_scalar;
pub(crate) mod builders;
pub(crate) mod columns;
pub(crate) mod digest;
pub(crate) mod encode;
pub(crate) mod event_id_check;
mod events;
pub(crate) mod keys;
mod lists;
pub(crate) mod named;
pub(crate) mod plain;
pub(crate) mod problems;
pub(crate) mod roles;
pub(crate) mod types;
pub(crate) mod values;
pub(crate) mod zone;
