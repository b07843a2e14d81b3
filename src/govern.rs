//! Changes of the catalog by somebody, for a reason: applied, approved, and read back.

use asofdb_storage::{
    Approval, Approvals, Catalog, CatalogChange, Change, ChangeCause, Definitions, Durability, Error, Hint, Plan,
    Result, Timestamp, WriteBatch,
};
use sha2::{Digest, Sha256};

use crate::allow::Allow;
use crate::misdefined::check_conditions;
use crate::policy::check::check_plan;
use crate::policy::difference::policy_change;
use crate::policy::owners::{check_actor, check_owner};
use crate::policy::rulebook::Policy;
use crate::policy::team::Actor;
use crate::store::{Store, check_revision};

/// Longest reason of a change in bytes.
pub const CHANGE_MESSAGE_BYTES_MAX: usize = 4_096;

/// The way in which definitions are applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApplyOptions {
    /// The permission of what cannot be taken back.
    pub allow: Allow,
    /// The revision of the catalog that may be changed; `None`: any.
    pub revision: Option<u64>,
    /// The reason, for the log; may be empty.
    pub message: String,
}

impl Store {
    /// [`Session::apply_with`](crate::Session::apply_with) by somebody.
    ///
    /// # Errors
    /// As there; `Denied` also when somebody may not change what the plan changes.
    pub fn apply_by(&self, actor: &Actor, definitions: &Definitions, options: &ApplyOptions) -> Result<Plan> {
        let _changing = self.changing.lock();
        let catalog = self.catalog();
        check_revision(&catalog, options.revision)?;
        let policy = Policy::of(&catalog)?;
        check_actor(policy.as_ref(), actor)?;
        let plan = planned(&catalog, definitions, self.backend().believed())?;
        check_owner(policy.as_ref(), actor, &catalog, &plan)?;
        options.allow.check(&plan)?;
        options.allow.check_used(&plan, || self.usage(Allow::USED))?;
        if !plan.is_empty() {
            let hash = || plan_hash(&catalog, definitions);
            let approved_by = self.approved(policy.as_ref(), actor, hash)?;
            let cause = cause(actor, &options.message, approved_by, plan.changes.clone())?;
            self.forget_dropped(&catalog, &plan)?;
            self.backend().change_catalog(plan.clone().into_catalog(), cause)?;
            self.share_hot();
        }
        Ok(plan)
    }

    /// [`Session::apply_policy`](crate::Session::apply_policy) by somebody.
    ///
    /// # Errors
    /// As there; `Denied` also for who is no operator.
    pub fn apply_policy_by(&self, actor: &Actor, policy: &str, message: &str, revision: Option<u64>) -> Result<()> {
        actor.require_operator("changing the policy")?;
        let _changing = self.changing.lock();
        let catalog = self.catalog();
        check_revision(&catalog, revision)?;
        Policy::parse(policy, "policy")?;
        if catalog.policy().is_some_and(|known| **known == *policy) {
            return Ok(());
        }
        let known = Policy::of(&catalog)?;
        let approved_by = self.approved(known.as_ref(), actor, || policy_plan_hash(&catalog, policy))?;
        let change = policy_change(&catalog, policy);
        self.backend()
            .change_catalog(catalog.with_policy(policy), cause(actor, message, approved_by, vec![change])?)?;
        self.share_hot();
        Ok(())
    }

    /// [`Session::approve`](crate::Session::approve) by somebody.
    ///
    /// # Errors
    /// As there; `Denied` also for who may change nothing.
    pub fn approve_by(&self, actor: &Actor, plan: &str) -> Result<()> {
        let _changing = self.changing.lock();
        let catalog = self.catalog();
        check_actor(Policy::of(&catalog)?.as_ref(), actor)?;
        check_hash(plan)?;
        let mut approvals = self.approvals()?;
        if approvals.of(plan).any(|approval| approval.who == actor.name) {
            return Ok(());
        }
        if approvals.given.len() >= Approvals::MAX {
            let message = "approvals of plans wait for the next change of the catalog; there is room for no more";
            return Err(Error::conflict(format!("{} {message}", Approvals::MAX)));
        }
        approvals.given.push((plan.to_owned(), Approval { who: actor.name.clone(), at: self.now() }));
        let mut batch = WriteBatch::new();
        batch.note(Approvals::NOTE, Some(approvals.encode()?));
        self.backend().commit(batch, Durability::Sync).map(drop)
    }

    /// Reads the approvals of plans for the catalog of now.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read; `Corrupt` when the note of them cannot be.
    pub fn approvals(&self) -> Result<Approvals> {
        approvals_of(self.backend().note(Approvals::NOTE)?.as_deref(), self.catalog().revision())
    }

    /// Returns those who have approved a plan, besides somebody who makes the change.
    fn approved(
        &self,
        policy: Option<&Policy>,
        actor: &Actor,
        hash: impl FnOnce() -> Result<String>,
    ) -> Result<Vec<Approval>> {
        let Some(wanted) = policy.map(Policy::approvals_min).filter(|wanted| *wanted > 0) else {
            return Ok(Vec::new());
        };
        let hash = hash()?;
        let others: Vec<_> = self.approvals()?.of(&hash).filter(|one| one.who != actor.name).cloned().collect();
        match others.len() >= wanted as usize {
            true => Ok(others),
            false => {
                let (has, who) = (others.len(), &actor.name);
                let message = format!("the policy wants approvals by {wanted} others than {who}; it has {has}: {hash}");
                Err(Error::conflict(message).with_hint(Hint::Approve))
            }
        }
    }
}

