//! Audits that the sidecar makes of its own log of served features: one at a time, in the background, of which the last
//! results are kept, in memory and in a file beside the log.

mod kept;
mod report;
mod run;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use asofdb::{Error, Result, Stop, Store, Timestamp};
use asofdb_platform::Audit;
use parking_lot::Mutex;
use serde_json::Value as Json;

use self::kept::Kept;
pub(crate) use self::report::{AuditReport, AuditState, readable};
pub(crate) use self::run::AuditWanted;
use crate::line::give_way;
use crate::service::Service;

/// Results that are kept, the last ones.
const KEPT: usize = 8;

/// The last audits.
#[derive(Debug)]
pub(crate) struct Audits {
    /// Locked for moments only.
    state: Mutex<State>,
    /// The file that keeps them, where there is one. Locked before the state, if both are.
    kept: Mutex<Option<Kept>>,
    /// Rows that the running audit has compared.
    rows: AtomicU64,
    stop: Stop,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    /// The oldest first; the newest may be running.
    reports: VecDeque<AuditReport>,
    thread: Option<JoinHandle<()>>,
}

impl Default for Audits {
    fn default() -> Self {
        Audits { state: Mutex::default(), kept: Mutex::default(), rows: AtomicU64::new(0), stop: Stop::new() }
    }
}

impl Audits {
    /// Takes over the audits that are kept beside the log of a store, and keeps those to come there.
    pub(crate) fn restore(&self, store: &Store) {
        let Some(log) = store.served_log() else { return };
        let mut kept = self.kept.lock();
        let (opened, last, mut reports) = Kept::open(&log.status().directory, log.age_max());
        *kept = Some(opened);
        let mut state = self.state.lock();
        // Audits that have begun meanwhile are newer.
        reports.extend(state.reports.drain(..).map(|report| AuditReport { number: report.number + last, ..report }));
        state.last += last;
        state.reports = reports.split_off(reports.len().saturating_sub(KEPT)).into();
        drop(state);
        drop(kept);
        self.forget_old(store.now());
    }

    /// Forgets differences in full of answers that the log may not have any more, in the file, too.
    pub(crate) fn forget_old(&self, now: Timestamp) {
        let mut kept = self.kept.lock();
        let has_forgotten =
            kept.as_ref().is_some_and(|kept| kept.forget_old(self.state.lock().reports.iter_mut(), now));
        if has_forgotten {
            self.save(kept.as_mut());
        }
    }

    /// Writes the file.
    fn save(&self, kept: Option<&mut Kept>) {
        let Some(kept) = kept else { return };
        let (last, reports) = {
            let state = self.state.lock();
            (state.last, state.reports.clone())
        };
        kept.save(last, reports.iter());
    }

    /// The audits that are kept, the newest first.
    pub(crate) fn reports(&self) -> Vec<AuditReport> {
        let mut reports: Vec<_> = self.state.lock().reports.iter().rev().cloned().collect();
        for report in &mut reports {
            if let AuditState::Running { rows } = &mut report.state {
                *rows = self.rows.load(Ordering::Relaxed);
            }
        }
        reports
    }

    /// The audits that are kept as JSON, in short.
    pub(crate) fn to_json(&self) -> Json {
        self.reports().iter().map(AuditReport::to_json).collect()
    }

    /// The audit of a number.
    ///
    /// # Errors
    /// `NotFound` when it is not kept.
    pub(crate) fn find(&self, number: u64) -> Result<AuditReport> {
        let found = self.reports().into_iter().find(|report| report.number == number);
        found.ok_or_else(|| Error::not_found(format!("no audit has the number {number}; GET /v1/audits has all")))
    }

