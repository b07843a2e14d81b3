//! The surroundings of a bulk request's work.

use asofdb::Stop;

use crate::admission::Caller;
use crate::server::shared::Shared;

/// The connection and the resources that a bulk request works with.
pub(super) struct Work<'w> {
    pub(super) shared: &'w Shared,
    pub(super) caller: &'w Caller,
    /// The sign that nobody waits for it any more.
    pub(super) stop: &'w Stop,
}
