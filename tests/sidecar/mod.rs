//! The sidecar over a real socket.

mod asynchronous;
mod bulk;
mod harness;
mod operations;
