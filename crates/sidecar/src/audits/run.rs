//! One audit: what is wanted, and how it is made.

use asofdb::{Error, Result, ServedRow, Stop, Store, check_consumer_name, read_served_log};
use asofdb_platform::{Audit, AuditAgainst, AuditOptions, audit};

/// Differences of one feature and one reason that are told in full, at most.
const EXAMPLES_MAX: usize = 20;

/// The rows that an audit is of, and what they are compared with.
#[derive(Debug, Clone, Default)]
pub(crate) struct AuditWanted {
    pub(crate) options: AuditOptions,
    /// Only what this consumer got.
    pub(crate) consumer: Option<String>,
    /// Only answers of this service.
    pub(crate) service: Option<String>,
}

impl AuditWanted {
    /// What it compares with: `now` or `then`.
    pub(crate) fn known(&self) -> &'static str {
        match self.options.against {
            AuditAgainst::Now => "now",
            AuditAgainst::Then => "then",
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.options.examples > EXAMPLES_MAX {
            let rule = format!("an audit tells at most {EXAMPLES_MAX} differences of one feature and reason in full");
            return Err(Error::invalid(format!("{rule}: {}", self.options.examples)));
        }
        self.consumer.as_deref().map_or(Ok(()), check_consumer_name)
    }

    /// Asks what was logged again, of the store that does not log it once more.
    pub(super) fn run(&self, store: &Store, stop: &Stop, progress: &mut dyn FnMut(u64)) -> Result<Audit> {
        let Some(log) = store.served_log() else { return Err(Error::internal("the log of served features has gone")) };
        log.flush()?;
        let rows = read_served_log(&log.status().directory)?.map(|row| {
            stop.check()?;
            row
        });
        let wanted = rows.filter(|row| row.as_ref().map_or(true, |row| self.is_wanted(row)));
        audit(&store.unlogged(), wanted, &self.options, progress)
    }

    fn is_wanted(&self, row: &ServedRow) -> bool {
        let is = |wanted: &Option<String>, of: &Option<String>| wanted.is_none() || wanted == of;
        is(&self.consumer, &row.consumer) && is(&self.service, &row.service)
    }
}
