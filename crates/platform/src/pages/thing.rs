//! Pages of one view, service or entity, and the parts of them that take longer.

use asofdb::{Catalog, CatalogChange, ModelRow, Result, UsageRow, ViewAges, ViewStatistics};
use maud::{Markup, html};

use super::explore::KeySet;
use super::figures::{about, badge, count, percent, time};
use super::frame::Page;
use super::freshness_history::{FreshnessPoint, chart};
use super::models;
use super::versions::{changes, versions};
use crate::docs::describe::{of_entity, of_service, of_view};
use crate::docs::document::Document;
use crate::docs::html::{Links, facts, head, rest, tables};
use crate::duplicates::duplicate::Duplicate;
use crate::statistics::section;

/// The knowledge of a view beside its definition.
#[derive(Debug, Clone, Copy, Default)]
pub struct ViewFigures<'f> {
    /// Its freshness, where it has events.
    pub ages: Option<&'f ViewAges>,
    /// The last day of that.
    pub history: &'f [FreshnessPoint],
    /// The statistics of its values.
    pub statistics: Option<&'f ViewStatistics>,
    /// The last changes of its definition, newest first.
    pub changes: &'f [CatalogChange],
}

/// The page of a view; `None` where there is none of the name.
///
/// # Errors
/// As [`Lineage::of`](asofdb::Lineage::of), for a view that this version does not understand.
pub fn view(catalog: &Catalog, name: &str, figures: ViewFigures<'_>) -> Result<Option<Page>> {
    let Some(view) = catalog.view(name) else { return Ok(None) };
    let document = of_view(catalog, view)?;
    let warning = view.life.warning("this view");
    let keys = KeySet::all(catalog).into_iter().find(|set| set.views.contains(&view.name));
    let fresh = html! {
        @if let Some(keys) = keys { p { a href=(keys.address(Some(&view.name))) { "Explore an entity" } } }
        @if let Some(ages) = figures.ages { (freshness(ages)) (chart(figures.history, ages)) }
    };
    let known = html! {
        @if let Some(statistics) = figures.statistics { (section(statistics)) }
        (versions(catalog, view))
        (readers(&document.path))
        @if !view.holds_events() { p { a href={ "/answers?view=" (view.name) } { "What consumers got" } } }
        @if !view.holds_events() { (look_alikes(&document.path)) }
        (changes(&view.name, figures.changes))
        (all_changes(&view.name))
    };
    Ok(Some(page(&document, warning, &fresh, &known)))
}

/// The page of a service; `None` where there is none of the name.
pub fn service(catalog: &Catalog, name: &str) -> Option<Page> {
    let service = catalog.service(name)?;
    let document = of_service(catalog, service);
    let known = html! { (readers(&document.path)) (all_changes(name)) };
    Some(page(&document, service.life.warning("this service"), &html! {}, &known))
}

/// The page of an entity; `None` where there is none of the name.
pub fn entity(catalog: &Catalog, name: &str) -> Option<Page> {
    let document = of_entity(catalog, catalog.entity(name)?);
    Some(page(&document, None, &html! {}, &html! {}))
}

/// The page of a document, with what is known of the thing itself before its tables, and of its readers after them.
fn page(document: &Document, warning: Option<String>, fresh: &Markup, known: &Markup) -> Page {
    let main = html! {
        (head(document))
        @if let Some(warning) = warning { p.refusal { (warning) } }
        (facts(document, Links::Served))
        (fresh)
        (tables(document, Links::Served))
        (known)
        (rest(document))
    };
    Page { title: document.title.clone(), place: "/", main }
}

fn freshness(ages: &ViewAges) -> Markup {
    let objective = |span| html! { "within " (about(span)) };
    html! {
        h2 #fresh { "Freshness" }
        dl {
            dt { "status" } dd { (badge(ages.status.as_str())) }
            @if let Some(age) = ages.age() { dt { "newest event" } dd { (about(age)) " ago" } }
            @if let Some(entities) = ages.entities { dt { "entities" } dd { (count(entities)) } }
            @if let Some(all) = ages.ages {
                dt { "ages" }
                dd { "half within " (about(all.p50)) ", 95 % within " (about(all.p95)) ", all within " (about(all.max)) }
                @if let Some(share) = all.over_stale { dt { "stale entities" } dd { (percent(share)) } }
            }
            @if let Some(promise) = ages.objective { dt { "promised" } dd { (objective(promise.stale)) } }
            dt { "as of" } dd { (time(ages.now)) }
        }
    }
}

/// Its readers: fetched by the script, as it waits in line with bulk work; without scripts a link.
fn readers(path: &str) -> Markup {
    let from = format!("/{path}/usage");
    html! {
        h2 { "Read by" }
        div data-from=(from) { p { a href=(from) { "Who has read it in the last 30 days" } } }
    }
}

/// All of its changes: fetched when one opens them; without scripts a link.
fn all_changes(name: &str) -> Markup {
    let from = format!("/changes?name={name}");
    html! {
        details {
            summary { "All changes" }
            div data-from=(from) { p { a href=(from) { "Who has changed it, when and why" } } }
        }
    }
}

/// Features that are likely there twice: they take reads of every view, and are looked for when somebody asks.
fn look_alikes(path: &str) -> Markup {
    let from = format!("/{path}/duplicates");
    html! {
        details {
            summary { "Likely duplicates" }
            div data-from=(from) { p { a href=(from) { "Look for features that are likely the same" } } }
        }
    }
}

/// The consumers that have read a view or a service in the last `days`, and the models.
pub fn usage((path, name): (&str, &str), days: u32, rows: &[UsageRow], models: &[ModelRow]) -> Page {
    let main = html! {
        p { a href={ "/" (path) } { (name) } }
        h1 { "Who reads " (name) }
        div #part {
            @if rows.is_empty() { p { "Nobody in the last " (days) " days." } } @else {
                table {
                    thead { tr {
                        th scope="col" { "consumer" } th scope="col" { "calls of serving" } th scope="col" { "rows" }
                        th scope="col" { "training sets" } th scope="col" { "exports" } th scope="col" { "last read" }
                    } }
                    tbody { @for row in rows { tr {
                        td { (row.key.consumer) }
                        td { (count(row.serving.calls)) } td { (count(row.serving.rows)) }
                        td { (count(row.training.calls)) } td { (count(row.exports.calls)) }
                        td { (time(row.last)) }
                    } } }
                }
                p.hint { "The last " (days) " days." }
            }
            (models::readers(models))
        }
    };
    Page { title: format!("Who reads {name}"), place: "/", main }
}

/// The features that are likely the same as those of a view.
pub fn duplicates(name: &str, pairs: &[Duplicate]) -> Page {
    let link = |feature: &String| html! { a href=(Links::Served.of("feature", feature)) { (feature) } };
    let main = html! {
        p { a href={ "/views/" (name) } { (name) } }
        h1 { "Likely duplicates of " (name) }
        div #part {
            @if pairs.is_empty() { p { "None was found." } } @else {
                table {
                    thead { tr {
                        th scope="col" { "features" } th scope="col" { "relation" } th scope="col" { "certainty" }
                        th scope="col" { "evidence" }
                    } }
                    tbody { @for pair in pairs { tr {
                        td { (link(&pair.features[0])) " and " (link(&pair.features[1])) }
                        td { (pair.relation.as_str()) } td { (percent(pair.score)) } td { (pair.reason) }
                    } } }
                }
            }
        }
    };
    Page { title: format!("Likely duplicates of {name}"), place: "/", main }
}
