//! murr's servers, HTTP and Flight, with the data, in a process of their own: what its program does, with a table that
//! is there from the start.

use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, RwLock};

use murr::api::{MurrFlightService, MurrHttpService};
use murr::conf::{BackendConfig, Config, StorageConfig};
use murr::io::store::Store;
use murr::io::store::memory::MemoryStore;
use murr::io::store::rocksdb::RocksDBStore;
use murr::io::store::rocksdb::plain::PlainConfig;
use murr::service::MurrService;

use crate::contender::Fallible;
use crate::embedded::murr_memory::{TABLE, batches, table_schema};
use crate::scenario::Setting;

/// The stores that murr serves from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum MurrStore {
    /// A map in memory, which murr's own program does not offer.
    Memory,
    /// RocksDB's plain tables in mapped files: what murr's program has by default.
    Mapped,
}

/// Where it listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// For HTTP.
    pub http: u16,
    /// For Flight.
    pub flight: u16,
}

impl Ports {
    /// Returns two ports of this host that are free.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn free() -> Fallible<Ports> {
        let (http, flight) = (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
        Ok(Ports { http: http.local_addr()?.port(), flight: flight.local_addr()?.port() })
    }
}

/// Loads the data, says so by the file `ready`, and serves until the process is stopped.
///
/// # Errors
/// What murr says.
pub fn serve(setting: &Setting, store: MurrStore, ports: Ports, ready: &Path) -> Fallible<()> {
    let mut config = Config::default();
    config.server.http.host = "127.0.0.1".into();
    config.server.grpc.host = "127.0.0.1".into();
    config.server.http.port = ports.http;
    config.server.grpc.port = ports.flight;
    let backend = BackendConfig::Mmap(PlainConfig::default());
    config.storage = StorageConfig { path: setting.directory.clone(), backend };
    match store {
        MurrStore::Memory => run(MemoryStore::new(), config, setting, ready),
        MurrStore::Mapped => run(RocksDBStore::open_from_config(&config.storage)?, config, setting, ready),
    }
}

fn run<S: Store>(store: S, config: Config, setting: &Setting, ready: &Path) -> Fallible<()> {
    let service = Arc::new(MurrService::new(Arc::new(RwLock::new(store)), config)?);
    service.create(TABLE, table_schema(&setting.scenario.shape()))?;
    for batch in batches(setting) {
        service.write(TABLE, &batch?)?;
    }
    service.compact(TABLE)?;
    std::fs::write(ready, "")?;
    let (http, flight) = (MurrHttpService::new(service.clone()), MurrFlightService::new(service));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async { tokio::try_join!(http.serve(), flight.serve()) })?;
    Ok(())
}
