//! Tables that hear what a store tells, and know nothing else of it.

use std::sync::Arc;

use asofdb_storage::{Backend, Found, LookedUp, Lookup, MemoryOnline, Online, Result, Timestamp};

use crate::answers::{Answer, owned};
use crate::questions::Questions;

/// A table of newest versions behind a store. What it answers must be what `latest` answers.
pub struct Follower(Arc<MemoryOnline>);

impl Follower {
    /// A table that hears what the store has and what happens to it from now on.
    ///
    /// # Errors
    /// Those of the store.
    pub fn of(backend: &dyn Backend) -> Result<Self> {
        let table = Arc::new(MemoryOnline::new());
        backend.observe(table.clone())?;
        Ok(Follower(table))
    }

    /// Asks about every row, each by itself and all together; `None` stands for a row that was declined.
    ///
    /// # Errors
    /// Those of the table.
    ///
    /// # Panics
    /// When one lookup and many disagree.
    pub fn latest(&self, questions: &Questions, now: Timestamp) -> Result<Vec<Option<Answer>>> {
        let lookups: Vec<Lookup<'_>> = questions.lookups().iter().map(|(view, key)| Lookup { view, key }).collect();
        let each = lookups
            .iter()
            .map(|lookup| Ok(self.look_up(std::slice::from_ref(lookup), now)?.map(|mut one| one.remove(0))));
        let each = each.collect::<Result<Vec<_>>>()?;
        let all: Option<Vec<_>> = each.iter().cloned().collect();
        assert_eq!(self.look_up(&lookups, now)?, all, "a table answers all lookups or none");
        Ok(each)
    }

    fn look_up(&self, lookups: &[Lookup<'_>], now: Timestamp) -> Result<Option<Vec<Answer>>> {
        let mut answers = vec![None; lookups.len()];
        let looked_up = self.0.look_up(lookups, now, &mut |index, found: Option<Found<'_>>| {
            answers[index] = owned(found);
            Ok(())
        })?;
        Ok((looked_up == LookedUp::Answered).then_some(answers))
    }
}
