//! Life cycles: the stage that a view or a service is in, and what follows it.

use std::fmt;
use std::str::FromStr;

use crate::date::Date;
use crate::error::{Error, Result};
use crate::problem::{At, Checked};

/// The stage of a view or a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// It may change or go without notice.
    Experimental,
    /// Models may depend on it.
    Production,
    /// It will go: nothing new may depend on it.
    Deprecated,
}

impl Stage {
    /// Every stage, in the order of a life.
    pub const ALL: [Stage; 3] = [Stage::Experimental, Stage::Production, Stage::Deprecated];

    /// The word for it in definition files.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Experimental => "experimental",
            Stage::Production => "production",
            Stage::Deprecated => "deprecated",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Stage {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Stage::ALL.into_iter().find(|stage| stage.as_str() == text);
        found.ok_or_else(|| Error::invalid(format!("status is experimental, production or deprecated: {text:?}")))
    }
}

/// The stage of a view or a service, and what follows it. The default says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LifeCycle {
    /// The stage; `None`: nobody has said.
    pub status: Option<Stage>,
    /// The view or service to use in its place; only of what is deprecated.
    pub replaced_by: Option<String>,
    /// The first day (UTC) on which it may be dropped; only of what is deprecated.
    pub drop_after: Option<Date>,
}

impl LifeCycle {
    /// Returns whether nothing new may depend on it.
    pub fn is_deprecated(&self) -> bool {
        self.status == Some(Stage::Deprecated)
    }

    /// The warning to those who use it, which `subject` names; `None` where it is not deprecated.
    pub fn warning(&self, subject: &str) -> Option<String> {
        if !self.is_deprecated() {
            return None;
        }
        let successor = self.replaced_by.as_ref().map(|name| format!("; use {name:?}"));
        let end = self.drop_after.map(|date| format!("; it may be dropped from {date} on"));
        Some(format!("{subject} is deprecated{}{}", successor.unwrap_or_default(), end.unwrap_or_default()))
    }

    /// Checks the life cycle of what `subject` describes and `name` names, among `others` of its kind.
    pub(crate) fn check<'a>(
        &self,
        at: &At,
        subject: &str,
        name: &str,
        mut others: impl Iterator<Item = &'a str> + Clone,
    ) -> Checked {
        let given = [("replaced_by", self.replaced_by.is_some()), ("drop_after", self.drop_after.is_some())];
        if let Some((field, _)) = given.into_iter().find(|(_, given)| *given && !self.is_deprecated()) {
            let rule = format!("{field} is of what is deprecated: add status = \"deprecated\"");
            return at.field(field).invalid(format!("{subject}: {rule}"));
        }
        let Some(successor) = &self.replaced_by else { return Ok(()) };
        let at = at.field("replaced_by");
        if successor == name {
            return at.invalid(format!("{subject} cannot be replaced by itself"));
        }
        if !others.clone().any(|other| other == successor) {
            let message = format!("{subject} is replaced by what is not defined: {successor:?}");
            return Err(at.unknown(message, successor, others.by_ref().filter(|other| *other != name)));
        }
        Ok(())
    }
}

impl fmt::Display for LifeCycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(status) = self.status else { return f.write_str("none") };
        write!(f, "{status}")?;
        if let Some(successor) = &self.replaced_by {
            write!(f, ", replaced by {successor:?}")?;
        }
        self.drop_after.map_or(Ok(()), |date| write!(f, ", may be dropped from {date} on"))
    }
}
