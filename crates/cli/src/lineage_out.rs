//! Lineage as it goes out: run events of OpenLineage, to a file or to an address.

use std::time::Duration;

use asofdb::Error;
use asofdb_platform::{Dataset, LineageRun, LineageTeller, RunState};
use asofdb_sidecar::JsonPost;
use clap::Args;

use super::error::{self, Result, Stop};

/// The longest time that one event may take. Work waits for it.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Arguments about lineage, which the commands that read or write data share.
#[derive(Debug, Default, Args)]
pub(crate) struct LineageArguments {
    /// Tell what is read and written as OpenLineage run events: appended to a file, a line each, or posted to an address
    #[arg(long, global = true, env = "ASOF_LINEAGE", value_name = "FILE|URL", hide_short_help = true)]
    lineage: Option<String>,
    /// The name of this store in the events: what its views and jobs are of
    #[arg(long, global = true, env = "ASOF_LINEAGE_NAMESPACE", default_value = "asofdb", hide_short_help = true)]
    lineage_namespace: String,
}

impl LineageArguments {
    /// The name of the store in events.
    pub(crate) fn namespace(&self) -> &str {
        &self.lineage_namespace
    }

    /// The teller of events, if they are to be told; `notice` hears what could not be.
    ///
    /// # Errors
    /// `Invalid` for an address that is none.
    pub(crate) fn teller(&self, notice: impl Fn(&Error) + Send + Sync + 'static) -> Result<Option<LineageTeller>> {
        let Some(place) = &self.lineage else { return Ok(None) };
        Ok(Some(match place.contains("://") {
            true => {
                let post = JsonPost::new(place, TIMEOUT)?;
                LineageTeller::new(move |event| post.send(event.as_bytes()), notice)
            }
            false => LineageTeller::to_file(place, notice),
        }))
    }

    /// Does work, and tells when it begins and how it ends. What cannot be told is said on standard error, and keeps
    /// nothing from being done; an address that is none is refused first.
    pub(crate) fn tell<T>(
        &self,
        job: &str,
        datasets: impl FnOnce() -> Result<(Vec<Dataset>, Vec<Dataset>)>,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let Some(teller) = self.teller(say)? else { return work() };
        let (inputs, outputs) = datasets()?;
        teller.tell(&LineageRun::new(&self.lineage_namespace, job, inputs, outputs), work, reason)
    }

    /// Tells of work that is done: runs with their datasets, and why they failed.
    pub(crate) fn tell_done(&self, runs: Vec<(LineageRun, RunState)>) -> Result<()> {
        let Some(teller) = self.teller(say)? else { return Ok(()) };
        runs.iter().for_each(|(run, state)| teller.tell_done(run, state));
        Ok(())
    }
}

fn say(error: &Error) {
    error::notice(&format!("lineage was not told: {error:#}"));
}

fn reason(stop: &Stop) -> String {
    match stop {
        Stop::Failed(error) => format!("{error:#}"),
        Stop::Usage(rule) => rule.clone(),
        Stop::ReaderGone => "nobody reads the output".to_owned(),
    }
}
