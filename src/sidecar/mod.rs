//! The sidecar: a store that other processes of the host read and write.

mod consumers;
mod gauges;
mod service;

pub use self::consumers::{ConsumerReport, Limits};
pub use self::service::Service;
