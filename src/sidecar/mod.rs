//! The sidecar: a store that other processes of the host read and write.

mod access;
mod bounds;
mod client;
mod consumers;
mod frame;
mod gauges;
mod http;
mod ipc;
mod message;
mod metrics;
mod output;
mod point;
mod rows;
mod server;
mod service;
mod shape;
mod socket;

pub use self::access::{Access, Peer, Role};
pub use self::bounds::Bounds;
pub use self::client::{AsyncClient, Client, ConnectOptions, Pipeline, RemoteJoin};
pub use self::consumers::{ConsumerReport, Limits};
pub use self::http::{HttpListeners, HttpOptions, HttpServer, HttpToken};
pub use self::server::Server;
pub use self::service::Service;
pub use self::socket::Socket;
