//! Reads: found rows become values with statuses, columns and matrices.

pub(crate) mod answer;
pub(crate) mod arena;
pub(crate) mod asked;
pub(crate) mod columns;
pub(crate) mod fields;
mod floats;
pub(crate) mod found;
pub(crate) mod history;
pub(crate) mod lookup;
pub(crate) mod matrix;
pub(crate) mod newest;
pub(crate) mod newest_read;
pub(crate) mod output;
pub(crate) mod plan;
pub(crate) mod question;
pub(crate) mod record;
pub(crate) mod request;
pub(crate) mod slot;
pub(crate) mod sources;
mod targets;
mod warnings;
