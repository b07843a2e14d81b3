//! A client of an asofdb sidecar: a store in another process of this host.
//!
//! [`Client`] is a [`Session`](asofdb::Session): it has the methods, types and errors of an embedded
//! [`Store`](asofdb::Store). `AsyncClient` (feature `async`) has them for tokio, and [`Engine`] is a store wherever it is.
//! RocksDB is not compiled for it.
#![cfg_attr(not(feature = "async"), allow(dead_code, reason = "what only the client for tokio needs"))]

#[cfg(feature = "async")]
mod asynchronous;
mod bulk;
mod cancel;
mod client;
mod connection;
#[cfg(target_os = "linux")]
mod descriptor;
mod engine;
mod failure;
mod handles;
mod options;
mod pipeline;
mod pool;
mod requests;
mod session;
#[cfg(target_os = "linux")]
mod shared;

#[cfg(feature = "async")]
pub use self::asynchronous::{AsyncClient, AsyncJoin, AsyncScan, Batches};
pub use self::cancel::Cancel;
pub use self::client::Client;
pub use self::engine::Engine;
pub use self::options::ConnectOptions;
pub use self::pipeline::Pipeline;
#[cfg(target_os = "linux")]
pub use self::shared::SharedReads;
pub use asofdb_protocol::{
    AlertReport, AlertTargetReport, AlertsReport, AuditRequest, ConsumerReport, LimitsReport, PROTOCOL_VERSION, Role,
};
