//! Audits that the sidecar makes of its own log of served features: one at a time, in the background, of which the last
//! results are kept in memory.

mod report;
mod run;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use asofdb::{Error, Result, Stop, Timestamp};
use asofdb_platform::Audit;
use parking_lot::Mutex;
use serde_json::Value as Json;

pub(crate) use self::report::{AuditReport, AuditState, readable};
pub(crate) use self::run::AuditWanted;
use crate::line::give_way;
use crate::service::Service;

/// Results that are kept, the last ones.
const KEPT: usize = 8;

/// The audits since the start.
#[derive(Debug)]
pub(crate) struct Audits {
    /// Locked for moments only.
    state: Mutex<State>,
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
        Audits { state: Mutex::default(), rows: AtomicU64::new(0), stop: Stop::new() }
    }
}

impl Audits {
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
        if let Some(report) = self.state.lock().reports.back_mut() {
            (report.ended, report.state) = (Some(now), state);
        }
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
}
