//! Plans held against the policy of their catalog.

use asofdb_storage::{Catalog, Error, Plan, Result};

use super::breach::Breach;
use super::rulebook::Policy;

/// Most breaches that one error names.
const BREACHES_SHOWN_MAX: usize = 20;

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
