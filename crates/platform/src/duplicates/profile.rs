//! Profiles: what is known of a feature before its values are read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use asofdb::{
    Catalog, Feature, FeatureView, JoinKey, Lineage, LineageFeature, LineageInput, Origin, ScalarType, ValueType,
};

use super::definition::normal_form;
use super::likeness::Wording;
use crate::relatives::stem_and_version;
use crate::synonyms::Synonyms;

/// A feature, as far as its definition tells.
#[derive(Debug)]
pub(super) struct Profile {
    /// `view:feature`.
    pub(super) reference: String,
    pub(super) view: Arc<FeatureView>,
    pub(super) feature: Feature,
    /// The entities that it is about: of an expression those of its inputs.
    pub(super) entities: Vec<String>,
    /// The join keys of these, by name. Only features of the same ones are compared.
    pub(super) join_keys: Vec<JoinKey>,
    pub(super) name: Wording,
    pub(super) description: Wording,
    /// The normal form of what it is computed by; `None` where it is stored.
    pub(super) definition: Option<String>,
    /// The features that it is computed from, also through others.
    pub(super) inputs: BTreeSet<String>,
    /// True if it can be read without values of a request.
    pub(super) can_be_read: bool,
}

impl Profile {
    /// Returns whether its values are compared as numbers.
    pub(super) fn is_number(&self) -> bool {
        !matches!(self.feature.ty, ValueType::List(_) | ValueType::Scalar(ScalarType::String | ScalarType::Bytes))
    }

    /// Returns whether the two are the same feature in two versions of one view, which is no duplicate.
    pub(super) fn is_other_version_of(&self, other: &Profile) -> bool {
        let versions = (stem_and_version(&self.view.name).0, stem_and_version(&other.view.name).0);
        self.view.id != other.view.id && versions.0 == versions.1 && self.feature.name == other.feature.name
    }

    /// Returns whether one of the two is computed from the other: its definition says already what they have in common.
    pub(super) fn is_computed_from(&self, other: &Profile) -> bool {
        self.inputs.contains(&other.reference) || other.inputs.contains(&self.reference)
    }

    /// Returns whether people have said of the two that they are the same, or that they are not: that is told already.
    pub(super) fn is_judged(&self, other: &Profile) -> bool {
        let has = |one: &Profile, other: &Profile| one.view.verdicts.has(&one.feature.name, &other.reference);
        has(self, other) || has(other, self)
    }

    /// The likeness of the names, and of the descriptions where both have one, from 0 to 1.
    pub(super) fn likeness(&self, other: &Profile) -> (f64, Option<f64>) {
        let both_described = !self.description.is_empty() && !other.description.is_empty();
        (self.name.likeness(&other.name), both_described.then(|| self.description.likeness(&other.description)))
    }
}

/// The profiles of every feature of a catalog. Columns of events are none. What is computed in a way that this version
/// does not understand is left out.
pub(super) fn profiles(catalog: &Catalog) -> Vec<Profile> {
    let views = catalog.views().filter(|view| !view.holds_events());
    let synonyms = Synonyms::of(catalog);
    views.flat_map(|view| of_view(catalog, view, &synonyms)).collect()
}

fn of_view(catalog: &Catalog, view: &Arc<FeatureView>, synonyms: &Synonyms) -> Vec<Profile> {
    let Ok(lineage) = Lineage::of(catalog, &[&view.name]) else { return Vec::new() };
    let by_name: BTreeMap<String, &LineageFeature> =
        lineage.features.iter().map(|feature| (feature.reference(), feature)).collect();
    let own = lineage.features.iter().filter(|one| one.view.id == view.id);
    own.map(|one| of_feature(&lineage, one, &by_name, synonyms)).collect()
}

fn of_feature(
    lineage: &Lineage,
    one: &LineageFeature,
    by_name: &BTreeMap<String, &LineageFeature>,
    synonyms: &Synonyms,
) -> Profile {
    let reference = one.reference();
    let mut inputs = BTreeSet::new();
    let asks = follow(one, by_name, &mut inputs);
    let stored = inputs.iter().filter_map(|name| by_name.get(name)).chain([&one]).filter(|one| is_found_by_keys(one));
    let views: Vec<_> = stored.map(|one| &one.view).collect();
    let entities: BTreeSet<_> = views.iter().flat_map(|view| &view.entities).cloned().collect();
    let keys: BTreeMap<_, _> =
        views.iter().flat_map(|view| &view.join_keys).map(|key| (key.name.clone(), key.ty)).collect();
    let entities: Vec<_> = entities.into_iter().collect();
    Profile {
        name: Wording::new(&one.feature.name, &entities, synonyms),
        description: Wording::new(&one.feature.description, &entities, synonyms),
        definition: normal_form(lineage, one),
        view: one.view.clone(),
        feature: one.feature.clone(),
        join_keys: keys.into_iter().map(|(name, ty)| JoinKey { name, ty }).collect(),
        can_be_read: !asks && !entities.is_empty(),
        entities,
        inputs,
        reference,
    }
}

/// Features of expressions have the keys of their inputs.
fn is_found_by_keys(one: &LineageFeature) -> bool {
    !matches!(one.origin, Origin::Expression { .. })
}

/// Collects what a feature is computed from; returns whether a value of the request is needed.
fn follow(one: &LineageFeature, by_name: &BTreeMap<String, &LineageFeature>, inputs: &mut BTreeSet<String>) -> bool {
    let mut asks = false;
    for input in one.inputs() {
        match input {
            LineageInput::Events(_) => {}
            LineageInput::Request(_) => asks = true,
            LineageInput::Feature(input) => {
                let reference = input.name.reference();
                if let Some(next) = by_name.get(&reference)
                    && inputs.insert(reference)
                {
                    asks |= follow(next, by_name, inputs);
                }
            }
        }
    }
    asks
}
