//! The ages of the entities of a view: how many have their newest event in which piece of time.

mod histogram;
mod scheme;
mod told;

pub(crate) use self::histogram::Histogram;
#[cfg(feature = "rocksdb")]
pub(crate) use self::histogram::Part;
#[cfg(feature = "rocksdb")]
pub(crate) use self::scheme::{MINUTE, floor};
pub use self::told::{AgeBucket, Ages};
