//! Output files and directories, which appear whole or not at all.

pub(crate) mod output;
pub(crate) mod parquet;
