//! Reads of the present: from `latest` where it answers, and from `history` where it declines.

use super::as_of::as_of;
use super::store::Store;
use crate::backend::{LookedUp, Lookup, Visit};
use crate::error::Result;
use crate::time::Timestamp;

/// Answers all lookups from one state, as `as_of` would at `at`.
pub(super) fn latest(store: &Store, lookups: &[Lookup<'_>], at: Timestamp, visit: &mut Visit<'_>) -> Result<()> {
    store.hot.tell_times(&store.present);
    match store.hot.look_up(&store.online, lookups, at, visit)? {
        LookedUp::Answered => Ok(()),
        LookedUp::Declined => {
            let lookups: Vec<_> = lookups.iter().map(|lookup| lookup.at(at)).collect();
            as_of(store, &lookups, None, at, visit)
        }
    }
}
