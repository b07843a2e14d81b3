//! What somebody may change of what is defined.

use asofdb_storage::{Catalog, Change, ChangeKind, Error, ObjectKind, Plan, Result};

use super::pattern::Names;
use super::rulebook::Policy;
use super::team::{Actor, Team};

impl Policy {
    fn teams_of<'p>(&'p self, actor: &'p Actor) -> impl Iterator<Item = &'p Team> + Clone {
        self.teams.iter().filter(|team| team.members.contains(&actor.name))
    }

    /// Returns whether somebody is a member of a team.
    pub(crate) fn is_member(&self, actor: &Actor) -> bool {
        self.teams_of(actor).next().is_some()
    }
}

/// Refuses somebody who may change nothing at all.
///
/// # Errors
/// `Denied`, saying what would be needed.
pub(crate) fn check_actor(policy: Option<&Policy>, actor: &Actor) -> Result<()> {
    match actor.is_operator || policy.is_some_and(|policy| policy.is_member(actor)) {
        true => Ok(()),
        false => Err(Error::denied(format!(
            "changing definitions needs the role operator, which the user who runs the sidecar has on its Unix sockets, \
             or a team of the policy; {} has neither",
            actor.name
        ))),
    }
}

/// Refuses a plan that changes what is not of the teams of somebody who is no operator. A view is of the team that it
/// names, before and after; a service of the team whose owners its owner matches; a new entity of anybody.
///
/// # Errors
/// `Denied`, naming the first such change.
pub(crate) fn check_owner(policy: Option<&Policy>, actor: &Actor, old: &Catalog, plan: &Plan) -> Result<()> {
    check_actor(policy, actor)?;
    let Some(policy) = policy.filter(|_| !actor.is_operator) else { return Ok(()) };
    match plan.changes.iter().find(|change| !may_change(policy, actor, (old, plan.catalog()), change)) {
        None => Ok(()),
        Some(change) => {
            let teams: Vec<_> = policy.teams_of(actor).map(|team| team.name.as_str()).collect();
            let (teams, what) = (teams.join(", "), change.what.as_str());
            let message = format!("{} may change what is of the team {teams} alone", actor.name);
            Err(Error::denied(format!("{message}; {what} {} is not", change.name)))
        }
    }
}

fn may_change(policy: &Policy, actor: &Actor, (old, new): (&Catalog, &Catalog), change: &Change) -> bool {
    let is_team = |name: &str| policy.teams_of(actor).any(|team| team.name == name);
    let is_owner = |owner: &str| {
        let mut owners = policy.teams_of(actor).flat_map(|team| &team.owners);
        owners.any(|pattern| pattern.matches(owner, &Names::default()))
    };
    match change.what {
        ObjectKind::Entity => change.kind == ChangeKind::Create,
        ObjectKind::Policy => false,
        ObjectKind::FeatureService => {
            let services = [old, new].map(|catalog| catalog.service(&change.name));
            services.into_iter().flatten().all(|service| is_owner(&service.owner))
        }
        _ => {
            let view = change.name.split(':').next().unwrap_or_default();
            let views = [old, new].map(|catalog| catalog.view(view));
            views.into_iter().flatten().all(|view| is_team(&view.team))
        }
    }
}
