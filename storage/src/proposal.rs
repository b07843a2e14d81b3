//! Proposals: plans that somebody has made known, so that others can look at them and approve.

use crate::catalog_change::LOGGED_DETAILS_BYTES_MAX;
use crate::change::Change;
use crate::error::{Error, Result};
use crate::records;
use crate::time::Timestamp;

/// A plan that waits to be approved and applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The hash by which it is approved.
    pub plan: String,
    /// The one who has proposed it, such as `uid:1000`.
    pub who: String,
    /// The time of it, by the store's clock.
    pub at: Timestamp,
    /// The reason that was given.
    pub message: String,
    /// The lines of the plan, at most [`Proposals::LINES_MAX`].
    pub changes: Vec<Change>,
    /// The number of lines that are left out because there are more.
    pub left_out: u64,
}

/// Plans that wait, all for the catalog of one revision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proposals {
    /// The revision of the catalog that they would change.
    pub revision: u64,
    /// The plans, the oldest first.
    pub waiting: Vec<Proposal>,
}

impl Proposals {
    /// Most plans that wait.
    pub const MAX: usize = 64;

    /// Most plans of one person that wait; a further one takes the place of the oldest of these.
    pub const EACH_MAX: usize = 8;

    /// Most lines of a plan that are kept.
    pub const LINES_MAX: usize = 128;

    /// The name of the note in which a store keeps them.
    pub const NOTE: &'static [u8] = b"proposals";

    /// Adds a plan. One that is there already stays as it is.
    ///
    /// # Errors
    /// `Conflict` when too many of others wait.
    pub fn add(&mut self, mut proposal: Proposal) -> Result<()> {
        if self.waiting.iter().any(|known| known.plan == proposal.plan) {
            return Ok(());
        }
        let mut own = self.waiting.iter().enumerate().filter(|(_, known)| known.who == proposal.who);
        let (oldest, count) = (own.next().map(|(place, _)| place), 1 + own.count());
        match oldest {
            Some(oldest) if count >= Self::EACH_MAX => drop(self.waiting.remove(oldest)),
            _ if self.waiting.len() >= Self::MAX => {
                let message =
                    "plans wait for approval; there is room for no more before the next change of the catalog";
                return Err(Error::conflict(format!("{} {message}", Self::MAX)));
            }
            _ => {}
        }
        proposal.left_out += proposal.changes.len().saturating_sub(Self::LINES_MAX) as u64;
        proposal.changes.truncate(Self::LINES_MAX);
        proposal.changes.iter_mut().for_each(|change| change.shorten(LOGGED_DETAILS_BYTES_MAX));
        self.waiting.push(proposal);
        Ok(())
    }

    /// The record of them.
    ///
    /// # Errors
    /// `Invalid` when it is longer than 16 MiB.
    pub fn encode(&self) -> Result<Vec<u8>> {
        records::encode(self)
    }

    /// Reads the record of proposals.
    ///
    /// # Errors
    /// `Corrupt` when it is none; `Conflict` for one that only a newer asofdb reads.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        records::decode(&[], bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::{ChangeKind, ObjectKind};

    fn proposal(plan: usize, who: &str) -> Proposal {
        let line = |name: usize| Change {
            kind: ChangeKind::Create,
            what: ObjectKind::Entity,
            name: format!("e{name}"),
            details: vec!["d".repeat(600)],
        };
        let at = Timestamp::from_micros(plan as i64);
        let changes = (0..130).map(line).collect();
        Proposal { plan: plan.to_string(), who: who.to_owned(), at, message: String::new(), changes, left_out: 0 }
    }

    fn plans(proposals: &Proposals) -> Vec<&str> {
        proposals.waiting.iter().map(|one| one.plan.as_str()).collect()
    }

    #[test]
    fn eight_plans_of_one_person_wait_and_sixty_four_of_all() {
        let mut proposals = Proposals::default();
        (0..10).for_each(|plan| proposals.add(proposal(plan, "a")).unwrap());
        assert_eq!(plans(&proposals), ["2", "3", "4", "5", "6", "7", "8", "9"]);
        proposals.add(Proposal { message: "again".to_owned(), ..proposal(3, "b") }).unwrap();
        assert_eq!((proposals.waiting.len(), proposals.waiting[1].who.as_str()), (8, "a"), "it is known");
        (10..66).for_each(|plan| proposals.add(proposal(plan, &plan.to_string())).unwrap());
        let error = proposals.add(proposal(66, "c")).unwrap_err();
        assert!(error.message().starts_with("64 plans wait for approval; there is room for no more"), "{error}");
        proposals.add(proposal(67, "a")).unwrap();
        assert_eq!((proposals.waiting.len(), proposals.waiting[0].plan.as_str()), (64, "3"));
        assert!(proposals.encode().unwrap().len() < 8 << 20);
    }

    #[test]
    fn a_plan_is_kept_with_its_first_lines_and_their_first_details() {
        let mut proposals = Proposals::default();
        proposals.add(proposal(1, "a")).unwrap();
        let kept = &proposals.waiting[0];
        assert_eq!((kept.changes.len(), kept.left_out), (128, 2));
        assert_eq!(kept.changes[0].details, [format!("{}…", "d".repeat(512))]);
    }
}
