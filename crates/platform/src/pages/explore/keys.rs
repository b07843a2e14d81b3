//! Sets of join keys: the ways in which entities are named.

use asofdb::{Catalog, JoinKey, Prepared};
use form_urlencoded::Serializer;

/// Join keys, and the views that are read by exactly these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySet {
    /// The join keys, in key order.
    pub keys: Vec<JoinKey>,
    /// The names of the views.
    pub views: Vec<String>,
}

impl KeySet {
    /// All sets that views of a catalog are read by.
    pub fn all(catalog: &Catalog) -> Vec<KeySet> {
        let mut sets: Vec<KeySet> = Vec::new();
        for view in catalog.views() {
            let keys = match view.expressions() {
                // They are read by the keys of their inputs.
                Some(_) => Prepared::new(catalog, vec![view.name.clone()]).map(|request| request.join_keys()),
                None => Ok(view.join_keys.clone()),
            };
            let Ok(keys) = keys else { continue };
            if keys.is_empty() {
                continue;
            }
            match sets.iter_mut().find(|set| set.has(&keys)) {
                Some(set) => set.views.push(view.name.clone()),
                None => sets.push(KeySet { keys, views: vec![view.name.clone()] }),
            }
        }
        sets
    }

    fn has(&self, keys: &[JoinKey]) -> bool {
        self.keys.len() == keys.len() && keys.iter().all(|key| self.keys.iter().any(|known| known.name == key.name))
    }

    /// The names of its keys.
    pub fn name(&self) -> String {
        self.keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>().join(",")
    }

    /// The address of the explorer's form for it, perhaps for one view.
    pub(in super::super) fn address(&self, view: Option<&str>) -> String {
        let mut query = Serializer::new(String::new());
        query.append_pair("by", &self.name());
        if let Some(view) = view {
            query.append_pair("view", view);
        }
        format!("/explore?{}", query.finish())
    }
}
