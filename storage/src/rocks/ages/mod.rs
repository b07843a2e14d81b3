//! The ages of the entities of each view, kept from the writes.
//!
//! For each feature view the newest event of each entity is counted by its time: the rows of `latest` that are no
//! deletions. The committer reads the row of `latest` that a write replaces anyway, so that it knows which event leaves
//! its bucket and which one comes. Of event views, whose writes read nothing, every event that comes is counted, and
//! none leaves.
//!
//! Ages that are not known, because the store was not closed or rows were changed by other ways, are counted anew from
//! a snapshot in the background ([`super::recount`]). Meanwhile changes are counted apart and joined to that.

mod changes;
mod counts;
mod kept;

pub(super) use self::changes::{AgeChanges, minute_start};
pub(super) use self::counts::AgeCounts;
pub(super) use self::kept::take_back;
