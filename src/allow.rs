//! The permission of changes that cannot be taken back.

use asofdb_storage::{Change, Error, Hint, Plan, Result, UsagePeriod, UsageRow};

use crate::usage::impact::Impact;

/// The permission of changes of the catalog that cannot be taken back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allow {
    /// True if what the definitions do not name may be dropped, with its data.
    pub drop: bool,
    /// True if features may be computed in another way than before, so that answers about the past change.
    pub redefine: bool,
    /// True if that holds also for what consumers have read in the last [`Allow::USED_DAYS`] days.
    pub used: bool,
}

impl Allow {
    /// Days after which a thing that nobody has read counts as not used any more.
    pub const USED_DAYS: u32 = 30;

    /// Those days, as one sum.
    pub const USED: UsagePeriod = UsagePeriod::total(Allow::USED_DAYS);

    /// Permits drops of what nobody uses, if `drop` is true, and nothing else.
    pub fn drops(drop: bool) -> Self {
        Allow { drop, ..Allow::default() }
    }

    /// Refuses a plan with changes that are not permitted.
    ///
    /// # Errors
    /// `Conflict`, naming the changes.
    pub fn check(self, plan: &Plan) -> Result<()> {
        let drops: Vec<_> = plan.drops().map(named).collect();
        if !self.drop && !drops.is_empty() {
            let message = "this would drop what the definitions do not name; keep it there or allow drops";
            return Err(Error::conflict(format!("{message}: {}", drops.join(", "))).with_hint(Hint::AllowDrop));
        }
        let redefined: Vec<_> = plan.redefinitions().map(named).collect();
        if !self.redefine && !redefined.is_empty() {
            let message = "this would compute features in another way, and answers about the past would change";
            let advice = "give them new names, such as in a view _v2, or allow redefinitions";
            let message = format!("{message}; {advice}: {}", redefined.join(", "));
            return Err(Error::conflict(message).with_hint(Hint::AllowRedefine));
        }
        Ok(())
    }

    /// Refuses a plan that takes something from consumers, unless that is permitted. `usage` gives the rows of
    /// [`Allow::USED`], and is asked only if there is something that may be used.
    ///
    /// # Errors
    /// `Conflict`, naming the changes and those who would miss what is gone; else what `usage` returns.
    pub fn check_used(self, plan: &Plan, usage: impl FnOnce() -> Result<Vec<UsageRow>>) -> Result<()> {
        if self.used || (plan.drops().next().is_none() && plan.redefinitions().next().is_none()) {
            return Ok(());
        }
        let impacts = Impact::of(plan, &usage()?);
        let is_promised = impacts.iter().any(|impact| impact.promised_until.is_some());
        let impacts: Vec<_> = impacts.iter().map(Impact::to_string).collect();
        match impacts.is_empty() {
            true => Ok(()),
            false => {
                let promise = if is_promised { "is promised until a later day, or " } else { "" };
                let message = format!("this {promise}was read in the last {} days", Self::USED_DAYS);
                let message = format!("{message}; name what may go all the same");
                Err(Error::conflict(format!("{message}: {}", impacts.join("; "))).with_hint(Hint::AllowUsed))
            }
        }
    }
}

fn named(change: &Change) -> String {
    format!("{} {}", change.what.as_str(), change.name)
}
