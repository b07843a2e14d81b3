//! Tables of newest versions.

use super::lookup::{Lookup, RowKey, Visit};
use super::newest::{Newest, NewestRow, Observer};
use crate::error::Result;
use crate::time::Timestamp;

/// The outcome of a look-up in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "history must answer what a table declines"]
pub enum LookedUp {
    /// Every lookup was visited once.
    Answered,
    /// None was visited: history must answer.
    Declined,
}

impl LookedUp {
    /// Returns whether every lookup was visited.
    pub fn is_answered(self) -> bool {
        self == LookedUp::Answered
    }
}

/// A table of the newest version of each row, for serving.
///
/// It is an accelerator and never a truth of its own: what it holds can be made again from the history that
/// it is kept beside. So it may decline to answer, but what it answers is what history would. Every table is
/// an [`Observer`], and complete for as long as it hears all that its store tells.
pub trait Online: Send + Sync + 'static {
    /// Answers all lookups from one state, as [`crate::History::latest`] would at the present `at`, or declines:
    /// while it is suspended, and when the newest version of one of the rows is from after `at`, since it has
    /// no older ones. Retention is enforced as of `at`.
    ///
    /// # Errors
    /// `Corrupt` or `Unavailable` when the table cannot be read, or what `visit` returned.
    fn look_up(&self, lookups: &[Lookup<'_>], at: Timestamp, visit: &mut Visit<'_>) -> Result<LookedUp>;

    /// Takes each row unless it has a greater version of it, all in one step. Of equal versions the later counts.
    ///
    /// # Errors
    /// `Unavailable` when the table cannot be written.
    fn put(&self, rows: &[NewestRow<'_>]) -> Result<()>;

    /// Forgets rows, so that older versions of them can be put again.
    ///
    /// # Errors
    /// As [`Online::put`].
    fn forget(&self, rows: &[RowKey<'_>]) -> Result<()>;

    /// Forgets all rows of views.
    ///
    /// # Errors
    /// As [`Online::put`].
    fn forget_views(&self, views: &[u32]) -> Result<()>;

    /// Declines every lookup until [`Online::resume`] was called as often.
    fn suspend(&self);

    /// Takes one [`Online::suspend`] back.
    fn resume(&self);
}

/// A table that could not take an event stays suspended: it must not answer with what is old.
impl<T: Online + ?Sized> Observer for T {
    fn hear(&self, event: &Newest<'_>) {
        let taken = match event {
            Newest::Put(rows) => self.put(rows),
            Newest::Erased(rows) => self.forget(rows),
            Newest::Dropped(views) => self.forget_views(views),
            Newest::Suspended => {
                self.suspend();
                Ok(())
            }
            Newest::Resumed => {
                self.resume();
                Ok(())
            }
        };
        if taken.is_err() {
            self.suspend();
        }
    }
}
