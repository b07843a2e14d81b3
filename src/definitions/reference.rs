//! Feature references: from what a caller names to the features meant.

use std::sync::Arc;

use asofdb_storage::{Catalog, Error, Feature, FeatureView, Result};

use crate::definitions::suggest::did_you_mean;

/// One feature that was asked for.
#[derive(Debug, Clone)]
pub struct ResolvedFeature {
    /// Its view.
    pub view: Arc<FeatureView>,
    /// The feature.
    pub feature: Feature,
}

impl ResolvedFeature {
    /// `view:feature`.
    pub fn reference(&self) -> String {
        format!("{}:{}", self.view.name, self.feature.name)
    }
}

/// Resolves references in their order: `view:feature`, `view:*`, a bare view (all its features) or a
/// service. A feature named twice is an error, because columns and matrices would repeat it silently.
pub(crate) fn resolve<S: AsRef<str>>(catalog: &Catalog, references: &[S]) -> Result<Vec<ResolvedFeature>> {
    let mut features = Vec::new();
    for reference in references {
        resolve_one(catalog, reference.as_ref(), &mut features)?;
    }
    if features.is_empty() {
        return Err(Error::invalid("a request names at least one feature: view:feature, view:*, a view or a service"));
    }
    let mut seen = std::collections::BTreeSet::new();
    match features.iter().find(|f| !seen.insert((f.view.id, f.feature.id))) {
        Some(twice) => Err(Error::invalid(format!("a request names each feature once: {}", twice.reference()))),
        None => Ok(features),
    }
}

fn resolve_one(catalog: &Catalog, reference: &str, out: &mut Vec<ResolvedFeature>) -> Result<()> {
    let (name, feature) = match reference.split_once(':') {
        Some((view, feature)) => (view, Some(feature)),
        None => (reference, None),
    };
    match (catalog.view(name), feature) {
        (Some(view), None | Some("*")) => out.extend(view.features.iter().map(|feature| one(view, feature))),
        (Some(view), Some(feature)) => out.push(one(view, find_feature(view, feature)?)),
        (None, None) => match catalog.service(name) {
            Some(service) => service.features.iter().try_for_each(|each| resolve_one(catalog, each, out))?,
            None => return Err(unknown(catalog, name, "feature view or service")),
        },
        (None, Some(_)) => return Err(unknown(catalog, name, "feature view")),
    }
    Ok(())
}

fn one(view: &Arc<FeatureView>, feature: &Feature) -> ResolvedFeature {
    ResolvedFeature { view: view.clone(), feature: feature.clone() }
}

fn find_feature<'v>(view: &'v FeatureView, name: &str) -> Result<&'v Feature> {
    view.feature(name).ok_or_else(|| {
        let hint = did_you_mean(name, view.features.iter().map(|feature| feature.name.as_str()));
        Error::not_found(format!("view {:?} has no feature {name:?}{hint}", view.name))
    })
}

/// A view by name.
pub fn find_view<'c>(catalog: &'c Catalog, name: &str) -> Result<&'c Arc<FeatureView>> {
    catalog.view(name).ok_or_else(|| unknown(catalog, name, "feature view"))
}

fn unknown(catalog: &Catalog, name: &str, what: &str) -> Error {
    let views = catalog.views().map(|view| view.name.as_str());
    let services = catalog.services().map(|service| service.name.as_str());
    let hint = did_you_mean(name, views.chain(services));
    let hint = if hint.is_empty() { "; `asof views` lists them".to_owned() } else { hint };
    Error::not_found(format!("no {what} is named {name:?}{hint}"))
}
