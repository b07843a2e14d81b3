//! Warnings to those who ask for what is deprecated.

use std::collections::BTreeSet;

use asofdb_storage::Catalog;

use crate::definitions::reference::ResolvedFeature;

/// Most sentences: they travel in a header and in logs, and a request may name thousands of views.
const WARNINGS_MAX: usize = 8;

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
    let mut all = services.chain(views.filter_map(|view| view.life.warning(&of_view(&view.name))));
    let mut warnings: Vec<_> = all.by_ref().take(WARNINGS_MAX).collect();
    match all.count() {
        0 => {}
        more => warnings.push(format!("{more} more of what is asked for is deprecated")),
    }
    warnings
}
