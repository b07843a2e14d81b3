//! asofdb's sidecar, through its socket or its shared memory, and its Rust client.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use asofdb::{EntityRows, F32Matrix, Prepared, Session};
use asofdb_client::{Client, ConnectOptions};

use crate::contender::{Fallible, Reader, Request};
use crate::embedded::asof::{ask, fill, references};
use crate::embedded::kv::CACHE_BYTES;
use crate::scenario::Setting;
use crate::served::server::Server;

/// A client of a sidecar.
pub struct Sidecar {
    server: Arc<Server>,
    socket: PathBuf,
    client: Client,
    references: Vec<String>,
    request: Prepared,
    rows: EntityRows,
    /// True if it reads the sidecar's memory by itself.
    shared: bool,
}

impl Sidecar {
    /// Loads the data, and starts `asof serve` with its defaults but for the memory that all have, and that it is `shared`.
    ///
    /// # Errors
    /// What the store or the server says.
    pub fn start(setting: &Setting, shared: bool) -> Fallible<Self> {
        // A socket has a short path.
        let (store, socket) = (setting.directory.join("store"), setting.directory.join("s"));
        drop(fill(&store, setting)?);
        let mut command = Command::new(&setting.asof);
        command.arg("serve").arg("--store").arg(store).arg("--socket").arg(&socket);
        command.arg("--memory-budget").arg(CACHE_BYTES.to_string()).args(["--log", "warn"]);
        if shared {
            command.arg("--share-memory");
        }
        let server = Server::start(command.stdout(Stdio::null()), || UnixStream::connect(&socket).is_ok())?;
        Sidecar::connect(Arc::new(server), socket, references(&setting.scenario.shape()), shared)
    }

    fn connect(server: Arc<Server>, socket: PathBuf, references: Vec<String>, shared: bool) -> Fallible<Self> {
        let client =
            Client::connect_with(&socket, ConnectOptions { shared_memory: shared, ..ConnectOptions::default() })?;
        let request = client.prepare(&references)?;
        let rows = request.entity_rows();
        Ok(Sidecar { server, socket, client, references, request, rows, shared })
    }
}

impl Reader for Sidecar {
    fn answer(&mut self, request: &Request, out: &mut [f32]) -> Fallible<()> {
        ask(request, &mut self.rows)?;
        let matrix = F32Matrix { values: out, statuses: None, fill: f32::NAN };
        self.client.latest_f32(&self.request, &self.rows, matrix)?;
        Ok(())
    }

    fn server(&self) -> Option<u32> {
        Some(self.server.process())
    }

    fn another(&self) -> Fallible<Box<dyn Reader>> {
        let (server, socket) = (self.server.clone(), self.socket.clone());
        Ok(Box::new(Sidecar::connect(server, socket, self.references.clone(), self.shared)?))
    }
}
