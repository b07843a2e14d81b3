//! Stores in a process of their own, read through a socket.

pub mod http;
pub mod murr_client;
pub mod murr_server;
pub mod redis_client;
pub mod server;
pub mod sidecar;
