//! Documents: what a page says, before it is HTML or Markdown.

use asofdb::ViewStatistics;

/// A page.
#[derive(Debug, Default)]
pub(crate) struct Document {
    /// Its path without the ending: `views/stats_v1`.
    pub(crate) path: String,
    /// The kind of thing that it is about, in words.
    pub(super) kind: String,
    pub(crate) title: String,
    pub(super) description: String,
    /// Properties that are set.
    pub(super) facts: Vec<(&'static str, Vec<Text>)>,
    pub(super) tables: Vec<Table>,
    /// The statistics of its values, where they are to be told.
    pub(super) statistics: Option<ViewStatistics>,
    /// The lines of what it is computed from, each step further in.
    pub(super) lineage: Vec<String>,
    /// Commands and code to copy, each with the language.
    pub(super) snippets: Vec<(&'static str, String)>,
}

/// A text, which may lead to another page.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(super) text: String,
    /// The path of a document.
    pub(super) to: Option<String>,
}

/// A table with a title.
#[derive(Debug)]
pub(crate) struct Table {
    pub(super) title: &'static str,
    pub(super) heads: &'static [&'static str],
    pub(super) rows: Vec<Vec<Text>>,
}

impl Document {
    pub(super) fn new(folder: &str, kind: &str, name: &str, description: &str) -> Self {
        Document {
            path: format!("{folder}/{name}"),
            kind: kind.replace('_', " "),
            title: name.to_owned(),
            description: description.to_owned(),
            ..Document::default()
        }
    }

    /// Adds a property that is a text, if there is any.
    pub(super) fn fact(&mut self, name: &'static str, value: impl ToString) {
        let value = value.to_string();
        if !value.is_empty() {
            self.facts.push((name, vec![Text::plain(value)]));
        }
    }

    /// Adds a property that has several values, each with a page of its own in `folder`.
    pub(super) fn links(&mut self, name: &'static str, folder: &str, values: impl IntoIterator<Item = String>) {
        let values: Vec<_> = values.into_iter().map(|value| Text::link(folder, &value)).collect();
        if !values.is_empty() {
            self.facts.push((name, values));
        }
    }

    /// Adds a table, if it has rows.
    pub(super) fn table(&mut self, title: &'static str, heads: &'static [&'static str], rows: Vec<Vec<Text>>) {
        if !rows.is_empty() {
            self.tables.push(Table { title, heads, rows });
        }
    }

    /// The way from its page to the folder of all pages.
    pub(super) fn root(&self) -> &'static str {
        if self.path.contains('/') { "../" } else { "" }
    }
}

impl Text {
    pub(super) fn plain(text: impl ToString) -> Self {
        Text { text: text.to_string(), to: None }
    }

    pub(super) fn link(folder: &str, name: &str) -> Self {
        Text { text: name.to_owned(), to: Some(format!("{folder}/{name}")) }
    }
}

/// The path of the document of something that search has found, and its place in it, if that is not the whole.
pub(crate) fn page_of<'n>(kind: &str, name: &'n str) -> (String, Option<&'n str>) {
    match (kind, name.split_once(':')) {
        (_, Some((view, feature))) => (format!("views/{view}"), Some(feature)),
        ("entity", _) => (format!("entities/{name}"), None),
        ("feature_service", _) => (format!("services/{name}"), None),
        _ => (format!("views/{name}"), None),
    }
}
