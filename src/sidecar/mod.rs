//! The sidecar: a store that other processes of the host read and write.

mod access;
mod consumers;
mod gauges;
mod http;
mod metrics;
mod service;

pub use self::access::{Access, Role};
pub use self::consumers::{ConsumerReport, Limits};
pub use self::http::{HttpListeners, HttpOptions, HttpServer, HttpToken};
pub use self::service::Service;
