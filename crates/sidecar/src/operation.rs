//! The table of operations. Both doors follow it: what an operation is called and counted as, which role it needs, how
//! it is worked on, and what limits it.

use asofdb_protocol::Role;

/// The way in which an operation is worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Short. It takes one of its door's places at once, or is refused.
    Point,
    /// Long: it reads or writes all of a view, or of the store. It waits in line for one of the bulk places, which both
    /// doors share, and gives way to point work.
    Bulk,
    /// Next to nothing: it needs no place, so that it is answered when everything else is full.
    Free,
}

/// The limits of consumers and views that an operation counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Requests of the consumer, and rows of the consumer and of each view.
    Rows,
    /// Requests of the consumer.
    Requests,
    /// None: health and metrics must be answered to whoever has used up everything.
    Nothing,
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rule {
    /// The stable name, in metrics and reports.
    pub(crate) name: &'static str,
    /// The least role that may.
    pub(crate) role: Role,
    /// The words for it in a refusal: `writing`.
    pub(crate) doing: &'static str,
    pub(crate) work: Work,
    pub(crate) limit: Limit,
}

macro_rules! operations {
    ($($(#[$doc:meta])* $operation:ident: $name:literal, $role:ident, $doing:literal, $work:ident, $limit:ident;)*) => {
        /// A kind of request.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(crate) enum Operation {
            $($(#[$doc])* $operation,)*
        }

        impl Operation {
            /// Every operation, in the order of the table.
            #[cfg(test)]
            pub(crate) const ALL: &[Operation] = &[$(Operation::$operation,)*];

            /// Returns the operation's row of the table.
            pub(crate) const fn rule(self) -> Rule {
                match self {
                    $(Operation::$operation => Rule {
                        name: $name,
                        role: Role::$role,
                        doing: $doing,
                        work: Work::$work,
                        limit: Limit::$limit,
                    },)*
                }
            }
        }
    };
}

operations! {
    /// Latest values.
    Latest:     "latest",     Reader,   "reading",                Point, Rows;
    /// Values as of a time.
    AsOf:       "as_of",      Reader,   "reading",                Point, Rows;
    /// Resolving a request that is then asked many times.
    Prepare:    "prepare",    Reader,   "reading",                Point, Requests;
    /// New rows.
    Write:      "write",      Writer,   "writing",                Point, Rows;
    /// The newest versions of an entity, a page of them.
    History:    "history",    Reader,   "reading",                Point, Rows;
    /// A point-in-time join.
    Join:       "join",       Reader,   "joining",                Bulk,  Requests;
    /// Rows of a view in bulk, or all versions of an entity.
    Export:     "export",     Reader,   "exporting",              Bulk,  Requests;
    /// New rows in bulk.
    Load:       "load",       Writer,   "loading rows",           Bulk,  Requests;
    /// Reading what is defined.
    Catalog:    "catalog",    Reader,   "reading definitions",    Point, Requests;
    /// Reading how far an ingest has come.
    Note:       "note",       Reader,   "reading",                Point, Requests;
    /// A change of what is defined.
    Apply:      "apply",      Writer,   "changing definitions",   Point, Requests;
    /// A change of the policy.
    Policy:     "policy",     Operator, "changing the policy",    Point, Requests;
    /// An approval of a change to come.
    Approve:    "approve",    Writer,   "approving changes",      Point, Requests;
    /// A plan of a change, and what it would take from whom.
    Plan:       "plan",       Reader,   "planning changes",       Bulk,  Requests;
    /// A plan that is made known to those who may approve it.
    Propose:    "propose",    Writer,   "proposing changes",      Point, Requests;
    /// Reading the changes of what is defined.
    Log:        "log",        Reader,   "reading definitions",    Point, Requests;
    /// Comparing what is defined at two moments.
    Diff:       "diff",       Reader,   "reading definitions",    Bulk,  Requests;
    /// A deletion that keeps the past.
    Delete:     "delete",     Writer,   "deleting",               Point, Rows;
    /// A physical removal.
    Erase:      "erase",      Operator, "erasing",                Point, Rows;
    /// The age of a view's newest event.
    Freshness:  "freshness",  Reader,   "reading",                Bulk,  Requests;
    /// Telling how fresh views are, by what is known from the writes.
    Ages:       "ages",       Reader,   "reading",                Point, Requests;
    /// Telling what consumers got of late.
    Answers:    "answers",    Reader,   "reading figures",        Point, Requests;
    /// Telling what models have read.
    Models:     "models",     Reader,   "reading figures",        Point, Requests;
    /// Telling how views are fed.
    Feeds:      "feeds",      Reader,   "reading figures",        Point, Requests;
    /// Loading what is new in the sources of views.
    Materialize: "materialize", Operator, "loading feeds",        Bulk,  Requests;
    /// Telling the statistics of a view.
    Statistics: "statistics", Reader,   "reading figures",        Point, Requests;
    /// Taking the statistics of a view.
    Profile:    "profile",    Writer,   "taking statistics",      Bulk,  Requests;
    /// Beginning an audit of what was served.
    Audit:      "audit",      Operator, "auditing",               Point, Requests;
    /// Telling what audits have found.
    Audits:     "audits",     Reader,   "reading figures",        Point, Requests;
    /// Telling what is wrong, and who was told.
    Alerts:     "alerts",     Reader,   "reading figures",        Point, Requests;
    /// Asking for the memory of the hot table, and telling what was read there.
    Share:      "share",      Reader,   "reading",                Point, Requests;
    /// Telling what consumers have read.
    Usage:      "usage",      Reader,   "reading figures",        Bulk,  Requests;
    /// Choosing some entities of a view.
    Sample:     "sample",     Reader,   "reading",                Bulk,  Requests;
    /// Comparing features of all views with each other.
    Duplicates: "duplicates", Reader,   "comparing features",     Bulk,  Requests;
    /// Figures about the store and its consumers.
    Stats:      "stats",      Reader,   "reading figures",        Point, Requests;
    /// Telling the limits of consumers and views.
    Limits:     "limits",     Reader,   "reading figures",        Point, Requests;
    /// Changing the limits of consumers and views, also where they or everybody else are in the way.
    SetLimits:  "set_limits", Operator, "changing the limits",    Free,  Nothing;
    /// Reading and checking everything.
    Verify:     "verify",     Reader,   "verifying the store",    Bulk,  Requests;
    /// Rewriting everything.
    Compact:    "compact",    Operator, "compacting",             Bulk,  Requests;
    /// A copy of the store.
    Checkpoint: "checkpoint", Operator, "copying the store",      Bulk,  Requests;
    /// Asking what the clock shows and what is believed of it.
    Clock:      "clock",      Reader,   "reading figures",        Point, Requests;
    /// Believing what the clock shows.
    ConfirmClock: "confirm_clock", Operator, "confirming the clock", Point, Requests;
    /// Giving new stamps to rows that were stamped ahead.
    RepairClock: "repair_clock", Operator, "repairing the store's time", Bulk, Requests;
    /// Asking whether the sidecar answers.
    Ping:       "ping",       Reader,   "connecting",             Free,  Nothing;
    /// Forgetting a request that was prepared.
    Release:    "release",    Reader,   "reading",                Free,  Nothing;
    /// Metrics for Prometheus.
    Metrics:    "metrics",    Reader,   "reading figures",        Free,  Nothing;
}

impl Operation {
    /// The stable name.
    pub(crate) const fn as_str(self) -> &'static str {
        self.rule().name
    }

    /// Returns whether it reads values for serving, which is what latency objectives are about.
    pub(crate) const fn is_read(self) -> bool {
        matches!(self, Operation::Latest | Operation::AsOf)
    }

    /// Returns whether it waits in line for a bulk place.
    pub(crate) const fn is_bulk(self) -> bool {
        matches!(self.rule().work, Work::Bulk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_each_name_once_and_lets_readers_change_nothing() {
        let mut names: Vec<_> = Operation::ALL.iter().map(|operation| operation.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Operation::ALL.len());
        let changing: Vec<_> = Operation::ALL.iter().filter(|one| one.rule().role > Role::Reader).copied().collect();
        use Operation::{
            Apply, Approve, Audit, Checkpoint, Compact, ConfirmClock, Delete, Erase, Load, Materialize, Policy,
            Profile, Propose, RepairClock, SetLimits, Write,
        };
        let definitions = [Apply, Policy, Approve, Propose];
        let rows =
            [Delete, Erase, Materialize, Profile, Audit, SetLimits, Compact, Checkpoint, ConfirmClock, RepairClock];
        assert_eq!(changing, [&[Write, Load][..], &definitions, &rows].concat());
    }

    #[test]
    fn what_needs_no_place_has_no_limit_either() {
        for operation in Operation::ALL {
            let rule = operation.rule();
            assert_eq!(rule.work == Work::Free, rule.limit == Limit::Nothing, "{operation:?}");
        }
    }
}
