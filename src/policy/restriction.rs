//! Restrictions of who may read what has some tags.

use std::collections::BTreeMap;

use asofdb_storage::{Feature, FeatureView};

use super::pattern::{Names, Pattern};

/// Features with all of some tags, which only some consumers may read.
#[derive(Debug, Clone)]
pub(super) struct Restricted {
    pub(super) tags: BTreeMap<String, String>,
    pub(super) consumers: Vec<Pattern>,
}

impl Restricted {
    /// Returns whether these tags are all there; `None` where none of their names is, so that they say nothing.
    pub(super) fn holds(&self, view: &FeatureView, feature: Option<&Feature>) -> Option<bool> {
        let tag = |name: &String| feature.and_then(|one| one.tags.get(name)).or_else(|| view.tags.get(name));
        let is_named = self.tags.keys().any(|name| tag(name).is_some());
        is_named.then(|| self.tags.iter().all(|(name, value)| tag(name) == Some(value)))
    }

    pub(super) fn may_read(&self, consumer: &str) -> bool {
        self.consumers.iter().any(|pattern| pattern.matches(consumer, &Names::default()))
    }

    /// The tags as definitions have them.
    pub(super) fn tags(&self) -> String {
        self.tags.iter().map(|(name, value)| format!("{name} = {value:?}")).collect::<Vec<_>>().join(", ")
    }
}
