//! A policy as a whole.

use asofdb_storage::Catalog;

use super::breach::Breach;
use super::restriction::Restricted;
use super::rules::Rules;
use super::team::Team;

/// A policy: rules that definitions keep, and who may read, change and approve what.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    pub(super) entity: Rules,
    pub(super) view: Rules,
    pub(super) feature: Rules,
    pub(super) service: Rules,
    pub(super) restricted: Vec<Restricted>,
    pub(super) teams: Vec<Team>,
    pub(super) approvals_min: u32,
    pub(super) synonyms: Vec<Vec<String>>,
}

impl Policy {
    /// The number of those who must have approved a change besides the one who makes it.
    pub fn approvals_min(&self) -> u32 {
        self.approvals_min
    }

    /// Returns whether there is anything that only some consumers may read.
    pub fn is_restricting(&self) -> bool {
        !self.restricted.is_empty()
    }

    /// Groups of words that mean the same, beside those that are known anyway.
    pub fn synonyms(&self) -> &[Vec<String>] {
        &self.synonyms
    }

    /// All that a catalog has and the rules forbid, by entity, view and service.
    pub fn breaches(&self, catalog: &Catalog) -> Vec<Breach> {
        let mut breaches = Vec::new();
        for entity in catalog.entities() {
            self.entity.of_entity(entity, &mut breaches);
        }
        for view in catalog.views() {
            self.view.of_view(view, &mut breaches);
            view.features.iter().for_each(|feature| self.feature.of_feature(view, feature, &mut breaches));
        }
        for service in catalog.services() {
            self.service.of_service(service, &mut breaches);
        }
        breaches
    }
}
