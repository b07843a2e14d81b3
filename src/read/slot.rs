//! The place of a value in what a read has gathered.

/// The place of one value among what a read has gathered for a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueSlot {
    /// The list of records that has it, one list a source.
    pub source: usize,
    /// Its field in these records.
    pub field: usize,
}
