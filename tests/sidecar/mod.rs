//! The sidecar over a real socket.

mod bulk;
mod harness;
mod operations;
