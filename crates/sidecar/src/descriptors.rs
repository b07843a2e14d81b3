//! File descriptors: the store needs its own, and connections may have what is left.

use asofdb::{Error, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for everything but the store's files and connections: logs, sockets, standard streams, exports.
const OWN: u64 = 128;

/// The fewest connections that are worth serving.
const CONNECTIONS_MIN: u64 = 16;

/// The descriptors that this process may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptors {
    limit: u64,
}

impl Descriptors {
    /// Raises the soft limit to the hard one, and tells what it is then. Call it before the store is opened: the store
    /// takes its part of what it finds.
    pub fn raise() -> Self {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        if current != maximum {
            // A process that may not goes on with what it has.
            let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
        }
        Descriptors { limit: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX) }
    }

    /// Returns how many connections there may be at a time, where `wanted` are asked for.
    ///
    /// # Errors
    /// `Invalid` when there are too few descriptors to serve anybody.
    pub fn connections(self, wanted: usize) -> Result<usize> {
        let store = asofdb::storage::open_files_max(self.limit);
        let left = self.limit.saturating_sub(store.saturating_add(OWN));
        if left < CONNECTIONS_MIN {
            let needed = store + OWN + CONNECTIONS_MIN;
            let message = "this process may have too few file descriptors (ulimit -n) to serve connections";
            return Err(Error::invalid(format!("{message}: {} where {needed} are needed", self.limit)));
        }
        Ok(wanted.min(usize::try_from(left).unwrap_or(usize::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_get_what_the_store_leaves() {
        let connections = |limit| Descriptors { limit }.connections(2_000);
        assert_eq!(connections(65_536).unwrap(), 2_000);
        assert_eq!(connections(u64::MAX).unwrap(), 2_000);
        assert_eq!(connections(1_024).unwrap(), 384);
        let error = connections(128).unwrap_err();
        assert!(error.message().starts_with("this process may have too few file descriptors"), "{error}");
    }

    #[test]
    fn the_soft_limit_is_raised_to_the_hard_one() {
        let raised = Descriptors::raise();
        assert_eq!(Some(raised.limit), getrlimit(Resource::Nofile).maximum.or(Some(u64::MAX)));
    }
}
