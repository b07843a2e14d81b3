//! Documents of a catalog.

use std::collections::BTreeMap;

use asofdb::{AsJson, Catalog, Entity, FeatureService, FeatureView, JoinKey, LifeCycle, Lineage, Result, Value};

use super::document::{Document, Text};
use super::snippets::{of_service as service_snippets, of_view as view_snippets};
use crate::lineage::LineageText;
use crate::relatives::{services_with, versions_of, views_computed_from};

/// All pages, the index first.
pub(super) fn documents(catalog: &Catalog) -> Result<Vec<Document>> {
    let mut all = vec![index(catalog)];
    for view in catalog.views() {
        all.push(of_view(catalog, view)?);
    }
    all.extend(catalog.services().map(|service| of_service(catalog, service)));
    all.extend(catalog.entities().map(|entity| of_entity(catalog, entity)));
    Ok(all)
}

fn index(catalog: &Catalog) -> Document {
    let mut index =
        Document { path: "index".into(), kind: "catalog".into(), title: "Features".into(), ..Document::default() };
    index.fact("revision", catalog.revision());
    let views = catalog.views().map(|view| {
        let [kind, entities] = [view.kind().replace('_', " "), view.entities.join(", ")];
        let [owner, description] = [&view.owner, &view.description].map(Text::plain);
        let features = Text::plain(view.features.len());
        let stage = Text::plain(stage(&view.life));
        let [kind, entities] = [kind, entities].map(Text::plain);
        vec![Text::link("views", &view.name), kind, entities, features, stage, owner, description]
    });
    index.table("Views", &["view", "kind", "entities", "features", "stage", "owner", "description"], views.collect());
    let services = catalog.services().map(|service| {
        let [owner, description] = [&service.owner, &service.description].map(Text::plain);
        vec![Text::link("services", &service.name), Text::plain(stage(&service.life)), owner, description]
    });
    index.table("Services", &["service", "stage", "owner", "description"], services.collect());
    let entities = catalog.entities().map(|entity| {
        let keys = Text::plain(keys(&entity.join_keys));
        vec![Text::link("entities", &entity.name), keys, Text::plain(&entity.description)]
    });
    index.table("Entities", &["entity", "join keys", "description"], entities.collect());
    index
}

pub(crate) fn of_view(catalog: &Catalog, view: &FeatureView) -> Result<Document> {
    let mut page = Document::new("views", view.kind(), &view.name, &view.description);
    life_facts(&mut page, "views", &view.life);
    page.fact("owner", &view.owner);
    page.fact("team", &view.team);
    page.links("entities", "entities", view.entities.iter().cloned());
    page.fact("join keys", keys(&view.join_keys));
    page.fact("tags", tags(&view.tags));
    if view.is_stored() {
        stored_facts(&mut page, view);
    } else if let Some(windows) = view.windows() {
        page.links("events", "views", [windows.from.clone()]);
    }
    let users = services_with(catalog, &view.name, None).into_iter();
    page.links("services", "services", users.map(|service| service.name.clone()));
    let readers = views_computed_from(catalog, view).into_iter();
    page.links("read by", "views", readers.map(|reader| reader.name.clone()));
    let versions = versions_of(catalog, view).into_iter().filter(|one| one.id != view.id);
    page.links("other versions", "views", versions.map(|one| one.name.clone()));
    match view.holds_events() {
        true => page.table("Columns", &["column", "type", "description"], columns(view)),
        false => {
            let rows = features(catalog, view)?;
            page.table("Features", &["feature", "type", "default", "computed", "description"], rows);
        }
    }
    if !view.is_stored() {
        page.lineage = lineage(catalog, view)?;
    }
    page.snippets = view_snippets(catalog, view);
    Ok(page)
}

/// Adds the stage of a thing that has one, and of one that goes the time and its successor.
fn life_facts(page: &mut Document, folder: &str, life: &LifeCycle) {
    page.fact("stage", stage(life));
    page.links("replaced by", folder, life.replaced_by.iter().cloned());
    page.fact("may be dropped from", life.drop_after.map_or_else(String::new, |day| format!("{day} on")));
}

