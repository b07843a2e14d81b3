//! The record of a backup.

use super::codec::{Decode, Encode};

/// A backup: the files of a store, and where their contents are. Versions of before backups were numbered.
#[derive(Encode, Decode)]
pub(crate) struct BackupRecordV1 {
    /// The time it was taken at, in microseconds since 1970.
    pub(crate) taken: i64,
    /// In the order of their names.
    pub(crate) files: Vec<BackedUpFileRecordV1>,
}

/// A backup: the files of a store, and where their contents are.
#[derive(Encode, Decode)]
pub(crate) struct BackupRecordV2 {
    /// Its number, counted from 1 in each directory: later backups have greater ones, whatever the clock shows.
    pub(crate) number: u64,
    /// The time it was taken at, in microseconds since 1970.
    pub(crate) taken: i64,
    /// In the order of their names.
    pub(crate) files: Vec<BackedUpFileRecordV1>,
}

/// A file of a store with the sum of its content.
#[derive(Encode, Decode)]
pub(crate) struct BackedUpFileRecordV1 {
    pub(crate) name: String,
    /// Its size.
    pub(crate) bytes: u64,
    /// xxh3-128 of its content.
    pub(crate) xxh3: u128,
    /// Name of the object that has the content.
    pub(crate) object: String,
}
