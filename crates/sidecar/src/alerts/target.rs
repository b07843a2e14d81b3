//! Targets: who is told.

use super::command::Command;
use super::notice::Notice;
use super::refusal::Refusal;
use super::webhook::Webhook;

/// Somebody who is told.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) way: Way,
}

/// The way to a target.
#[derive(Debug)]
pub(super) enum Way {
    Webhook(Webhook),
    Command(Command),
}

impl Target {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The stable name of what it is.
    pub(super) fn kind(&self) -> &'static str {
        match &self.way {
            Way::Webhook(webhook) => webhook.format().as_str(),
            Way::Command(_) => "command",
        }
    }

    /// Delivers notices that come from the store of this name.
    ///
    /// # Errors
    /// The reason why they have to be delivered again.
    pub(super) fn deliver(&self, from: &str, notices: &[Notice]) -> Result<(), Refusal> {
        match &self.way {
            Way::Webhook(webhook) => webhook.deliver(from, notices),
            Way::Command(command) => command.deliver(from, notices),
        }
    }
}
