//! Sources of alerts: what can be wrong, and how it is seen. One more is one more line of the list.

use std::collections::BTreeMap;

use asofdb::{AnswerCounts, Feed, FreshnessObjective, FreshnessStatus, Result, Span, ViewAges};
#[cfg(feature = "streams")]
use asofdb_streams::{StreamState, StreamStatus};

use super::latency::latency;
use super::rules::LookRules;
use super::sighting::{Finding, Severity, Sighting};
use crate::service::Service;

/// A source of alerts.
#[derive(Debug)]
pub(super) struct Source {
    /// The stable name of what it sees.
    pub(super) kind: &'static str,
    /// True if it is told at the first sight, whatever `after` says: it does not come and go by itself.
    pub(super) at_once: bool,
    pub(super) look: fn(&Service, &LookRules) -> Result<Vec<Finding>>,
}

/// Every source.
pub(super) static SOURCES: [Source; 7] = [
    Source { kind: "freshness", at_once: false, look: freshness },
    Source { kind: "answers", at_once: false, look: answers },
    Source { kind: "clock", at_once: true, look: clock },
    Source { kind: "read_only", at_once: true, look: read_only },
    Source { kind: "feed", at_once: true, look: feeds },
    Source { kind: "latency", at_once: false, look: latency },
    Source { kind: "stream", at_once: false, look: streams },
];

