//! Warnings to those who ask for what is deprecated.

use std::collections::BTreeSet;

use asofdb_storage::Catalog;

use crate::definitions::reference::ResolvedFeature;

/// The warnings of a request: each service that it names, and each view whose features it shows, once if deprecated.
pub(crate) fn warnings<S: AsRef<str>>(
    catalog: &Catalog,
    references: &[S],
    features: &[ResolvedFeature],
) -> Vec<String> {
    let services = references.iter().filter_map(|reference| catalog.service(reference.as_ref()));
    let of_service = |name: &str| format!("feature service {name:?}");
    let services = services.filter_map(|service| service.life.warning(&of_service(&service.name)));
    let mut seen = BTreeSet::new();
    let views = features.iter().filter(|feature| seen.insert(feature.view.id)).map(|feature| &feature.view);
    let of_view = |name: &str| format!("view {name:?}");
    services.chain(views.filter_map(|view| view.life.warning(&of_view(&view.name)))).collect()
}
