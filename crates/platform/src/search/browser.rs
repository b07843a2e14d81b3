//! Entries for the search in a browser, which has no index.

use asofdb::Catalog;
use serde::Serialize;

use super::entries::entries_of;
use super::entry::Entry;
use crate::words::words;

/// Something that is defined, ready to be searched by a script.
#[derive(Debug, Serialize)]
pub(crate) struct BrowserEntry {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    description: String,
    /// The words of each field, between spaces, with the weight of the field.
    texts: Vec<(f32, String)>,
}

/// All that a catalog has.
pub(crate) fn browser_entries(catalog: &Catalog) -> Vec<BrowserEntry> {
    entries_of(catalog).into_iter().map(BrowserEntry::new).collect()
}

impl BrowserEntry {
    fn new(entry: Entry) -> Self {
        let texts = entry.texts().into_iter().map(|(field, text)| (field.weight(), words(text).join(" "))).collect();
        BrowserEntry { kind: entry.kind, name: entry.name, description: entry.description, texts }
    }
}
