//! Records beside the catalog's own: the store's format and time, and work that was begun.
//!
//! The work that they stand for belongs to the backend on disk (`rocks`), which converts them.

use super::codec::{Decode, Encode};

/// The format of the store as a whole.
#[derive(Encode, Decode)]
pub(crate) struct FormatRecordV1 {
    pub(crate) format: u32,
}

/// The time that the store has reached, in microseconds since 1970.
#[derive(Encode, Decode)]
pub(crate) struct ReachedRecordV1 {
    /// The greatest present.
    pub(crate) newest: i64,
    /// The greatest created timestamp given.
    pub(crate) stamped: i64,
}

/// The time that the store has reached, and what its clock claims beyond it.
#[derive(Encode, Decode)]
pub(crate) struct ReachedRecordV2 {
    /// The greatest present that is believed, if any is.
    pub(crate) believed: Option<i64>,
    /// The greatest created timestamp given up to there.
    pub(crate) stamped: i64,
    /// The clock's claim beyond it.
    pub(crate) claim: Option<ClaimRecordV2>,
    /// The created timestamps given beyond it.
    pub(crate) runs: Vec<RunRecordV2>,
}

/// A time that the clock claims to have come to.
#[derive(Encode, Decode)]
pub(crate) struct ClaimRecordV2 {
    /// The least time that would be believed.
    pub(crate) least: i64,
    /// The microseconds for which the clock has agreed with itself.
    pub(crate) agreed: i64,
    /// The greatest reading of the clock.
    pub(crate) seen: i64,
}

/// Created timestamps that were given one after the other.
#[derive(Encode, Decode)]
pub(crate) struct RunRecordV2 {
    pub(crate) first: i64,
    pub(crate) last: i64,
    /// The present when the clock was found to have come back from there.
    pub(crate) until: Option<i64>,
}

/// A bulk load that was begun.
#[derive(Encode, Decode)]
pub(crate) struct LoadRecordV1 {
    pub(crate) rows: Vec<LoadedRowsRecordV1>,
    /// Names and values of the notes; without a value the note is removed.
    pub(crate) notes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// Rows of one view, from one entity key to another, both included.
#[derive(Encode, Decode)]
pub(crate) struct LoadedRowsRecordV1 {
    pub(crate) view: u32,
    pub(crate) key_space: u32,
    pub(crate) first: Vec<u8>,
    pub(crate) last: Vec<u8>,
}

/// An erasure whose bytes may still be on disk.
#[derive(Encode, Decode)]
pub(crate) struct ErasureRecordV1 {
    pub(crate) rows: Vec<ErasedRowRecordV1>,
}

/// A row that is being erased.
#[derive(Encode, Decode)]
pub(crate) struct ErasedRowRecordV1 {
    pub(crate) view: u32,
    pub(crate) key_space: u32,
    pub(crate) key: Vec<u8>,
}
