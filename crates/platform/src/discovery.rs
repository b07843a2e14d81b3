//! Discovery: finding what a store has, for every session.

use std::sync::Arc;

use asofdb::{Catalog, Result, Session, Timestamp};
use parking_lot::Mutex;

use crate::duplicates::duplicate::Duplicate;
use crate::duplicates::find_duplicates;
use crate::search::hit::Hit;
use crate::search::index::{Found, SearchIndex};

/// Finding what a store has. Every [`Session`] has these methods.
pub trait Discovery: Session {
    /// Searches the catalog as of now: see [`SearchIndex::search_in`]. It makes an index; whoever searches often keeps a
    /// [`Searcher`].
    ///
    /// # Errors
    /// As there.
    fn search(&self, query: &str, limit: usize) -> Result<Vec<Hit>> {
        Searcher::default().search(self, &*self.catalog()?, query, limit)
    }

    /// Finds features that are likely the same thing under another name or definition, the surest first; with `views`
    /// only pairs with a feature in one of these. docs/platform.md has the evidence. It reads some hundred entities of
    /// every view.
    ///
    /// # Errors
    /// `NotFound` for an unknown view; `Corrupt` when stored bytes cannot be read.
    fn duplicates(&self, views: &[&str]) -> Result<Vec<Duplicate>>
    where
        Self: Sized,
    {
        find_duplicates(self, views, None, &|| self.check_cancelled())
    }

    /// Finds likely duplicates as [`Discovery::duplicates`] does, by their values as of a time: where a feed has ended,
    /// or data is of the past, values of now have expired, and there would be nothing to compare.
    ///
    /// # Errors
    /// As there.
    fn duplicates_at(&self, views: &[&str], at: Timestamp) -> Result<Vec<Duplicate>>
    where
        Self: Sized,
    {
        find_duplicates(self, views, Some(at), &|| self.check_cancelled())
    }
}

impl<S: Session + ?Sized> Discovery for S {}

/// The index of the newest catalog of one store, kept until there is a newer one. Any number of threads may use it.
#[derive(Debug, Default)]
pub struct Searcher {
    /// Locked to be looked at, never while an index is made.
    newest: Mutex<Option<Arc<SearchIndex>>>,
}

impl Searcher {
    /// Searches a catalog of a session's store: see [`SearchIndex::search_in`].
    ///
    /// # Errors
    /// As there.
    pub fn search<S: Session + ?Sized>(
        &self,
        session: &S,
        catalog: &Catalog,
        query: &str,
        limit: usize,
    ) -> Result<Vec<Hit>> {
        self.index(catalog).search_in(session, query, limit)
    }

    /// Searches a catalog of a session's store and says what narrows the search: see [`SearchIndex::find_in`].
    ///
    /// # Errors
    /// As there.
    pub fn find<S: Session + ?Sized>(
        &self,
        session: &S,
        catalog: &Catalog,
        query: &str,
        limit: usize,
    ) -> Result<Found> {
        self.index(catalog).find_in(session, query, limit)
    }

    /// Makes the index of a catalog of the store, so that the first search need not.
    pub fn warm_up(&self, catalog: &Catalog) {
        self.index(catalog).warm_up();
    }

    /// The index of a catalog, which is made if it is not the one that is kept. Threads that meet a new catalog at the
    /// same time may each make it.
    fn index(&self, catalog: &Catalog) -> Arc<SearchIndex> {
        let known = self.newest.lock().clone();
        if let Some(index) = known.filter(|index| index.revision() == catalog.revision()) {
            return index;
        }
        let made = Arc::new(SearchIndex::new(catalog));
        *self.newest.lock() = Some(made.clone());
        made
    }
}
