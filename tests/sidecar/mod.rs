//! The sidecar over a real socket.

mod crowd;
mod golden;
mod harness;
mod hostile;
mod lifecycle;
mod operations;
mod raw;
