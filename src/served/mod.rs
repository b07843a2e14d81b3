//! The log of served features: what reads answered, value by value, so that it can be asked again and compared.
//!
//! A store that logs takes a share of its reads ([`log::ServedLog`]). Such a read is of a state that can be asked
//! again, and its records are copied into a queue. A thread ([`writer`]) makes Parquet files of them, in a directory an
//! hour. What does not fit into the queue is counted and left out, so that no read waits for a disk.

pub(crate) mod columns;
pub(crate) mod log;
pub(crate) mod meaning;
pub(crate) mod options;
#[cfg(feature = "files")]
pub(crate) mod parts;
pub(crate) mod read;
#[cfg(feature = "files")]
pub(crate) mod reader;
pub(crate) mod row;
#[cfg(feature = "files")]
pub(crate) mod training;
#[cfg(feature = "files")]
mod value_column;
#[cfg(feature = "files")]
mod writer;

#[cfg(feature = "files")]
pub(crate) use self::writer::start;
