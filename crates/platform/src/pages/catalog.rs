//! The catalog: all that is defined, and a search of it.

use asofdb::{Catalog, LifeCycle, Result, Stage};
use form_urlencoded::byte_serialize;
use maud::{Markup, html};

use super::figures::badge;
use super::frame::Page;
use crate::docs::html::Links;
use crate::search::facets::{Facet, has, toggled};
use crate::search::hit::{Closeness, Hit};
use crate::search::index::Found;

/// Most hits that a page shows.
pub const HITS_MAX: usize = 100;

/// Most lines of a list of all that is defined; the rest is found by a search.
const LINES_MAX: usize = 100;

/// Filters by the state of the store. How much each leaves is not counted: it is not known without being asked.
const STATES: [(&str, &str, &str); 4] = [
    ("status", "stale", "stale"),
    ("status", "warn", "late"),
    ("status", "no_data", "no data"),
    ("unused", "30d", "unused for 30 days"),
];

/// The catalog: what a query has found, or why it has found nothing; where the query is empty all views, services and
/// entities.
pub fn catalog(catalog: &Catalog, query: &str, found: &Result<Found>) -> Page {
    let main = html! {
        h1 { "Features" }
        form.search role="search" action="/" {
            label for="query" { "Search" }
            input #query name="q" type="search" value=(query) autocomplete="off" spellcheck="false" autofocus
                placeholder="words of names, descriptions, owners, tags" aria-describedby="hint";
            button { "Search" }
        }
        p #hint .hint {
            "Filters: " code { "team:" } " " code { "owner:" } " " code { "tag:name=value" } " " code { "entity:" } " "
            code { "type:" } " " code { "status:" } " " code { "unused:30d" } " " code { "kind:" } ". The key " kbd { "/" } " goes to the search."
        }
        (results(catalog, query, found))
    };
    Page { title: "Features".to_owned(), place: "/", main }
}

/// The part that changes as one types.
fn results(catalog: &Catalog, query: &str, found: &Result<Found>) -> Markup {
    html! {
        div #results .columns {
            @match found {
                Err(error) => p.refusal role="alert" { (error.message()) },
                Ok(found) => {
                    div.found {
                        @if query.trim().is_empty() { (everything(catalog)) } @else { (hits(catalog, found)) }
                    }
                    (facets(query, &found.facets))
                }
            }
        }
    }
}

fn facets(query: &str, facets: &[Facet]) -> Markup {
    html! {
        nav.facets aria-label="Narrow the search" {
            @for facet in facets {
                section {
                    h2 { (facet.filter) }
                    ul {
                        @for (value, count) in &facet.values {
                            @let name = value.replace('_', if facet.filter == "kind" { " " } else { "_" });
                            (narrowing(query, facet.filter, value, &name, Some(*count)))
                        }
                    }
                }
            }
            section {
                h2 { "state" }
                ul { @for (filter, value, name) in STATES { (narrowing(query, filter, value, name, None)) } }
            }
        }
    }
}

/// A filter to click on, which narrows the search or, where it is in it, is taken out again.
fn narrowing(query: &str, filter: &str, value: &str, name: &str, count: Option<usize>) -> Markup {
    html! {
        @if let Some(to) = toggled(query, filter, value) {
            li {
                a href=(address(&to)) aria-current=[has(query, filter, value).then_some("true")] { (name) }
                @if let Some(count) = count { " " small { (count) } }
            }
        }
    }
}

/// The address of a search.
fn address(query: &str) -> String {
    if query.is_empty() {
        "/".to_owned()
    } else {
        format!("/?q={}", byte_serialize(query.as_bytes()).collect::<String>())
    }
}

fn hits(catalog: &Catalog, found: &Found) -> Markup {
    let shown = found.hits.len();
    html! {
        p role="status" {
            @match found.total { 0 => "Nothing was found.", 1 => "1 hit", total => { (total) " hits" } }
            @if shown < found.total { ", the best " (shown) " of them" }
        }
        ol.hits { @for hit in &found.hits { (of_hit(catalog, hit)) } }
    }
}

fn of_hit(catalog: &Catalog, hit: &Hit) -> Markup {
    let guessed = hit.matched.iter().filter(|matched| matched.how >= Closeness::Synonym);
    html! {
        li {
            a href=(Links::Served.of(hit.kind, &hit.name)) { (hit.name) }
            " " small { (hit.kind.replace('_', " ")) }
            @if let Some(stage) = stage_of(catalog, hit) { " " (badge(stage.as_str())) }
            @for matched in guessed { " " small { "“" (matched.word) "” as “" (matched.found) "”" } }
            @if !hit.description.is_empty() { p { (hit.description) } }
        }
    }
}

fn stage_of(catalog: &Catalog, hit: &Hit) -> Option<Stage> {
    let name = hit.name.split_once(':').map_or(hit.name.as_str(), |(view, _)| view);
    match hit.kind {
        "entity" => None,
        "feature_service" => catalog.service(name)?.life.status,
        _ => catalog.view(name)?.life.status,
    }
}

/// All views, services and entities.
fn everything(catalog: &Catalog) -> Markup {
    let views = catalog.views().map(|view| Line {
        path: format!("views/{}", view.name),
        name: &view.name,
        life: Some(&view.life),
        about: vec![view.kind().replace('_', " "), view.entities.join(", "), view.owner.clone()],
        description: &view.description,
    });
    let services = catalog.services().map(|service| Line {
        path: format!("services/{}", service.name),
        name: &service.name,
        life: Some(&service.life),
        about: vec![format!("{} features", service.features.len()), service.owner.clone()],
        description: &service.description,
    });
    let entities = catalog.entities().map(|entity| Line {
        path: format!("entities/{}", entity.name),
        name: &entity.name,
        life: None,
        about: vec![entity.join_keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>().join(", ")],
        description: &entity.description,
    });
    html! {
        (list("Views", &["view", "kind", "entities", "owner", "description"], views.collect()))
        (list("Services", &["service", "features", "owner", "description"], services.collect()))
        (list("Entities", &["entity", "join keys", "description"], entities.collect()))
        @if catalog.views().next().is_none() { p { "Nothing is defined yet: `asof apply` does that." } }
    }
}

/// A thing that is defined.
struct Line<'c> {
    path: String,
    name: &'c str,
    life: Option<&'c LifeCycle>,
    about: Vec<String>,
    description: &'c str,
}

fn list(title: &str, heads: &[&str], lines: Vec<Line<'_>>) -> Markup {
    let left_out = lines.len().saturating_sub(LINES_MAX);
    html! {
        @if !lines.is_empty() {
            h2 { (title) }
            table {
                thead { tr { @for head in heads { th scope="col" { (head) } } } }
                tbody {
                    @for line in lines.iter().take(LINES_MAX) {
                        tr {
                            td {
                                a href=(Links::Served.to(&line.path)) { (line.name) }
                                @if let Some(stage) = line.life.and_then(|life| life.status) {
                                    " " (badge(stage.as_str()))
                                }
                            }
                            @for cell in &line.about { td { (cell) } }
                            td { (line.description) }
                        }
                    }
                }
            }
            @if left_out > 0 { p { (left_out) " more: a search finds them." } }
        }
    }
}
