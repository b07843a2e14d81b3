//! Proposals: plans that are made known to those who may approve them, before anything is changed.

use asofdb_storage::{Change, Definitions, Durability, Error, Proposal, Proposals, Result, WriteBatch};

use crate::govern::{check_message, plan_hash, planned, policy_plan_hash};
use crate::policy::difference::PolicyDifference;
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
        self.make_known(actor, (hash, message), plan.changes, 0)
    }

    /// [`Session::propose_policy`](crate::Session::propose_policy) by somebody: whoever may approve it.
    ///
    /// # Errors
    /// As there; `Denied` also for who may change nothing at all.
    pub fn propose_policy_by(&self, actor: &Actor, policy: &str, message: &str) -> Result<String> {
        let _changing = self.changing.lock();
        let catalog = self.catalog();
        check_message(message)?;
        check_actor(Policy::of(&catalog)?.as_ref(), actor)?;
        Policy::parse(policy, "policy")?;
        let PolicyDifference { changes, left_out } = PolicyDifference::new(&catalog, policy);
        if changes.is_empty() {
            return Err(Error::invalid("there is nothing to propose: it is the policy already"));
        }
        let hash = policy_plan_hash(&catalog, policy)?;
        self.make_known(actor, (hash, message), changes, left_out)
    }

    /// Keeps a plan by its hash, with the reason.
    fn make_known(
        &self,
        actor: &Actor,
        (plan, message): (String, &str),
        changes: Vec<Change>,
        left_out: u64,
    ) -> Result<String> {
        let mut proposals = self.proposals()?;
        let (who, at, message) = (actor.name.clone(), self.now(), message.to_owned());
        proposals.add(Proposal { plan: plan.clone(), who, at, message, changes, left_out })?;
        let mut batch = WriteBatch::new();
        batch.note(Proposals::NOTE, Some(proposals.encode()?));
        self.backend().commit(batch, Durability::Sync)?;
        Ok(plan)
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
