//! Policies: rules of a platform team that definitions keep, and who may read, change and approve what.

pub(crate) mod breach;
mod document;
pub(crate) mod lint;
pub(crate) mod owners;
mod pattern;
pub(crate) mod readers;
mod rules;

use asofdb_storage::{Catalog, Error, Plan, Result};

use self::breach::Breach;
use self::document::parse;
use self::owners::Team;
use self::readers::Restricted;
use self::rules::Rules;

/// Longest policy file in bytes.
pub const POLICY_BYTES_MAX: usize = 1 << 20;

/// Most breaches that one error names.
const BREACHES_SHOWN_MAX: usize = 20;

/// A policy: rules that definitions keep, and who may read, change and approve what.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    entity: Rules,
    view: Rules,
    feature: Rules,
    service: Rules,
    restricted: Vec<Restricted>,
    teams: Vec<Team>,
    approvals_min: u32,
    synonyms: Vec<Vec<String>>,
}

impl Policy {
    /// Reads a policy from TOML; `origin` is the name of the text in errors, mostly a file name.
    ///
    /// # Errors
    /// `Invalid`, beginning with `origin:line:column:`, for what is no policy.
    pub fn parse(text: &str, origin: &str) -> Result<Policy> {
        parse(text, origin)
    }

    /// The policy of a catalog; `None` where there is none.
    ///
    /// # Errors
    /// `Invalid` when it cannot be read, such as where a newer asofdb has written it.
    pub fn of(catalog: &Catalog) -> Result<Option<Policy>> {
        catalog.policy().map(|text| Policy::parse(text, "the store's policy")).transpose()
    }

    /// The number of those who must have approved a change besides the one who makes it.
    pub fn approvals_min(&self) -> u32 {
        self.approvals_min
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

/// Refuses a plan that breaks a rule of the catalog's policy in a place where it was not broken before: what breaks one
/// already may stay, so that a new rule stops nobody.
pub(crate) fn check_plan(catalog: &Catalog, plan: &Plan) -> Result<()> {
    let Some(policy) = Policy::of(catalog)? else { return Ok(()) };
    let (before, mut after) = (policy.breaches(catalog), policy.breaches(plan.catalog()));
    after.retain(|breach| !before.iter().any(|known| known.is_same(breach)));
    match after.is_empty() {
        true => Ok(()),
        false => Err(Error::invalid(format!("this breaks the policy: {}", listed(&after)))),
    }
}

/// The first breaches, and how many there are besides.
fn listed(breaches: &[Breach]) -> String {
    let shown: Vec<_> = breaches.iter().take(BREACHES_SHOWN_MAX).map(Breach::to_string).collect();
    match breaches.len().saturating_sub(BREACHES_SHOWN_MAX) {
        0 => shown.join("; "),
        more => format!("{}; and {more} more", shown.join("; ")),
    }
}
