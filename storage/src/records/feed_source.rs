//! The record of a feed's source, within that of its view.

use super::codec::{Decode, Encode};
use crate::feed_source::{FeedSource, Schedule};
use crate::time::Span;

#[derive(Encode, Decode)]
pub(crate) struct FeedSourceRecordV1 {
    path: String,
    /// Microseconds between two runs.
    every: Option<i64>,
}

impl From<&FeedSource> for FeedSourceRecordV1 {
    fn from(source: &FeedSource) -> Self {
        let every = source.schedule.map(|schedule| schedule.every.as_micros());
        FeedSourceRecordV1 { path: source.path.clone(), every }
    }
}

impl From<FeedSourceRecordV1> for FeedSource {
    fn from(record: FeedSourceRecordV1) -> Self {
        let schedule = record.every.map(|every| Schedule { every: Span::from_micros(every) });
        FeedSource { path: record.path, schedule }
    }
}