/// The approvals that a note has for the catalog of a revision.
pub(crate) fn approvals_of(note: Option<&[u8]>, revision: u64) -> Result<Approvals> {
    let approvals = note.map(Approvals::decode).transpose()?;
    let empty = Approvals { revision, given: Vec::new() };
    Ok(approvals.filter(|approvals| approvals.revision == revision).unwrap_or(empty))
}

/// Plans definitions, with conditions that can be tried, within the policy of the catalog.
///
/// # Errors
/// As [`Session::plan`](crate::Session::plan).
pub fn planned(catalog: &Catalog, definitions: &Definitions, believed: Timestamp) -> Result<Plan> {
    let plan = catalog.plan(definitions, believed)?;
    check_conditions(plan.catalog())?;
    check_plan(catalog, &plan)?;
    Ok(plan)
}

/// The hash by which a plan is approved: SHA-256 of the catalog that there is and the one that there would be. It is the
/// same whoever plans, until the catalog is changed.
///
/// # Errors
/// As [`Catalog::plan`].
pub fn plan_hash(catalog: &Catalog, definitions: &Definitions) -> Result<String> {
    // What is believed of the time decides nothing but floors of retention, which nobody approves.
    hash_of(catalog, &catalog.plan(definitions, Timestamp::MIN)?.into_catalog())
}

/// The hash by which a change of the policy is approved.
///
/// # Errors
/// `Invalid` when a definition with its history is too long.
pub fn policy_plan_hash(catalog: &Catalog, policy: &str) -> Result<String> {
    hash_of(catalog, &catalog.with_policy(policy))
}

/// The SHA-256 of the text of a policy.
pub fn policy_hash(policy: &str) -> String {
    hex(&Sha256::digest(policy.as_bytes()))
}

fn hash_of(old: &Catalog, new: &Catalog) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(b"asofdb plan 1");
    for catalog in [old, new] {
        let records = catalog.to_records()?;
        hash.update((records.len() as u64).to_le_bytes());
        for part in records.iter().flat_map(|(key, value)| [key, value]) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    Ok(hex(&hash.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn check_hash(plan: &str) -> Result<()> {
    let is_hex = plan.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    match plan.len() == 64 && is_hex {
        true => Ok(()),
        false => {
            Err(Error::invalid(format!("a plan is approved by its hash, 64 digits of a hexadecimal number: {plan:?}")))
        }
    }
}

/// Refuses a reason that is too long.
pub(crate) fn check_message(message: &str) -> Result<()> {
    match message.len() <= CHANGE_MESSAGE_BYTES_MAX {
        true => Ok(()),
        false => {
            let rule = format!("the reason of a change has at most {CHANGE_MESSAGE_BYTES_MAX} bytes");
            Err(Error::invalid(format!("{rule}: {}", message.len())))
        }
    }
}

fn cause(actor: &Actor, message: &str, approved_by: Vec<Approval>, changes: Vec<Change>) -> Result<ChangeCause> {
    check_message(message)?;
    Ok(ChangeCause { who: actor.name.clone(), message: message.to_owned(), approved_by, changes, left_out: 0 })
}

/// Changes that are read at once.
const PAGE: usize = 256;

/// The newest changes of the catalog before a revision that are about a thing, or all of them, without what was there
/// before.
pub(crate) fn catalog_log(
    mut before: u64,
    name: Option<&str>,
    limit: usize,
    read: impl Fn(u64, usize) -> Result<Vec<CatalogChange>>,
) -> Result<Vec<CatalogChange>> {
    let mut found = Vec::new();
    while found.len() < limit {
        let page = read(before, PAGE)?;
        let Some(last) = page.last() else { break };
        before = last.revision;
        let about = page.into_iter().filter(|change| name.is_none_or(|name| is_about(change, name)));
        found.extend(about.take(limit - found.len()).map(|change| CatalogChange { before: Vec::new(), ..change }));
    }
    Ok(found)
}

/// Returns whether a change is about a thing, or a feature of it.
fn is_about(change: &CatalogChange, name: &str) -> bool {
    let is_it =
        |line: &Change| line.name.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'));
    change.cause.changes.iter().any(is_it)
}

/// The catalog as it was at a time, by its changes since. `read` gives the newest changes before a revision.
pub(crate) fn catalog_at(
    newest: &Catalog,
    at: Timestamp,
    read: impl Fn(u64, usize) -> Result<Vec<CatalogChange>>,
) -> Result<Catalog> {
    let mut catalog = newest.clone();
    let mut first = None;
    loop {
        let mut page = read(catalog.revision().saturating_add(1), PAGE)?;
        let found = page.iter().position(|change| change.at <= at);
        page.truncate(found.unwrap_or(page.len()));
        let is_last = found.is_some() || page.is_empty();
        catalog = catalog.before(&page)?;
        first = page.last().map(|change| change.at).or(first);
        if !is_last {
            continue;
        }
        return match found.is_some() || catalog.revision() == 0 {
            true => Ok(catalog),
            false => {
                let begin = first.map_or("has no change".to_owned(), |first| format!("begins at {first}"));
                let message = format!("the catalog as of {at} is not known: the log of its changes {begin}");
                Err(Error::not_found(message))
            }
        };
    }
}
