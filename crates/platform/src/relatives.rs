//! Relatives of what is defined: who has a view, what is computed from it, its other versions, and how one reads it.

use std::sync::Arc;

use asofdb::{Catalog, FeatureService, FeatureView, Lineage};

use crate::docs::snippets;

/// A command or code to copy, with its language.
pub type Snippet = (&'static str, String);

/// The services that have a feature of a view: of all of them where none is named.
pub fn services_with<'c>(catalog: &'c Catalog, view: &str, feature: Option<&str>) -> Vec<&'c Arc<FeatureService>> {
    let has = |reference: &String| {
        let (name, named) = reference.split_once(':').unwrap_or((reference, "*"));
        name == view && (named == "*" || feature.is_none_or(|feature| feature == named))
    };
    catalog.services().filter(|service| service.features.iter().any(has)).collect()
}

/// The views that are computed from a view.
pub fn views_computed_from<'c>(catalog: &'c Catalog, view: &FeatureView) -> Vec<&'c Arc<FeatureView>> {
    let reads = |reader: &&Arc<FeatureView>| match (reader.windows(), reader.expressions()) {
        (Some(windows), _) => windows.from == view.name,
        (_, Some(_)) if reader.id != view.id => Lineage::of(catalog, &[&reader.name])
            .is_ok_and(|lineage| lineage.features.iter().any(|one| one.view.id == view.id)),
        _ => false,
    };
    catalog.views().filter(reads).collect()
}

/// The versions of a view, itself among them, by their numbers: `stats_v1` and `stats_v2`. Of a view without another
/// version there is one.
pub fn versions_of<'c>(catalog: &'c Catalog, view: &FeatureView) -> Vec<&'c Arc<FeatureView>> {
    let (stem, _) = stem_and_version(&view.name);
    let mut versions: Vec<_> = catalog.views().filter(|one| stem_and_version(&one.name).0 == stem).collect();
    versions.sort_by_key(|one| stem_and_version(&one.name).1);
    versions
}

/// Commands and code that read a view; none where it cannot be read without values of a request.
pub fn view_snippets(catalog: &Catalog, view: &FeatureView) -> Vec<Snippet> {
    snippets::of_view(catalog, view)
}

/// Commands and code that read a service.
pub fn service_snippets(catalog: &Catalog, service: &FeatureService) -> Vec<Snippet> {
    snippets::of_service(catalog, service)
}

/// Commands and code that read one feature of a view.
pub fn feature_snippets(catalog: &Catalog, view: &FeatureView, feature: &str) -> Vec<Snippet> {
    snippets::of_feature(catalog, view, feature)
}

/// `stats` and 2 of `stats_v2`; a name without a version, and no number.
pub(crate) fn stem_and_version(name: &str) -> (&str, Option<u64>) {
    let without = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    match without.strip_suffix("_v") {
        Some(stem) if without.len() < name.len() => (stem, name[without.len()..].parse().ok()),
        _ => (name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_a_view_is_the_number_at_its_end() {
        let names = ["stats_v2", "stats_v10", "stats", "stats_v", "v2", "stats2"].map(stem_and_version);
        let plain = |name| (name, None);
        let expected = [("stats", Some(2)), ("stats", Some(10)), plain("stats"), plain("stats_v"), plain("v2")];
        assert_eq!(names[..5], expected);
        assert_eq!(names[5], plain("stats2"));
    }
}
