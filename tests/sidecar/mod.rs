//! The sidecar over a real socket.

mod harness;
mod operations;
