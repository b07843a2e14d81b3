//! The entities that statistics are taken from.

use asofdb_storage::{Error, Result};

use crate::sample::SAMPLE_ENTITIES_MAX;

/// Entities of a sample where nobody says.
pub const PROFILE_ENTITIES_DEFAULT: usize = 10_000;

/// The entities that the statistics of a view are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileSample {
    /// So many at most, chosen by a hash of their keys: see [`Session::sample_entities`](crate::Session::sample_entities).
    Entities(usize),
    /// All of them.
    All,
}

impl Default for ProfileSample {
    fn default() -> Self {
        ProfileSample::Entities(PROFILE_ENTITIES_DEFAULT)
    }
}

impl ProfileSample {
    /// Refuses samples of no entities, or of too many.
    pub(super) fn check(self) -> Result<()> {
        match self {
            ProfileSample::Entities(count) if !(1..=SAMPLE_ENTITIES_MAX).contains(&count) => Err(Error::invalid(
                format!("statistics are taken from 1 to {SAMPLE_ENTITIES_MAX} entities, or from all, not from {count}"),
            )),
            _ => Ok(()),
        }
    }
}
