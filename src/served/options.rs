//! Options of a log of served features.

use std::time::Duration;

use asofdb_storage::{Error, Result, Span};

/// Options of a log of served features.
#[derive(Debug, Clone, PartialEq)]
pub struct ServedLogOptions {
    /// The share of reads that are logged, above 0 and up to 1: of 0.01 every hundredth.
    pub share: f64,
    /// Most bytes of the log's files; beyond it the oldest are removed.
    pub bytes_max: u64,
    /// The age from which on files are removed.
    pub age_max: Span,
    /// Most bytes of answers that wait to be written; reads that do not fit are counted, and not logged.
    pub queue_bytes_max: usize,
    /// The longest time after which what was read stands in a file that can be read.
    pub part_time: Duration,
}

impl Default for ServedLogOptions {
    fn default() -> Self {
        ServedLogOptions {
            share: 1.0,
            bytes_max: 1 << 30,
            age_max: Span::from_secs(7 * 86_400),
            queue_bytes_max: 64 << 20,
            part_time: Duration::from_secs(60),
        }
    }
}

impl ServedLogOptions {
    /// Refuses options that mean nothing.
    ///
    /// # Errors
    /// `Invalid`, naming the option.
    pub(crate) fn check(&self) -> Result<()> {
        if !(self.share > 0.0 && self.share <= 1.0) {
            let rule = "the share of reads that are logged is above 0 and at most 1";
            return Err(Error::invalid(format!("{rule}: {}", self.share)));
        }
        let bounds = [
            ("bytes_max", self.bytes_max > 0),
            ("age_max", self.age_max > Span::ZERO),
            ("queue_bytes_max", self.queue_bytes_max > 0),
            ("part_time", self.part_time > Duration::ZERO),
        ];
        match bounds.iter().find(|(_, is_good)| !is_good) {
            None => Ok(()),
            Some((name, _)) => Err(Error::invalid(format!("{name} of a log of served features is above 0"))),
        }
    }
}
