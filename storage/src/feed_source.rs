//! Sources of feeds: the files that a view is fed from.

use std::fmt;

use crate::problem::{At, Checked};
use crate::time::Span;

/// Bytes of the path of a source.
const PATH_BYTES_MAX: usize = 4_096;

/// The files that a view is fed from, and how often they are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedSource {
    /// A path, in whose last parts `*` and `?` stand for any characters: `data/activity/*.parquet`.
    pub path: String,
    /// The times at which new files are looked for; `None`: only when somebody asks.
    pub schedule: Option<Schedule>,
}

/// The times of a feed's runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// The time from the beginning of a run to that of the next.
    pub every: Span,
}

impl Schedule {
    /// The shortest time between two runs.
    pub const EVERY_MIN: Span = Span::from_secs(60);
    /// The longest time between two runs.
    pub const EVERY_MAX: Span = Span::from_secs(400 * 86_400);
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "every {}", self.every)
    }
}

impl fmt::Display for FeedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.path)?;
        self.schedule.map_or(Ok(()), |schedule| write!(f, ", {schedule}"))
    }
}

impl FeedSource {
    /// Checks the source of the view that `subject` describes.
    pub(crate) fn check(&self, at: &At, subject: &str) -> Checked {
        let at = at.field("source");
        let is_path = !self.path.trim().is_empty() && !self.path.contains('\0') && self.path.len() <= PATH_BYTES_MAX;
        if !is_path {
            return at
                .field("path")
                .invalid(format!("{subject}: the path of a source has 1 to {PATH_BYTES_MAX} bytes"));
        }
        let (least, most) = (Schedule::EVERY_MIN, Schedule::EVERY_MAX);
        match self.schedule {
            Some(Schedule { every }) if every < least || every > most => {
                let rule = format!("a feed runs at most every {least}, and at least every {most}: every {every}");
                at.field("schedule").invalid(format!("{subject}: {rule}"))
            }
            _ => Ok(()),
        }
    }
}
