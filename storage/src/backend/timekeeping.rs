//! The time of a store: what it believes of the system's clock, and what operators can do about it.

use crate::clock::{ClockRepair, ClockStatus};
use crate::error::Result;
use crate::stop::Stop;
use crate::time::Timestamp;

/// Keeps a store's time safe from a clock that is wrong.
///
/// The present follows the clock wherever it goes, and returns with it. A jump ahead is *believed* after an hour in
/// which the clock has agreed with itself, or when an operator says so; only then does anything go by it that cannot
/// be undone: what compaction reclaims, and the time on record.
pub trait Timekeeping: Send + Sync + 'static {
    /// The present as far as it is believed; [`Timestamp::MIN`] for a new store in its first hour. It never goes back,
    /// but for [`Timekeeping::repair_clock`].
    fn believed(&self) -> Timestamp;

    /// The reading of the system's clock, and what is believed of it.
    fn clock(&self) -> ClockStatus;

    /// Believes what the system's clock shows. Nothing happens where that is before what is believed already.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot write.
    fn confirm_clock(&self) -> Result<()>;

    /// Repairs what a wrong clock has left, once the system's clock is right: goes back from a believed time that is
    /// after it, and gives versions that were stamped while the clock was ahead a created timestamp of the time when it
    /// had come back. They keep their order, and are still greater than all that was known before. Every version is
    /// looked at once.
    ///
    /// # Errors
    /// `Conflict` while the clock is an hour or more ahead of what is believed; `Unavailable` when the store cannot
    /// write, and then a second repair goes on from there.
    fn repair_clock(&self) -> Result<ClockRepair> {
        self.repair_clock_until(&Stop::NEVER)
    }

    /// [`Timekeeping::repair_clock`] that ends soon when it is told to; a second repair goes on from there.
    ///
    /// # Errors
    /// As there; `Unavailable` also when it was stopped.
    fn repair_clock_until(&self, stop: &Stop) -> Result<ClockRepair>;
}
