//! Arguments that every command shares: which store, and how it is opened.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use asofdb::{Durability, Error, Options, Store, SystemClock};
use asofdb_client::{Client, ConnectOptions, Engine};
use clap::Args;

use super::error::Result;
use super::lineage_out::LineageArguments;

/// The longest time that a sidecar may take for one answer: a check of everything takes a while, and whoever waits can
/// stop it.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// State and arguments that every command shares.
#[derive(Debug, Args)]
pub(crate) struct Context {
    /// The directory of the store
    #[arg(long, global = true, env = "ASOF_STORE", default_value = "asof-data", value_name = "DIR")]
    pub(crate) store: PathBuf,
    /// Work through the sidecar that listens on this socket (asof serve) instead of opening the store
    #[arg(long, global = true, value_name = "SOCKET")]
    pub(crate) connect: Option<PathBuf>,
    /// Leave the permissions of the store's directory as they are, also where others may look in or write; otherwise it
    /// is made its owner's alone
    #[arg(long, global = true)]
    pub(crate) shared_store: bool,
    #[command(flatten)]
    pub(crate) lineage: LineageArguments,
}

impl Context {
    /// The store, which must exist, or the sidecar.
    pub(crate) fn open(&self) -> Result<Engine> {
        self.open_with(false)
    }

    /// The store, made where there is none, or the sidecar.
    pub(crate) fn open_or_create(&self) -> Result<Engine> {
        self.open_with(true)
    }

    fn open_with(&self, create: bool) -> Result<Engine> {
        match &self.connect {
            Some(socket) => {
                let options = ConnectOptions { timeout: PATIENCE, ..ConnectOptions::default() };
                Ok(Engine::Sidecar(Client::connect_with(socket, options)?))
            }
            None => self.open_store(create).map(Engine::Store),
        }
    }

    /// Opens the store in this process. A command that has ended is done: what it wrote is on disk.
    pub(crate) fn open_store(&self, create: bool) -> Result<Store> {
        let options = Options { create, shared: self.shared_store, ..Options::within_limits() };
        let store = Store::open_with(&self.store, options, Arc::new(SystemClock), Durability::Sync)?;
        store.notices().iter().for_each(|notice| super::error::notice(notice));
        Ok(store)
    }

    /// Refuses a sidecar, for commands that work on the directory of a store.
    pub(crate) fn local_only(&self, command: &str) -> Result<()> {
        match self.connect {
            None => Ok(()),
            Some(_) => {
                let message = format!("asof {command} works on the directory of a store; leave --connect out");
                Err(Error::invalid(message).into())
            }
        }
    }
}
