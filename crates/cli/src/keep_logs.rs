//! `asof keep-logs`: whether a store keeps its logs for restoring to a point between backups.

use clap::Args;

use super::context::Context;
use super::error::{Outcome, Result};
use super::output::print;
use super::serve::parse_bytes;
use super::text::bytes;

/// Keep the logs of a store, so that its backups lead to any commit between them; nobody may have the store open
///
/// Each backup then has the logs since the one before, and `asof restore --at TIME` makes a store of exactly the
/// commits up to a time. It holds for every process that opens the store from now on. Begin with a backup. Up to SIZE
/// of logs are kept in the store's directory, and as much of files of bulk loads; take backups before that is written,
/// or what is between them cannot be restored. An erasure gives up the logs before it.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  asof keep-logs 4GiB\n  asof keep-logs --off\n  asof restore /backup/features --at 2024-06-01T12:34:56Z --store restored"
)]
pub(crate) struct KeepLogs {
    /// Bytes of logs to keep at most (64MiB, 4GiB)
    #[arg(value_name = "SIZE", value_parser = parse_bytes, required_unless_present = "off", conflicts_with = "off")]
    size: Option<usize>,
    /// Keep no logs, and remove those that are kept
    #[arg(long)]
    off: bool,
}

impl KeepLogs {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        context.local_only("keep-logs")?;
        asofdb::keep_logs(&context.store, self.size.map(|size| size as u64))?;
        print(&match self.size {
            Some(size) => {
                format!("logs are kept from now on, up to {}; take a backup to begin with\n", bytes(size as u64))
            }
            None => "no logs are kept from now on\n".to_owned(),
        })?;
        Ok(Outcome::Done)
    }
}
