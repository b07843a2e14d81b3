//! The place of a view's rows in the hot table, as the view says it.

use std::fmt;
use std::str::FromStr;

use crate::definition::ViewDefinition;
use crate::error::{Error, Result};
use crate::problem::{At, Checked};

/// The place of a view's newest rows in the hot table, which answers reads of the latest values from memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HotPolicy {
    /// Rows that are read often are there, and make room for others that are read more.
    #[default]
    Auto,
    /// Rows are there from when they are written or read, and make no room for rows of `Auto` views. All pinned rows
    /// together take three quarters of the table at most; beyond that they make room for each other.
    Pin,
    /// Rows are never there.
    Never,
}

impl HotPolicy {
    /// Every policy, the default first.
    pub const ALL: [HotPolicy; 3] = [HotPolicy::Auto, HotPolicy::Pin, HotPolicy::Never];

    /// The word for it in definition files.
    pub fn as_str(self) -> &'static str {
        match self {
            HotPolicy::Auto => "auto",
            HotPolicy::Pin => "pin",
            HotPolicy::Never => "never",
        }
    }
}

impl fmt::Display for HotPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for HotPolicy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = HotPolicy::ALL.into_iter().find(|policy| policy.as_str() == text);
        found.ok_or_else(|| Error::invalid(format!("hot is pin, auto or never: {text:?}")))
    }
}

/// Refuses a policy of a view that has no newest rows; `subject` names the view.
pub(crate) fn check_hot(at: &At, view: &ViewDefinition, subject: &str) -> Checked {
    let has_newest = view.event_id.is_none() && view.computed.is_none();
    if has_newest || view.hot == HotPolicy::default() {
        return Ok(());
    }
    let rule = "only a feature view has newest rows, which the hot table could hold";
    at.field("hot").invalid(format!("{subject}: {rule}: leave hot out"))
}
