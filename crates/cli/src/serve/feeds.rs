//! Feeds of views, as arguments.

use std::path::PathBuf;
use std::sync::Arc;

use asofdb::{Error, FeedFiles};
use asofdb_sidecar::{FeedWatch, Service};
use clap::Args;

use crate::error::Result;

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
    /// Gives the files to a service.
    pub(super) fn give(&self, service: Service) -> Result<Service> {
        let Some(sources) = &self.sources else { return Ok(service) };
        let root = sources.canonicalize().map_err(|error| {
            let message = format!("cannot read the directory of sources {}", sources.display());
            Error::unavailable(message).with_source(error)
        })?;
        Ok(service.with_feeds(FeedFiles { root, is_confined: true, rejects: self.rejects.clone() }))
    }

    /// Feeds views until what is returned is dropped, if it was asked for.
    pub(super) fn start(&self, service: &Arc<Service>) -> Result<Option<FeedWatch>> {
        Ok(if self.materialize { Some(FeedWatch::start(service.clone())?) } else { None })
    }
}
