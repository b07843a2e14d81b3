//! Freshness: the age of a view's newest event against its ttl, which tells whether the view is fed.

use asofdb_storage::{FeatureView, KeyRange, Result, Snapshot, Span, Steps, Stop, Timestamp, key};

use crate::definitions::reference::{find_stored_view, find_view};
use crate::read::newest::NewestAsOf;
use crate::store::Store;

/// The freshness of a view's rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freshness {
    /// Name of the view.
    pub view: String,
    /// The present, as of which everything here is said.
    pub now: Timestamp,
    /// The greatest event timestamp up to `now` of a version that is served or would be, were it within the ttl;
    /// `None` when there is no such version.
    pub newest: Option<Timestamp>,
    /// The view's ttl.
    pub ttl: Option<Span>,
    /// Entities with values now, expired ones included.
    pub entities: u64,
    /// Entities whose values are expired now.
    pub expired: u64,
}

impl Freshness {
    /// Returns the age of the newest event.
    pub fn age(&self) -> Option<Span> {
        self.newest.map(|newest| self.now.since(newest))
    }

    /// Returns whether everything the view has is expired, or it has a ttl and no rows. Without a ttl nothing is stale.
    pub fn is_stale(&self) -> bool {
        self.ttl.is_some_and(|ttl| self.age().is_none_or(|age| age > ttl))
    }

    fn count(&mut self, view: &FeatureView, event: Timestamp, is_entity: bool) {
        self.entities += u64::from(is_entity);
        self.expired += u64::from(view.is_expired(event, self.now));
        self.newest = self.newest.max(Some(event));
    }
}

impl Store {
    /// Tells how fresh a view is. Reads the keys of every version of the view once: some seconds for ten million.
    ///
    /// # Errors
    /// `NotFound` for an unknown view; `Corrupt` when stored bytes cannot be read.
    pub fn freshness(&self, view: &str) -> Result<Freshness> {
        self.freshness_until(view, &self.bulk_stop())
    }

    /// [`Store::freshness`] that ends soon when it is told to.
    ///
    /// # Errors
    /// As there; `Unavailable` also when it was stopped.
    pub fn freshness_until(&self, view: &str, stop: &Stop) -> Result<Freshness> {
        let catalog = self.catalog();
        // Windows are as fresh as their events.
        let events = find_view(&catalog, view)?.windows().map(|windows| windows.from.as_str());
        freshness(&*self.backend().snapshot(), find_stored_view(&catalog, events.unwrap_or(view))?, stop)
    }
}

fn freshness(snapshot: &dyn Snapshot, view: &FeatureView, stop: &Stop) -> Result<Freshness> {
    let now = snapshot.now();
    let mut found = Freshness { view: view.name.clone(), now, newest: None, ttl: view.ttl, entities: 0, expired: 0 };
    let mut scan = snapshot.scan(view, &KeyRange::default())?;
    let (mut newest, mut steps) = (NewestAsOf::new(now), Steps::new(stop));
    // Of an event view an entity has many rows, one after the other.
    let mut entity = Vec::new();
    while let Some(scanned) = scan.next()? {
        steps.step()?;
        if newest.finds(scanned)? {
            let of = key::entity_of(view.id, scanned.key);
            let is_entity = !view.holds_events() || entity != of;
            if is_entity && view.holds_events() {
                entity.clear();
                entity.extend_from_slice(of);
            }
            found.count(view, scanned.version.event, is_entity);
        }
    }
    Ok(found)
}
