//! The catalog as pages: static HTML and Markdown, a page a view, a service and an entity, with a search that runs in
//! the browser.
//!
//! Pages ask nobody for anything: what they need lies beside them, and a strict policy in each forbids the rest. Texts
//! of definitions are escaped, whatever is in them; no script stands in a page.

pub(crate) mod describe;
pub(crate) mod document;
pub(crate) mod html;
mod markdown;
pub(crate) mod snippets;

use std::fs;
use std::path::Path;

use asofdb::storage::output::{OutputDirectory, cannot_write};
use asofdb::{Catalog, Error, Result, ViewStatistics};
use serde_json::{Value as Json, json};

use self::describe::documents;
use self::html::Links;
pub(crate) use self::markdown::escaped;
use crate::search::browser::browser_entries;

/// The script of the search.
const SEARCH_SCRIPT: &str = include_str!("search.js");

/// The looks of all pages.
pub(crate) const STYLE: &str = include_str!("style.css");

/// A file of the pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocFile {
    /// Its path within the directory, with slashes.
    pub path: String,
    /// Its content.
    pub text: String,
}

/// Makes the pages of a catalog: `index.html` and `index.md`, in `views`, `services` and `entities` one of each for
/// what is defined, and what the search needs.
///
/// # Errors
/// As [`Lineage::of`](asofdb::Lineage::of), for a view that this version does not understand.
pub fn doc_files(catalog: &Catalog) -> Result<Vec<DocFile>> {
    doc_files_with(catalog, &[])
}

/// [`doc_files`] with the statistics of the values of views. They show values: to whoever sees the pages.
///
/// # Errors
/// As there.
pub fn doc_files_with(catalog: &Catalog, statistics: &[ViewStatistics]) -> Result<Vec<DocFile>> {
    let mut files = Vec::new();
    for mut document in documents(catalog)? {
        let of_it = statistics.iter().find(|one| document.path == format!("views/{}", one.view));
        document.statistics = of_it.filter(|one| one.profile.is_some()).cloned();
        let file = |ending: &str, text| DocFile { path: format!("{}.{ending}", document.path), text };
        files.push(file("html", html::page(&document)));
        files.push(file("md", markdown::page(&document)));
    }
    let asset = |path: &str, text: String| DocFile { path: path.to_owned(), text };
    files.push(asset("catalog.js", catalog_script(catalog)?));
    files.push(asset("search.js", SEARCH_SCRIPT.to_owned()));
    files.push(asset("style.css", STYLE.to_owned()));
    Ok(files)
}

/// Writes the pages of a catalog into the new directory `out`, which appears whole or not at all, and tells how many
/// files there are.
///
/// # Errors
/// As [`doc_files`]; `Conflict` when `out` exists; `Unavailable` when it cannot be written.
pub fn write_docs(catalog: &Catalog, out: &Path) -> Result<usize> {
    write_docs_with(catalog, &[], out)
}

/// [`write_docs`] with the statistics of the values of views. They show values: to whoever sees the pages.
///
/// # Errors
/// As there.
pub fn write_docs_with(catalog: &Catalog, statistics: &[ViewStatistics], out: &Path) -> Result<usize> {
    let files = doc_files_with(catalog, statistics)?;
    let directory = OutputDirectory::create(out)?;
    for file in &files {
        let path = directory.path().join(&file.path);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| fs::write(&path, &file.text)).map_err(|error| cannot_write(out, error))?;
    }
    directory.finish()?;
    Ok(files.len())
}

/// The words that are searched, as a script: pages that are opened as files may not read other files, but scripts.
fn catalog_script(catalog: &Catalog) -> Result<String> {
    let entries: Json = browser_entries(catalog)
        .into_iter()
        .map(|entry| {
            let page = Links::Files("").of(entry.kind, &entry.name);
            json!({"page": page, "entry": entry})
        })
        .collect();
    let unwritten = |error| Error::internal("entries cannot be written as JSON").with_source(error);
    Ok(format!("\"use strict\";\nconst CATALOG = {};\n", serde_json::to_string(&entries).map_err(unwritten)?))
}
