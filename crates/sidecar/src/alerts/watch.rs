//! The watch: the thread that looks at the store, decides what is told, and saves it.

use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use super::board::{Board, Wake};
use super::notice::Notice;
use super::options::AlertOptions;
use super::rules::LookRules;
use super::sources::{Look, SOURCES};
use super::state_file::{Record, StateFile};
use super::tracker::{Moment, Times, Tracker};
use crate::consumers::Stopwatch;
use crate::service::Service;

/// The longest time at the end that deliveries which were not tried yet are waited for.
const LINGER: Duration = Duration::from_secs(2);

/// The time after which the times of open alerts are saved, although nothing was told.
const SAVE_EVERY: Duration = Duration::from_secs(60);

/// The thread's state.
#[derive(Debug)]
pub(super) struct Watch {
    service: Arc<Service>,
    board: Arc<Board>,
    file: StateFile,
    tracker: Tracker,
    times: Times,
    rules: LookRules,
    look_every: Duration,
    looked: Stopwatch,
    saved: Stopwatch,
    /// The sources that failed at the last look.
    failing: Vec<&'static str>,
    is_full: bool,
}

impl Watch {
    pub(super) fn new(
        service: Arc<Service>,
        board: Arc<Board>,
        file: StateFile,
        tracker: Tracker,
        options: &AlertOptions,
    ) -> Self {
        Watch {
            service,
            board,
            file,
            tracker,
            times: options.times,
            rules: options.rules,
            look_every: options.look_every,
            looked: Stopwatch::start(),
            saved: Stopwatch::start(),
            failing: Vec::new(),
            is_full: false,
        }
    }

    /// Looks until the end, and once more then.
    pub(super) fn run(mut self) {
        self.look();
        loop {
            match self.board.wait(self.look_every.saturating_sub(self.looked.elapsed())) {
                Wake::Time => self.look(),
                Wake::Delivered => self.save(&[]),
                Wake::End => break,
            }
        }
        self.look();
        self.board.linger(LINGER);
        self.save(&[]);
    }

    fn look(&mut self) {
        let elapsed = self.looked.elapsed();
        self.looked = Stopwatch::start();
        let look = self.findings();
        // After it was looked: a clock that was found to have jumped says the time that it has jumped to.
        let at = Moment { now: self.service.store.clock().system, elapsed };
        let notices = self.tracker.take(look, at, &self.times);
        for notice in &notices {
            info!(event = ?notice.event, kind = notice.kind, state = notice.state, "{}", notice.message);
        }
        self.warn_if_full();
        // Saved before they can be delivered: a crash in between tells them, and nothing twice under another id.
        if !notices.is_empty() || self.saved.elapsed() >= SAVE_EVERY {
            self.save(&notices);
        }
        self.board.publish(self.tracker.report(), &notices);
    }

    /// The findings of each source. One that fails is logged once, and what it said before stands.
    fn findings(&mut self) -> Look {
        let mut look = Look::new();
        let before = std::mem::take(&mut self.failing);
        for source in &SOURCES {
            match (source.look)(&self.service, &self.rules) {
                Ok(findings) => look.push((source, findings)),
                Err(error) => {
                    if !before.contains(&source.kind) {
                        warn!(kind = source.kind, %error, "alerts cannot look; what was told stands");
                    }
                    self.failing.push(source.kind);
                }
            }
        }
        look
    }

    fn warn_if_full(&mut self) {
        let left_out = self.tracker.left_out();
        if left_out > 0 && !self.is_full {
            warn!(left_out, "there are more alerts than are told apart");
        }
        self.is_full = left_out > 0;
    }

    /// Saves what was told, what waits, and notices that are about to.
    fn save(&mut self, notices: &[Notice]) {
        self.saved = Stopwatch::start();
        let mut waiting = self.board.waiting();
        for (_, waiting) in &mut waiting {
            waiting.extend_from_slice(notices);
        }
        self.file.save(&Record::new(&self.tracker, waiting));
    }
}
