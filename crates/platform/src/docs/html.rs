//! Documents as HTML. Templates escape whatever they are given.

use maud::{DOCTYPE, Markup, html};

use super::document::{Document, Table, Text};

/// The policy of a page: it may run the scripts and use the looks that lie beside it, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'";

/// The page of a document.
pub(super) fn page(document: &Document) -> String {
    let is_index = document.root().is_empty();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (document.title) }
                link rel="stylesheet" href={ (document.root()) "style.css" };
            }
            body {
                @if !is_index { nav { a href="../index.html" { "All features" } } }
                main { (content(document, is_index)) }
                @if is_index {
                    script src="catalog.js" {}
                    script src="search.js" {}
                }
            }
        }
    };
    page.into_string()
}

fn content(document: &Document, is_index: bool) -> Markup {
    html! {
        p.kind { (document.kind) }
        h1 { (document.title) }
        @if !document.description.is_empty() { p { (document.description) } }
        @if is_index { (search()) }
        @if !document.facts.is_empty() {
            dl {
                @for (name, values) in &document.facts {
                    dt { (name) }
                    dd { @for (at, value) in values.iter().enumerate() {
                        @if at > 0 { ", " }
                        (linked(document, value))
                    } }
                }
            }
        }
        @for table in &document.tables { (of_table(document, table)) }
        @if !document.snippets.is_empty() {
            h2 { "How to read it" }
            @for (language, text) in &document.snippets { pre data-language=(language) { code { (text) } } }
        }
    }
}

/// The search of the index. Without scripts it does nothing, and all is in the tables below.
fn search() -> Markup {
    html! {
        label for="query" { "Search" }
        input #query type="search" autocomplete="off" autofocus placeholder="words of names, descriptions, owners, tags";
        p #count role="status" {}
        ul #hits {}
    }
}

fn of_table(document: &Document, table: &Table) -> Markup {
    html! {
        h2 { (table.title) }
        table {
            thead { tr { @for head in table.heads { th scope="col" { (head) } } } }
            tbody {
                @for row in &table.rows {
                    tr id=[row.first().map(|cell| &cell.text)] { @for cell in row { td { (linked(document, cell)) } } }
                }
            }
        }
    }
}

fn linked(document: &Document, text: &Text) -> Markup {
    match &text.to {
        Some(to) => html! { a href={ (document.root()) (to) ".html" } { (text.text) } },
        None => html! { (text.text) },
    }
}
