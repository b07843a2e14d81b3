//! Feature references: from what a caller names to the features meant.

use std::collections::HashSet;
use std::sync::Arc;

use asofdb_storage::{Catalog, Error, Feature, FeatureId, FeatureView, Result};

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
    let mut resolving = Resolving { catalog, features: Vec::new(), seen: HashSet::new() };
    references.iter().try_for_each(|reference| resolving.resolve(reference.as_ref()))?;
    match resolving.features.is_empty() {
        true => Err(Error::invalid("a request names at least one feature: view:feature, view:*, a view or a service")),
        false => Ok(resolving.features),
    }
}

/// References on their way to features. Each feature is refused the second time, so that no list of references, however
/// long, becomes more features than the catalog has.
struct Resolving<'c> {
    catalog: &'c Catalog,
    features: Vec<ResolvedFeature>,
    seen: HashSet<(u32, FeatureId)>,
}

impl Resolving<'_> {
    fn resolve(&mut self, reference: &str) -> Result<()> {
        let (catalog, (name, feature)) = (
            self.catalog,
            match reference.split_once(':') {
                Some((view, feature)) => (view, Some(feature)),
                None => (reference, None),
            },
        );
        if let Some(view) = catalog.view(name).filter(|view| view.holds_events()) {
            return Err(no_features(view));
        }
        match (catalog.view(name), feature) {
            (Some(view), None | Some("*")) => view.features.iter().try_for_each(|feature| self.add(view, feature)),
            (Some(view), Some(feature)) => self.add(view, find_feature(view, feature)?),
            (None, None) => match catalog.service(name) {
                Some(service) => service.features.iter().try_for_each(|each| self.resolve(each)),
                None => Err(unknown(catalog, name, "feature view or service")),
            },
            (None, Some(_)) => Err(unknown(catalog, name, "feature view")),
        }
    }

    fn add(&mut self, view: &Arc<FeatureView>, feature: &Feature) -> Result<()> {
        let resolved = ResolvedFeature { view: view.clone(), feature: feature.clone() };
        if !self.seen.insert((view.id, feature.id)) {
            return Err(Error::invalid(format!("a request names each feature once: {}", resolved.reference())));
        }
        self.features.push(resolved);
        Ok(())
    }
}

/// Events are counted: which of them a value is of, a reference to a column does not say.
fn no_features(view: &FeatureView) -> Error {
    let name = &view.name;
    Error::invalid(format!("{name:?} is an event view, which has no features: read its events by history or an export"))
}

/// A feature of a view by name.
///
/// # Errors
/// `NotFound` when the view has none of this name.
pub(crate) fn find_feature<'v>(view: &'v FeatureView, name: &str) -> Result<&'v Feature> {
    view.feature(name).ok_or_else(|| {
        let hint = did_you_mean(name, view.features.iter().map(|feature| feature.name.as_str()));
        Error::not_found(format!("view {:?} has no feature {name:?}{hint}", view.name))
    })
}

/// A view by name.
pub fn find_view<'c>(catalog: &'c Catalog, name: &str) -> Result<&'c Arc<FeatureView>> {
    catalog.view(name).ok_or_else(|| unknown(catalog, name, "feature view"))
}

/// A view by name that rows, or events, are written to.
///
/// # Errors
/// `NotFound` for an unknown name, `Invalid` for a view that is computed.
pub fn find_stored_view<'c>(catalog: &'c Catalog, name: &str) -> Result<&'c Arc<FeatureView>> {
    let view = find_view(catalog, name)?;
    let from = match (view.windows(), view.is_stored()) {
        (_, true) => return Ok(view),
        (Some(windows), _) => format!("the events of {:?}", windows.from),
        (None, _) => "other features".to_owned(),
    };
    Err(Error::invalid(format!("{name:?} is computed from {from} when it is read: it has no rows of its own")))
}

/// An event view by name.
///
/// # Errors
/// `NotFound` for an unknown name, `Invalid` for a view that has no events of its own.
pub fn find_event_view<'c>(catalog: &'c Catalog, name: &str) -> Result<&'c Arc<FeatureView>> {
    let view = find_stored_view(catalog, name)?;
    if view.holds_events() { Ok(view) } else { Err(no_events(view)) }
}

/// The error of a feature view whose events are asked for.
pub(crate) fn no_events(view: &FeatureView) -> Error {
    Error::invalid(format!("{:?} is a feature view: its rows are deleted by their entity", view.name))
}

fn unknown(catalog: &Catalog, name: &str, what: &str) -> Error {
    let views = catalog.views().map(|view| view.name.as_str());
    let services = catalog.services().map(|service| service.name.as_str());
    let hint = did_you_mean(name, views.chain(services));
    let hint = if hint.is_empty() { "; `asof views` lists them".to_owned() } else { hint };
    Error::not_found(format!("no {what} is named {name:?}{hint}"))
}
