//! Bulk requests of the blocking client: what travels as a stream.

mod exchange;
mod gather;
mod incoming;
mod join;
mod load;
mod scan;

pub(crate) use self::gather::gather;
pub(crate) use self::join::begin as begin_join;
pub(crate) use self::load::{load, load_bytes_max};
pub(crate) use self::scan::scan;