fn stage(life: &LifeCycle) -> String {
    life.status.map_or_else(String::new, |stage| stage.to_string())
}

/// The lines of what the features of a view are computed from, down to rows and events.
fn lineage(catalog: &Catalog, view: &FeatureView) -> Result<Vec<String>> {
    let text = LineageText::new(Lineage::of(catalog, &[&view.name])?)?;
    Ok(text.lineage.features.iter().filter(|one| one.view.id == view.id).flat_map(|one| text.tree(one)).collect())
}

fn stored_facts(page: &mut Document, view: &FeatureView) {
    if !view.holds_events() {
        page.fact("ttl", view.ttl.map_or("none: never expires".to_owned(), |ttl| ttl.to_string()));
        page.fact("hot", view.hot);
    }
    page.fact("retention", view.retention.map_or("none: kept for ever".to_owned(), |span| span.to_string()));
    page.fact("event timestamp", &view.event_column);
    page.fact("created timestamp", view.created_column.as_deref().unwrap_or_default());
    page.fact("event id", view.event_id_names().join(", "));
    page.fact("check", view.check.as_deref().unwrap_or_default());
}

fn columns(view: &FeatureView) -> Vec<Vec<Text>> {
    let row = |column: &asofdb::Feature| {
        vec![Text::plain(&column.name), Text::plain(column.ty), Text::plain(&column.description)]
    };
    view.features.iter().map(row).collect()
}

fn features(catalog: &Catalog, view: &FeatureView) -> Result<Vec<Vec<Text>>> {
    let text = LineageText::new(Lineage::of(catalog, &[&view.name])?)?;
    let own = text.lineage.features.iter().filter(|one| one.view.id == view.id);
    own.map(|one| {
        let feature = &one.feature;
        Ok(vec![
            Text::plain(&feature.name),
            Text::plain(feature.ty),
            Text::plain(default(feature.default.as_ref())?),
            Text::plain(text.how(one)),
            Text::plain(&feature.description),
        ])
    })
    .collect()
}

fn default(value: Option<&Value>) -> Result<String> {
    value.map_or(Ok(String::new()), |value| Ok(AsJson(value).to_tree()?.to_string()))
}

pub(crate) fn of_service(catalog: &Catalog, service: &FeatureService) -> Document {
    let mut page = Document::new("services", "feature service", &service.name, &service.description);
    life_facts(&mut page, "services", &service.life);
    page.fact("owner", &service.owner);
    page.fact("tags", tags(&service.tags));
    let rows = service.features.iter().map(|reference| {
        let (view, feature) = reference.split_once(':').unwrap_or((reference, "*"));
        let found = catalog.view(view).and_then(|view| view.feature(feature));
        let [ty, description] = match found {
            Some(feature) => [feature.ty.to_string(), feature.description.clone()],
            None => [String::new(), String::new()],
        };
        vec![Text::link("views", view), Text::plain(feature), Text::plain(ty), Text::plain(description)]
    });
    page.table("Features", &["view", "feature", "type", "description"], rows.collect());
    page.snippets = service_snippets(catalog, service);
    page
}

pub(crate) fn of_entity(catalog: &Catalog, entity: &Entity) -> Document {
    let mut page = Document::new("entities", "entity", &entity.name, &entity.description);
    page.fact("join keys", keys(&entity.join_keys));
    page.fact("tags", tags(&entity.tags));
    let views = catalog.views().filter(|view| view.is_by(&entity.name)).map(|view| {
        vec![
            Text::link("views", &view.name),
            Text::plain(view.kind().replace('_', " ")),
            Text::plain(&view.description),
        ]
    });
    page.table("Views", &["view", "kind", "description"], views.collect());
    page
}

fn keys(keys: &[JoinKey]) -> String {
    keys.iter().map(|key| format!("{} {}", key.name, key.ty)).collect::<Vec<_>>().join(", ")
}

fn tags(tags: &BTreeMap<String, String>) -> String {
    tags.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
}
