//! Sources: the views with rows or events of their own that a thing comes from, however it is computed.

use std::collections::BTreeSet;
use std::sync::Arc;

use asofdb::{FeatureView, Lineage, LineageFeature, LineageInput};

/// The names of stored views, sorted. What comes from the same ones shares them.
pub(super) type Sources = Arc<[String]>;

/// The stored views that a view comes from: itself, the events of its windows, or all that its expressions read.
pub(super) fn of_view(view: &FeatureView, lineage: Option<&Lineage>) -> Sources {
    match (view.is_stored(), view.windows(), lineage) {
        (true, ..) => [view.name.clone()].into(),
        (_, Some(windows), _) => [windows.from.clone()].into(),
        (_, None, Some(lineage)) => sorted(lineage.features.iter().flat_map(own)),
        (_, None, None) => Sources::default(),
    }
}

/// The stored views that a feature of a lineage comes from.
pub(super) fn of_feature(lineage: &Lineage, feature: &LineageFeature) -> Sources {
    let mut found = vec![feature];
    let mut followed = 0;
    while let Some(one) = found.get(followed) {
        followed += 1;
        let inputs = one.inputs().into_iter().filter_map(|input| match input {
            LineageInput::Feature(input) => lineage.find(&input.name.reference()),
            LineageInput::Events(_) | LineageInput::Request(_) => None,
        });
        for input in inputs.collect::<Vec<_>>() {
            if !found.iter().any(|known| (known.view.id, known.feature.id) == (input.view.id, input.feature.id)) {
                found.push(input);
            }
        }
    }
    sorted(found.into_iter().flat_map(own))
}

/// All of several sources.
pub(super) fn together(all: impl Iterator<Item = Sources>) -> Sources {
    sorted(all.flat_map(|sources| sources.to_vec()))
}

/// The stored view that a feature is in, or whose events its window is over.
fn own(one: &LineageFeature) -> Option<String> {
    match one.view.windows() {
        Some(windows) => Some(windows.from.clone()),
        None => one.view.is_stored().then(|| one.view.name.clone()),
    }
}

fn sorted(names: impl Iterator<Item = String>) -> Sources {
    names.collect::<BTreeSet<_>>().into_iter().collect()
}
