//! Kindred features: pairs that may be alike by definition or name, found without looking at all pairs.

use std::collections::{BTreeSet, HashMap};

use super::profile::Profile;

/// Pairs of members, by their places, that have the same definition or one of the rare words of their names in common,
/// and of which one is new.
///
/// Two names that are alike have two thirds of their words in common, or more. So they also have one in common of the
/// rarest of each, which are as many as there may be words that only one of them has, and one.
pub(super) fn kindred(profiles: &[Profile], members: &[usize], new: &BTreeSet<usize>) -> BTreeSet<(usize, usize)> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let words = |member: usize| profiles[member].name.words().iter().map(String::as_str);
    members.iter().flat_map(|member| words(*member)).for_each(|word| *counts.entry(word).or_default() += 1);
    let mut having: HashMap<&str, Vec<usize>> = HashMap::new();
    for member in members {
        let mut rarest: Vec<&str> = words(*member).collect();
        rarest.sort_unstable_by_key(|word| (counts[word], *word));
        rarest.truncate(rarest.len() - (rarest.len() * 2).div_ceil(3) + 1);
        for key in rarest.into_iter().chain(profiles[*member].definition.as_deref()) {
            having.entry(key).or_default().push(*member);
        }
    }
    let mut pairs = BTreeSet::new();
    for members in having.into_values() {
        for one in members.iter().filter(|member| new.contains(member)) {
            pairs.extend(members.iter().filter(|other| *other != one).map(|other| (*one.min(other), *one.max(other))));
        }
    }
    pairs
}
