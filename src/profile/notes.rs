//! The notes of statistics: one a view, until the view is dropped or something of it is erased.

use std::collections::BTreeSet;

use asofdb_storage::{Backend, Catalog, Durability, ErrorKind, Plan, Result, ViewProfile, WriteBatch};

use super::keeper::Erasing;
use crate::lineage::{Lineage, LineageInput};
use crate::store::Store;

/// The beginning of the names of the notes.
const PREFIX: &[u8] = b"statistics/";

/// The name of the note about a view: `statistics/` and its id, big-endian.
pub(super) fn note_of(view: u32) -> Vec<u8> {
    [PREFIX, &view.to_be_bytes()].concat()
}

/// Returns whether a note is one of statistics, which show values.
pub fn is_statistics_note(name: &[u8]) -> bool {
    name.starts_with(PREFIX)
}

/// The statistics that are kept of a view. A note that cannot be read is as none: they can be taken again.
pub(super) fn kept(backend: &dyn Backend, view: u32) -> Result<Option<ViewProfile>> {
    match backend.note(&note_of(view))?.map(|note| ViewProfile::decode(&note)).transpose() {
        Err(error) if error.kind() == ErrorKind::Corrupt => Ok(None),
        kept => kept,
    }
}

impl Store {
    /// Begins an erasure from views: their statistics, and those of the views that are computed from them, are
    /// forgotten before, and none that may show what is erased are kept meanwhile.
    pub(crate) fn erasing(&self, catalog: &Catalog, views: impl Iterator<Item = u32>) -> Result<Erasing<'_>> {
        let views: Vec<u32> = with_readers(catalog, views.collect()).into_iter().collect();
        self.profiles.erase(views.clone(), || self.forget_statistics(views))
    }

    /// Forgets the statistics of the views that a plan drops. None are kept while the catalog is changed.
    pub(crate) fn forget_dropped(&self, before: &Catalog, plan: &Plan) -> Result<()> {
        let dropped = before.views().filter(|view| plan.catalog().view_by_id(view.id).is_none());
        self.forget_statistics(dropped.map(|view| view.id).collect())
    }

    fn forget_statistics(&self, views: Vec<u32>) -> Result<()> {
        let (backend, mut batch) = (self.backend(), WriteBatch::new());
        for note in views.into_iter().map(note_of) {
            if backend.note(&note)?.is_some() {
                batch.note(note, None);
            }
        }
        match batch.is_empty() {
            true => Ok(()),
            false => backend.commit(batch, Durability::Sync).map(drop),
        }
    }
}

/// The views, and all that are computed from them.
fn with_readers(catalog: &Catalog, views: BTreeSet<u32>) -> BTreeSet<u32> {
    let reads = |name: &str| match Lineage::of(catalog, &[format!("{name}:*")]) {
        Ok(lineage) => lineage.features.iter().any(|one| {
            let events = one.inputs().into_iter().any(|input| match input {
                LineageInput::Events(events) => catalog.view(&events.name).is_some_and(|view| views.contains(&view.id)),
                _ => false,
            });
            events || views.contains(&one.view.id)
        }),
        // Nobody knows what it reads.
        Err(_) => true,
    };
    let readers = catalog.views().filter(|view| !view.is_stored() && reads(&view.name)).map(|view| view.id);
    let readers: Vec<u32> = readers.collect();
    views.into_iter().chain(readers).collect()
}
