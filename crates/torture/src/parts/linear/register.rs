//! The register that an entity is: the versions it has, and what a call makes of them.

use super::history::{Action, Call};

/// The versions of an entity, by the calls that wrote them, the least version first.
///
/// `latest` is the greatest version, since every event lies in the past of every read. Versions are ordered by event,
/// then by created; a version that is written again is replaced. A version that the store stamps is greater than all of
/// its event that there are, as stamps rise from commit to commit and lie after the created timestamps that the
/// histories give.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Register(Vec<u8>);

/// The created timestamp of a version; what is given is before every stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Created {
    Given(i64),
    Stamped,
}

impl Register {
    /// The register after a call; `None` if the call cannot have had its answer here.
    pub(super) fn after(&self, calls: &[Call], index: usize) -> Option<Register> {
        match calls[index].action {
            Action::Put { .. } => Some(self.with(calls, index)),
            Action::Read { at, found } => (self.read(calls, at) == found).then(|| self.clone()),
            Action::Erase { versions } => {
                let is_count = versions.is_none_or(|versions| versions == self.0.len() as u64);
                is_count.then(Register::default)
            }
        }
    }

    /// The value of the greatest version with an event up to `at`.
    pub(super) fn read(&self, calls: &[Call], at: i64) -> Option<i64> {
        let newest = self.0.iter().rev().find(|index| version(&calls[usize::from(**index)]).0 <= at)?;
        match calls[usize::from(*newest)].action {
            Action::Put { value, .. } => value,
            Action::Read { .. } | Action::Erase { .. } => None,
        }
    }

    fn with(&self, calls: &[Call], index: usize) -> Register {
        let new = version(&calls[index]);
        let mut versions = self.0.clone();
        // Two stamps are never the same.
        if new.1 != Created::Stamped {
            versions.retain(|there| version(&calls[usize::from(*there)]) != new);
        }
        let at = versions.partition_point(|there| version(&calls[usize::from(*there)]) <= new);
        versions.insert(at, index as u8);
        Register(versions)
    }
}

/// The version that a call writes; others write none.
fn version(call: &Call) -> (i64, Created) {
    match call.action {
        Action::Put { event, created, .. } => (event, created.map_or(Created::Stamped, Created::Given)),
        Action::Read { .. } | Action::Erase { .. } => (i64::MIN, Created::Stamped),
    }
}
