//! Ages: how fresh a view is over all of its entities, known from the writes.

use asofdb_storage::{AgeBucket, Ages, FeatureView, FreshnessObjective, Result, Span, Timestamp};

use crate::definitions::reference::{find_stored_view, find_view};
use crate::store::Store;

/// The standing of a view to what it promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FreshnessStatus {
    /// It does, or promises nothing.
    Fresh,
    /// Its newest event is older than it should be, and not yet stale.
    Warn,
    /// Its newest event is stale, or too many of its entities are.
    Stale,
    /// It has no entities or events up to now.
    NoData,
    /// It is not known: it is being counted, after a crash mostly, and soon known.
    Rebuilding,
}

impl FreshnessStatus {
    /// Every status.
    pub const ALL: [FreshnessStatus; 5] = [
        FreshnessStatus::Fresh,
        FreshnessStatus::Warn,
        FreshnessStatus::Stale,
        FreshnessStatus::NoData,
        FreshnessStatus::Rebuilding,
    ];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            FreshnessStatus::Fresh => "fresh",
            FreshnessStatus::Warn => "warn",
            FreshnessStatus::Stale => "stale",
            FreshnessStatus::NoData => "no_data",
            FreshnessStatus::Rebuilding => "rebuilding",
        }
    }
}

/// The ages of a view's entities: the time since the newest event of each, over all of them.
///
/// They are counted by minutes of the last two days, by hours of the last forty, and by days and more before. An age is
/// that of the beginning of such a piece of time: it is never too small, and too great by less than the piece is long.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewAges {
    /// Name of the view.
    pub view: String,
    /// The present, as of which everything here is said.
    pub now: Timestamp,
    /// The standing of the view to its objective.
    pub status: FreshnessStatus,
    /// The freshness that it promises; where it promises none, its ttl, if it has one.
    pub objective: Option<FreshnessObjective>,
    /// The beginning of the piece of time of the newest event up to `now`.
    pub newest: Option<Timestamp>,
    /// The entities with an event up to `now`; `None` of an event view, which knows of events only.
    pub entities: Option<u64>,
    /// The entities whose newest event lies after `now`. They are in no other figure.
    pub ahead: Option<u64>,
    /// The ages of the entities, where there are any.
    pub ages: Option<EntityAges>,
}

/// Ages of entities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EntityAges {
    /// The age that half of the entities do not exceed.
    pub p50: Span,
    /// The age that 95 of 100 entities do not exceed.
    pub p95: Span,
    /// The age that no entity exceeds.
    pub max: Span,
    /// The share of entities that are older than the objective's `warn`; none without an objective.
    pub over_warn: Option<f64>,
    /// The share of entities that are older than the objective's `stale`; none without an objective.
    pub over_stale: Option<f64>,
}

impl ViewAges {
    /// Returns the age of the newest event.
    pub fn age(&self) -> Option<Span> {
        self.newest.map(|newest| self.now.since(newest))
    }

    /// Returns whether the view breaks its promise: it is stale, or promises something and has no data.
    pub fn is_broken(&self) -> bool {
        match self.status {
            FreshnessStatus::Stale => true,
            FreshnessStatus::NoData => self.objective.is_some(),
            FreshnessStatus::Fresh | FreshnessStatus::Warn | FreshnessStatus::Rebuilding => false,
        }
    }

    /// The report about a view, of which `ages` are known or not.
    fn of(view: &FeatureView, now: Timestamp, ages: Option<&Ages>) -> Self {
        let by_ttl = |ttl| FreshnessObjective { warn: ttl, stale: ttl, stale_share_max: None };
        let objective = view.freshness.or_else(|| view.ttl.map(by_ttl));
        let (rebuilding, name) = (FreshnessStatus::Rebuilding, view.name.clone());
        let unknown = ViewAges {
            view: name,
            now,
            status: rebuilding,
            objective,
            newest: None,
            entities: None,
            ahead: None,
            ages: None,
        };
        let Some(ages) = ages else { return unknown };
        let split = ages.buckets.partition_point(|bucket| bucket.from <= now);
        let (until_now, ahead) = ages.buckets.split_at(split);
        let newest = until_now.last().map(|bucket| bucket.from);
        let of_entities = if view.holds_events() { None } else { entity_ages(now, until_now, objective) };
        let count = |buckets| if view.holds_events() { None } else { Some(total(buckets)) };
        let status = status_of(now, newest, objective, of_entities);
        let (entities, ahead) = (count(until_now), count(ahead));
        ViewAges { status, newest, entities, ahead, ages: of_entities, ..unknown }
    }
}

fn total(buckets: &[AgeBucket]) -> u64 {
    buckets.iter().map(|bucket| bucket.count).sum()
}

fn status_of(
    now: Timestamp,
    newest: Option<Timestamp>,
    objective: Option<FreshnessObjective>,
    ages: Option<EntityAges>,
) -> FreshnessStatus {
    let Some(newest) = newest else { return FreshnessStatus::NoData };
    let Some(FreshnessObjective { warn, stale, stale_share_max }) = objective else { return FreshnessStatus::Fresh };
    let stale_share = ages.and_then(|ages| ages.over_stale);
    let are_too_many = stale_share.zip(stale_share_max).is_some_and(|(share, most)| share > most);
    match now.since(newest) {
        age if age > stale || are_too_many => FreshnessStatus::Stale,
        age if age > warn => FreshnessStatus::Warn,
        _ => FreshnessStatus::Fresh,
    }
}

