//! The status of a value: why it is or is not there.

use std::fmt;

/// The status of one value in an answer, the same in every interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Status {
    /// A value was stored, and it is within its ttl. Zero, false and "" are values.
    Present = 0,
    /// A null was stored, or the row was written before the feature was added.
    Null = 1,
    /// No version of the row at the time asked, or the newest one is a deletion.
    Missing = 2,
    /// The newest version at the time asked is older than the view's ttl.
    Expired = 3,
}

impl Status {
    /// Every status, in the order of its number.
    pub const ALL: [Status; 4] = [Status::Present, Status::Null, Status::Missing, Status::Expired];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Status::Present => "present",
            Status::Null => "null",
            Status::Missing => "missing",
            Status::Expired => "expired",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