    /// Makes room for an audit that begins, and gives its number.
    fn begin(&self, who: &str, wanted: &AuditWanted, now: Timestamp) -> Result<u64> {
        let mut state = self.state.lock();
        self.stop.check()?;
        if let Some(running) = state.reports.back().filter(|report| report.is_running()) {
            let message = "an audit is running; one runs at a time, so try again when it has ended";
            return Err(Error::conflict(format!("{message}: number {}", running.number)));
        }
        state.last += 1;
        let number = state.last;
        if state.reports.len() >= KEPT {
            state.reports.pop_front();
        }
        self.rows.store(0, Ordering::Relaxed);
        let (who, wanted, running) = (who.to_owned(), wanted.clone(), AuditState::Running { rows: 0 });
        state.reports.push_back(AuditReport { number, who, wanted, began: now, ended: None, state: running });
        Ok(number)
    }

    fn end(&self, now: Timestamp, outcome: Result<Audit>) {
        let state = match outcome {
            Ok(audit) => AuditState::Done(Arc::new(report::pruned(audit))),
            Err(error) => AuditState::Failed(format!("{error:#}")),
        };
        let mut kept = self.kept.lock();
        if let Some(report) = self.state.lock().reports.back_mut() {
            (report.ended, report.state) = (Some(now), state);
        }
        self.save(kept.as_mut());
    }

    /// Begins no further audit, and waits for the one that runs, which is told to stop.
    pub(crate) fn finish(&self) {
        self.stop.stop();
        let thread = self.state.lock().thread.take();
        if let Some(thread) = thread {
            // What it has panicked with is in its report.
            let _ = thread.join();
        }
    }
}

/// Begins an audit of what a service's store has logged, and gives its number.
///
/// # Errors
/// `Invalid` when nothing is logged, or for names that mean nothing; `Conflict` when an audit runs; `Unavailable` when
/// no thread can be started, or the sidecar stops.
pub(crate) fn start(service: &Arc<Service>, who: &str, wanted: AuditWanted) -> Result<u64> {
    wanted.check()?;
    if service.store.served_log().is_none() {
        return Err(Error::invalid("this sidecar logs nothing of what it serves: start it with --log-served DIR"));
    }
    let number = service.audits.begin(who, &wanted, service.store.now())?;
    let working = {
        let service = service.clone();
        move || {
            give_way();
            let audits = &service.audits;
            let run =
                || wanted.run(&service.store, &audits.stop, &mut |rows| audits.rows.store(rows, Ordering::Relaxed));
            let done = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(Error::internal(BUG)));
            audits.end(service.store.now(), done);
        }
    };
    match thread::Builder::new().name("audit".into()).spawn(working) {
        Ok(thread) => service.audits.state.lock().thread = Some(thread),
        Err(error) => {
            let refusal = || Error::unavailable("the sidecar cannot start a thread; try again");
            service.audits.end(service.store.now(), Err(refusal()));
            return Err(refusal().with_source(error));
        }
    }
    Ok(number)
}

/// The failure of an audit that has panicked.
const BUG: &str = "the audit ran into a bug of asofdb; the log of the sidecar says where";

