//! Documents as HTML. Templates escape whatever they are given.

use maud::{DOCTYPE, Markup, html};

use super::document::{Document, Table, Text, page_of};
use crate::statistics::section;

/// The policy of a page: it may run the scripts and use the looks that lie beside it, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'";

/// The way from a page to others.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Links {
    /// Files, from a page whose way to the folder of all pages this is.
    Files(&'static str),
    /// Addresses of a server.
    Served,
}

impl Links {
    /// The address of a document by its path.
    pub(crate) fn to(self, path: &str) -> String {
        match self {
            Links::Files(root) => format!("{root}{path}.html"),
            Links::Served => format!("/{path}"),
        }
    }

    /// The address of something that search has found.
    pub(crate) fn of(self, kind: &str, name: &str) -> String {
        let (path, place) = page_of(kind, name);
        let place = place.map(|place| format!("#{place}"));
        format!("{}{}", self.to(&path), place.unwrap_or_default())
    }
}

/// The page of a document.
pub(super) fn page(document: &Document) -> String {
    let (root, is_index) = (document.root(), document.root().is_empty());
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (document.title) }
                link rel="stylesheet" href={ (root) "style.css" };
            }
            body {
                @if !is_index { nav { a href="../index.html" { "All features" } } }
                main {
                    (head(document))
                    @if is_index { (search()) }
                    (facts(document, Links::Files(root)))
                    (tables(document, Links::Files(root)))
                    @if let Some(statistics) = &document.statistics { (section(statistics)) }
                    (rest(document))
                }
                @if is_index {
                    script src="catalog.js" {}
                    script src="search.js" {}
                }
            }
        }
    };
    page.into_string()
}

/// The kind, the title and the description.
pub(crate) fn head(document: &Document) -> Markup {
    html! {
        p.kind { (document.kind) }
        h1 { (document.title) }
        @if !document.description.is_empty() { p { (document.description) } }
    }
}

/// The properties.
pub(crate) fn facts(document: &Document, links: Links) -> Markup {
    html! {
        @if !document.facts.is_empty() {
            dl {
                @for (name, values) in &document.facts {
                    dt { (name) }
                    dd { @for (at, value) in values.iter().enumerate() {
                        @if at > 0 { ", " }
                        (linked(links, value))
                    } }
                }
            }
        }
    }
}

/// The tables.
pub(crate) fn tables(document: &Document, links: Links) -> Markup {
    html! { @for table in &document.tables { (of_table(table, links)) } }
}

/// What it is computed from, and the snippets.
pub(crate) fn rest(document: &Document) -> Markup {
    html! {
        @if !document.lineage.is_empty() {
            h2 { "Computed from" }
            pre tabindex="0" aria-label="What it is computed from" { code { (document.lineage.join("\n")) } }
        }
        @if !document.snippets.is_empty() {
            h2 { "How to read it" }
            @for (language, text) in &document.snippets {
                @let label = format!("How to read it: {language}");
                pre data-language=(language) tabindex="0" aria-label=(label) { code { (text) } }
            }
        }
    }
}

/// The search of the index. Without scripts it does nothing, and all is in the tables below.
fn search() -> Markup {
    html! {
        label for="query" { "Search" }
        input #query type="search" autocomplete="off" autofocus
            placeholder="words of names, descriptions, owners, tags";
        p #count role="status" {}
        ul #hits {}
    }
}

fn of_table(table: &Table, links: Links) -> Markup {
    html! {
        h2 { (table.title) }
        table {
            thead { tr { @for head in table.heads { th scope="col" { (head) } } } }
            tbody {
                @for row in &table.rows {
                    tr id=[row.first().map(|cell| &cell.text)] {
                        @for cell in row { td { (linked(links, cell)) } }
                    }
                }
            }
        }
    }
}

fn linked(links: Links, text: &Text) -> Markup {
    match &text.to {
        Some(to) => html! { a href=(links.to(to)) { (text.text) } },
        None => html! { (text.text) },
    }
}
