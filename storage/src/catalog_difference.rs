//! The changes between any two catalogs of one store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::catalog::{Catalog, Feature, FeatureView};
use crate::change::{Change, ChangeKind, ObjectKind};
use crate::difference;
use crate::plan::kind_of;
use crate::redefinition::redefined;
use crate::schema::FeatureId;

impl Catalog {
    /// The changes from this catalog to another one of the same store, earlier or later, in the order of a plan: what
    /// was dropped and made anew is both.
    pub fn changes_to(&self, other: &Catalog) -> Vec<Change> {
        let mut changes = Changes(Vec::new());
        changes.things(ObjectKind::Entity, &self.entities, &other.entities, |old, new| {
            if old == new { Vec::new() } else { difference::of_entities(old, new) }
        });
        changes.views(self, other);
        changes.things(ObjectKind::FeatureService, &self.services, &other.services, |old, new| {
            if old == new { Vec::new() } else { difference::of_services(old, new) }
        });
        match (self.policy(), other.policy()) {
            (old, new) if old == new => {}
            (None, _) => changes.push(ChangeKind::Create, ObjectKind::Policy, "policy", Vec::new()),
            (_, None) => changes.push(ChangeKind::Drop, ObjectKind::Policy, "policy", Vec::new()),
            _ => changes.push(ChangeKind::Change, ObjectKind::Policy, "policy", Vec::new()),
        }
        changes.0
    }
}

struct Changes(Vec<Change>);

impl Changes {
    fn push(&mut self, kind: ChangeKind, what: ObjectKind, name: &str, details: Vec<String>) {
        self.0.push(Change { kind, what, name: name.to_owned(), details });
    }

    fn things<T>(
        &mut self,
        what: ObjectKind,
        old: &BTreeMap<String, Arc<T>>,
        new: &BTreeMap<String, Arc<T>>,
        details: impl Fn(&T, &T) -> Vec<String>,
    ) {
        for (name, thing) in new {
            match old.get(name) {
                None => self.push(ChangeKind::Create, what, name, Vec::new()),
                Some(before) => {
                    let details = details(before, thing);
                    if !details.is_empty() {
                        self.push(ChangeKind::Change, what, name, details);
                    }
                }
            }
        }
        let gone = old.keys().filter(|name| !new.contains_key(*name));
        gone.for_each(|name| self.push(ChangeKind::Drop, what, name, Vec::new()));
    }

    fn views(&mut self, old: &Catalog, new: &Catalog) {
        let mut drops = Vec::new();
        for view in new.views() {
            match old.view(&view.name) {
                Some(before) if before.id == view.id => self.view(before, view),
                before => {
                    drops.extend(before);
                    let count = view.features.len();
                    let details = vec![format!("{count} feature{}", if count == 1 { "" } else { "s" })];
                    self.push(ChangeKind::Create, kind_of(view), &view.name, details);
                }
            }
        }
        drops.extend(old.views().filter(|view| new.view(&view.name).is_none()));
        drops.iter().for_each(|view| self.push(ChangeKind::Drop, kind_of(view), &view.name, Vec::new()));
    }

    fn view(&mut self, old: &FeatureView, new: &FeatureView) {
        let details = difference::of_views(old, new);
        if !details.is_empty() {
            self.push(ChangeKind::Change, kind_of(new), &new.name, details);
        }
        let before: BTreeMap<FeatureId, &Feature> = old.features.iter().map(|feature| (feature.id, feature)).collect();
        for feature in &new.features {
            let reference = format!("{}:{}", new.name, feature.name);
            match before.get(&feature.id) {
                None => self.push(ChangeKind::Create, ObjectKind::Feature, &reference, vec![feature.ty.to_string()]),
                Some(before) => {
                    let details = difference::of_features(before, feature);
                    if !details.is_empty() {
                        self.push(ChangeKind::Change, ObjectKind::Feature, &reference, details);
                    }
                }
            }
        }
        for feature in redefined(old, new) {
            let details = vec!["computed in another way".to_owned()];
            self.push(ChangeKind::Redefine, ObjectKind::Feature, &format!("{}:{feature}", new.name), details);
        }
        let kept: BTreeSet<FeatureId> = new.features.iter().map(|feature| feature.id).collect();
        for feature in old.features.iter().filter(|feature| !kept.contains(&feature.id)) {
            self.push(ChangeKind::Drop, ObjectKind::Feature, &format!("{}:{}", new.name, feature.name), Vec::new());
        }
    }
}