/// The findings of all sources at one time, by kind; those of a source that failed are missing, so that what was told
/// stands.
pub(super) type Look = Vec<(&'static Source, Vec<Finding>)>;

/// A span to the second, which is how anybody says it.
pub(super) fn in_seconds(span: Span) -> Span {
    Span::from_secs(span.as_micros() / 1_000_000)
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Views that break what they promise, by what is known from the writes.
fn freshness(service: &Service, rules: &LookRules) -> Result<Vec<Finding>> {
    let views = service.store.ages::<&str>(&[])?;
    Ok(views.into_iter().filter_map(|view| freshness_of(view, rules.hysteresis)).collect())
}

fn freshness_of(view: ViewAges, hysteresis: f64) -> Option<Finding> {
    let objective = view.objective?;
    let share = view.ages.and_then(|ages| ages.over_stale).zip(objective.stale_share_max);
    let (severity, message) = match view.status {
        FreshnessStatus::Fresh => {
            let is_near = share.is_some_and(|(share, most)| share > most * (1.0 - hysteresis));
            return is_near.then_some(Finding::Near(view.view));
        }
        FreshnessStatus::Rebuilding => return Some(Finding::Unknown(view.view)),
        FreshnessStatus::Warn => (Severity::Warning, late(&view, objective)),
        FreshnessStatus::Stale => (Severity::Critical, stale(&view, objective)),
        FreshnessStatus::NoData => {
            (Severity::Critical, format!("view {:?} has no events, and promises to be fresh", view.view))
        }
    };
    Some(Finding::Wrong(Sighting { state: view.status.as_str(), severity, message, subject: view.view }))
}

fn late(view: &ViewAges, objective: FreshnessObjective) -> String {
    let age = in_seconds(view.age().unwrap_or_default());
    format!("view {:?} is late: its newest event is {age} old, and should be {} at most", view.view, objective.warn)
}

fn stale(view: &ViewAges, objective: FreshnessObjective) -> String {
    let (age, name) = (view.age().unwrap_or_default(), &view.view);
    let share = view.ages.and_then(|ages| ages.over_stale).zip(objective.stale_share_max);
    match share.filter(|_| age <= objective.stale) {
        Some((share, most)) => format!(
            "view {name:?} is stale: {} of its entities have no event within {}, and {} may",
            percent(share),
            objective.stale,
            percent(most)
        ),
        None => format!(
            "view {name:?} is stale: its newest event is {} old, and may be {} at most",
            in_seconds(age),
            objective.stale
        ),
    }
}

/// Views of whose values consumers got more that had expired than the view promises.
fn answers(service: &Service, rules: &LookRules) -> Result<Vec<Finding>> {
    let mut by_view: BTreeMap<String, AnswerCounts> = BTreeMap::new();
    for row in service.store.answers() {
        by_view.entry(row.view.clone()).or_default().add(rules.answers.period.of(&row));
    }
    let catalog = service.store.catalog();
    let promised = catalog.views().filter_map(|view| Some((&view.name, view.freshness?.stale_share_max?)));
    let finding = |(view, most): (&String, f64)| answers_of(view, most, by_view.get(view)?, rules);
    Ok(promised.filter_map(finding).collect())
}

fn answers_of(view: &str, most: f64, counts: &AnswerCounts, rules: &LookRules) -> Option<Finding> {
    if counts.values < rules.answers.values_min {
        return None;
    }
    let share = counts.share(counts.expired)?;
    if share <= most {
        return (share > most * (1.0 - rules.hysteresis)).then(|| Finding::Near(view.to_owned()));
    }
    let message = format!(
        "of {} values of view {view:?} that consumers got in the last {}, {} had expired, and {} may",
        counts.values,
        rules.answers.period.as_str(),
        percent(share),
        percent(most)
    );
    Some(Finding::Wrong(Sighting { subject: view.to_owned(), state: "expired", severity: Severity::Critical, message }))
}

/// Feeds whose last run failed, and those of which none has succeeded for too long.
fn feeds(service: &Service, _rules: &LookRules) -> Result<Vec<Finding>> {
    Ok(service.store.feeds(&[])?.into_iter().filter_map(feed_of).collect())
}

fn feed_of(feed: Feed) -> Option<Finding> {
    let error = feed.runs.last().and_then(|run| run.error.as_deref()).unwrap_or_default();
    let (view, path) = (&feed.view, &feed.source.path);
    let (state, severity, message) = match (feed.is_late(), feed.is_failing()) {
        (false, false) => return None,
        (false, true) => ("failing", Severity::Warning, format!("the feed of view {view:?} has failed: {error}")),
        (true, _) => {
            let since = feed.succeeded.map_or("ever".to_owned(), |time| format!("since {time}"));
            let reason = if error.is_empty() { String::new() } else { format!("; the last run failed: {error}") };
            let message =
                format!("view {view:?} was not fed from {path:?} {since}, and its schedule says more{reason}");
            ("late", Severity::Critical, message)
        }
    };
    Some(Finding::Wrong(Sighting { state, severity, message, subject: feed.view }))
}

/// Streams that have failed, and are tried again.
#[cfg(feature = "streams")]
fn streams(service: &Service, _rules: &LookRules) -> Result<Vec<Finding>> {
    Ok(service.streams().iter().filter_map(|stream| stream_of(stream)).collect())
}

#[cfg(not(feature = "streams"))]
fn streams(_service: &Service, _rules: &LookRules) -> Result<Vec<Finding>> {
    Ok(Vec::new())
}

#[cfg(feature = "streams")]
fn stream_of(stream: &StreamStatus) -> Option<Finding> {
    let StreamState::Failed(reason) = stream.figures().state else { return None };
    let (name, view) = (stream.name(), stream.view());
    let message = format!("the stream {name:?} into view {view:?} has failed, and is tried again: {reason}");
    // Two streams of one name are into different views.
    let subject = format!("{name} > {view}");
    Some(Finding::Wrong(Sighting { state: "failing", severity: Severity::Warning, message, subject }))
}

/// A clock that is an hour or more off.
fn clock(service: &Service, _rules: &LookRules) -> Result<Vec<Finding>> {
    let status = service.store.clock();
    let state = if status.behind().is_some() { "behind" } else { "ahead" };
    let of = |message| sighting(state, message);
    Ok(status.warning().map(of).into_iter().collect())
}

/// A store that writes nothing since a write to disk failed.
fn read_only(service: &Service, _rules: &LookRules) -> Result<Vec<Finding>> {
    let of = |reason| {
        let message =
            format!("the store is read-only since a write to disk failed, until it is opened again: {reason}");
        sighting("read_only", message)
    };
    Ok(service.read_only().map(of).into_iter().collect())
}

fn sighting(state: &'static str, message: String) -> Finding {
    Finding::Wrong(Sighting { subject: String::new(), state, severity: Severity::Critical, message })
}

#[cfg(test)]
mod tests {
    use asofdb::{EntityAges, FeedRun, FeedSource, ManualClock, Schedule, Store, Timestamp, parse_definitions};

    use super::super::rules::{AnswerRules, Period};
    use super::*;
    use crate::consumers::Limits;

    const RULES: LookRules =
        LookRules { hysteresis: 0.2, answers: AnswerRules { period: Period::Minutes, values_min: 100 } };

    const HOUR: Span = Span::from_secs(3_600);

    /// A view whose newest event is so old, and so large a part of whose entities is stale.
    fn view(status: FreshnessStatus, hours: i64, over_stale: f64) -> ViewAges {
        let now = Timestamp::from_micros(1_717_200_000_000_000);
        let age = Span::from_secs(hours * 3_600);
        let (warn, stale) = (HOUR, Span::from_secs(6 * 3_600));
        ViewAges {
            view: "v".into(),
            now,
            status,
            objective: Some(FreshnessObjective { warn, stale, stale_share_max: Some(0.1) }),
            newest: Some(now.minus(age)),
            entities: Some(10),
            ahead: Some(0),
            ages: Some(EntityAges { p50: age, p95: age, max: age, over_warn: None, over_stale: Some(over_stale) }),
        }
    }

    fn message(finding: Option<Finding>) -> String {
        match finding {
            Some(Finding::Wrong(sighting)) => format!("{}: {}", sighting.state, sighting.message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_state_of_freshness_is_told_with_its_figures() {
        let told = |status, hours, share| message(freshness_of(view(status, hours, share), 0.2));
        assert_eq!(
            told(FreshnessStatus::Warn, 2, 0.0),
            "warn: view \"v\" is late: its newest event is 2h old, and should be 1h at most"
        );
        assert_eq!(
            told(FreshnessStatus::Stale, 7, 1.0),
            "stale: view \"v\" is stale: its newest event is 7h old, and may be 6h at most"
        );
        assert_eq!(
            told(FreshnessStatus::Stale, 0, 0.25),
            "stale: view \"v\" is stale: 25.0 % of its entities have no event within 6h, and 10.0 % may"
        );
        assert_eq!(
            told(FreshnessStatus::NoData, 0, 0.0),
            "no_data: view \"v\" has no events, and promises to be fresh"
        );
    }

    #[test]
    fn what_is_well_is_not_found_what_is_nearly_well_is_near_and_what_is_not_known_is_unknown() {
        let of = |status, share| freshness_of(view(status, 0, share), 0.2);
        assert_eq!(of(FreshnessStatus::Fresh, 0.08), None);
        assert_eq!(of(FreshnessStatus::Fresh, 0.09), Some(Finding::Near("v".into())));
        assert_eq!(of(FreshnessStatus::Rebuilding, 0.0), Some(Finding::Unknown("v".into())));
        let promises_nothing = ViewAges { objective: None, ..view(FreshnessStatus::NoData, 0, 0.0) };
        assert_eq!(freshness_of(promises_nothing, 0.2), None);
    }

    #[test]
    fn expired_values_are_told_from_so_many_values_on_and_above_what_the_view_promises() {
        let counts = |values, expired| AnswerCounts { values, expired, ..AnswerCounts::default() };
        let of = |values, expired| answers_of("v", 0.1, &counts(values, expired), &RULES);
        assert_eq!(of(99, 99), None);
        assert_eq!(of(100, 8), None);
        assert_eq!(of(100, 9), Some(Finding::Near("v".into())));
        assert_eq!(
            message(of(200, 21)),
            "expired: of 200 values of view \"v\" that consumers got in the last 5 minutes, 10.5 % had expired, and \
             10.0 % may"
        );
    }

    #[test]
    fn a_feed_that_fails_is_told_with_its_reason_and_one_that_is_late_with_its_last_success() {
        let hours = |hours: i64| Timestamp::from_micros(hours * 3_600_000_000);
        let feed = |now: i64, succeeded: Option<i64>, error: Option<&str>| {
            let failed = FeedRun { began: hours(now), error: error.map(str::to_owned), ..FeedRun::default() };
            let source = FeedSource { path: "a/*.csv".into(), schedule: Some(Schedule { every: HOUR }) };
            let (view, failures) = ("v".to_owned(), error.into_iter().count() as u64);
            Feed { view, source, now: hours(now), succeeded: succeeded.map(hours), failures, runs: vec![failed] }
        };
        assert_eq!(feed_of(feed(10, Some(10), None)), None);
        let told = |now, succeeded, error| message(feed_of(feed(now, succeeded, error)));
        assert_eq!(told(10, Some(9), Some("no")), "failing: the feed of view \"v\" has failed: no");
        assert_eq!(
            told(10, Some(7), Some("no")),
            "late: view \"v\" was not fed from \"a/*.csv\" since 1970-01-01T07:00:00Z, and its schedule says more; the \
             last run failed: no"
        );
        assert_eq!(
            told(10, Some(7), None),
            "late: view \"v\" was not fed from \"a/*.csv\" since 1970-01-01T07:00:00Z, and its schedule says more"
        );
    }

    #[test]
    fn the_kinds_that_metrics_count_are_those_of_the_sources() {
        assert_eq!(SOURCES.each_ref().map(|source| source.kind), asofdb_protocol::ALERT_KINDS);
    }

    #[test]
    fn every_source_looks_at_a_store_and_a_clock_that_jumps_is_seen() {
        let now = Timestamp::from_micros(1_717_200_000_000_000);
        let clock = ManualClock::new(now);
        let store = Store::in_memory(clock.clone());
        store.confirm_clock().unwrap();
        let definitions = "[[entity]]\nname = \"user\"\njoin_keys = [{ name = \"user_id\", type = \"int64\" }]\n\
            [[feature_view]]\nname = \"v\"\nentities = [\"user\"]\n\
            freshness = { stale = \"1h\", stale_share_max = 0.1 }\nfeature = [{ name = \"f\", type = \"int64\" }]\n";
        store.apply(&parse_definitions(definitions, "d").unwrap(), false).unwrap();
        let service = Service::new(store, Limits::default());
        let kinds = || {
            let found = |source: &Source| (!(source.look)(&service, &RULES).unwrap().is_empty()).then_some(source.kind);
            SOURCES.iter().filter_map(found).collect::<Vec<_>>()
        };
        assert_eq!(kinds(), ["freshness"]);
        clock.step(now.plus(Span::from_secs(86_400)));
        assert_eq!(kinds(), ["freshness", "clock"]);
    }
}
