//! Proposals: plans that are made known to those who may approve them, before anything is changed.

use asofdb_storage::{Definitions, Durability, Error, Proposal, Proposals, Result, WriteBatch};

use crate::govern::{check_message, plan_hash, planned};
use crate::policy::owners::{check_actor, check_owner};
use crate::policy::rulebook::Policy;
use crate::policy::team::Actor;
use crate::store::{Store, check_revision};

impl Store {
    /// [`Session::propose`](crate::Session::propose) by somebody, to the catalog of `revision` only where it is given.
    ///
    /// # Errors
    /// As there; `Denied` also when somebody may not change what the plan changes.
    pub fn propose_by(
        &self,
        actor: &Actor,
        definitions: &Definitions,
        message: &str,
        revision: Option<u64>,
    ) -> Result<String> {
        let _changing = self.changing.lock();
        let catalog = self.catalog();
        check_revision(&catalog, revision)?;
        check_message(message)?;
        let policy = Policy::of(&catalog)?;
        check_actor(policy.as_ref(), actor)?;
        let plan = planned(&catalog, definitions, self.backend().believed())?;
        check_owner(policy.as_ref(), actor, &catalog, &plan)?;
        if plan.is_empty() {
            return Err(Error::invalid("there is nothing to propose: everything is as defined already"));
        }
        let hash = plan_hash(&catalog, definitions)?;
        let mut proposals = self.proposals()?;
        proposals.add(Proposal {
            plan: hash.clone(),
            who: actor.name.clone(),
            at: self.now(),
            message: message.to_owned(),
            changes: plan.changes,
            left_out: 0,
        })?;
        let mut batch = WriteBatch::new();
        batch.note(Proposals::NOTE, Some(proposals.encode()?));
        self.backend().commit(batch, Durability::Sync)?;
        Ok(hash)
    }

    /// Reads the plans that wait for the catalog of now.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read; `Corrupt` when the note of them cannot be.
    pub fn proposals(&self) -> Result<Proposals> {
        proposals_of(self.backend().note(Proposals::NOTE)?.as_deref(), self.catalog().revision())
    }
}

/// The proposals that a note has for the catalog of a revision.
pub(crate) fn proposals_of(note: Option<&[u8]>, revision: u64) -> Result<Proposals> {
    let proposals = note.map(Proposals::decode).transpose()?;
    let empty = Proposals { revision, waiting: Vec::new() };
    Ok(proposals.filter(|proposals| proposals.revision == revision).unwrap_or(empty))
}
