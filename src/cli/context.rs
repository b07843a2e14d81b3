//! What every command shares: which store, and how it is opened.

use std::path::PathBuf;
use std::sync::Arc;

use asofdb::{Durability, Options, Store, SystemClock};
use clap::Args;

use super::error::Result;

/// What every command shares.
#[derive(Debug, Args)]
pub(crate) struct Context {
    /// The directory of the store
    #[arg(long, global = true, env = "ASOF_STORE", default_value = "asof-data", value_name = "DIR")]
    pub(crate) store: PathBuf,
}

impl Context {
    /// Opens the store, which must exist.
    pub(crate) fn open(&self) -> Result<Store> {
        self.open_with(false)
    }

    /// Opens the store, or makes a new one.
    pub(crate) fn open_or_create(&self) -> Result<Store> {
        self.open_with(true)
    }

    /// A command that has ended is done: what it wrote is on disk.
    fn open_with(&self, create: bool) -> Result<Store> {
        let options = Options { create, ..Options::default() };
        Ok(Store::open_with(&self.store, options, Arc::new(SystemClock), Durability::Sync)?)
    }
}
