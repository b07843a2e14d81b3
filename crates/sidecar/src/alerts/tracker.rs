//! The tracker: what was told, and what is to be told next. It knows no clock but the time it is given.

use std::collections::BTreeMap;
use std::time::Duration;

use asofdb::Timestamp;
use asofdb_protocol::AlertReport;
use serde::{Deserialize, Serialize};

use super::notice::{Event, Notice, as_text, bounded};
use super::sighting::{Finding, Severity, Sighting};
use super::sources::{Look, Source, in_seconds};

/// Most alerts that are known at a time. Each takes some hundred bytes; what comes after them waits for room.
const ALERTS_MAX: usize = 4_096;

/// The state of what has recovered.
const WELL: &str = "ok";

/// The times by which alerts are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    /// The time for which something has to be wrong, or worse, before it is told.
    pub(super) after: Duration,
    /// The time for which it has to be well, or better, before that is told.
    pub(super) recover_after: Duration,
    /// The time after which it is told again; `None`: it is told once.
    pub(super) repeat: Option<Duration>,
}

/// The time of a look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// The time by the system's clock, which may jump: for people only.
    pub(super) now: Timestamp,
    /// The time since the look before, which counts.
    pub(super) elapsed: Duration,
}

/// The last word about an alert that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    kind: String,
    subject: String,
    state: String,
    severity: Severity,
    message: String,
    #[serde(with = "as_text")]
    since: Timestamp,
    #[serde(with = "as_text")]
    told: Timestamp,
    notices: u64,
    /// The time for which the sidecar has been running since it was told.
    ago: Duration,
}

/// Something that is wrong, or was until just now.
#[derive(Debug)]
struct Entry {
    told: Option<Told>,
    since: Timestamp,
    /// The time for which it has been worse than what was told.
    worse_for: Option<Duration>,
    /// The time for which it has been better.
    better_for: Option<Duration>,
}

type Key = (String, String);

/// All that is wrong.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    entries: BTreeMap<Key, Entry>,
    /// The number of the next notice.
    next: u64,
    /// The alerts for which there was no room at the last look.
    left_out: usize,
}

impl Tracker {
    /// Goes on from what was told before.
    pub(super) fn of(told: Vec<Told>, next: u64) -> Self {
        let entry = |told: Told| {
            let key = (told.kind.clone(), told.subject.clone());
            (key, Entry { since: told.since, told: Some(told), worse_for: None, better_for: None })
        };
        Tracker { entries: told.into_iter().map(entry).collect(), next, left_out: 0 }
    }

    /// Returns what was told of open alerts, and the number of the next notice.
    pub(super) fn told(&self) -> (Vec<Told>, u64) {
        (self.entries.values().filter_map(|entry| entry.told.clone()).collect(), self.next)
    }

    /// Returns the alerts for which there was no room at the last look.
    pub(super) fn left_out(&self) -> usize {
        self.left_out
    }

    /// Takes a look in, and returns the notices that follow from it.
    pub(super) fn take(&mut self, look: Look, at: Moment, times: &Times) -> Vec<Notice> {
        self.left_out = 0;
        for told in self.entries.values_mut().filter_map(|entry| entry.told.as_mut()) {
            told.ago = told.ago.saturating_add(at.elapsed);
        }
        let mut notices = Vec::new();
        for (source, findings) in look {
            let mut found = Vec::new();
            for finding in findings {
                let subject = match finding {
                    Finding::Wrong(sighting) => {
                        let subject = sighting.subject.clone();
                        notices.extend(self.wrong(source, sighting, at, times));
                        subject
                    }
                    Finding::Near(subject) => {
                        self.near(source.kind, &subject);
                        subject
                    }
                    Finding::Unknown(subject) => subject,
                };
                found.push(subject);
            }
            notices.extend(self.well(source.kind, &found, at, times));
        }
        notices
    }

    /// Takes in that something is wrong.
    fn wrong(&mut self, source: &Source, sighting: Sighting, at: Moment, times: &Times) -> Option<Notice> {
        let key = (source.kind.to_owned(), sighting.subject.clone());
        if !self.entries.contains_key(&key) && self.entries.len() >= ALERTS_MAX {
            self.left_out += 1;
            return None;
        }
        let fresh = || Entry { told: None, since: at.now, worse_for: None, better_for: None };
        let entry = self.entries.entry(key).or_insert_with(fresh);
        let event = entry.event(&sighting, if source.at_once { Duration::ZERO } else { times.after }, at, times)?;
        Some(entry.tell(source.kind, event, sighting, at, &mut self.next))
    }

