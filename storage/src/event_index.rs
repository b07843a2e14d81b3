//! Indexes of events: other entities by which the events of a view are found.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalog::{FeatureView, JoinKey};

/// One more list of entities by which the events of an event view are found. Each event has a copy under the key of
/// each index, written with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventIndex {
    /// Permanent number, part of the keys of the copies. It is that of an event view, and never that of a view.
    pub id: u32,
    /// Number of the list of entities.
    pub key_space: u32,
    /// Names of the entities, in key order.
    pub entities: Vec<String>,
    /// The join keys of all entities, in key order. Each is a column of the view.
    pub join_keys: Vec<JoinKey>,
}

impl FeatureView {
    /// The event view as one of its indexes has it: the same events by other entities. It has no indexes itself.
    fn indexed(&self, index: &EventIndex) -> FeatureView {
        let EventIndex { id, key_space, entities, join_keys } = index.clone();
        FeatureView { id, key_space, entities, join_keys, also_by: Vec::new(), ..self.clone() }
    }

    /// Returns whether an entity is among those by which its rows, or its events, are found.
    pub fn is_by(&self, entity: &str) -> bool {
        let indexed = self.also_by.iter().flat_map(|index| &index.entities);
        self.entities.iter().chain(indexed).any(|name| name == entity)
    }
}

/// Makes the indexes of some views, by their ids.
pub(crate) fn indexes<'v>(views: impl Iterator<Item = &'v Arc<FeatureView>>) -> BTreeMap<u32, Arc<FeatureView>> {
    let of_view =
        |view: &'v Arc<FeatureView>| view.also_by.iter().map(move |index| (index.id, Arc::new(view.indexed(index))));
    views.flat_map(of_view).collect()
}
