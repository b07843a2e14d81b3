//! The permission of changes that cannot be taken back.

use asofdb_storage::{Change, Error, Hint, Plan, Result};

/// The permission of changes of the catalog that cannot be taken back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allow {
    /// True if what the definitions do not name may be dropped, with its data.
    pub drop: bool,
    /// True if features may be computed in another way than before, so that answers about the past change.
    pub redefine: bool,
}

impl Allow {
    /// Permits drops, if `drop` is true, and nothing else.
    pub fn drops(drop: bool) -> Self {
        Allow { drop, redefine: false }
    }

    /// Refuses a plan with changes that are not permitted.
    ///
    /// # Errors
    /// `Conflict`, naming the changes.
    pub fn check(self, plan: &Plan) -> Result<()> {
        let named = |change: &Change| format!("{} {}", change.what.as_str(), change.name);
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
}
