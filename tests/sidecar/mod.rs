//! The sidecar over a real socket.

mod golden;
mod harness;
mod operations;