/// The ages of the entities of buckets, oldest first; none where there are none.
fn entity_ages(now: Timestamp, buckets: &[AgeBucket], objective: Option<FreshnessObjective>) -> Option<EntityAges> {
    let all = total(buckets);
    let oldest = buckets.first()?;
    // The age of the bucket in which so many in a hundred entities are that are no older.
    let no_older = |percent: u64| {
        let (wanted, mut counted) = ((all * percent).div_ceil(100), 0);
        let reached = buckets.iter().rev().find(|bucket| {
            counted += bucket.count;
            counted >= wanted
        });
        now.since(reached.unwrap_or(oldest).from)
    };
    let share_over = |limit: Span| {
        let over = buckets.partition_point(|bucket| now.since(bucket.from) > limit);
        total(&buckets[..over]) as f64 / all as f64
    };
    Some(EntityAges {
        p50: no_older(50),
        p95: no_older(95),
        max: now.since(oldest.from),
        over_warn: objective.map(|objective| share_over(objective.warn)),
        over_stale: objective.map(|objective| share_over(objective.stale)),
    })
}

impl Store {
    /// Tells how fresh views are over all of their entities, every stored view where none is named. It reads no rows.
    /// A view of windows is as fresh as its events, and named as they are.
    ///
    /// # Errors
    /// `NotFound` for an unknown view, `Invalid` for one of expressions, which has no events; `Unavailable` when the
    /// store cannot be read.
    pub fn ages<S: AsRef<str>>(&self, views: &[S]) -> Result<Vec<ViewAges>> {
        let catalog = self.catalog();
        let of = |view: &FeatureView| {
            let ages = self.backend().ages(view)?;
            let now = ages.as_ref().map_or_else(|| self.backend().now(), |ages| ages.now);
            Ok(ViewAges::of(view, now, ages.as_ref()))
        };
        if views.is_empty() {
            return catalog.views().filter(|view| view.is_stored()).map(|view| of(view)).collect();
        }
        let stored = views.iter().map(|view| {
            let view = view.as_ref();
            let events = find_view(&catalog, view)?.windows().map(|windows| windows.from.as_str());
            of(find_stored_view(&catalog, events.unwrap_or(view))?)
        });
        stored.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;
    const NOW: Timestamp = Timestamp::from_micros(1_717_200_000_000_000);

    fn minutes(minutes: i64) -> Span {
        Span::from_micros(minutes * MINUTE)
    }

    /// Buckets of a minute, by the age of their beginning in minutes, oldest first.
    fn buckets(of: &[(i64, u64)]) -> Vec<AgeBucket> {
        let bucket = |(age, count): &(i64, u64)| {
            let from = NOW.minus(minutes(*age));
            AgeBucket { from, until: from.plus(minutes(1)), count: *count }
        };
        of.iter().map(bucket).collect()
    }

    #[test]
    fn percentiles_and_shares_are_those_of_the_beginnings_of_buckets() {
        let objective = FreshnessObjective { warn: minutes(10), stale: minutes(60), stale_share_max: None };
        let of = |all: &[(i64, u64)]| entity_ages(NOW, &buckets(all), Some(objective)).unwrap();
        let ages = of(&[(500, 1), (60, 4), (10, 45), (1, 50)]);
        assert_eq!((ages.p50, ages.p95, ages.max), (minutes(1), minutes(10), minutes(500)));
        assert_eq!((ages.over_warn, ages.over_stale), (Some(0.05), Some(0.01)));
        let ages = of(&[(500, 1), (60, 5), (10, 45), (1, 49)]);
        assert_eq!((ages.p50, ages.p95), (minutes(10), minutes(60)));
        let ages = of(&[(61, 1)]);
        assert_eq!((ages.p50, ages.p95, ages.max, ages.over_stale), (minutes(61), minutes(61), minutes(61), Some(1.0)));
        assert_eq!(entity_ages(NOW, &[], None), None);
    }

    #[test]
    fn the_status_goes_by_the_newest_event_and_by_the_share_of_stale_entities() {
        let objective = |share| FreshnessObjective { warn: minutes(10), stale: minutes(60), stale_share_max: share };
        let of = |age: i64, share, over_stale| {
            let ages = EntityAges {
                p50: minutes(1),
                p95: minutes(1),
                max: minutes(1),
                over_warn: None,
                over_stale: Some(over_stale),
            };
            status_of(NOW, Some(NOW.minus(minutes(age))), Some(objective(share)), Some(ages))
        };
        let by_age = [10, 11, 60, 61].map(|age| of(age, None, 1.0).as_str());
        assert_eq!(by_age, ["fresh", "warn", "warn", "stale"]);
        let by_share = [0.0, 0.1, 0.11].map(|share| of(5, Some(0.1), share).as_str());
        assert_eq!(by_share, ["fresh", "fresh", "stale"]);
        assert_eq!(status_of(NOW, None, Some(objective(None)), None), FreshnessStatus::NoData);
        assert_eq!(status_of(NOW, Some(Timestamp::FIRST), None, None), FreshnessStatus::Fresh);
    }
}
