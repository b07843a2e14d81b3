//! The record of a mark in kept logs.

use super::codec::{Decode, Encode};

/// A mark: the place of a write among all that a store's kept logs have.
#[derive(Encode, Decode)]
pub(crate) struct MarkRecordV1 {
    /// The logs that it belongs to.
    pub(crate) id: u128,
    /// The number of the write, from 1 on.
    pub(crate) number: u64,
    /// The low half of the xxh3-128 of the chain of the write before (0 for the first), `id`, `number` and `time`,
    /// little-endian.
    pub(crate) chain: u64,
    /// The time of the write, in microseconds since 1970: a commit's stamp.
    pub(crate) time: i64,
    pub(crate) kind: MarkKindRecordV1,
}

/// The kind of a write.
#[derive(Encode, Decode)]
pub(crate) enum MarkKindRecordV1 {
    /// Work that is no commit: a change of the catalog, an erasure, and so on.
    Work,
    /// A commit, which ends with the mark: a write may have several.
    Commit,
    /// The record of a bulk load that was begun, by its stamp.
    LoadBegun(i64),
    /// The last step of a bulk load, by its stamp.
    Loaded(i64),
    /// Every commit with a stamp up to this was written before.
    Settled(i64),
}
