//! The index of a catalog.

use asofdb::{Catalog, Result};

use super::entries::entries_of;
use super::entry::Entry;
use super::facets::{Facet, facets};
use super::hit::{Closeness, Hit};
use super::query::Query;
use super::ranking::Ranking;
use super::terms::Terms;
use crate::synonyms::Synonyms;

/// The content of a catalog, by its words: BM25 over the fields of each definition, of which the name counts most.
#[derive(Debug)]
pub struct SearchIndex {
    revision: u64,
    entries: Vec<Entry>,
    /// The names of views, sorted.
    views: Vec<String>,
    terms: Terms,
}

/// What a search has found, and by what it could be narrowed.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The best of it.
    pub hits: Vec<Hit>,
    /// How much there is in all.
    pub total: usize,
    /// Filters that all of it, and not the best alone, could be narrowed by.
    pub facets: Vec<Facet>,
}

impl SearchIndex {
    /// The index of a catalog. It takes tens of milliseconds for 10,000 features.
    pub fn new(catalog: &Catalog) -> Self {
        let entries = entries_of(catalog);
        let views = catalog.views().map(|view| view.name.clone()).collect();
        let terms = Terms::of(&entries, Synonyms::of(catalog));
        SearchIndex { revision: catalog.revision(), terms, entries, views }
    }

    /// The revision of the catalog that it is of.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Finds what has all words of a query and passes its filters, the best first, and of equals by name; at most
    /// `limit`.
    ///
    /// A word is found as it is, as another that means the same, or with a slip of the keyboard (two from eight letters
    /// on); the last one also as the beginning of a word. What has the words as they are comes before what has the
    /// beginning of one, and that before the rest. Filters are `team:`, `owner:`, `tag:name=value` or `tag:name`,
    /// `entity:`, `type:`, `view:`, `kind:` and `status:` (the stage); a star at the end of a value
    /// stands for any more letters.
    ///
    /// # Errors
    /// `Invalid` for a filter that does not exist, naming the nearest, and for a query that is empty or too long.
    pub fn search(&self, query: &str, limit: usize) -> Result<Vec<Hit>> {
        Ok(self.found(&self.parsed(query)?, limit).hits)
    }

    /// Finds as [`SearchIndex::search`] does, and says what narrows the search further. An empty query finds all.
    ///
    /// # Errors
    /// As there, but for an empty query.
    pub fn find(&self, query: &str, limit: usize) -> Result<Found> {
        let query = if query.trim().is_empty() { Query::of_all() } else { self.parsed(query)? };
        Ok(self.found(&query, limit))
    }

    fn parsed(&self, query: &str) -> Result<Query> {
        Query::parse(query, |name| self.views.iter().any(|view| view == name))
    }

    fn found(&self, query: &Query, limit: usize) -> Found {
        let ranking = Ranking::new(&query.words, &self.terms, self.entries.len());
        let mut found: Vec<_> = ranking.entries().filter(|(entry, ..)| query.admits(&self.entries[*entry])).collect();
        let (total, facets) = (found.len(), facets(found.iter().map(|(entry, ..)| &self.entries[*entry])));
        let order = |(entry, closeness, score): &(usize, Closeness, u64)| {
            let entry = &self.entries[*entry];
            (*closeness, u64::MAX - score, entry.name.as_str(), entry.kind)
        };
        found.sort_unstable_by(|one, other| order(one).cmp(&order(other)));
        found.truncate(limit);
        let hit = |(entry, _, score): (usize, Closeness, u64)| Hit {
            score: score as f64 / 1_000.0,
            matched: ranking.matched(entry),
            ..self.entries[entry].hit()
        };
        Found { hits: found.into_iter().map(hit).collect(), total, facets }
    }
}
