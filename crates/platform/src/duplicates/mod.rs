//! Duplicates: features that are likely the same thing under another name or definition.
//!
//! Only features of the same join keys are compared. Their definitions tell some pairs; the rest is told by values, of
//! some hundred entities that are the same for all of them (`sample.rs`), all as of one time. What values contradict is
//! no duplicate, however alike the names are; names alone count only where there are no values.

mod codes;
mod column;
mod definition;
pub(crate) mod duplicate;
mod group;
mod kindred;
mod likeness;
mod numbers;
mod pair;
mod profile;
mod reason;
mod sample;
mod share;
mod stale;

use std::collections::{BTreeMap, BTreeSet};

use asofdb::parts::find_view;
use asofdb::{Catalog, Result, Session, Timestamp};

use self::duplicate::Duplicate;
use self::group::Group;
use self::kindred::kindred;
use self::profile::{Profile, profiles};
pub use self::sample::Check;
use self::sample::Reader;

/// Finds features that are likely the same thing; with `views` only pairs with a feature in one of these. The surest
/// come first. Values are compared as of `at`, or as of now where there is none. `check` is called now and then, and ends
/// the work with its error.
///
/// # Errors
/// `NotFound` for an unknown view; `Corrupt` when stored bytes cannot be read; what `check` returns.
pub fn find_duplicates(
    session: &dyn Session,
    views: &[&str],
    at: Option<Timestamp>,
    check: &Check<'_>,
) -> Result<Vec<Duplicate>> {
    let catalog = session.catalog()?;
    let at = at.map_or_else(|| session.now(), Ok)?;
    let wanted = views.iter().map(|name| Ok(find_view(&catalog, name)?.id)).collect::<Result<BTreeSet<_>>>()?;
    let reader = Reader { session, catalog: &catalog, at, check };
    let profiles = profiles(&catalog);
    let mut found = Vec::new();
    for members in groups(&profiles).into_values() {
        let is_wanted = |member: &usize| wanted.is_empty() || wanted.contains(&profiles[*member].view.id);
        if members.len() > 1 && members.iter().any(is_wanted) {
            Group::new(&reader, &profiles, members, &is_wanted)?.compare(&mut found)?;
        }
    }
    Ok(sorted(found))
}

/// Finds features of a catalog that are likely the same thing by their definitions and names alone, for a catalog that
/// is not there yet. Of each pair one is a feature that the catalog `before` did not have.
pub fn find_named_alike(before: &Catalog, after: &Catalog) -> Vec<Duplicate> {
    let is_new = |profile: &Profile| {
        before.view(&profile.view.name).is_none_or(|view| view.feature(&profile.feature.name).is_none())
    };
    let profiles = profiles(after);
    let mut found = Vec::new();
    for members in groups(&profiles).into_values() {
        let new: BTreeSet<usize> = members.iter().copied().filter(|member| is_new(&profiles[*member])).collect();
        for (one, other) in if new.is_empty() { BTreeSet::new() } else { kindred(&profiles, &members, &new) } {
            let (one, other) = (&profiles[one], &profiles[other]);
            found.extend(group::by_definition(one, other).or_else(|| group::by_name(one, other)));
        }
    }
    sorted(found)
}

/// The surest first, and of equals by name.
fn sorted(mut found: Vec<Duplicate>) -> Vec<Duplicate> {
    found.sort_by(|one, other| other.score.total_cmp(&one.score).then_with(|| one.features.cmp(&other.features)));
    found
}

/// The places of profiles with the same join keys.
fn groups(profiles: &[Profile]) -> BTreeMap<Vec<(&str, &'static str)>, Vec<usize>> {
    let mut groups: BTreeMap<Vec<_>, Vec<usize>> = BTreeMap::new();
    for (place, profile) in profiles.iter().enumerate().filter(|(_, profile)| !profile.join_keys.is_empty()) {
        let keys = profile.join_keys.iter().map(|key| (key.name.as_str(), key.ty.name())).collect();
        groups.entry(keys).or_default().push(place);
    }
    groups
}
