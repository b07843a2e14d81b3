//! Files of settings that are read again while the sidecar serves.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use asofdb_sidecar::{Alerts, Limits, Service};
use tracing::{error, info};

use super::alerts::AlertArguments;
use crate::error::Result;

/// The settings of a sidecar that can change, and what they were read from.
pub(super) struct Reload<'s> {
    pub(super) service: &'s Arc<Service>,
    /// The file of limits, if there is one.
    pub(super) limits: Option<&'s Path>,
    pub(super) alerts: &'s AlertArguments,
    pub(super) store: PathBuf,
    /// The alerts that are told now.
    pub(super) told: Option<Alerts>,
}

impl Reload<'_> {
    /// Reads every file again. One that is refused leaves its settings as they are; log and health say so.
    pub(super) fn again(&mut self) {
        info!(limits = self.limits.is_some(), alerts = self.told.is_some(), "SIGHUP: settings are read again");
        if let Some(path) = self.limits
            && let Err(error) = Limits::read(path).and_then(|limits| self.service.set_limits(limits, "SIGHUP"))
        {
            error!("the limits file was refused, and the limits are as before: {error:#}");
            self.service.refuse_limits(&error);
        }
        match self.tell_alerts() {
            Ok(()) => self.service.alerts_were_read(),
            Err(error) => {
                error!("the alerts file was refused: {error:#}");
                self.service.refuse_alerts(&error);
            }
        }
    }

    /// Begins anew with what the file of alerts says now; what was told and what waits stands in their state.
    fn tell_alerts(&mut self) -> asofdb::Result<()> {
        let Some(options) = self.alerts.read_again()? else { return Ok(()) };
        // The old ones end, and save their state, before the new ones read it.
        self.told = None;
        self.told = self.alerts.start(self.service, Some(options), &self.store)?;
        info!("the alerts are those of the file");
        Ok(())
    }
}

/// Begins to tell alerts, if it was asked for.
pub(super) fn started<'s>(
    service: &'s Arc<Service>,
    limits: Option<&'s Path>,
    alerts: &'s AlertArguments,
    options: Option<asofdb_sidecar::AlertOptions>,
    store: &Path,
) -> Result<Reload<'s>> {
    let told = alerts.start(service, options, store)?;
    Ok(Reload { service, limits, alerts, store: store.to_owned(), told })
}
