//! Policies held against a file of definitions.

use asofdb_storage::{Catalog, Computed, Definitions, ObjectKind, Result, Step, Timestamp};

use super::breach::Breach;
use super::rulebook::Policy;
use crate::definitions::document::{TomlText, offset_of};
use crate::definitions::parse_definitions;

impl Policy {
    /// All that definitions in TOML have and the rules forbid, each with its place, in the order of places. `origin` is
    /// the name of the text in places, mostly a file name.
    ///
    /// # Errors
    /// As [`parse_definitions`].
    pub fn lint(&self, text: &str, origin: &str) -> Result<Vec<Breach>> {
        let definitions = parse_definitions(text, origin)?;
        let plan = Catalog::default().plan(&definitions, Timestamp::MIN)?;
        let source = TomlText { origin, text };
        let document = source.parse()?;
        let placed = |breach: Breach| {
            let at = offset_of(&document, &path_of(&definitions, &breach));
            (at, Breach { place: Some(source.place(at)), ..breach })
        };
        let mut breaches: Vec<_> = self.breaches(plan.catalog()).into_iter().map(placed).collect();
        breaches.sort_by_key(|(at, _)| *at);
        Ok(breaches.into_iter().map(|(_, breach)| breach).collect())
    }
}

/// The way to what a breach is about: to its property, or to the thing where that is not written down.
fn path_of(definitions: &Definitions, breach: &Breach) -> Vec<Step> {
    let (view, feature) = match breach.what {
        ObjectKind::Feature => breach.name.split_once(':').unwrap_or((&breach.name, "")),
        _ => (breach.name.as_str(), ""),
    };
    let mut path = match breach.what {
        ObjectKind::Entity => item("entity", definitions.entities.iter().position(|one| one.name == view)),
        ObjectKind::FeatureService => {
            item("feature_service", definitions.services.iter().position(|one| one.name == view))
        }
        _ => view_path(definitions, view),
    };
    if breach.what == ObjectKind::Feature {
        path.extend(feature_path(definitions, view, feature));
    }
    path.push(Step::Field(breach.field));
    path
}

fn item(list: &'static str, number: Option<usize>) -> Vec<Step> {
    number.map_or_else(Vec::new, |number| vec![Step::Field(list), Step::Item(number)])
}

fn view_path(definitions: &Definitions, name: &str) -> Vec<Step> {
    let Some(view) = definitions.views.iter().find(|view| view.name == name) else { return Vec::new() };
    let mut kindred = definitions.views.iter().filter(|other| other.kind() == view.kind());
    item(view.kind(), kindred.position(|other| other.name == name))
}

/// The way to a feature within its view. One that a window gives is where the window is.
fn feature_path(definitions: &Definitions, view: &str, feature: &str) -> Vec<Step> {
    let Some(view) = definitions.views.iter().find(|one| one.name == view) else { return Vec::new() };
    match &view.computed {
        Some(Computed::Windows(windows)) => {
            let gives =
                |name: &str| feature.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
            item("feature", windows.features.iter().position(|one| gives(&one.name)))
        }
        _ => {
            let list = if view.event_id.is_some() { "columns" } else { "feature" };
            item(list, view.features.iter().position(|one| one.name == feature))
        }
    }
}
