//! The records of the ages of entities.

use super::codec::{Decode, Encode};

/// The ages on record: written when a store is closed, and taken back by the first write after that.
#[derive(Encode, Decode)]
pub(crate) struct AgesRecordV1 {
    /// RocksDB's number of the last operation of the write that this is in.
    pub(crate) sequence: u64,
}

/// The ages of the entities of one view.
#[derive(Encode, Decode)]
pub(crate) struct ViewAgesRecordV1 {
    /// RocksDB's number of the write that this is in, as in the record of all.
    pub(crate) sequence: u64,
    /// Events before this, in microseconds since 1970, are not counted.
    pub(crate) floor: i64,
    /// The first moment, the first moment after it, and the count of each bucket, oldest first.
    pub(crate) buckets: Vec<(i64, i64, i64)>,
}
