//! Life cycles within messages.

use asofdb::{Date, Error, LifeCycle, Result, Stage};

use crate::codec::{Decode, Encode};

/// The stage of a view or a service, and what follows it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct LifeMessage {
    /// The word of definition files.
    status: Option<String>,
    replaced_by: Option<String>,
    /// Days since 1970-01-01.
    drop_after: Option<i32>,
}

impl From<&LifeCycle> for LifeMessage {
    fn from(life: &LifeCycle) -> Self {
        let LifeCycle { status, replaced_by, drop_after } = life;
        LifeMessage {
            status: status.map(|status| status.as_str().to_owned()),
            replaced_by: replaced_by.clone(),
            drop_after: drop_after.map(Date::as_days),
        }
    }
}

impl TryFrom<LifeMessage> for LifeCycle {
    type Error = Error;

    fn try_from(message: LifeMessage) -> Result<Self> {
        let LifeMessage { status, replaced_by, drop_after } = message;
        let status = status.map(|status| status.parse::<Stage>()).transpose()?;
        let day = |days| Date::from_days(days).ok_or_else(|| Error::invalid(format!("no day of a calendar: {days}")));
        Ok(LifeCycle { status, replaced_by, drop_after: drop_after.map(day).transpose()? })
    }
}
