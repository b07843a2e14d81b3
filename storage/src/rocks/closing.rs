//! The end of an open store.

use std::sync::Arc;

use super::error::from_rocks;
use super::modes::Modes;
use super::store::Store;
use crate::fail_point;

/// Puts all of a store on disk when it is closed, and on record that it is. Dropped after the committer has finished.
pub(super) struct Closing(pub(super) Arc<Store>);

impl Drop for Closing {
    fn drop(&mut self) {
        let Closing(store) = self;
        let rocks = &store.database.rocks;
        let sync = || rocks.flush_wal(true).map_err(|error| from_rocks("cannot write the log to disk", error));
        // Nobody is left to hear of a failure; what was acknowledged as on disk is there already.
        let synced = store.floor.write(true, sync, || rocks.latest_sequence_number());
        fail_point("closing synced");
        if synced.is_ok() && store.is_as_recorded() {
            store.hot.leave(&store.database, &store.present.known().catalog);
        }
        rocks.cancel_all_background_work(true);
        store.floor.close();
        // Files that compaction has made since the store was opened.
        store.loads.parent().into_iter().for_each(|path| Modes::of(store.options.shared).settle_files(path));
        fail_point("closing done");
    }
}
