//! Operations of the sidecar, as metrics and limits name them.

/// A kind of request.
#[allow(dead_code, reason = "the native door asks what HTTP does not")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Operation {
    /// Latest values.
    Latest,
    /// Values as of a time.
    AsOf,
    /// New rows.
    Write,
    /// Every version of an entity.
    History,
    /// A point-in-time join.
    Join,
    /// Rows of a view in bulk.
    Export,
    /// New rows in bulk.
    Load,
    /// Reading what is defined.
    Catalog,
    /// A change of what is defined.
    Apply,
    /// A deletion that keeps the past.
    Delete,
    /// A physical removal.
    Erase,
    /// The age of a view's newest event.
    Freshness,
    /// Figures about the store and its consumers.
    Stats,
}

impl Operation {
    /// The stable name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Operation::Latest => "latest",
            Operation::AsOf => "as_of",
            Operation::Write => "write",
            Operation::History => "history",
            Operation::Join => "join",
            Operation::Export => "export",
            Operation::Load => "load",
            Operation::Catalog => "catalog",
            Operation::Apply => "apply",
            Operation::Delete => "delete",
            Operation::Erase => "erase",
            Operation::Freshness => "freshness",
            Operation::Stats => "stats",
        }
    }
}
