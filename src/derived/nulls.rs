//! Nulls that expressions have made themselves, such as by a division by zero, since a store was opened.

use std::collections::BTreeMap;

use asofdb_expression::Nulls;
use parking_lot::Mutex;

/// Most features that are told apart.
const FEATURES_MAX: usize = 1_024;

/// The name under which those of all later features count. No feature has it, for theirs have a colon.
const OTHER: &str = "other";

/// Counts of nulls, by feature.
#[derive(Debug, Default)]
pub(crate) struct NullCounts(Mutex<BTreeMap<String, Nulls>>);

impl NullCounts {
    /// Adds the nulls of a feature, which is `view:feature`. Takes no lock where there are none.
    pub(crate) fn add(&self, feature: &str, nulls: Nulls) {
        if nulls.total() == 0 {
            return;
        }
        let mut counts = self.0.lock();
        if let Some(known) = counts.get_mut(feature) {
            *known += nulls;
            return;
        }
        let name = if counts.len() < FEATURES_MAX { feature } else { OTHER };
        *counts.entry(name.to_owned()).or_default() += nulls;
    }

    /// The counts so far, by name.
    pub(crate) fn by_feature(&self) -> Vec<(String, Nulls)> {
        self.0.lock().iter().map(|(feature, nulls)| (feature.clone(), *nulls)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_beyond_the_bound_count_together_and_those_before_go_on() {
        let counts = NullCounts::default();
        let divisions = |division| Nulls { division, ..Nulls::default() };
        counts.add("v:never", divisions(0));
        assert!(counts.by_feature().is_empty());
        (0..FEATURES_MAX + 5).for_each(|number| counts.add(&format!("v:f{number}"), divisions(2)));
        counts.add("v:f0", divisions(1));
        let all = counts.by_feature();
        assert_eq!(all.len(), FEATURES_MAX + 1);
        let of = |name: &str| all.iter().find(|(known, _)| known == name).map(|(_, nulls)| nulls.division);
        assert_eq!((of("v:f0"), of("v:f1"), of(OTHER)), (Some(3), Some(2), Some(10)));
    }
}
