//! The reasons why an answer is another now.

use std::fmt;

/// The reason why a value is not what was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Data about that time, or before, became known only later.
    Late,
    /// The version that was served was written again, with another value.
    Restated,
    /// The retention of its view took it.
    Retention,
    /// The feature is defined in another way, has another default, or is gone.
    Definition,
    /// The entity was erased.
    Erased,
    /// The clock was wrong, or was repaired.
    Clock,
    /// Nothing that is known explains it.
    Unexplained,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Reason; 7] = [
        Reason::Late,
        Reason::Restated,
        Reason::Retention,
        Reason::Definition,
        Reason::Erased,
        Reason::Clock,
        Reason::Unexplained,
    ];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::Late => "late",
            Reason::Restated => "restated",
            Reason::Retention => "retention",
            Reason::Definition => "definition",
            Reason::Erased => "erased",
            Reason::Clock => "clock",
            Reason::Unexplained => "unexplained",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
