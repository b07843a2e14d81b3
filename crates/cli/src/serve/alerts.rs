//! Alerts of the sidecar, as arguments.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use asofdb_sidecar::{AlertOptions, Alerts, Service};
use clap::Args;

use crate::error::Result;

/// The name of the file with their state, in the directory of the store.
const STATE_FILE: &str = "ALERTS";

/// Arguments about alerts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Alerts")]
pub(super) struct AlertArguments {
    /// Tell what is wrong with the store or its views as this file in TOML says: to webhooks and commands
    #[arg(long, value_name = "FILE")]
    alerts: Option<PathBuf>,
    /// The file that keeps what was told and what waits for delivery [default: ALERTS in the store's directory]
    #[arg(long, value_name = "FILE", requires = "alerts")]
    alerts_state: Option<PathBuf>,
}

impl AlertArguments {
    /// Reads the file, if there is one.
    pub(super) fn read(&self) -> Result<Option<AlertOptions>> {
        Ok(self.read_again()?)
    }

    /// Reads the file once more, if there is one.
    ///
    /// # Errors
    /// As [`AlertOptions::read`].
    pub(super) fn read_again(&self) -> asofdb::Result<Option<AlertOptions>> {
        self.alerts.as_ref().map(AlertOptions::read).transpose()
    }

    /// Begins to watch the store, if it was asked for.
    pub(super) fn start(
        &self,
        service: &Arc<Service>,
        options: Option<AlertOptions>,
        store: &Path,
    ) -> asofdb::Result<Option<Alerts>> {
        let Some(options) = options else { return Ok(None) };
        let state = self.alerts_state.clone().unwrap_or_else(|| store.join(STATE_FILE));
        Ok(Some(Alerts::start(service, options, &state)?))
    }
}
