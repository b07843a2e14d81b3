//! How does a file appear whole or not at all?

pub(crate) mod output;
pub(crate) mod parquet;
