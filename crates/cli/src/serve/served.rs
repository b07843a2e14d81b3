//! The log of served features of a sidecar.

use std::path::PathBuf;
use std::time::Duration;

use asofdb::{ServedLogOptions, Span, Store};
use clap::Args;
use tracing::{info, warn};

use super::arguments::positive;
use super::sizes::parse_bytes;
use crate::error::Result;

/// Arguments about the log of what reads answered.
#[derive(Debug, Args)]
#[command(next_help_heading = "Log of served features")]
pub(super) struct ServedArguments {
    /// Log what reads answered, value by value, to Parquet files in this directory (see asof audit)
    #[arg(long, value_name = "DIR")]
    log_served: Option<PathBuf>,
    /// The share of reads that are logged, above 0 and at most 1
    #[arg(long, value_name = "SHARE", default_value = "0.01", requires = "log_served")]
    log_share: f64,
    /// Most bytes of its files; beyond it the oldest are removed
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, default_value = "1GiB", requires = "log_served")]
    log_bytes_max: usize,
    /// The age from which on its files are removed
    #[arg(long, value_name = "TIME", value_parser = positive, default_value = "7d", requires = "log_served")]
    log_age_max: Duration,
}

impl ServedArguments {
    /// The store that logs, if it is to.
    pub(super) fn start(&self, store: Store) -> Result<Store> {
        let Some(directory) = &self.log_served else { return Ok(store) };
        let options = ServedLogOptions {
            share: self.log_share,
            bytes_max: self.log_bytes_max as u64,
            age_max: Span::from_micros(i64::try_from(self.log_age_max.as_micros()).unwrap_or(i64::MAX)),
            ..ServedLogOptions::default()
        };
        let store = store.log_served(directory, options)?;
        info!(directory = %directory.display(), share = self.log_share, "what reads answer is logged");
        Ok(store)
    }
}

/// Makes the last file whole.
pub(super) fn finish(store: &Store) {
    let Some(log) = store.served_log() else { return };
    if let Err(error) = log.flush() {
        warn!(%error, "the log of served features is not complete");
    }
}
