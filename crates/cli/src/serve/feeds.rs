//! Feeds of views, as arguments.

use std::path::PathBuf;
use std::sync::Arc;

use asofdb::{Error, FeedFiles};
use asofdb_sidecar::{FeedWatch, Service};
use clap::Args;
use tracing::warn;

use crate::error::Result;
use crate::feeds::run_of_feed;
use crate::lineage_out::LineageArguments;

/// Arguments about the files that views are fed from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Feeds")]
pub(super) struct FeedArguments {
    /// The directory of sources: views are fed from files below it, when an operator asks (`asof materialize`)
    #[arg(long, value_name = "DIR")]
    sources: Option<PathBuf>,
    /// Feed views with a schedule when it is time, and try again what fails
    #[arg(long, requires = "sources")]
    materialize: bool,
    /// Set bad rows aside in files in this directory, with the reasons, and take the others
    #[arg(long = "feed-rejects", value_name = "DIR", requires = "sources")]
    rejects: Option<PathBuf>,
}

impl FeedArguments {
    /// Gives the files to a service, and tells the lineage of what it loads where that was asked for.
    pub(super) fn give(&self, service: Service, lineage: &LineageArguments) -> Result<Service> {
        let Some(sources) = &self.sources else { return Ok(service) };
        let root = sources.canonicalize().map_err(|error| {
            let message = format!("cannot read the directory of sources {}", sources.display());
            Error::unavailable(message).with_source(error)
        })?;
        let service = service.with_feeds(FeedFiles { root, is_confined: true, rejects: self.rejects.clone() });
        let notice = |error: &Error| warn!("lineage was not told: {error:#}");
        let Some(teller) = lineage.teller(notice)? else { return Ok(service) };
        let namespace = lineage.namespace().to_owned();
        Ok(service.with_feed_listener(move |catalog, files, runs| {
            // A look that has found nothing new has read and written nothing.
            for run in runs.iter().filter(|run| run.run.files > 0 || run.run.error.is_some()) {
                let (run, state) = run_of_feed(&namespace, files, catalog, run);
                teller.tell_done(&run, &state);
            }
        }))
    }

    /// Feeds views until what is returned is dropped, if it was asked for.
    pub(super) fn start(&self, service: &Arc<Service>) -> Result<Option<FeedWatch>> {
        Ok(if self.materialize { Some(FeedWatch::start(service.clone())?) } else { None })
    }
}
