//! The state of a stream, for others to look at.

use asofdb::{Error, Timestamp};
use parking_lot::Mutex;

/// The state of a stream that runs, shared with those who tell it.
#[derive(Debug)]
pub struct StreamStatus {
    name: String,
    view: String,
    figures: Mutex<StreamFigures>,
}

/// Figures about a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamFigures {
    /// Records that became rows, since the stream was first begun.
    pub rows: u64,
    /// Records that were set aside.
    pub rejected: u64,
    /// The time of the last batch that was written, by the store's clock; `None`: there was none since it was opened.
    pub last_commit: Option<Timestamp>,
    /// What its source has and the store has not yet, in what the offsets of the source count; `None`: not known.
    pub behind: Option<u64>,
    /// What it does.
    pub state: StreamState,
}

/// What a stream does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum StreamState {
    /// It reads, or waits for more.
    #[default]
    Running,
    /// It has failed, for this reason, and is tried again.
    Failed(String),
    /// It has ended.
    Ended,
}

impl StreamStatus {
    pub(crate) fn new(name: &str, view: &str, figures: StreamFigures) -> Self {
        StreamStatus { name: name.to_owned(), view: view.to_owned(), figures: Mutex::new(figures) }
    }

    /// The name of the stream.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The view that it writes to.
    pub fn view(&self) -> &str {
        &self.view
    }

    /// The figures as they are now.
    pub fn figures(&self) -> StreamFigures {
        self.figures.lock().clone()
    }

    /// Notes that it has failed.
    pub fn failed(&self, error: &Error) {
        self.figures.lock().state = StreamState::Failed(format!("{error:#}"));
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut StreamFigures)) {
        change(&mut self.figures.lock());
    }
}
