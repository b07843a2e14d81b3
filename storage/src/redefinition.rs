//! Redefinitions: features that keep their name and are computed in another way.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::FeatureView;
use crate::computed::{Computed, Expressions, RequestValue, Windows};

/// The features that both forms of a view have, and that the new one computes in another way.
pub(crate) fn redefined(old: &FeatureView, new: &FeatureView) -> Vec<String> {
    let (before, after) = match (&old.computed, &new.computed) {
        (Some(Computed::Windows(old)), Some(Computed::Windows(new))) => (of_windows(old), of_windows(new)),
        (Some(Computed::Expressions(old)), Some(Computed::Expressions(new))) => {
            (of_expressions(old, new), of_expressions(new, old))
        }
        _ => return Vec::new(),
    };
    let differs = |(name, meaning): &(String, String)| before.get(name).is_some_and(|before| before != meaning);
    after.into_iter().filter(differs).map(|(name, _)| name).collect()
}

/// All that the value of each feature depends on, as text.
type Meanings = BTreeMap<String, String>;

fn of_windows(windows: &Windows) -> Meanings {
    let Windows { from, condition, every, offset, features } = windows;
    let all = format!("{from:?} {condition:?} {every:?} {offset:?}");
    let each = features.iter().flat_map(|feature| {
        feature.names().map(|(name, aggregate, window)| {
            let (of, condition) = (&feature.of, &feature.condition);
            (name, format!("{aggregate:?} {of:?} {condition:?} {:?} {all}", window.length()))
        })
    });
    each.collect()
}

/// The meaning of an expression depends on the types of the request values. One that only one form has is no input of the
/// expression in the other.
fn of_expressions(expressions: &Expressions, other: &Expressions) -> Meanings {
    let is_common = |value: &&RequestValue| other.request.iter().any(|known| known.name == value.name);
    let request = expressions.request.iter().filter(is_common).map(|value| format!("{:?} {}", value.name, value.ty));
    let request = request.collect::<BTreeSet<_>>();
    let each = expressions.of.iter();
    each.map(|(name, expression)| (name.clone(), format!("{expression:?} {request:?}"))).collect()
}
