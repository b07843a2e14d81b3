//! Checking that the ages of entities, as they are known, are those of the rows.

use std::collections::HashMap;

use super::commit::Pausing;
use super::recount::count;
use super::store::Store;
use crate::catalog::FeatureView;
use crate::error::{ErrorKind, Result};
use crate::key;
use crate::stop::Stop;
use crate::time::Timestamp;

/// Counts the rows of every feature view whose ages are known, in one state, and compares. Returns a line for each view
/// of which something is wrong. What cannot be read is told by who checks the rows themselves.
///
/// # Errors
/// `Unavailable` when the store cannot be read, or the work was stopped.
pub(super) fn verify_ages(store: &Store, pausing: &Pausing, stop: &Stop) -> Result<Vec<String>> {
    // Where the committer has died, which is a bug, everything else can still be verified.
    let Ok((mut known, snapshot)) = pausing.pause(|| (store.ages.known(), store.database.rocks.snapshot())) else {
        return Ok(Vec::new());
    };
    // Of event views it is known what has come, not what is there.
    known.retain(|view, _| !key::holds_events(*view));
    let floors: HashMap<u32, i64> = known.iter().map(|(view, (floor, _))| (*view, *floor)).collect();
    let counted = match count(store, &snapshot, &floors, stop) {
        Err(error) if error.kind() == ErrorKind::Corrupt => return Ok(Vec::new()),
        counted => counted?,
    };
    let catalog = store.present.known().catalog.clone();
    let problems = counted.into_iter().filter_map(|(id, mut counted)| {
        let (view, (_, known)) = (catalog.view_by_id(id)?, known.get(&id)?);
        counted.subtract(known);
        // Compaction may have taken what lies behind the cut-off, also of this state.
        let cutoff = cutoff(store, view);
        let (from, _, by) = counted.parts().find(|(from, _, by)| *by != 0 && *from >= cutoff)?;
        let from = Timestamp::from_micros(from);
        let name = &view.name;
        Some(format!("view {name:?}: of its entities {by} too few are counted with their newest event from {from} on"))
    });
    Ok(problems.collect())
}

fn cutoff(store: &Store, view: &FeatureView) -> i64 {
    match view.keep_newest {
        true => i64::MIN,
        false => view.cutoff(store.present.no_earlier(store.present.now())).as_micros(),
    }
}