    /// Takes in that something is not well enough to be over.
    fn near(&mut self, kind: &str, subject: &str) {
        let key = (kind.to_owned(), subject.to_owned());
        match self.entries.get_mut(&key) {
            Some(entry) if entry.told.is_some() => (entry.worse_for, entry.better_for) = (None, None),
            _ => drop(self.entries.remove(&key)),
        }
    }

    /// Takes in that all of a kind but what was found is well.
    fn well(&mut self, kind: &str, found: &[String], at: Moment, times: &Times) -> Vec<Notice> {
        let (mut notices, next) = (Vec::new(), &mut self.next);
        self.entries.retain(|(of, subject), entry| {
            if of != kind || found.contains(subject) {
                return true;
            }
            let Some(told) = &entry.told else { return false };
            entry.worse_for = None;
            if advance(&mut entry.better_for, at.elapsed) < times.recover_after {
                return true;
            }
            notices.push(told.recovered(at, next));
            false
        });
        notices
    }

    /// Reports what is open.
    pub(super) fn report(&self) -> Vec<AlertReport> {
        let told = self.entries.values().filter_map(|entry| Some((entry, entry.told.as_ref()?)));
        let report = |(entry, told): (&Entry, &Told)| AlertReport {
            kind: told.kind.clone(),
            subject: told.subject.clone(),
            state: told.state.clone(),
            severity: told.severity.as_str().to_owned(),
            message: told.message.clone(),
            since: told.since,
            told: told.told,
            notices: told.notices,
            is_recovering: entry.better_for.is_some(),
        };
        told.map(report).collect()
    }
}

/// Goes on counting; the first look is the beginning.
fn advance(counter: &mut Option<Duration>, elapsed: Duration) -> Duration {
    let counted = counter.map_or(Duration::ZERO, |counted| counted.saturating_add(elapsed));
    *counter = Some(counted);
    counted
}

impl Entry {
    /// Returns the reason for a notice, if there is one.
    fn event(&mut self, sighting: &Sighting, after: Duration, at: Moment, times: &Times) -> Option<Event> {
        let Some(told) = &mut self.told else {
            return (advance(&mut self.worse_for, at.elapsed) >= after).then_some(Event::Opened);
        };
        if sighting.severity < told.severity {
            self.worse_for = None;
            return (advance(&mut self.better_for, at.elapsed) >= times.recover_after).then_some(Event::Changed);
        }
        self.better_for = None;
        if sighting.state != told.state {
            return (advance(&mut self.worse_for, at.elapsed) >= after).then_some(Event::Changed);
        }
        self.worse_for = None;
        told.message = bounded(&sighting.message);
        times.repeat.filter(|repeat| told.ago >= *repeat).map(|_| Event::Repeated)
    }

    /// Notes that it is told, and makes the notice.
    fn tell(&mut self, kind: &str, event: Event, sighting: Sighting, at: Moment, next: &mut u64) -> Notice {
        let told = Told {
            kind: kind.to_owned(),
            subject: sighting.subject,
            state: sighting.state.to_owned(),
            severity: sighting.severity,
            message: bounded(&sighting.message),
            since: self.since,
            told: at.now,
            notices: self.told.as_ref().map_or(0, |told| told.notices) + 1,
            ago: Duration::ZERO,
        };
        let notice = told.notice(event, at, next);
        (self.told, self.worse_for, self.better_for) = (Some(told), None, None);
        notice
    }
}

impl Told {
    fn notice(&self, event: Event, at: Moment, next: &mut u64) -> Notice {
        *next += 1;
        Notice {
            // The number alone would begin anew where the state file was lost.
            id: format!("{}-{next}", at.now.as_micros()),
            event,
            kind: self.kind.clone(),
            subject: self.subject.clone(),
            state: self.state.clone(),
            severity: self.severity,
            message: self.message.clone(),
            since: self.since,
            at: at.now,
        }
    }

