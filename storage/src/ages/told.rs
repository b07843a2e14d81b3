//! Ages as they are told.

use crate::time::Timestamp;

/// The ages of the entities of a view at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ages {
    /// The present, as of which it is said.
    pub now: Timestamp,
    /// The pieces of time in which there are any, oldest first. They do not overlap.
    pub buckets: Vec<AgeBucket>,
}

/// The entities whose newest event lies in a piece of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgeBucket {
    /// The first moment of it.
    pub from: Timestamp,
    /// The first moment after it.
    pub until: Timestamp,
    /// The number of entities; of an event view, of events.
    pub count: u64,
}
