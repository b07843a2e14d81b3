//! The index of a catalog.

use std::sync::OnceLock;

use asofdb::{Catalog, Result, Session};

use super::entries::entries_of;
use super::entry::Entry;
use super::facets::{Facet, facets};
use super::hit::{Closeness, Hit};
use super::query::Query;
use super::ranking::Ranking;
use super::standing::Standing;
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
    /// What an empty query finds: the page of the catalog asks for it each time.
    everything: OnceLock<Everything>,
}

/// All entries in the order of a search without words, and their facets.
#[derive(Debug)]
struct Everything {
    order: Vec<usize>,
    facets: Vec<Facet>,
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
        SearchIndex { revision: catalog.revision(), terms, entries, views, everything: OnceLock::new() }
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
    /// stands for any more letters. [`SearchIndex::search_in`] has those of the state of a store besides.
    ///
    /// # Errors
    /// `Invalid` for a filter that does not exist, naming the nearest, for one of the state of a store, and for a query
    /// that is empty or too long.
    pub fn search(&self, query: &str, limit: usize) -> Result<Vec<Hit>> {
        let query = self.parsed(query)?;
        query.needs().check_none()?;
        Ok(self.found(&query, &Standing::default(), limit).hits)
    }

    /// Searches as [`SearchIndex::search`] does, with filters of the state of the store that the catalog is of, which is
    /// asked only where they are there: `status:stale`, `fresh`, `warn`, `no_data` and `rebuilding` by
    /// [`Session::ages`], and `unused:30d` by [`Session::usage`].
    ///
    /// # Errors
    /// As there, and those of the session.
    pub fn search_in<S: Session + ?Sized>(&self, session: &S, query: &str, limit: usize) -> Result<Vec<Hit>> {
        let query = self.parsed(query)?;
        Ok(self.found(&query, &Standing::ask(session, query.needs())?, limit).hits)
    }

    /// Finds as [`SearchIndex::search_in`] does, and says what narrows the search further. An empty query finds all.
    ///
    /// # Errors
    /// As there, but for an empty query.
    pub fn find_in<S: Session + ?Sized>(&self, session: &S, query: &str, limit: usize) -> Result<Found> {
        if query.trim().is_empty() {
            return Ok(self.everything(limit));
        }
        let query = self.parsed(query)?;
        Ok(self.found(&query, &Standing::ask(session, query.needs())?, limit))
    }

    /// Makes what an empty query finds, which is kept.
    pub(crate) fn warm_up(&self) {
        self.everything(0);
    }

    fn everything(&self, limit: usize) -> Found {
        let all = self.everything.get_or_init(|| {
            let mut order: Vec<_> = (0..self.entries.len()).collect();
            let name = |place: &usize| (self.entries[*place].name.as_str(), self.entries[*place].kind);
            order.sort_unstable_by(|one, other| name(one).cmp(&name(other)));
            Everything { order, facets: facets(self.entries.iter()) }
        });
        let hits = all.order.iter().take(limit).map(|place| self.entries[*place].hit()).collect();
        Found { hits, total: self.entries.len(), facets: all.facets.clone() }
    }

    fn parsed(&self, query: &str) -> Result<Query> {
        Query::parse(query, |name| self.views.iter().any(|view| view == name))
    }

    fn found(&self, query: &Query, standing: &Standing, limit: usize) -> Found {
        let ranking = Ranking::new(&query.words, &self.terms, self.entries.len());
        let is_admitted = |entry: &usize| query.admits(&self.entries[*entry], standing);
        let mut found: Vec<_> = ranking.entries().filter(|(entry, ..)| is_admitted(entry)).collect();
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
