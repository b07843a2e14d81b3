//! The options of a connection.

use std::time::Duration;

use asofdb_protocol::{Hello, MAGIC, PROTOCOL_VERSION};

/// Options of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectOptions {
    /// The name that the client gives itself, for limits and metrics; `None`: by its user.
    pub consumer: Option<String>,
    /// The version of a model that the client reads for, `name/version`, where it is one; it counts beside the consumer.
    pub model: Option<String>,
    /// The longest time that an answer may take.
    pub timeout: Duration,
    /// If set, the client asks for the memory of the sidecar's hot table, and answers reads of the newest values by itself
    /// where their rows are there (`asof serve --share-memory`). Otherwise, and where the sidecar shares none, everything
    /// goes through the socket, as all that `AsyncClient` asks does.
    pub shared_memory: bool,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        ConnectOptions { consumer: None, model: None, timeout: Duration::from_secs(30), shared_memory: false }
    }
}

impl ConnectOptions {
    pub(crate) fn hello(&self) -> Hello {
        let versions = (PROTOCOL_VERSION, PROTOCOL_VERSION);
        Hello { magic: MAGIC, versions, consumer: self.consumer.clone(), model: self.model.clone() }
    }
}