    fn recovered(&self, at: Moment, next: &mut u64) -> Notice {
        let what = match (self.kind.as_str(), self.subject.as_str()) {
            ("clock", _) => "the clock".to_owned(),
            (_, "") => "the store".to_owned(),
            ("feed", view) => format!("the feed of view {view:?}"),
            ("stream", stream) => format!("the stream {stream:?}"),
            (_, view) => format!("view {view:?}"),
        };
        let lasted = in_seconds(at.now.since(self.since));
        // What was dropped is over too, and it is not said that it were well.
        let message = format!("it is over, after {lasted}: {what} was {}", self.state);
        Notice { message, state: WELL.to_owned(), ..self.notice(Event::Recovered, at, next) }
    }
}

#[cfg(test)]
mod tests {
    use asofdb::Span;

    use super::super::sources::SOURCES;
    use super::*;

    const TIMES: Times = Times {
        after: Duration::from_secs(60),
        recover_after: Duration::from_secs(120),
        repeat: Some(Duration::from_secs(3_600)),
    };

    const START: Timestamp = Timestamp::from_micros(1_717_200_000_000_000);

    /// A tracker that looks at one view, a minute at a time.
    struct Minutes {
        tracker: Tracker,
        now: Timestamp,
        times: Times,
    }

    impl Minutes {
        fn new(times: Times) -> Self {
            Minutes { tracker: Tracker::default(), now: START, times }
        }

        /// Looks a minute later; gives the events and states that are told.
        fn look(&mut self, finding: Option<Finding>) -> Vec<(Event, String)> {
            self.now = self.now.plus(Span::from_secs(60));
            let at = Moment { now: self.now, elapsed: Duration::from_secs(60) };
            let look = vec![(&SOURCES[0], finding.into_iter().collect())];
            let notices = self.tracker.take(look, at, &self.times);
            notices.into_iter().map(|notice| (notice.event, notice.state)).collect()
        }

        fn all(&mut self, findings: &[Option<Finding>]) -> Vec<(usize, Event, String)> {
            let mut told = Vec::new();
            for (minute, finding) in findings.iter().enumerate() {
                told.extend(self.look(finding.clone()).into_iter().map(|(event, state)| (minute, event, state)));
            }
            told
        }
    }

    fn wrong(state: &'static str) -> Option<Finding> {
        let severity = if state == "warn" { Severity::Warning } else { Severity::Critical };
        Some(Finding::Wrong(Sighting { subject: "v".into(), state, severity, message: format!("it is {state}") }))
    }

    fn told(expected: &[(usize, Event, &str)]) -> Vec<(usize, Event, String)> {
        expected.iter().map(|(minute, event, state)| (*minute, *event, (*state).to_owned())).collect()
    }

    #[test]
    fn a_change_of_state_is_told_once_and_so_is_its_end() {
        let mut minutes = Minutes::new(TIMES);
        let (stale, well) = (wrong("stale"), None);
        let looks = [&stale, &stale, &stale, &stale, &well, &well, &well, &well, &well].map(Clone::clone);
        assert_eq!(minutes.all(&looks), told(&[(1, Event::Opened, "stale"), (6, Event::Recovered, "ok")]));
        assert!(minutes.tracker.report().is_empty());
    }

    #[test]
    fn what_comes_and_goes_is_not_told_before_it_lasts_and_is_not_over_before_that_lasts() {
        let mut minutes = Minutes::new(TIMES);
        let flutter: Vec<_> = (0..20).map(|minute| if minute % 2 == 0 { wrong("stale") } else { None }).collect();
        assert_eq!(minutes.all(&flutter), []);
        assert_eq!(minutes.all(&[wrong("stale"), wrong("stale")]), told(&[(1, Event::Opened, "stale")]));
        assert_eq!(minutes.all(&flutter), []);
        assert_eq!(minutes.all(&[None]), []);
        assert!(minutes.tracker.report()[0].is_recovering);
    }

    #[test]
    fn what_gets_worse_is_told_and_what_gets_better_too_without_being_over() {
        let mut minutes = Minutes::new(TIMES);
        let looks = ["warn", "warn", "stale", "stale", "warn", "warn", "warn"].map(wrong);
        let expected = [(1, Event::Opened, "warn"), (3, Event::Changed, "stale"), (6, Event::Changed, "warn")];
        assert_eq!(minutes.all(&looks), told(&expected));
        let [open] = &minutes.tracker.report()[..] else { panic!("one is open") };
        assert_eq!((open.state.as_str(), open.notices, open.since), ("warn", 3, START.plus(Span::from_secs(60))));
    }

    #[test]
    fn two_bad_states_in_turn_are_told_although_neither_lasts() {
        let mut minutes = Minutes::new(TIMES);
        let looks = ["warn", "stale", "warn", "stale"].map(wrong);
        assert_eq!(minutes.all(&looks)[0], (1, Event::Opened, "stale".to_owned()));
    }

