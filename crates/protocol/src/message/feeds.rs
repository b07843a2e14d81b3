//! Feeds and their runs, within messages.

use asofdb::{Feed, FeedRun, FeedSource, Schedule, ViewRun};

use super::value::{SpanMessage, TimeMessage};
use crate::codec::{Decode, Encode};

/// Asks for the feeds of views, all where none is named.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct FeedsRequest {
    /// The views.
    pub views: Vec<String>,
}

/// Asks the sidecar to load what is new in the sources of views, all where none is named.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct MaterializeRequest {
    /// The views.
    pub views: Vec<String>,
}

/// One run of the feed of a view.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ViewRunMessage {
    view: String,
    run: RunMessage,
}

/// The feed of a view.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct FeedMessage {
    view: String,
    path: String,
    every: Option<SpanMessage>,
    now: TimeMessage,
    succeeded: Option<TimeMessage>,
    failures: u64,
    runs: Vec<RunMessage>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct RunMessage {
    began: TimeMessage,
    ended: TimeMessage,
    files: u64,
    rows_read: u64,
    rows_written: u64,
    rows_rejected: u64,
    error: Option<String>,
}

impl From<FeedRun> for RunMessage {
    fn from(run: FeedRun) -> Self {
        let FeedRun { began, ended, files, rows_read, rows_written, rows_rejected, error } = run;
        let (began, ended) = (began.into(), ended.into());
        RunMessage { began, ended, files, rows_read, rows_written, rows_rejected, error }
    }
}

impl From<RunMessage> for FeedRun {
    fn from(message: RunMessage) -> Self {
        let RunMessage { began, ended, files, rows_read, rows_written, rows_rejected, error } = message;
        let (began, ended) = (began.into(), ended.into());
        FeedRun { began, ended, files, rows_read, rows_written, rows_rejected, error }
    }
}

impl From<ViewRun> for ViewRunMessage {
    fn from(run: ViewRun) -> Self {
        ViewRunMessage { view: run.view, run: run.run.into() }
    }
}

impl From<ViewRunMessage> for ViewRun {
    fn from(message: ViewRunMessage) -> Self {
        ViewRun { view: message.view, run: message.run.into() }
    }
}

impl From<Feed> for FeedMessage {
    fn from(feed: Feed) -> Self {
        FeedMessage {
            view: feed.view,
            path: feed.source.path,
            every: feed.source.schedule.map(|schedule| schedule.every.into()),
            now: feed.now.into(),
            succeeded: feed.succeeded.map(Into::into),
            failures: feed.failures,
            runs: feed.runs.into_iter().map(RunMessage::from).collect(),
        }
    }
}

impl From<FeedMessage> for Feed {
    fn from(message: FeedMessage) -> Self {
        let schedule = message.every.map(|every| Schedule { every: every.into() });
        Feed {
            view: message.view,
            source: FeedSource { path: message.path, schedule },
            now: message.now.into(),
            succeeded: message.succeeded.map(Into::into),
            failures: message.failures,
            runs: message.runs.into_iter().map(FeedRun::from).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use asofdb::{Span, Timestamp};

    use super::*;
    use crate::codec::{decode_message, encoded_message};

    #[test]
    fn feeds_travel_as_these_bytes_and_come_back() {
        let time = Timestamp::from_micros;
        let (rows_read, rows_written, rows_rejected) = (4, 5, 6);
        let run =
            FeedRun { began: time(1), ended: time(2), files: 3, rows_read, rows_written, rows_rejected, error: None };
        let source = FeedSource { path: "p".to_owned(), schedule: Some(Schedule { every: Span::from_micros(7) }) };
        let (view, succeeded, runs) = ("v".to_owned(), Some(time(9)), vec![run]);
        let feed = Feed { view, source, now: time(8), succeeded, failures: 10, runs };
        let bytes = encoded_message(&FeedMessage::from(feed.clone())).unwrap();
        let text = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
        let numbers = |numbers: &[u64]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
        let head = [text("v"), text("p"), vec![1], numbers(&[7, 8]), vec![1], numbers(&[9, 10, 1])].concat();
        assert_eq!(bytes, [head, numbers(&[1, 2, 3, 4, 5, 6]), vec![0]].concat());
        assert_eq!(Feed::from(decode_message::<FeedMessage>(&bytes).unwrap()), feed);
    }
}
