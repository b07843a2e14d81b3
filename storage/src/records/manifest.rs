//! The record of the files of a checkpoint.

use super::codec::{Decode, Encode};

/// The files of a checkpoint.
#[derive(Encode, Decode)]
pub(crate) struct ManifestRecordV1 {
    /// In the order of their names.
    pub(crate) files: Vec<ListedFileRecordV1>,
}

/// A file with the sum of its content.
#[derive(Encode, Decode)]
pub(crate) struct ListedFileRecordV1 {
    pub(crate) name: String,
    /// Its size.
    pub(crate) bytes: u64,
    /// xxh3-128 of its content.
    pub(crate) xxh3: u128,
}