    #[test]
    fn it_is_told_again_after_the_time_to_repeat_and_never_without_one() {
        let looks: Vec<_> = (0..130).map(|_| wrong("stale")).collect();
        let repeated = [(1, Event::Opened, "stale"), (61, Event::Repeated, "stale"), (121, Event::Repeated, "stale")];
        assert_eq!(Minutes::new(TIMES).all(&looks), told(&repeated));
        let once = Times { repeat: None, ..TIMES };
        assert_eq!(Minutes::new(once).all(&looks), told(&repeated[..1]));
    }

    #[test]
    fn what_is_nearly_well_does_not_end_an_alert_and_does_not_begin_one() {
        let mut minutes = Minutes::new(TIMES);
        let near = || Some(Finding::Near("v".into()));
        assert_eq!(minutes.all(&[near(), near(), near()]), []);
        minutes.all(&[wrong("stale"), wrong("stale")]);
        assert_eq!(minutes.all(&[None, None, near(), near(), near(), near(), None, None]), []);
        assert_eq!(minutes.all(&[None]), told(&[(0, Event::Recovered, "ok")]));
    }

    #[test]
    fn what_is_not_known_changes_nothing_whether_of_one_view_or_of_all() {
        let mut minutes = Minutes::new(TIMES);
        minutes.all(&[wrong("stale"), wrong("stale")]);
        let unknown: Vec<_> = (0..10).map(|_| Some(Finding::Unknown("v".into()))).collect();
        assert_eq!(minutes.all(&unknown), []);
        let at = Moment { now: minutes.now, elapsed: Duration::from_secs(600) };
        assert_eq!(minutes.tracker.take(Vec::new(), at, &TIMES), []);
        assert_eq!(minutes.tracker.report().len(), 1);
    }

    #[test]
    fn what_does_not_go_by_itself_is_told_at_first_sight() {
        let (mut tracker, at) = (Tracker::default(), Moment { now: START, elapsed: Duration::ZERO });
        let source = SOURCES.iter().find(|source| source.at_once).unwrap();
        let sighting = || Sighting {
            subject: String::new(),
            state: "ahead",
            severity: Severity::Critical,
            message: "it is".into(),
        };
        let notices = tracker.take(vec![(source, vec![Finding::Wrong(sighting())])], at, &TIMES);
        assert_eq!((notices.len(), notices[0].event), (1, Event::Opened));
        let later = Moment { now: START.plus(Span::from_secs(90)), elapsed: Duration::from_secs(90) };
        tracker.take(vec![(source, Vec::new())], later, &TIMES);
        let [notice] =
            &tracker.take(vec![(source, Vec::new())], Moment { elapsed: TIMES.recover_after, ..later }, &TIMES)[..]
        else {
            panic!("it is over")
        };
        assert_eq!(notice.message, "it is over, after 1m 30s: the clock was ahead");
    }

    #[test]
    fn it_goes_on_from_what_was_told_and_never_gives_an_id_twice() {
        let mut minutes = Minutes::new(TIMES);
        minutes.all(&[wrong("stale"), wrong("stale")]);
        let (kept, next) = minutes.tracker.told();
        let text = serde_json::to_string(&kept).unwrap();
        let kept: Vec<Told> = serde_json::from_str(&text).unwrap();
        let mut again = Minutes { tracker: Tracker::of(kept, next), ..minutes };
        assert_eq!(again.all(&[wrong("stale"), None, None]), []);
        assert_eq!(again.all(&[None]), told(&[(0, Event::Recovered, "ok")]));
        assert_eq!(again.tracker.told(), (Vec::new(), 2));
    }

    #[test]
    fn there_are_so_many_alerts_at_most() {
        let mut tracker = Tracker::default();
        let at = Moment { now: START, elapsed: Duration::ZERO };
        let times = Times { after: Duration::ZERO, ..TIMES };
        let many = (0..ALERTS_MAX + 3).map(|number| {
            let subject = format!("v{number}");
            Finding::Wrong(Sighting { subject, state: "stale", severity: Severity::Critical, message: String::new() })
        });
        assert_eq!(tracker.take(vec![(&SOURCES[0], many.collect())], at, &times).len(), ALERTS_MAX);
        assert_eq!(tracker.left_out(), 3);
    }
}