#[cfg(test)]
mod tests {
    use asofdb::{ServedLogOptions, Span, Status, Value};
    use asofdb_platform::{AuditedFeature, Difference, Reason, Side};

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_717_200_000_000_000);

    #[test]
    fn one_audit_runs_at_a_time_and_the_last_eight_are_kept() {
        let audits = Audits::default();
        let begin = || audits.begin("uid:1", &AuditWanted::default(), NOW);
        for number in 1..=10 {
            assert_eq!(begin().unwrap(), number);
            assert_eq!(begin().unwrap_err().kind(), asofdb::ErrorKind::Conflict);
            let outcome = if number == 10 { Err(Error::internal(BUG)) } else { Ok(Audit::default()) };
            audits.end(NOW, outcome);
        }
        let reports = audits.reports();
        let numbers: Vec<_> = reports.iter().map(|report| report.number).collect();
        assert_eq!(numbers, [10, 9, 8, 7, 6, 5, 4, 3]);
        assert!(matches!(&reports[0].state, AuditState::Failed(error) if error.contains("ran into a bug")));
        audits.finish();
        assert_eq!(begin().unwrap_err().kind(), asofdb::ErrorKind::Unavailable, "it stops");
    }

    /// A store with a log in a directory that keeps it for a day.
    fn logging(directory: &std::path::Path) -> Store {
        let clock = asofdb::ManualClock::new(NOW);
        let options = ServedLogOptions { age_max: Span::from_secs(86_400), ..ServedLogOptions::default() };
        Store::in_memory(clock).log_served(directory, options).unwrap()
    }

    /// An audit with a difference that was served some hours ago.
    fn found(hours_ago: i64) -> Audit {
        let side = Side { value: Some(Value::Int64(7)), status: Status::Present, event: None };
        let served_at = NOW.minus(Span::from_secs(3_600 * hours_ago));
        let example = Difference {
            id: "a-1".to_owned(),
            row: 0,
            consumer: None,
            entity: vec![("user_id".to_owned(), Some(Value::Int64(1)))],
            at: served_at,
            served_at,
            feature: "v:f".to_owned(),
            served: side.clone(),
            again: Some(side),
            reason: Reason::Late,
            detail: String::new(),
        };
        let feature = AuditedFeature { values: 1, differences: [(Reason::Late, 1)].into() };
        Audit { rows: 1, features: [("v:f".to_owned(), feature)].into(), examples: vec![example], ..Audit::default() }
    }

    fn make(audits: &Audits, outcome: Result<Audit>) {
        let wanted = AuditWanted { consumer: Some("ranker".to_owned()), ..AuditWanted::default() };
        audits.begin("uid:1", &wanted, NOW).unwrap();
        audits.end(NOW, outcome);
    }

    #[test]
    fn audits_are_there_after_a_restart_and_numbers_go_on() {
        let directory = tempfile::tempdir().unwrap();
        let store = logging(directory.path());
        let before = Audits::default();
        before.restore(&store);
        assert_eq!(before.reports().len(), 0);
        (0..9).for_each(|_| make(&before, Ok(found(1))));
        make(&before, Err(Error::unavailable("it stops")));
        let after = Audits::default();
        after.restore(&store);
        assert_eq!(after.to_json(), before.to_json());
        assert_eq!(after.find(9).unwrap().found().unwrap().examples, found(1).examples);
        make(&after, Ok(found(2)));
        let numbers: Vec<_> = after.reports().iter().map(|report| report.number).collect();
        assert_eq!(numbers, [11, 10, 9, 8, 7, 6, 5, 4]);
        before.begin("uid:1", &AuditWanted::default(), NOW).unwrap();
        let meanwhile = Audits::default();
        make(&meanwhile, Ok(found(1)));
        meanwhile.restore(&store);
        let numbers: Vec<_> = meanwhile.reports().iter().map(|report| report.number).collect();
        assert_eq!(numbers, [12, 11, 10, 9, 8, 7, 6, 5], "one that runs is not in the file");
    }

    #[test]
    fn differences_in_full_go_with_the_answers_that_the_log_has_lost() {
        let directory = tempfile::tempdir().unwrap();
        let store = logging(directory.path());
        let audits = Audits::default();
        audits.restore(&store);
        make(&audits, Ok(found(23)));
        assert_eq!(audits.find(1).unwrap().found().unwrap().examples.len(), 1);
        let file = || std::fs::read_to_string(directory.path().join("AUDITS")).unwrap();
        assert!(file().contains("user_id"));
        audits.forget_old(NOW.plus(Span::from_secs(2 * 3_600)));
        let found = audits.find(1).unwrap();
        assert_eq!((found.found().unwrap().examples.len(), found.found().unwrap().differing()), (0, 1));
        assert!(!file().contains("user_id"), "nor in the file");
    }

    #[test]
    fn a_damaged_file_of_audits_begins_anew_and_a_later_one_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let (store, path) = (logging(directory.path()), directory.path().join("AUDITS"));
        for text in ["asofdb AUDITS 2 0\nlater", "damaged"] {
            std::fs::write(&path, text).unwrap();
            let audits = Audits::default();
            audits.restore(&store);
            make(&audits, Ok(found(1)));
            assert_eq!(audits.reports().len(), 1);
            let is_kept = std::fs::read_to_string(&path).unwrap() != text;
            assert_eq!(is_kept, text == "damaged", "{text}");
        }
    }
}
