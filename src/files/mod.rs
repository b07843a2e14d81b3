//! Output files and directories, which appear whole or not at all.

pub(crate) use asofdb_storage::output;

pub(crate) mod parquet;
pub(crate) mod table;
