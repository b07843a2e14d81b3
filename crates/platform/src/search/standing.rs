//! Standing: what filters need to know of a store beyond its catalog, asked when a query has such a filter.

use std::collections::{HashMap, HashSet};

use asofdb::{Error, FreshnessStatus, Result, Session, UsageOf, UsagePeriod};

use super::entry::Entry;
use super::query::Query;

/// The things that a query asks of the state of a store, which no catalog has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SearchNeeds {
    /// Whether it asks how fresh views are.
    pub freshness: bool,
    /// The days over which it asks who has read; `None`: it does not ask.
    pub usage_days: Option<u32>,
}

impl SearchNeeds {
    /// The needs of a query; none of one that no search understands.
    pub fn of(query: &str) -> Self {
        // Whatever is no filter is a word here, which needs nothing.
        Query::parse(query, |_| true).map(|query| query.needs()).unwrap_or_default()
    }

    /// Returns whether the catalog has all that the query asks for.
    pub fn is_none(self) -> bool {
        self == SearchNeeds::default()
    }

    /// Refuses a query that asks for more than a catalog has.
    pub(super) fn check_none(self) -> Result<()> {
        match self.is_none() {
            true => Ok(()),
            false => Err(Error::invalid(
                "the filters status:fresh, warn, stale, no_data and rebuilding, and unused:, are of the state of a \
                 store, which this search has not; search a store",
            )),
        }
    }
}

/// The state of a store, as far as a query asks for it.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// By stored view.
    freshness: HashMap<String, FreshnessStatus>,
    /// Views, features as `view:feature`, and services that somebody has read.
    read: HashSet<(UsageOf, String)>,
}

impl Standing {
    /// Asks a store.
    ///
    /// # Errors
    /// As [`Session::ages`] and [`Session::usage`].
    pub(super) fn ask<S: Session + ?Sized>(session: &S, needs: SearchNeeds) -> Result<Self> {
        let mut standing = Standing::default();
        if needs.freshness {
            standing.freshness = session.ages(&[])?.into_iter().map(|ages| (ages.view, ages.status)).collect();
        }
        if let Some(days) = needs.usage_days {
            for row in session.usage(UsagePeriod::total(days))? {
                let (of, name) = (row.key.of, row.key.name);
                if of == UsageOf::View {
                    let features = row.values.keys().map(|feature| (of, format!("{name}:{feature}")));
                    standing.read.extend(features);
                }
                standing.read.insert((of, name));
            }
        }
        Ok(standing)
    }

    /// The worst status of the views that an entry comes from; `None` where it comes from none.
    pub(super) fn freshness(&self, entry: &Entry) -> Option<FreshnessStatus> {
        let known = entry.sources.iter().filter_map(|view| self.freshness.get(view)).copied();
        known.max_by_key(|status| severity(*status))
    }

    /// Returns whether nobody has read a view, a feature or a service. Events are read by the windows over them, and
    /// entities by nobody.
    pub(super) fn is_unused(&self, entry: &Entry) -> bool {
        let of = match entry.kind {
            "entity" | "event_view" | "column" => return false,
            "feature_service" => UsageOf::Service,
            _ => UsageOf::View,
        };
        !self.read.contains(&(of, entry.name.clone()))
    }
}

/// The place of a status among the others, the worst last: what is not known may be well.
fn severity(status: FreshnessStatus) -> u8 {
    match status {
        FreshnessStatus::Fresh => 0,
        FreshnessStatus::Rebuilding => 1,
        FreshnessStatus::Warn => 2,
        FreshnessStatus::NoData => 3,
        FreshnessStatus::Stale => 4,
    }
}
