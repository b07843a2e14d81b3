//! Bulk work through a socket: histories, exports, joins and ingests as an embedded store does them.

mod gathered;
mod ingests;
mod joins;
mod neighbours;
mod scans;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use asofdb::{Definitions, ManualClock, Store};
use asofdb_client::{Client, ConnectOptions};
use asofdb_sidecar::{Access, Bounds, BulkBounds, Limits, Server, Service, Socket};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

use crate::common::{NOW, TestStore};

/// A sidecar in this process: its store can be asked as an embedded one, at the same time of the same clock.
struct Host {
    store: Store,
    clock: Arc<ManualClock>,
    client: Client,
    directory: TempDir,
    _server: Server,
}

impl Host {
    /// Over a store in memory.
    fn new(definitions: &Definitions) -> Self {
        Host::with(definitions, Bounds::default(), Access::default())
    }

    fn with(definitions: &Definitions, bounds: Bounds, access: Access) -> Self {
        let (store, clock) = in_memory(definitions);
        Host::over(store, clock, TempDir::new().unwrap(), bounds, BulkBounds::default(), access)
    }

    fn with_bulk(definitions: &Definitions, bounds: Bounds, bulk: BulkBounds) -> Self {
        let (store, clock) = in_memory(definitions);
        Host::over(store, clock, TempDir::new().unwrap(), bounds, bulk, Access::default())
    }

    /// Over a store on disk.
    fn on_disk(definitions: &Definitions) -> Self {
        Host::on_disk_with(definitions, Bounds::default())
    }

    fn on_disk_with(definitions: &Definitions, bounds: Bounds) -> Self {
        let TestStore { store, clock, directory } = TestStore::new(definitions);
        Host::over(store, clock, directory, bounds, BulkBounds::default(), Access::default())
    }

    fn over(
        store: Store,
        clock: Arc<ManualClock>,
        directory: TempDir,
        bounds: Bounds,
        bulk: BulkBounds,
        access: Access,
    ) -> Self {
        let service = Arc::new(Service::new(store.clone(), Limits::default()).with_bulk(bulk));
        let socket = Socket::bind(&directory.path().join("socket"), 0o600).unwrap();
        let server = Server::start(service, socket, access, bounds).unwrap();
        let client = connect(&directory.path().join("socket"));
        Host { store, clock, client, directory, _server: server }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

fn in_memory(definitions: &Definitions) -> (Store, Arc<ManualClock>) {
    let clock = ManualClock::new(NOW);
    let store = Store::in_memory(clock.clone());
    store.apply(definitions, false).unwrap();
    (store, clock)
}

fn connect(socket: &Path) -> Client {
    let options = ConnectOptions { timeout: Duration::from_secs(60), ..ConnectOptions::default() };
    Client::connect_with(socket, options).unwrap()
}

/// All rows of a Parquet file.
fn read(path: &Path) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = builder.schema().clone();
    let batches = builder.build().unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    concat_batches(&schema, &batches).unwrap()
}
